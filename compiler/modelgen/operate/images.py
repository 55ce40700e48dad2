"""Resolve an image's name to its digest: in the local engine, then in the registry, through Docker's command line.

This way Docker's own credentials, mirrors and proxies apply. All look-ups together have a few seconds; an image that is
not resolved by then stays unresolved.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from modelgen.operate.programs import ask as ask_program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PATIENCE = 5.0
"""Time limit in seconds for all images together."""
_AT_ONCE = 16  # prefix of one registry's error
_TRANSPORT = re.compile(r"^(?:failed to configure transport: )?error pinging v2 registry: ")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True)
class Digests:
    """The digests of an image.

    Args:
        config: Digest of its configuration: its id in Docker's classic store, which `save` and `load` keep.
        manifest: Digest by which `name@digest` pulls it: of its manifest or of its index.
        problem: Why one of them is unknown.
    """

    config: str | None = None
    manifest: str | None = None
    problem: str = ""

    @property
    def is_known(self) -> bool:
        """Return whether one of them is known."""
        return self.config is not None or self.manifest is not None

    @property
    def is_complete(self) -> bool:
        """Return whether both are known."""
        return self.config is not None and self.manifest is not None


def look_up(references: Iterable[str], arch: str, *, local_only: bool = False) -> dict[str, Digests]:
    """Return the digests of each image that can be found within `PATIENCE`.

    Args:
        references: The images as in models.toml.
        arch: The architecture of the host that runs them, as in Docker's platforms.
        local_only: Do not look in the registry.
    """
    names = [*dict.fromkeys(references)]
    docker = shutil.which("docker")
    if docker is None:
        return {name: Digests(problem="the command `docker` is not installed") for name in names}
    if not names:
        return {}
    end = time.monotonic() + PATIENCE

    def ask(name: str) -> Digests:
        def run(*arguments: str) -> Any:  # noqa: ANN401 - whatever JSON it prints
            return _run([docker, *arguments], end)

        return _look_up(name, arch, run, local_only=local_only)

    with contextlib.ExitStack() as stack:
        # A registry that does not answer must not delay the others.
        registries = {_full(name).partition("/")[0] for name in names}
        pools = {registry: stack.enter_context(ThreadPoolExecutor(_AT_ONCE)) for registry in registries}
        asked = {name: pools[_full(name).partition("/")[0]].submit(ask, name) for name in names}
        return {name: future.result() for name, future in asked.items()}


def _look_up(name: str, arch: str, run: Callable[..., Any], *, local_only: bool) -> Digests:
    here = _of_engine(run("image", "inspect", name), name, arch)
    if here.is_complete or local_only:
        return here if here.is_known else replace(here, problem="the local engine does not have it")
    # Look up the digest if it is known, since the tag may have moved.
    target = f"{_without_tag(name)}@{here.manifest}" if here.manifest else name
    printed = run("manifest", "inspect", "--verbose", target)
    there = _of_registry(printed, arch)
    if here.manifest:
        return replace(here, config=there.config)
    if here.config:  # the image may have been built or loaded here and differ from the registry's
        return there if there.config == here.config else here
    return there if there.is_known else replace(there, problem=_problem(printed, arch))


def _run(command: list[str], end: float) -> Any:  # noqa: ANN401 - whatever JSON it prints
    """Return the JSON that a command printed, the text of its failure, or None if it ran out of time."""
    answer = ask_program(command, end - time.monotonic())
    if answer.is_late:
        return None
    if not answer.is_good:
        return answer.errors or f"`docker` ended with {answer.code}"
    try:
        return json.loads(answer.output)
    except (ValueError, RecursionError):
        return "`docker` printed no JSON"


def _of_engine(printed: Any, name: str, arch: str) -> Digests:  # noqa: ANN401 - whatever Docker printed
    written = _digest(name.partition("@")[2])
    image = printed[0] if isinstance(printed, list) and printed and isinstance(printed[0], dict) else {}
    if image.get("Architecture") != arch:
        return Digests(manifest=written)
    digests = [str(item).partition("@") for item in image.get("RepoDigests") or ()]
    own = [_digest(digest) for repo, _, digest in digests if _full(repo) == _full(name)]
    id_ = str(image.get("Id"))
    # In containerd's store, an image's id is the digest of its manifest or index.
    is_config = id_ not in {digest for *_, digest in digests}
    return Digests(_digest(id_) if is_config else None, written or (own[0] if own else None))


def _digest(text: str) -> str | None:
    return text if _DIGEST.fullmatch(text) else None


def _without_tag(name: str) -> str:
    """Return a reference without its tag and digest; a port has a slash after it."""
    folder, slash, last = name.partition("@")[0].rpartition("/")
    return f"{folder}{slash}{last.partition(':')[0]}"


def _full(name: str) -> str:
    """Return a repository's full name, with the parts that Docker omits."""
    name = _without_tag(name).removeprefix("docker.io/")
    host, slash, _ = name.partition("/")
    if not slash:
        return f"docker.io/library/{name}"
    return name if "." in host or ":" in host or host == "localhost" else f"docker.io/{name}"


def _of_registry(printed: Any, arch: str) -> Digests:  # noqa: ANN401 - whatever Docker printed
    """Parse `docker manifest inspect --verbose`: one manifest, or the list of an index."""
    manifests = printed if isinstance(printed, list) else [printed]
    for manifest in manifests:
        descriptor = manifest.get("Descriptor") if isinstance(manifest, dict) else None
        if not isinstance(descriptor, dict):
            continue
        platform = descriptor.get("platform") or {}
        is_ours = (platform.get("os"), platform.get("architecture")) == ("linux", arch)
        if is_ours or (len(manifests) == 1 and not platform):
            return Digests(_config_of(manifest), _digest(str(descriptor.get("digest"))))
    return Digests()


def _config_of(manifest: dict[str, Any]) -> str | None:
    inner = manifest.get("SchemaV2Manifest") or manifest.get("OCIManifest") or {}
    return _digest(str((inner.get("config") or {}).get("digest")))


def _problem(printed: Any, arch: str) -> str:  # noqa: ANN401 - whatever Docker printed
    if printed is None:
        return f"no answer within {PATIENCE:.0f} s"
    if isinstance(printed, str):
        return textwrap.shorten(_TRANSPORT.sub("", printed.splitlines()[0]), 200, placeholder=" …")
    return f"the registry has none for {arch}"
