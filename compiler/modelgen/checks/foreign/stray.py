"""Check for words of a command that an engine's parser refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, rule
from modelgen.lift.recognition import match_program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.foreign.context import ForeignContext
    from modelgen.lift.recognition import Server

_DASHES = "\u2013\u2014"


@rule("MG612", "stray-word")
def stray_word(context: ForeignContext) -> Iterator[Found]:
    """A word of a command that belongs to no flag.

    ## Why
    Each item of a list is one word: `--max-model-len 4096` as an item is no flag, and the engine stops with
    "unrecognized arguments". So it does after a typographic dash, and after the name of the program that the image
    starts already.

    ## Bad
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command:
          - Qwen/Qwen3-4B
          - --max-model-len 16384
    ```

    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: vllm serve Qwen/Qwen3-4B
    ```

    ## Good
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command:
          - Qwen/Qwen3-4B
          - --max-model-len=16384
    ```
    """
    for lifted in context.whole() if context.foreign.kind == "compose" else ():
        server, line = lifted.server, lifted.line
        if server.version is None:
            continue
        if title := _started_twice(server):
            place = (server.service.command or (server.service.name,))[0].span
            yield Found(place, f"the image starts `{title}` itself, and gets the same words as arguments", _TWICE)
        for entry in line.entries.values():
            if " " in entry.key and entry.at_key.is_known:
                flag, _, value = entry.at_key.text.partition(" ")
                help_text = f"write `{flag}={value.strip()}`, or two items"
                yield Found(entry.at_key.span, f"`{entry.at_key.text}` is one word, and no flag", help_text)
        for word in line.positionals:
            if word.text[:1] in _DASHES:
                yield Found(word.span, f"`{word.text}` begins with a typographic dash", "write `--`")


_TWICE = "remove these words, or write them as `entrypoint`"


def _started_twice(server: Server) -> str:
    """Return the program that the image starts and the command names again; empty if it does not."""
    service, line = server.service, server.engine.line
    if line is None or server.image is None or service.entrypoint is not None or not service.command:
        return ""
    own = line.own_program(server.image, server.version)
    named = match_program(service.command)
    return " ".join(named[1].words) if own is not None and named is not None else ""
