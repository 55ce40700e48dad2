"""Check `[gpus]`, and how containers get access to their GPUs."""
