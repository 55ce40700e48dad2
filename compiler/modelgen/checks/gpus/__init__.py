"""Check `[gpus]`: each GPU, and the groups of GPUs that models use."""
