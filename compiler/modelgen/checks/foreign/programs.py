"""Check the programs that entry points of a foreign file name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, rule
from modelgen.engines import ENGINES
from modelgen.engines.images.properties import is_release
from modelgen.engines.images.versions import parse_image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.foreign import Foreign, Service

_PROGRAMS = tuple(program.words for engine in ENGINES.values() if engine.line for program in engine.line.programs)


@rule("MG633", "wrong-entry-point")
def wrong_entry_point(foreign: Foreign) -> Iterator[Found]:
    """An entry point that starts no engine: a program and its command in one word, or without the command.

    ## Why
    Each item of a list is one word. Docker looks for a program with the name `vllm serve`, and finds none: the
    container does not start. `vllm` alone takes the model for a command, and stops with "invalid choice".

    ## Bad
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        entrypoint: ["vllm serve"]
        command: [Qwen/Qwen3-4B]
        gpus: all
    ```

    ## Good
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        entrypoint: [vllm, serve]
        command: [Qwen/Qwen3-4B]
        gpus: all
    ```
    """
    for service in foreign.services.values():
        words = (*(service.entrypoint or ()), *(service.command or ()))
        if not service.entrypoint or service.unread or not words[0].is_known:
            continue
        first, parts = words[0].text, tuple(words[0].text.split())
        # A repository id is no command of any program.
        has_model = len(words) > 1 and words[1].is_known and "/" in words[1].text
        for program in _PROGRAMS:
            if len(parts) > 1 and parts[: len(program)] == program:
                message = f"`{first}` is one word, and no program has that name"
                yield Found(words[0].span, message, _help(foreign, parts))
                break
            if has_model and len(program) == 2 and first == program[0] and _is_of_engine(service):
                message = f"`{first}` takes `{words[1].text}` for one of its commands"
                yield Found(words[0].span, message, _help(foreign, program))
                break


def _help(foreign: Foreign, words: tuple[str, ...]) -> str:
    if foreign.kind == "compose":
        return f"write `[{', '.join(words)}]`"
    return f"write `--entrypoint {words[0]}`, and `{' '.join(words[1:])}` after the image"


def _is_of_engine(service: Service) -> bool:
    """Return whether the image is an engine's own: in another one, a program of that name can be a script."""
    image = parse_image(service.image.text.strip()) if service.image is not None and service.image.is_known else None
    return image is not None and not service.is_built and is_release(image)
