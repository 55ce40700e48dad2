"""Import the keys of clients as their hashes, for the `keys_file` of the orchestrator."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelgen.importing.writing import File

KEYS_FILE = "keys/keys.txt"
"""The file, beside models.toml, in a folder of its own (MG434)."""


def set_keys(file: File, written: Any) -> None:  # noqa: ANN401 - a YAML value
    """Set the lines of the keys file, or say that the keys are left out.

    llama-swap does not part uses of a key, so its clients can use models only, until a line says `admin`.

    Args:
        file: The models.toml.
        written: The value of `apiKeys`. Those with `${…}` are not known.
    """
    listed = written if isinstance(written, list) else []
    texts = [key for key in listed if isinstance(key, str) and key.strip()]
    keys = dict.fromkeys(key for key in texts if "${" not in key)
    if not keys:
        file.left_out["apiKeys"] = "write `[orchestrator] keys_file`, with hashed keys: `modelgen key` makes one"
        file.to_do.append(f"keys of clients: {file.left_out['apiKeys']}")
        return
    file.keys = "".join(f"user sha256:{hashlib.sha256(key.encode()).hexdigest()}\n" for key in keys)
    file.orchestrator["keys_file"] = f"./{KEYS_FILE}"
    file.said.append(f"The `apiKeys` are in {KEYS_FILE}, as hashes.")
    if not {*texts} <= {*keys}:
        file.left_out["apiKeys with variables"] = "the file does not tell their values"
        file.to_do.append(f"add the `apiKeys` whose values are variables to {KEYS_FILE}, as `user sha256:HASH`")
