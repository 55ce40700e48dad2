"""Measure the GPUs by their driver. Imported only with `gpu_stats`."""
