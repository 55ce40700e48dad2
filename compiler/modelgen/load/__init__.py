"""Read models.toml: bytes → Document. It raises on no input; every fault is a diagnostic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.files import MAX_SOURCE_BYTES
from modelgen.load import text
from modelgen.load.document import DEFAULT_ENGINE, Document, Machine
from modelgen.load.locator import Locator
from modelgen.source import Source

if TYPE_CHECKING:
    from modelgen.diagnostics import Diagnostic

__all__ = ["DEFAULT_ENGINE", "Document", "Machine", "load"]


def load(data: bytes, path: str = "models.toml") -> tuple[Document | None, Source, list[Diagnostic]]:
    """Read the bytes of a models.toml.

    Returns:
        The document, or None if the file cannot be checked further; the text; the diagnostics so far. If there are
        errors, the document lacks the refused values (`Document.dropped`).
    """
    # Imported here: `modelgen lint` makes Documents of other files, without pydantic.
    from modelgen.config.tables import FORMAT
    from modelgen.load import shape
    from modelgen.load.bind import bind

    if len(data) > MAX_SOURCE_BYTES:
        return None, Source(path, ""), [*text.file_too_large(path)]
    try:
        source = Source(path, text.decode(data))
    except UnicodeDecodeError as error:
        return None, Source(path, ""), [*text.not_utf8(path, data, error)]
    if text.is_too_dotted(source.text):
        return None, source, [*text.nested_too_deep(source.start)]
    try:
        tables = text.parse(source)
    except RecursionError:
        return None, source, [*text.nested_too_deep(source.start)]
    except ValueError as error:
        return None, source, [*text.invalid_toml(source, error)]
    if deep := text.find_too_deep(tables):
        return None, source, [*text.nested_too_deep(Locator(source).key(deep))]
    if huge := text.find_huge_integer(source, tables):
        return None, source, [*text.huge_integer(Locator(source).value(huge))]
    written = tables.get("format")
    if isinstance(written, int) and written > FORMAT:
        return None, source, [*shape.newer_format(Locator(source).value(("format",)), written)]

    bound = bind(tables)
    diagnostics: list[Diagnostic] = []
    places = Locator(source) if bound.faults else None
    if places:
        for find in shape.RULES:
            diagnostics += find(bound.faults, places)
    if bound.config is None:
        return None, source, diagnostics
    return Document(source, bound.config, bound.compose, bound.dropped, places), source, diagnostics
