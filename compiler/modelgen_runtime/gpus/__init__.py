"""What the GPUs really hold, as their driver measures it. Imported only with `gpu_stats`."""
