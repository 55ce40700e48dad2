"""The page that shows and controls the models in a browser: static files, which use the HTTP API like any client."""
