"""Check the environment variables of models: owned ones, names and values."""
