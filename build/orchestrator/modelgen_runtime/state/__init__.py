"""The state of all models, changed by one event at a time, without clock, socket or process."""
