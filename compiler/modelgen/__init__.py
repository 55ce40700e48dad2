"""modelgen: compile one models.toml into a deployment of inference engines."""

__version__ = "0.1.0"
