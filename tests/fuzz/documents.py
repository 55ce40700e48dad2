"""Documents for the language at large: any keys, any values, any shape."""

from __future__ import annotations

from datetime import timedelta, timezone
from typing import Any

from hypothesis import strategies as st
from toml_strings import texts
from toml_writer import Table, write

_OFFSETS = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
KEYS = st.sampled_from(["a", "b-c", "D_0", "1", "-", "true", "", "a.b", "[key]", "日本", "'", '"']) | texts(max_size=3)
SCALARS: st.SearchStrategy[Any] = st.one_of(
    texts(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.booleans(),
    st.datetimes() | st.datetimes(timezones=_OFFSETS) | st.dates() | st.times(),
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(KEYS, inner, max_size=3),
        st.dictionaries(KEYS, inner, min_size=1, max_size=3),
        st.lists(st.dictionaries(KEYS, inner, min_size=1, max_size=2), min_size=1, max_size=2),
    ),
    max_leaves=8,
)
TABLES = st.dictionaries(KEYS, VALUES, max_size=5)


@st.composite
def documents(draw: st.DrawFn, tables: st.SearchStrategy[Table] = TABLES) -> str:
    """Draw the text of a TOML document of `tables`."""
    return write(draw, draw(tables))
