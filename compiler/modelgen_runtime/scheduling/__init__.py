"""Decide which models to start, stop and evict. Pure: a state and a time in, a plan out."""
