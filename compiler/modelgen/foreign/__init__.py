"""Read files of other tools: bytes → Foreign. It raises on no input, and reads nothing else.

What lies beside a file (`.env`, the files of `env_file`) is read by the command and handed in.
"""

from modelgen.foreign.compose.env_file import variables_of
from modelgen.foreign.kinds import read_files
from modelgen.foreign.services import (
    Dependency,
    Foreign,
    GpuRequest,
    HealthCheck,
    Mount,
    Port,
    Service,
    Unread,
    Variable,
)
from modelgen.foreign.values import UNKNOWN, Value

__all__ = [
    "UNKNOWN",
    "Dependency",
    "Foreign",
    "GpuRequest",
    "HealthCheck",
    "Mount",
    "Port",
    "Service",
    "Unread",
    "Value",
    "Variable",
    "read_files",
    "variables_of",
]
