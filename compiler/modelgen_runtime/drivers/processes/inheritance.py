"""Environment variables that an engine inherits from the orchestrator: those that describe the host, and no secrets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# Not included: tokens, cloud keys, agents, addresses with passwords (proxies, databases) and settings of other
# programs. A model that needs them lists them in `env`.
NAMES = frozenset(
    (
        # account, search paths of programs and libraries
        *("HOME", "LOGNAME", "PATH", "SHELL", "USER"),
        *("LD_LIBRARY_PATH", "LD_PRELOAD", "CONDA_PREFIX", "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV"),
        # locale and time zone, temporary files, certificates
        *("LANG", "LANGUAGE", "TZ", "TEMP", "TMP", "TMPDIR"),
        *("SSL_CERT_DIR", "SSL_CERT_FILE"),
        # compilers, since Triton and others build kernels at start
        *("CC", "CPATH", "CPLUS_INCLUDE_PATH", "CXX", "C_INCLUDE_PATH", "LIBRARY_PATH"),
        # where weights are, for programs of `command`, which get no hub directory
        *("HF_HOME", "HF_HUB_CACHE"),
    )
)
FAMILIES = ("CUDA_", "DYLD_", "HIP_", "HSA_", "LC_", "NCCL_", "NVIDIA_", "ROCM_", "ROCR_", "XDG_")
"""Prefixes of variables that describe GPUs, drivers and folders of this host."""
_SECRET = re.compile(r"AUTH|CRED|KEY|PASS|SECRET|TOKEN")


def inherited(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of this process that engines inherit."""
    return {
        name: value
        for name, value in variables.items()
        if name in NAMES or (name.startswith(FAMILIES) and not _SECRET.search(name))
    }
