"""Check the file of API keys, as the orchestrator's container sees it."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context


@rule("MG434", "shared-keys-folder")
def shared_keys_folder(context: Context) -> Iterator[Found]:
    """The file of keys lies in a folder that holds other things.

    ## Why
    Its folder is mounted into the orchestrator's container: of a file that is mounted by itself, the container would
    keep the old contents when an editor replaces it, and a key that was taken back would still open the door. What else
    lies in the folder can be read in there, so it must be the keys' own, not that of models.toml or one above it.

    ## Bad
    ```toml
    [orchestrator]
    listen = "0.0.0.0:8080"
    keys_file = "./keys.txt"
    ```

    ## Good
    ```toml
    [orchestrator]
    listen = "0.0.0.0:8080"
    keys_file = "./keys/keys.txt"
    ```
    """
    table = context.document.config.orchestrator
    if table is None or not table.keys_file or table.enabled is False or "compose" not in context.targets:
        return
    folder = posixpath.dirname(posixpath.normpath(table.keys_file.replace("\\", "/")))
    if folder.strip("./") == "" or folder == "~":
        yield Found(
            context.document.at_value("orchestrator", "keys_file"),
            "the folder of this file is mounted into the orchestrator's container, and holds other things",
            'give the keys a folder of their own: `keys_file = "./keys/keys.txt"`',
        )
