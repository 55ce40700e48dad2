"""Recognize the inference engine that a service runs: by its program, or by the image and what that starts itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from modelgen.engines import ENGINES
from modelgen.engines.images import properties
from modelgen.engines.images.versions import Image, parse_image
from modelgen.foreign.shell.words import ALL_ARGUMENTS, commands
from modelgen.foreign.values import UNKNOWN, Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modelgen.engines.engine import Engine
    from modelgen.engines.facts import Program
    from modelgen.engines.images.versions import Version
    from modelgen.foreign.services import Service

_PYTHON = re.compile(r"python(?:3(?:\.\d+)?)?")
_SHELLS = ("sh", "bash", "dash", "ash", "zsh")
_WRAPPERS = ("tini", "dumb-init", "env", "exec", "nvidia_entrypoint.sh", "catatonit")
_UV_VALUES = ("--with", "--python", "-p", "--project", "--directory", "--extra", "--group", "--env-file")
_NO_SERVER = ("--help", "-h", "--version")
_MOST_WORDS = 10_000
_SHORT_C = re.compile(r"-[a-z]*c")
LINES = {name: engine.line for name, engine in ENGINES.items() if engine.line is not None}


class Server(NamedTuple):
    """An engine's server as a service starts it.

    Args:
        service: The service.
        engine: The engine.
        image: Its image; None without one, or where it is not known.
        version: The engine's version; None if it is not known.
        is_release: Whether the image is the engine's own, so that its facts hold.
        program: The program that starts it; None where the image's own is not known.
        words: What follows the program.
        is_direct: Whether the container runs it alone: no script, and no other image around it.
    """

    service: Service
    engine: Engine
    image: Image | None
    version: Version | None
    is_release: bool
    program: Program | None
    words: tuple[Value, ...]
    is_direct: bool

    @property
    def title(self) -> str:
        """The engine and its version, for messages."""
        return f"{self.engine.title} {self.version.text}" if self.version else self.engine.title


class Unrecognized(NamedTuple):
    """A service with an engine's image whose command is not understood: the reason."""

    service: Service
    reason: str


def recognize(service: Service, assumed: Mapping[str, Version]) -> Server | Unrecognized | None:
    """Return the server that a service runs; None for one that is no engine.

    Args:
        service: The service as written.
        assumed: The versions to assume where an image does not tell its own, by the engine's name.
    """
    image = _image(service)
    published, owner = _owner(image)
    # A program on the host is the engine itself, and no image can have changed it.
    is_release = (service.on_host and service.image is None and not service.is_built) or (
        published and image is not None and properties.is_release(image) and not service.is_built
    )
    version = properties.version_of(image) if image and is_release else None
    started, is_direct = _named(service) or _started(service)
    found: tuple[Engine, Program | None, tuple[Value, ...]] | None = started
    if found is None and service.entrypoint is None and owner is not None:
        found = _by_image(service, owner, image, version or assumed.get(owner.name), is_published=published)
    if found is None:
        if owner is not None and published and service.command is not None and not service.unread:
            return Unrecognized(service, f"its command is none that starts {owner.title}")
        return None
    engine, program, words = found
    if len(words) > _MOST_WORDS:
        return Unrecognized(service, f"its command has more than {_MOST_WORDS:,} words")
    if any(word.text.partition("=")[0] in _NO_SERVER for word in words):
        return None
    if engine.line and any(word.text.lstrip("-") in engine.line.fork_flags for word in words):
        is_release = False
    if owner is not engine and not service.on_host:
        is_release, version = False, None
    return Server(
        service=service,
        engine=engine,
        image=image,
        version=version or assumed.get(engine.name),
        is_release=is_release,
        program=program,
        words=words,
        is_direct=is_direct,
    )


def _image(service: Service) -> Image | None:
    """Return the parts of an image; a tag that is not known is None."""
    if service.image is None:
        return None
    text = service.image.text.strip()
    if UNKNOWN not in text:
        return parse_image(text)
    name = text.partition(UNKNOWN)[0]
    return parse_image(name.removesuffix(":")) if name.endswith(":") else None


def _owner(image: Image | None) -> tuple[bool, Engine | None]:
    """Return the engine of an image, and whether it is one that the engine describes."""
    if image is None:
        return False, None
    for engine in ENGINES.values():
        if engine.line and any(one.name.fullmatch(image.name) for one in engine.images):
            return True, engine
    last = image.name.rpartition("/")[2]
    names = (name for name, line in LINES.items() if line.image_names.search(last))
    return False, next((ENGINES[name] for name in names), None)


