"""Sign a bundle with an SSH key: SHA256SUMS names every file, so its signature is one of the whole bundle."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from modelgen import files
from modelgen.files import InputError, ModelgenError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

NAMESPACE = "modelgen-bundle"
"""The purpose of the signature: one of the same key for another purpose does not count (ssh-keygen(1), `-n`)."""
SIGNATURE = "SHA256SUMS.sig"


def check_key(key: Path) -> None:
    """Sign nothing, before hours of writing, to see whether the key signs; ssh-keygen may ask for its passphrase.

    Raises:
        InputError: There is no such key, or it does not sign.
        ModelgenError: ssh-keygen is not installed.
    """
    _signature(b"", key)


def _find_signer(key: Path) -> str:
    """Return the path of ssh-keygen.

    Raises:
        InputError: There is no such key.
        ModelgenError: ssh-keygen is not installed.
    """
    program = shutil.which("ssh-keygen")
    if program is None:
        raise ModelgenError(
            "`--sign` needs ssh-keygen, which is not installed; install openssh-client, or leave it out"
        )
    if not os.access(key, os.R_OK) or not key.is_file():
        raise InputError(
            f"there is no key {key} that can be read; pass the private key, or the .pub of one in the agent"
        )
    return program


def sign(sums: Iterable[Path], key: Path) -> None:
    """Write the signature beside each SHA256SUMS; ssh-keygen itself asks for a passphrase, on the terminal.

    Args:
        sums: The files.
        key: A private key, or the public one of a key that ssh-agent has.

    Raises:
        InputError: There is no such key, or it does not sign.
        ModelgenError: ssh-keygen is not installed.
        OSError: A signature cannot be written.
    """
    for path in sums:
        files.replace_all({path.with_name(SIGNATURE): _signature(path.read_bytes(), key)})


def _signature(data: bytes, key: Path) -> bytes:
    command = [_find_signer(key), "-Y", "sign", "-q", "-f", str(key), "-n", NAMESPACE]
    done = subprocess.run(command, input=data, capture_output=True, check=False)
    if done.returncode or not done.stdout.startswith(b"-----BEGIN SSH SIGNATURE-----"):
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        said = lines[-1].removeprefix("Enter passphrase: ")[:200] if lines else "no reason given"
        is_locked = "passphrase" in said
        help_ = "run it in a terminal, or pass the .pub of a key in ssh-agent" if is_locked else "pass an SSH key"
        raise InputError(f"{key} does not sign: {said}; {help_}")
    return done.stdout
