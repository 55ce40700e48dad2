"""The Hugging Face hub and its cache on this host. The only importer of huggingface_hub."""
