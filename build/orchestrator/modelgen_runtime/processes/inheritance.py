"""Environment variables that an engine inherits from the orchestrator: those that describe the host, and no secrets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# Tokens, keys of clouds, agents, addresses with passwords in them (proxies, databases) and the settings of other
# programs have no place here: a model's `env` says what it needs.
_NAMES = frozenset(
    (
        # whose account it is, where programs and libraries are
        *("HOME", "LOGNAME", "PATH", "SHELL", "USER"),
        *("LD_LIBRARY_PATH", "LD_PRELOAD", "CONDA_PREFIX", "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV"),
        # language and time, temporary files, certificates of this network
        *("LANG", "LANGUAGE", "TZ", "TEMP", "TMP", "TMPDIR"),
        *("SSL_CERT_DIR", "SSL_CERT_FILE"),
        # compilers: Triton and others build kernels while they start
        *("CC", "CPATH", "CPLUS_INCLUDE_PATH", "CXX", "C_INCLUDE_PATH", "LIBRARY_PATH"),
        # where weights are, for programs of `command`, which get no hub of modelgen's
        *("HF_HOME", "HF_HUB_CACHE"),
    )
)
_FAMILIES = ("CUDA_", "DYLD_", "HIP_", "HSA_", "LC_", "NCCL_", "NVIDIA_", "ROCM_", "ROCR_", "XDG_")
"""Beginnings of the names of what describes cards, drivers and folders of this host."""
_SECRET = re.compile(r"AUTH|CRED|KEY|PASS|SECRET|TOKEN")


def inherited(variables: Mapping[str, str]) -> dict[str, str]:
    """Return those variables of this process that an engine gets too."""
    return {
        name: value
        for name, value in variables.items()
        if name in _NAMES or (name.startswith(_FAMILIES) and not _SECRET.search(name))
    }
