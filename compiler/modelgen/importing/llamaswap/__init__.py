"""Import the configuration of llama-swap: what it says of a model around its command, and of all models.

Source: config-schema.json and config.example.yaml of mostlygeek/llama-swap.
"""
