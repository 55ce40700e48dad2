"""A container image with Python and pip, as the official `python` images have them, made of this machine's own."""
