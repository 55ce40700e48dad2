"""Whatever the bytes: findings or artifacts, never an exception."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import fuzzing  # noqa: F401 - sets how much is tried
import pytest
from documents import SCALARS, VALUES, documents
from hypothesis import example, given
from hypothesis import strategies as st
from outcomes import compile_anything, misplaced
from toml_plain import dump
from valid_files import valid_files

from compiling import REPOSITORY
from modelgen.config.schema import json_schema
from modelgen.diagnostics import Diagnostic, Severity
from modelgen.source import Span

if TYPE_CHECKING:
    from toml_writer import Table

EXAMPLE = (REPOSITORY / "models.toml").read_bytes()
STARTER = (REPOSITORY / "compiler/modelgen/cli/configuration/starter.toml").read_bytes()
TOKENS = rb''' " """ ' [ ] [[ ]] { } = . , # \ models [models. true nan 1979-05-27 - 0x'''.split(b" ")
TOKENS += [b"\n", b"\r", b"\t", b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xff\xfe", b"\xe6"]
# The language's own words, nested as its tables are, so that wrong values stand in right places.
SCHEMA = json_schema()
WORDS = sorted({key for table in SCHEMA["$defs"].values() for key in table["properties"]} | {*SCHEMA["properties"]})
MEANT = st.sampled_from(
    [
        "gpu0",
        "a",
        "vllm",
        "command",
        "sglang",
        "llamacpp",
        "tei",
        "a.gguf",
        "snapshot",
        "24GiB",
        "0.5",
        "1h",
        "0",
        "127.0.0.1:8080",
        "",
    ]
)
# tomllib reads integers of any size; Python writes none of more than 4,300 decimal digits.
HUGE = st.sampled_from([2**63, -(2**63) - 1, 10**400, 16**5000])
WRONG: st.SearchStrategy[Any] = SCALARS | MEANT | st.lists(MEANT, max_size=2) | VALUES | HUGE


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """Draw an existing file in which pieces are gone, doubled, swapped or put in."""
    data = draw(st.sampled_from([EXAMPLE, STARTER]))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 40)))
        piece = data[start:end]
        insert = draw(st.sampled_from([b"", piece * 2, piece[::-1], *TOKENS]))
        data = data[:start] + insert + data[end:]
    return data


@st.composite
def misfits(draw: st.DrawFn) -> bytes:
    """Draw a file without errors in which some values, keys or tables are others."""
    file = deepcopy(draw(valid_files()))  # parts of it are the strategy's own
    for _ in range(draw(st.integers(1, 4))):
        table = _somewhere(draw, file)
        name = draw(st.sampled_from([*table, *WORDS]))
        if draw(st.integers(0, 3)):
            table[name] = draw(WRONG)
        else:
            table.pop(name, None)
    return dump(file).encode()


def _somewhere(draw: st.DrawFn, file: Table) -> Table:
    """Draw one of the tables of a file, itself included."""
    tables = [file]
    for table in tables:
        tables += [item for item in table.values() if isinstance(item, dict)]
    return draw(st.sampled_from(tables))


@given(st.binary(max_size=200) | st.text().map(str.encode))
@example(b"")
@example(b"\xef\xbb\xbf")
@example(b"\xef\xbb\xbf\xef\xbb\xbf")
@example(EXAMPLE.decode().encode("utf-16"))
@example(b"a = 1\r")
@example(b'a = """\r\n\xff')
def test_any_bytes(data: bytes) -> None:
    compile_anything(data)


@given(mutations())
def test_broken_files(data: bytes) -> None:
    compile_anything(data)


@given(documents())
def test_any_toml(text: str) -> None:
    compile_anything(text.encode())


@given(misfits())
def test_wrong_values_in_right_places(data: bytes) -> None:
    compile_anything(data)


@pytest.mark.parametrize("opening", ["[", "{a=", "[{a=", "[[a]]\n[[a.b]]\n", "a.", "[a."])
@pytest.mark.parametrize("depth", [63, 64, 65, 500])
def test_deep_nesting(opening: str, depth: int) -> None:
    closing = "".join({"[": "]", "{": "}"}.get(character, "") for character in reversed(opening))
    for text in (opening * depth, f"x = {opening * depth}1{closing * depth}", f"{opening * depth}x = 1"):
        compile_anything(text.encode())


def test_the_check_of_places_can_fail() -> None:
    for place in ((0, 1, 1, 1), (1, 4, 1, 4), (1, 2, 1, 1), (2, 1, 2, 1), (1, 1, 1, 5)):
        wrong = Diagnostic("MG001", "invalid-toml", Severity.ERROR, "", "", Span("models.toml", *place))
        assert list(misplaced([wrong], b"ab")) != [], place
