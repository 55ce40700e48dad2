"""Compute GPU memory: budgets and reservations exactly, and what a start needs as an estimate with its error.

Everything here is pure: the inputs are models.toml, models.lock and the config.json in it; nothing is read from a disk.
"""

from modelgen.fit.budgets import budget, reservations, share, takes_all
from modelgen.fit.fitting import Fitted, fit_models

__all__ = ["Fitted", "budget", "fit_models", "reservations", "share", "takes_all"]
