"""The process table of this system."""

from __future__ import annotations

from pathlib import Path

from modelgen_runtime.drivers.processes import proc_table, ps_table

_TABLE = proc_table if Path("/proc/self/stat").exists() else ps_table

identify = _TABLE.identify
list_group = _TABLE.list_group
is_of_this_boot = _TABLE.is_of_this_boot
list_marked = _TABLE.list_marked
read_mark = _TABLE.read_mark
FINDS_MARKED = _TABLE.FINDS_MARKED
"""True if a process can be found by its environment."""
