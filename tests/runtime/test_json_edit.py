"""An edit in pieces gives what parsing, editing and writing the whole gives."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from modelgen_runtime.http.json_edit import Edits, NotAnObjectError, ObjectEdit

KEYS = ["temperature", "seed", "top_p", "model", "é", "\U0001f40b"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(['"', "\\", '\\"', "[{", "}],", "model"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=25,
)
MEMBERS = st.lists(st.tuples(st.sampled_from(KEYS) | st.text(max_size=9), VALUES), max_size=8)
EDITS = st.fixed_dictionaries(
    {"set_": st.dictionaries(st.sampled_from(KEYS[:2]), VALUES), "defaults": st.dictionaries(st.just(KEYS[4]), VALUES)}
)
SPACES = st.sampled_from(["", " ", "\r\n\t  "])


def edit(pieces: list[bytes], edits: Edits) -> bytes:
    editing = ObjectEdit(edits)
    out = b"".join(editing.feed(piece) for piece in pieces)
    editing.end()
    return out


def pairs_of(text: bytes) -> list[tuple[str, Any]]:
    """Return the members of the top level, repeated ones too."""
    found: list[list[tuple[str, Any]]] = []

    def keep(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found.append(pairs)
        return dict(pairs)

    json.loads(text, object_pairs_hook=keep)
    return found[-1]


def expected(members: list[tuple[str, Any]], set_: dict[str, Any], defaults: dict[str, Any], strip: set[str]) -> Any:  # noqa: ANN401 - JSON
    kept = [(key, set_.get(key, value)) for key, value in members if key not in strip]
    there = {key for key, _ in members}
    return kept + [(key, value) for key, value in {**defaults, **set_}.items() if key not in there]


def write(members: list[tuple[str, Any]], space: str, *, is_ascii: bool) -> bytes:
    """Write members as JSON, which may repeat keys, unlike a dict."""

    def dump(value: object) -> str:
        return json.dumps(value, ensure_ascii=is_ascii)

    body = f"{space},{space}".join(f"{dump(key)}{space}:{space}{dump(value)}" for key, value in members)
    return f"{space}{{{space}{body}{space}}}{space}".encode()


@settings(max_examples=20, deadline=None)
@given(MEMBERS, EDITS, SPACES, st.booleans())
@example([("seed", "\\"), ("seed", '"'), ("model", ["\\\\"])], {"set_": {}, "defaults": {}}, "", True)  # noqa: FBT003
def test_every_way_to_cut_gives_the_same(
    members: list[tuple[str, Any]],
    tables: dict[str, dict[str, Any]],
    space: str,
    is_ascii: bool,  # noqa: FBT001 - hypothesis passes it
) -> None:
    strip = {"top_p", "\U0001f40b"}
    text = write(members, space, is_ascii=is_ascii)
    tables_of_json = {name: {k: json.dumps(v).encode() for k, v in table.items()} for name, table in tables.items()}
    edits = Edits(tables_of_json["set_"], tables_of_json["defaults"], strip)
    whole = edit([text], edits)
    assert pairs_of(whole) == expected(members, tables["set_"], tables["defaults"], strip)
    assert edit([text[at : at + 1] for at in range(len(text))], edits) == whole
    for at in range(len(text)):
        assert edit([text[:at], text[at:]], edits) == whole


def test_what_is_not_edited_stays_as_it_is() -> None:
    text = '{ "a" : [1.50, {"seed": 1}],\n"\\u0062":"\\u00e9é" , "seed":7 }\n'.encode()
    assert edit([text], Edits({"seed": b"8"})) == text.replace(b"7 ", b"8")
    assert edit([text], Edits({})) == text


def test_keys_are_compared_after_unescaping() -> None:
    text = rb'{"s\u0065ed": 1, "seed": {"x": 2}, "seed ": 3, "\ud800": 4}'
    assert pairs_of(edit([text], Edits({"seed": b"5"})))[:2] == [("seed", 5), ("seed", 5)]
    assert list(json.loads(edit([text], Edits({}, {}, ["seed"])))) == ["seed ", "\ud800"]


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "[]", "7", '"a"', "null", "{", '{"a"', '{"a":', '{"a":[1', '{"a":"\\'),
        *('{"a":1,}', "{a:1}", '{"a":1]', '{,"a":1}', '\ufeff{"a":1}'),
    ],
)
def test_other_text_is_refused(text: str) -> None:
    for size in (1, 100):
        with pytest.raises(NotAnObjectError):
            edit([text.encode()[at : at + size] for at in range(0, len(text.encode()), size)], Edits({"a": b"2"}))


def test_little_is_held_back() -> None:
    """Nothing of a value, and of a key no more than the longest one to edit."""
    editing = ObjectEdit(Edits({"seed": b"1"}))
    fed = sent = 0
    for piece in [b'{"long', *[b"x" * 4096] * 9, b'": "', *[b"y\\" * 2048] * 9, b'"}']:
        fed += len(piece)
        sent += len(editing.feed(piece))
        assert fed - sent < 4096
