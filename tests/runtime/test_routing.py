"""Find the model in a body, however it is written and however it is cut."""

from __future__ import annotations

import json

import hypothesis.strategies as st
import pytest
from hypothesis import given

from modelgen_runtime.gateway.routing import BadBodyError, FormFinder, Found, JsonFinder, make_finder
from modelgen_runtime.http.json_scan import KeyScan

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6) | st.just("model"), inner, max_size=3)
    ),
    max_leaves=12,
)


def grow(finder: JsonFinder | FormFinder, data: bytes, cuts: list[int]) -> Found | None:
    """Return what is found while a body comes in pieces."""
    body = bytearray()
    places = [*sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]
    for start, end in zip([0, *places], places, strict=False):
        body += data[start:end]
        found = finder.find(body, is_whole=len(body) == len(data))
        while found is None and finder.is_behind:
            found = finder.find(body, is_whole=len(body) == len(data))
        if found is not None:
            return found
    return None


def scanned(body: bytearray) -> Found | None:
    """Return the model as it is found in a large body, whatever the size of this one."""
    value = KeyScan(b"model").advance(body)
    return None if value is None else Found(json.loads(body[value]), value.start, value.stop)


@given(
    st.dictionaries(st.text(max_size=6).filter(lambda key: key != "model"), PLAIN, max_size=4),
    st.text(max_size=10),
    st.integers(0, 4),
    st.lists(st.integers(0, 10_000), max_size=6),
    st.sampled_from([None, 1]),
    st.booleans(),
)
def test_any_body_of_json(  # noqa: PLR0917 - what may differ
    others: dict[str, object],
    name: str,
    place: int,
    cuts: list[int],
    indent: int | None,
    ascii_only: bool,  # noqa: FBT001
) -> None:
    items = [*others.items()]
    items.insert(place, ("model", name))
    data = json.dumps(dict(items), indent=indent, ensure_ascii=ascii_only).encode(errors="surrogatepass")
    found = scanned(bytearray(data))
    assert found is not None
    assert json.loads(data[found.start : found.end]) == name
    assert found.name == name
    whole = grow(JsonFinder(), data, cuts)
    assert whole is not None
    assert whole.name == name


@given(st.lists(st.integers(0, 10_000_000), max_size=40))
def test_a_large_body_in_pieces(cuts: list[int]) -> None:
    data = json.dumps({"x": '\\"' * 20_000, "y": [{"model": "no"}], "model": "yes", "z": 1}).encode()
    found = grow(JsonFinder(), data, cuts)
    assert found is not None
    assert found.name == "yes"


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'{"model": "a"}', "a"),
        (b'\xef\xbb\xbf{"model": "a"}', "a"),
        (b'{"x": {"model": "b"}, "model": "a"}', "a"),
        (b'{"mod\\u0065l": "a"}', "a"),
        (b'{"model": null}', None),
        (b'{"x": "model"}', None),
        (b"{}", None),
    ],
)
def test_small_bodies(body: bytes, found: str | None) -> None:
    one = JsonFinder().find(bytearray(body), is_whole=True)
    assert (one and one.name) == found


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"model": {"model": "a"}}',
        b'{"model": 5}',
        b'{"model": "a", "mod\\u0065l": "b"}',
        b'"model"',
        b'{"model": "a", "model": "b"}',
        b"\xff",
        b"[" * 50_000,
    ],
)
def test_what_is_no_request(body: bytes) -> None:
    with pytest.raises(BadBodyError):
        JsonFinder().find(bytearray(body), is_whole=True)


def test_a_key_that_is_written_in_another_way_is_not_renamed() -> None:
    finder, body = JsonFinder(), bytearray(b'{"mod\\u0065l": "a", "x": 1}')
    found = finder.find(body, is_whole=True)
    assert found is not None
    with pytest.raises(BadBodyError, match="without escapes"):
        finder.rename(body, found, "b")
    assert body == b'{"mod\\u0065l": "a", "x": 1}'


def form(*parts: tuple[str, bytes], boundary: str = "x") -> bytes:
    lines = [
        b"--%b\r\nContent-Disposition: form-data; %b\r\n\r\n%b\r\n" % (boundary.encode(), n.encode(), v)
        for n, v in parts
    ]
    return b"".join(lines) + f"--{boundary}--\r\n".encode()


@given(st.binary(max_size=40), st.lists(st.integers(0, 400), max_size=5), st.booleans())
def test_a_form_in_pieces(content: bytes, cuts: list[int], is_last: bool) -> None:  # noqa: FBT001
    if b"\r\n--x" in b"\r\n" + content:
        return
    parts = [('name="file"; filename="model"', content), ('name="model"', b"whisper")]
    data = form(*(parts if is_last else parts[::-1]))
    found = grow(FormFinder(b"x"), data, cuts)
    assert found is not None
    assert (found.name, data[found.start : found.end]) == ("whisper", b"whisper")


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (form(("name=model", b"a")), "a"),
        (form(('name="model2"', b"a"), ('name="model"', b"b")), "b"),
        (form(('filename="model"; name="x"', b"a")), None),
        (form(('name="x"', b'Content-Disposition: form-data; name="model"\r\n\r\na')), None),
    ],
)
def test_parts_of_a_form(data: bytes, name: str | None) -> None:
    found = FormFinder(b"x").find(bytearray(data), is_whole=True)
    assert (found and found.name) == name


def test_a_form_says_its_boundary() -> None:
    assert isinstance(make_finder(b'Multipart/Form-Data; boundary="a b"'), FormFinder)
    assert isinstance(make_finder(b"text/plain"), JsonFinder)
    with pytest.raises(BadBodyError, match="no `boundary`"):
        make_finder(b"multipart/form-data")
    with pytest.raises(BadBodyError, match="does not begin"):
        FormFinder(b"x").find(bytearray(b"hello"), is_whole=True)
    with pytest.raises(BadBodyError, match="headers of a part of the form are longer"):
        FormFinder(b"x").find(bytearray(b"--x\r\n" + b"a" * 20_000), is_whole=False)
