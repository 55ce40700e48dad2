"""Define a want: what models.toml needs from the hub, before anything is looked up."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from modelgen.loader import SOME_LOADER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modelgen.loader import Loader

Form: TypeAlias = Literal["checkpoint", "adapter", "files"]


@dataclass(frozen=True, slots=True)
class Want:
    """A repository that a model needs at run time.

    Two wants are equal if the same files answer them, whatever models need them.

    Args:
        repo: Repository id; `local/…` was made by `modelgen add`.
        revision: Commit, tag or branch as written; None for the default branch.
        include: Glob patterns of the files to fetch; empty for every file that serving needs.
        exclude: Glob patterns of the files to leave out.
        quant: The quantization of the GGUF file to fetch; None without one.
        mmproj: Whether to fetch the vision part for the GGUF file.
        models: Ids of the models that need it.
        role: Its use: `model`, `tokenizer`, `code`, `lora` or `draft`.
        form: The form that it must have: a `checkpoint`, an `adapter`, or any `files`.
        loaders: How the engines of all models that need it find the weights; empty if that is not known.
        trusted: Whether the code that its configs name may run, in whatever repository it is.
    """

    repo: str
    revision: str | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    quant: str | None = None
    mmproj: bool = False
    models: tuple[str, ...] = field(default=(), compare=False)
    role: str = field(default="model", compare=False)
    form: Form = field(default="files", compare=False)
    loaders: tuple[Loader, ...] = field(default=(), compare=False)
    trusted: bool = field(default=False, compare=False)

    def name(self, among: Iterable[Want]) -> str:
        """Return the repository; if other wants name it too, also the revision and the patterns."""
        if {other for other in among if other.repo == self.repo} <= {self}:
            return self.repo
        revision = f" at {self.revision}" if self.revision else ""
        lists = (("include", self.include), ("exclude", self.exclude))
        picked = [f"quant {self.quant}"] if self.quant else []
        patterns = "; ".join([*picked, *(f"{key} {', '.join(globs)}" for key, globs in lists if globs)])
        return f"{self.repo}{revision}{f' ({patterns})' if patterns else ''}"


def merge(wants: Iterable[Want]) -> list[Want]:
    """Return each want once, with all models that need it, in their first order."""
    merged: dict[Want, Want] = {}
    for want in wants:
        known = merged.get(want, want)
        models = tuple(dict.fromkeys((*known.models, *want.models)))
        form = known.form if known.form != "files" else want.form
        trusted = known.trusted or want.trusted
        merged[want] = replace(known, models=models, form=form, loaders=_loaders(known, want), trusted=trusted)
    return [*merged.values()]


def _loaders(one: Want, other: Want) -> tuple[Loader, ...]:
    """Return the loaders of both; if the loaders of one are not known, add the unknown one."""
    unknown = () if bool(one.loaders) == bool(other.loaders) else (SOME_LOADER,)
    return tuple(dict.fromkeys((*one.loaders, *other.loaders, *unknown)))