def _named(service: Service) -> tuple[tuple[Engine, Program, tuple[Value, ...]], bool] | None:
    """Return the engine that the kind of file names."""
    line = LINES.get(service.engine)
    return ((ENGINES[service.engine], line.programs[0], service.command or ()), True) if line else None


def _started(service: Service) -> tuple[tuple[Engine, Program, tuple[Value, ...]] | None, bool]:
    """Return the program that the written words start, and whether they start it alone."""
    words = (*(service.entrypoint or ()), *(service.command or ()))
    if service.unread:
        return None, False
    while words and (length := _wrapper(words)):
        words = words[length:]
        while words and words[0].text.startswith("-"):
            words = words[1:]
    if found := match_program(words):
        return found, True
    if not words or words[0].text.rpartition("/")[2] not in _SHELLS:
        return None, True
    return _in_script(service, words[1:]), False


def _wrapper(words: Sequence[Value]) -> int:
    """Return how many words of a program that only starts another one come first: `tini`, or `uv run --with vllm`."""
    names = [word.text.rpartition("/")[2] for word in words[:2]]
    if names != ["uv", "run"]:
        return int(names[0] in _WRAPPERS)
    length = 2
    while length + 1 < len(words) and words[length].text in _UV_VALUES:
        length += 2
    return length


def _in_script(service: Service, words: Sequence[Value]) -> tuple[Engine, Program, tuple[Value, ...]] | None:
    """Return the server that `sh -c SCRIPT` starts, the last one; its `"$@"` is what follows the script."""
    at = next((number for number, word in enumerate(words) if _SHORT_C.fullmatch(word.text)), -1)
    if at < 0 or at + 1 >= len(words):
        return None
    known = {
        name: one.value.text for name, one in service.variables.items() if one.value is not None and one.value.is_known
    }
    rest = tuple(words[at + 3 :])
    result = None
    for command in commands(words[at + 1], known):
        filled = tuple(item for word in command.words for item in (rest if word.text == ALL_ARGUMENTS else (word,)))
        result = match_program(filled) or result
    return result


def match_program(words: Sequence[Value]) -> tuple[Engine, Program, tuple[Value, ...]] | None:
    """Return the engine whose server these words start, the program, and what follows it."""
    if not words:
        return None
    first = words[0].text.rpartition("/")[2]
    first = first.removesuffix(".exe")
    names = ["python" if _PYTHON.fullmatch(first) else first, *(word.text for word in words[1:4])]
    if names[0] == "python" and names[1:2] == ["-u"]:
        names.pop(1)
    skipped = 1 if len(words) > 1 and names[0] == "python" and words[1].text == "-u" else 0
    for name, line in LINES.items():
        for program in line.programs:
            # Builds of one program stand side by side as `llama-server-b6500` or `llama-server-vulkan`.
            is_build = len(program.words) == 1 and names[0].startswith(f"{program.words[0]}-")
            if is_build or tuple(names[: len(program.words)]) == program.words:
                return ENGINES[name], program, tuple(words[len(program.words) + skipped :])
    return None


def _by_image(
    service: Service, engine: Engine, image: Image | None, version: Version | None, *, is_published: bool
) -> tuple[Engine, Program | None, tuple[Value, ...]] | None:
    """Return the server that the image starts by itself, with the command as its arguments."""
    words = service.command or ()
    line = engine.line
    if line is None or image is None:
        return None
    program = line.own_program(image, version) if is_published and not service.is_built else None
    if program is not None:
        names = (*program.words, *(word.text for word in words[:1]))
        longer = next((one for one in line.programs if one.words == names), None)
        if longer is not None:
            return engine, longer, tuple(words[1:])
        if words and words[0].text == program.words[-1]:  # `serve` of an image that starts `vllm serve`
            return engine, program, tuple(words[1:])
    if words and not words[0].text.startswith("-") and not _is_model(words[0].text, is_published=is_published):
        return None
    if not words and not is_published:
        return None
    if not is_published and not any(word.text.partition("=")[0] in _flags_of(engine) for word in words):
        return None
    return engine, program, tuple(words)


def _flags_of(engine: Engine) -> frozenset[str]:
    line = engine.line
    names = (*(line.model if line else ()), line.names if line else "", line.share if line else "", engine.length)
    return frozenset(f"--{name}" for name in names if name)


def _is_model(text: str, *, is_published: bool) -> bool:
    """Return whether a first word can be a model, and is no program such as `bash` or `/start.sh`."""
    return (
        is_published
        and re.fullmatch(r"[\w.-]+/[\w.-]+|/\S*[^/.]|\ufffc", text) is not None
        and not text.endswith(".sh")
    )
