"""modelgen: compile one models.toml into a deployment of inference engines that is right by construction."""

__version__ = "0.1.0"
