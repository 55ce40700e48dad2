"""Check the GPU memory that models reserve."""
