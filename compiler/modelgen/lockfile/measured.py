"""Read and write models.measured.toml: the memory that starts of models took, as their engines printed it."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from modelgen.config.phrases import phrase
from modelgen.config.table import Table
from modelgen.diagnostics import Found, rule
from modelgen.lockfile.writing import text_of
from modelgen.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from modelgen.diagnostics import Diagnostic
    from modelgen.source import Span

MAX_BYTES = 2**20
_HEADER = """\
# Written by `modelgen fit --learn-from`. Commit this file: sizes and estimates follow from it.
# Remove the table of a model to estimate it again.
"""
_Bytes = Annotated[int, Field(ge=0, lt=2**50)]
_Text = Annotated[str, Field(max_length=200)]


class MeasuredStart(Table):
    """A start of a model; it counts only for the same commit, release, flags and GPUs.

    `flags` is a digest of the flags without the longest request. `memory` is that of each GPU in bytes, `parts` the
    share that was reserved in ten-thousandths. `weights` and `cache` are bytes of one GPU, and part of that share.
    """

    commit: _Text
    version: _Text
    flags: _Text
    memory: _Bytes
    gpus: Annotated[int, Field(ge=1, le=1000)]
    parts: Annotated[int, Field(ge=1, le=10_000)]
    weights: Annotated[_Bytes, Field(gt=0)]
    cache: _Bytes

    @model_validator(mode="after")
    def _check_sum(self) -> Self:
        if self.weights + self.cache > self.memory * self.parts / 10_000:
            raise PydanticCustomError("sum", "has more weights and KV cache than reserved memory")
        return self


class _File(Table):
    format: Literal[1] = 1
    models: dict[str, MeasuredStart] = Field(default_factory=dict)


def parse_measured(data: bytes, path: str) -> tuple[dict[str, MeasuredStart], list[Diagnostic]]:
    """Return the starts by the model's id; of a file with a fault, none, and the finding."""
    start = Source(path, "").start
    try:
        if len(data) > MAX_BYTES:
            return {}, [*bad_measured(start, f"{path} is larger than {MAX_BYTES // 2**20} MiB")]
        return _File.model_validate(tomllib.loads(data.decode("utf-8-sig").replace("\r\n", "\n"))).models, []
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        place = ".".join(map(str, fault["loc"]))
        return {}, [*bad_measured(start, f"{path} has a fault: `{place[:200]}` {phrase(fault)}")]
    except (ValueError, RecursionError) as error:
        return {}, [*bad_measured(start, f"{path} is not TOML: {str(error)[:200]}")]


def render_measured(starts: Mapping[str, MeasuredStart]) -> bytes:
    """Return the text of a models.measured.toml; the same starts give the same bytes."""
    tables = [
        "\n".join(
            [
                f"[models.{text_of(name)}]",
                *(
                    f"{key} = {text_of(value) if isinstance(value, str) else value}"
                    for key, value in starts[name].model_dump().items()
                ),
                "",
            ]
        )
        for name in sorted(starts)
    ]
    return "\n".join([f"{_HEADER}format = 1\n", *tables]).encode()


@rule("MG558", "bad-measured")
def bad_measured(place: Span, fault: str) -> Iterator[Found]:
    """A models.measured.toml is damaged.

    ## Why
    The sizes in it decide what models reserve. After a bad merge or an edit by hand, some of them may be wrong.
    """
    yield Found(place, fault, "restore it from version control, or remove it and run `modelgen fit --learn-from` again")
