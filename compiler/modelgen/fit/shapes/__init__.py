"""Read what sizes the memory of a model from its config.json.

Only families whose cache is known are read: for another one, a guess would be taken for a fact. The config is
untrusted: every number is checked before it is used.
"""

from modelgen.fit.shapes.families import Shape, read_shape
from modelgen.fit.shapes.layers import Layers, State
from modelgen.fit.shapes.numbers import CannotEstimateError

__all__ = ["CannotEstimateError", "Layers", "Shape", "State", "read_shape"]
