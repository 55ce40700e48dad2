"""Define the rules about the shape of models.toml: keys, types, units."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.config.tables import FORMAT
from modelgen.diagnostics import Found, did_you_mean, rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from modelgen.load.bind import Fault
    from modelgen.load.locator import Locator, Path
    from modelgen.source import Span

_VALUE_KINDS = frozenset(
    {"bad-size", "bad-duration", "bad-share", "bad-name", "bad-value", "literal_error"}
    | {"greater_than", "greater_than_equal", "less_than_equal", "string_pattern_mismatch", "string_too_short"}
)
_OTHER_KINDS = _VALUE_KINDS | {
    "extra_forbidden",
    "missing",
    "owned-compose-key",
    "renamed-key",
    "renamed-value",
    "unnamed-table",
}


@rule("MG010", "unknown-key")
def unknown_key(faults: Iterable[Fault], places: Locator) -> Iterator[Found]:
    """A key is unknown.

    ## Why
    A key that is accepted and ignored looks like a setting that works.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B-Instruct-2507"
    gpu_memroy = "10GiB"
    args = { max-model-len = 16384 }
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B-Instruct-2507"
    gpus = ["gpu0"]
    gpu_memory = "10GiB"
    args = { max-model-len = 16384 }
    ```
    """
    for fault in faults:
        if fault.kind == "extra_forbidden":
            where = f"`[{_dotted(fault.path[:-1])}]`" if len(fault.path) > 1 else "the file"
            help_ = fault.help or did_you_mean(str(fault.path[-1]), fault.known)
            yield Found(places.key(fault.path), f"unknown key `{fault.path[-1]}` in {where}", help_)


@rule("MG011", "missing-key")
def missing_key(faults: Iterable[Fault], places: Locator) -> Iterator[Found]:
    """A required key is missing.

    ## Why
    No default would be right for every host and model.

    ## Bad
    ```toml
    [gpus.gpu0]
    memory = "24GiB"
    ```

    ## Good
    ```toml
    [gpus.gpu0]
    memory = "24GiB"
    device = "0"
    ```
    """
    for fault in faults:
        if fault.kind == "missing":
            key, table = fault.path[-1], fault.path[:-1]
            message = f"`[{_dotted(table)}]` lacks `{key}`" if table else f"the file lacks `[{key}]`"
            yield Found(places.header(table), message, _EXAMPLES.get(str(key), ""))


_EXAMPLES = {
    "project": 'write `[project]` with `name = "my-models"` and `hub = "./models/hub"`',
    "name": 'write `name = "my-models"`',
    "hub": 'write `hub = "./models/hub"`, the directory that holds the `models--…` folders',
    "device": 'write the index or UUID of the GPU: `device = "0"`',
    "models": 'write the ids of the models: `models = ["text-4b"]`',
}


@rule("MG012", "wrong-type")
def wrong_type(faults: Iterable[Fault], places: Locator) -> Iterator[Found]:
    """A value has the wrong type.

    ## Why
    Nothing is converted silently: `device = 0` may be an index or a mistake, `device = "0"` is an index.

    ## Bad
    ```toml
    [gpus.gpu0]
    memory = "24GiB"
    device = 0
    ```

    ## Good
    ```toml
    [gpus.gpu0]
    memory = "24GiB"
    device = "0"
    ```
    """
    for fault in faults:
        if fault.kind == "unnamed-table":
            yield Found(places.header(fault.path), f"`[{fault.path[0]}]` has the keys of one of its tables", fault.help)
        elif fault.kind not in _OTHER_KINDS:
            yield Found(places.value(fault.path), f"`{_name(fault.path)}` {fault.message}", fault.help)


@rule("MG013", "bad-value")
def bad_value(faults: Iterable[Fault], places: Locator) -> Iterator[Found]:
    """A value has the right type and is not valid: a size without a unit, a share above 1.

    ## Why
    `"24"` may be bytes or gigabytes, and `95` may be percent. A unit makes it clear.

    ## Bad
    ```toml
    [gpus.gpu0]
    memory = "24"
    device = "0"
    ```

    ## Good
    ```toml
    [gpus.gpu0]
    memory = "24GiB"
    device = "0"
    ```
    """
    for fault in faults:
        if fault.kind in _VALUE_KINDS:
            yield Found(places.value(fault.path), f"`{_name(fault.path)}` {fault.message}", fault.help)


@rule("MG014", "newer-format")
def newer_format(place: Span, written: int) -> Iterator[Found]:
    """The file has the format of a newer modelgen.

    ## Why
    A newer format may give an old key a new meaning, so the build could differ from what the file means.

    ## Bad
    ```toml
    format = 2
    ```

    ## Good
    ```toml
    format = 1
    ```
    """
    yield Found(place, f"format {written} is newer than this modelgen, which reads format {FORMAT}", "update modelgen")


@rule("MG017", "old-name")
def old_name(faults: Iterable[Fault], places: Locator) -> Iterator[Found]:
    """A key, a value or a rule has a name from before 0.1.0.

    ## Why
    Each thing has one name. Accepting the old one as well would leave two spellings in files and answers.

    ## Bad
    ```toml
    [orchestrator]
    heartbeat = false
    ```

    ## Good
    ```toml
    [orchestrator]
    loading_messages = "off"
    ```
    """
    for fault in faults:
        if fault.kind == "renamed-key":
            yield Found(places.key(fault.path), f"`{fault.path[-1]}` was renamed", fault.message)
        elif fault.kind == "renamed-value":
            yield Found(places.value(fault.path), f"this value of `{fault.path[-1]}` was renamed", fault.message)


@rule("MG420", "owned-compose-key")
def owned_compose_key(faults: Iterable[Fault], places: Locator) -> Iterator[Found]:
    """A `compose` table sets a key that modelgen owns.

    ## Why
    modelgen computes these keys, and a second value would conflict with its own. Each has a key of its own in
    models.toml, or can be set in a docker-compose.override.yml beside the output, which modelgen never changes.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B-Instruct-2507"
    args = { max-model-len = 16384 }
    compose = { restart = "always" }
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B-Instruct-2507"
    args = { max-model-len = 16384 }
    compose = { shm_size = "16gb", labels = { "traefik.enable" = "false" } }
    ```
    """
    for fault in faults:
        if fault.kind == "owned-compose-key":
            sign = ", and" if fault.message.startswith("write ") else ":"
            help_ = f"remove it{sign} {fault.message}"
            yield Found(places.key(fault.path), f"`compose.{fault.path[-1]}` cannot be set here", help_)


RULES = (unknown_key, missing_key, wrong_type, bad_value, old_name, owned_compose_key)
"""The rules that read faults."""


def _name(path: Path) -> str:
    """Return the last key of a path, with the index of a list's item."""
    *_, last = (number for number, part in enumerate(path) if isinstance(part, str))
    return str(path[last]) + "".join(f"[{part}]" for part in path[last + 1 :])


def _dotted(path: Path) -> str:
    return ".".join(str(part) for part in path)
