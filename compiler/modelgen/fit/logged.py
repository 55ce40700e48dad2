"""Read from the log of a start which release, model and flags it had, and compare these with a start.

Sources: `Initializing a V1 LLM engine (v…) with config: model=…` of vllm/v1/engine/core.py, and `non-default args: {…}`
of vllm/entrypoints/utils.py, in 0.8.5 to 0.33.0. A log that was cut lacks them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from modelgen.lockfile.repos import repo_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_ENGINE = re.compile(r"LLM engine \(v([0-9][0-9A-Za-z.+-]{0,40})\) with config: model='([^']{1,500})'")
_LENGTH = re.compile(r"\bmax_seq_len=([0-9]{1,9})\b")
_TENSOR = re.compile(r"\btensor_parallel_size=([0-9]{1,4})\b")
_SHARE = re.compile(r"'gpu_memory_utilization': ([0-9.]{1,12})[,}]|Desired GPU memory utilization is \(([0-9.]{1,12}),")
_PRE_RELEASE = re.compile(r"(?:rc[0-9]|\.dev|\+).*")
_SHARE_ERROR = 0.001


class Logged(NamedTuple):
    """The facts in the log of a start; None where it lacks one.

    Args:
        version: The release.
        model: The repository, or a path.
        length: The longest request in tokens.
        tensor: The GPUs that divide every layer.
        share: The share of the memory that it reserved.
    """

    version: str | None = None
    model: str | None = None
    length: int | None = None
    tensor: int | None = None
    share: float | None = None

    def differences(self, version: str, repo: str | None, tensor: int, share: float) -> Iterator[str]:
        """Yield how a start of this release, repository, number of GPUs and share differs, a clause each."""
        if self.version is not None and _PRE_RELEASE.sub("", self.version) != _PRE_RELEASE.sub("", version):
            yield f"release {self.version}, and models.toml has {version}"
        if self.model is not None and repo is not None and not _is_of(self.model, repo):
            yield f"the model {self.model[:200]}, and models.toml has {repo}"
        if self.tensor is not None and self.tensor != tensor:
            yield f"tensor_parallel_size={self.tensor}, and models.toml has {tensor}"
        if self.share is not None and abs(self.share - share) > _SHARE_ERROR:
            yield f"gpu_memory_utilization {self.share:g}, and models.toml gives {share:g}"


def read_logged(lines: Iterable[str]) -> Logged:
    """Return what the log says of its last start."""
    found = Logged()
    share: float | None = None
    for line in lines:
        if (match := _SHARE.search(line)) is not None:
            share = _number(match[1] or match[2])
        if (match := _ENGINE.search(line)) is not None:
            length, tensor = _LENGTH.search(line), _TENSOR.search(line)
            found = Logged(match[1], match[2], int(length[1]) if length else None, int(tensor[1]) if tensor else None)
    return found._replace(share=share)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _is_of(model: str, repo: str) -> bool:
    """Return whether a model on a command line may be a repository; a path names it only below a hub directory."""
    if model == repo or repo_folder(repo) in model:
        return True
    return model.startswith(("/", ".")) and "models--" not in model
