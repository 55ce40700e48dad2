"""Download a large file over several connections, each of which writes ranges of it."""
