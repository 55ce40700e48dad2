"""Read a file of any kind that is understood, by its contents."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.foreign.compose.files import decode
from modelgen.foreign.compose.project import read_compose, refused
from modelgen.foreign.llamaswap.config import has_models, read_llamaswap
from modelgen.foreign.recipe import is_recipe, read_recipe
from modelgen.foreign.shell.script import is_unit, read_shell
from modelgen.foreign.yaml_nodes import TOO_LARGE, BadYamlError, Reader, TooLargeError, compose_nodes
from modelgen.source import Source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modelgen.foreign.services import Foreign

_SCRIPT = re.compile(r"#!.*\b(?:ba|da|z|k)?sh\b")
_SCRIPT_NAMES = (".sh", ".bash", ".service")
_QUADLET = re.compile(r"^\[Container\][ \t]*$", re.MULTILINE)
_SERVICES = re.compile(r"""^["']?services["']?\s*:""", re.MULTILINE)
# A line of a script, for text from stdin: a program with a flag.
_LINE = re.compile(r"^[ \t]*(?:[A-Z_]+=\S* +)*[\w./-]+(?:[ \t]+[^\s:]+)*[ \t]+--?\w", re.MULTILINE)


def read_files(
    files: Sequence[tuple[str, bytes]],
    variables: Mapping[str, str] | None = None,
    beside: Mapping[str, bytes] | None = None,
) -> Foreign:
    """Read files; it raises on no input. Several are Compose files that belong together.

    Args:
        files: The name of each file in messages, and its bytes.
        variables: The values of variables, as from a `.env` file; a script has none but its own.
        beside: Files that belong to them, by the names that `Foreign.wanted` had: relative to the folder of the first.
    """
    if len(files) == 1:
        path, data = files[0]
        found: Foreign | None = None
        try:
            found = _read_other(Source(path, decode(data)), variables or {}, beside or {})
        except (TooLargeError, RecursionError):
            found = refused([Source(path, decode(data))], TOO_LARGE)
        except UnicodeDecodeError:
            pass  # which is said of Compose files
        if found is not None:
            return found
    return read_compose(files, variables, beside)


def _read_other(source: Source, variables: Mapping[str, str], beside: Mapping[str, bytes]) -> Foreign | None:
    """Return what a file of another kind than Compose says; None for what may be a Compose file."""
    if source.path.endswith(".container") and _QUADLET.search(source.text):
        return refused([source], "a Quadlet unit of Podman is not read: pass its command as a `docker run` line")
    if source.path.endswith(_SCRIPT_NAMES) or _SCRIPT.match(source.text) or is_unit(source.text):
        return read_shell(source)
    if _SERVICES.search(source.text):
        return None
    try:
        root = compose_nodes(source.text)
    except BadYamlError:
        root = None
    reader = Reader(source, variables)
    if has_models(reader, root):
        return read_llamaswap(Reader(source, None), root, beside)
    if is_recipe(reader, root):
        return read_recipe(reader, root)
    return read_shell(source) if not reader.entries(root) and _LINE.search(source.text) else None
