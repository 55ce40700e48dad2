"""The task that owns the state, and the tasks that act on engines for it."""
