"""The control API for operators: its routes, its documents, events and metrics."""
