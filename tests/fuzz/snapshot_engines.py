"""Draw models of the engines that serve from a snapshot's path, of forks with flags of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from toml_strings import texts

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

COMMIT = "cdbee75f17c01a7cc42f958dc650907174af0554"
_FILES = ["x.gguf", "Q4 K/$x (1)-00001-of-00002.gguf", "漢字.gguf"]
_VALUES: st.SearchStrategy[Any] = st.just(value=True) | texts() | st.integers(-9, 10**6) | st.floats(-1e6, 1e6)
_FLAGS = st.from_regex(r"x-[a-z]{1,4}", fullmatch=True)


def _llamacpp(kinds: Collection[str]) -> st.SearchStrategy[dict[str, Any]]:
    tag = "server-rocm-b6500" if "amd" in kinds else "server-cuda-b6500" if kinds else "server-b6500"
    lengths = [{"c": 8192}, {"ctx-size": "4096", "ngl": 20}, {"ctx_size": 1, "fa": "on"}]
    return _models(
        {
            "engine": st.just("llamacpp"),
            "fork": st.just(value=True),  # the drawn flags are those of no release
            "image": st.just(f"ghcr.io/ggml-org/llama.cpp:{tag}"),
            "repo": st.sampled_from(["A/b.C_d", "A/gguf"]),
            "revision": st.just(COMMIT),
            "file": st.sampled_from(_FILES),
            "args": st.builds(_joined, st.sampled_from(lengths), st.dictionaries(_FLAGS, _VALUES, max_size=3)),
        },
        {"mmproj": st.just("mmproj.gguf")},
    )


def _joined(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return one | other


def _tei(kinds: Collection[str]) -> st.SearchStrategy[dict[str, Any]]:
    tags = ["cuda-1.9", "1.9"] if kinds else ["cpu-1.9"]
    several = st.lists(texts() | st.integers(-9, 9), min_size=1, max_size=3)
    return _models(
        {
            "engine": st.just("tei"),
            "fork": st.just(value=True),
            "image": st.sampled_from([f"ghcr.io/huggingface/text-embeddings-inference:{tag}" for tag in tags]),
            "repo": st.sampled_from(["BAAI/bge-m3", "A/b.C_d"]),
            "args": st.dictionaries(_FLAGS, _VALUES | several, max_size=3),
        },
        {"revision": st.sampled_from([COMMIT, "main"])},
    )


def _models(
    keys: dict[str, st.SearchStrategy[Any]], optional: dict[str, st.SearchStrategy[Any]]
) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(keys, optional=optional)


SNAPSHOT_ENGINES: dict[str, Callable[[Collection[str]], st.SearchStrategy[dict[str, Any]]]] = {
    "llamacpp": _llamacpp,
    "tei": _tei,
}


def engines_for(kinds: Collection[str], cards: Collection[str]) -> list[str]:
    """Return which of them can run on these cards: TEI has no image for AMD's, and uses one."""
    return ["llamacpp", *(["tei"] if "amd" not in kinds and len(cards) < 2 else [])]
