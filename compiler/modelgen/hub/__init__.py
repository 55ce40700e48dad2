"""The Hugging Face hub and its cache on this host. The only package that imports huggingface_hub."""
