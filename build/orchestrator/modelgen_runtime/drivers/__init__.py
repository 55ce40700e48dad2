"""Start and stop engines, as containers or as local processes, behind one protocol."""
