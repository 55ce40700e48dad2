"""Report what of a foreign file could not be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, Severity, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.foreign.context import ForeignContext
    from modelgen.foreign import Foreign, Unread


_MOST_NAMES = 5


@rule("MG600", "unreadable-file")
def unreadable_file(foreign: Foreign) -> Iterator[Found]:
    """A file that cannot be read, or that Compose refuses.

    ## Why
    `modelgen lint` understands Compose files: YAML with `services`. A template is not YAML before it is rendered, and a
    command with an unquoted parenthesis is one that Compose refuses.

    ## Bad
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: Qwen/Qwen3-4B --generation-config (vllm)
        gpus: all
    ```

    ## Good
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: Qwen/Qwen3-4B --generation-config vllm
        gpus: all
    ```
    """
    for one in _all(foreign):
        if one.is_error:
            yield Found(one.place, one.reason)


@rule("MG640", "unread-part", Severity.INFO)
def unread_part(foreign: Foreign) -> Iterator[Found]:
    """A part of the file that is not checked.

    ## Why
    A file that this one names is not there, is not text, or lies on the network. Rules that would need it do not speak.

    ## Bad
    ```yaml
    include: [other.yml]
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B]
        gpus: all
    ```

    ## Good
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B]
        gpus: all
    ```
    """
    for one in _all(foreign):
        if not one.is_error:
            yield Found(one.place, one.reason)


@rule("MG641", "unknown-value-of", Severity.INFO)
def unknown_value_of(foreign: Foreign) -> Iterator[Found]:
    """A variable without a value: what it is part of is not checked.

    ## Why
    The environment of the shell that runs Compose may set it. `modelgen lint` reads the `.env` beside the file, and
    nothing of the environment, so that its findings are the same everywhere.

    ## Bad
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B, --max-model-len, "${LENGTH}"]
        gpus: all
    ```

    ## Good
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B, --max-model-len, "${LENGTH:-16384}"]
        gpus: all
    ```
    """
    names = [*foreign.missing]
    if names:
        shown = ", ".join(f"`{name}`" for name in names[:_MOST_NAMES]) + (" …" if len(names) > _MOST_NAMES else "")
        said = f"{shown} {'has' if len(names) == 1 else 'have'} no value here"
        help_text = "set it in `.env`, or write a default: `${NAME:-default}`"
        yield Found(foreign.missing[names[0]].span, f"{said}: what it is part of is not checked", help_text)


@rule("MG629", "dropped-text", Severity.WARNING)
def dropped_text(context: ForeignContext) -> Iterator[Found]:
    """The end of a command that Compose drops.

    ## Why
    No shell reads a `command` that is one string: Compose splits it at spaces, and ends at the first unquoted `;`, `&`,
    `|`, `<` or `>`, without a message. The engine starts without the flags that follow.

    ## Bad
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: Qwen/Qwen3-4B --enforce-eager 2>&1 | tee /log
        gpus: all
    ```

    ## Good
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: Qwen/Qwen3-4B --enforce-eager
        gpus: all
    ```
    """
    for lifted in context.lifted:
        for place in lifted.server.service.dropped:
            yield Found(place, f"Compose drops the rest of the command of `{lifted.name}`: no shell reads it", _QUOTE)


_QUOTE = "quote the character, or run a shell: `[bash, -c, '…']`"


def _all(foreign: Foreign) -> Iterator[Unread]:
    yield from foreign.unread
    for service in foreign.services.values():
        yield from service.unread
