"""Read flags of llama.cpp and TEI from clones of their repositories: see ../README.md."""
