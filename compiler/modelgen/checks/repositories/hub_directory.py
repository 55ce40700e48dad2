"""Check `[project] hub`: it must be the root of a hub cache."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context

_ESCAPES = {"\b": r"\b", "\t": r"\t", "\n": r"\n", "\f": r"\f", "\r": r"\r"}
_VARIABLE = re.compile(r"\$(?:\w+|\{\w+\})|%\w+%")


@rule("MG106", "bad-hub")
def bad_hub(context: Context) -> Iterator[Found]:
    """A `hub` that is not the root of a hub cache.

    ## Why
    The files of a snapshot are links into `../../blobs`. If only a repository or a snapshot is mounted, the links are
    dangling, and the engine fails with "Invalid repository ID or local directory specified". The hub directory is the
    one that contains the `models--…` folders: in the client's home `~/.cache/huggingface`, it is the folder `hub`.

    ## Bad
    ```toml
    [project]
    name = "demo"
    hub = "./models/hub/models--Qwen--Qwen3-4B"
    ```

    ## Good
    ```toml
    [project]
    name = "demo"
    hub = "./models/hub"
    ```
    """
    hub = context.document.config.project.hub
    if context.document.is_refused("project", "hub"):
        return
    parts = re.split(r"[/\\]", hub)
    inner = next((at for at, part in enumerate(parts) if re.match(r"(?:models|datasets|spaces)--", part)), None)
    if not hub.strip():
        message, help_text = "`hub` is empty", 'write the directory of the hub cache, such as "./models/hub"'
    elif not hub.isprintable():
        message, help_text = "`hub` contains a control character", _without_escapes(hub)
    elif (variable := _VARIABLE.match(hub)) is not None:
        message = f"`hub` begins with the variable `{variable[0]}`, which is not replaced"
        is_home = variable[0].strip("${}%") in {"HOME", "USERPROFILE"}
        help_text = f'write `hub = "~{hub[variable.end() :]}"`' if is_home else "write the path itself"
    elif inner is not None:
        root = "/".join(parts[:inner]) or "."
        message, help_text = "`hub` is the folder of one repository", f'write `hub = "{root}"`'
    elif re.search(r"(?:^|[/\\])\.cache[/\\]huggingface[/\\]*$", hub):
        cache = hub.replace("\\", "/").rstrip("/")
        message, help_text = "`hub` is the home of the hub's client, not its cache", f'write `hub = "{cache}/hub"`'
    elif re.match(r"[A-Za-z]:(?![/\\])", hub):
        message, help_text = "`hub` is relative to a drive", f'write `hub = "{hub[:2]}/{hub[2:]}"`'
    elif "://" in hub:
        message, help_text = "`hub` is a URL", "write the directory on the host that holds the `models--…` folders"
    else:
        return
    yield Found(context.document.at_value("project", "hub"), message, help_text)


def _without_escapes(hub: str) -> str:
    r"""Return what to write for a Windows path in double quotes, where `\t` is a tab."""
    path = "".join(_ESCAPES.get(character, character) for character in hub)
    if "\\" not in path or not path.isprintable():
        return "remove it"
    plain = path.replace("\\", "/")
    return f"in double quotes, `\\` begins an escape: write '{path}' in single quotes, or \"{plain}\""
