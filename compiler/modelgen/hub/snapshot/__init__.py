"""The files of a snapshot and which of them are needed; pure, except for reading headers."""
