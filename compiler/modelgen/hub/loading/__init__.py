"""`modelgen verify --load`: repeat the file look-ups of an engine's start, without the engine."""
