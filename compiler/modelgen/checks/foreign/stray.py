"""Check for words of a command that an engine's parser refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, did_you_mean, rule
from modelgen.engines.catalogues import Kind
from modelgen.engines.images.properties import is_fork
from modelgen.lift.recognition import match_program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.foreign.context import ForeignContext
    from modelgen.foreign import Value
    from modelgen.lift.document import Lifted
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
        gpus: all
    ```

    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: vllm serve Qwen/Qwen3-4B
        gpus: all
    ```

    ## Good
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command:
          - Qwen/Qwen3-4B
          - --max-model-len=16384
        gpus: all
    ```
    """
    is_compose = context.foreign.kind == "compose"
    for lifted in context.whole() if context.foreign.kind != "recipe" else ():  # a shell splits a recipe's words again
        server, line = lifted.server, lifted.line
        if server.version is None:
            continue
        if title := _started_twice(server):
            place = (server.service.command or (server.service.name,))[0].span
            yield Found(place, f"the image starts `{title}` itself, and gets the same words as arguments", _TWICE)
        for entry in line.entries.values():
            if is_compose and " " in entry.key and entry.at_key.is_known:
                flag, _, value = entry.at_key.text.partition(" ")
                help_text = f"write `{flag}={value.strip()}`, or two items"
                yield Found(entry.at_key.span, f"`{entry.at_key.text}` is one word, and no flag", help_text)
        for switch, spare in line.spare:
            message = f"`{switch.text}` takes no value: `{spare.text}` belongs to no flag"
            yield Found(spare.span, message, _without_value(switch.text, spare.text))
        second = _second_model(lifted)
        if second is not None and (is_compose or " " not in second.text):
            yield Found(second.span, f"`{second.text}` follows the model, and belongs to no flag", "remove it")
        elif (words := _strays(lifted)) and (is_compose or not any(" " in word.text for word in words)):
            yield Found(words[0].span, *_said_of(words))
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
    if own is not None and service.command[0].text == own.words[-1]:
        return " ".join(own.words)
    return " ".join(named[1].words) if own is not None and named is not None else ""


def _without_value(flag: str, value: str) -> str:
    return f"write `{flag}` alone" if value.lower() == "true" else f"remove `{flag}`, or write its negative form"


def _second_model(lifted: Lifted) -> Value | None:
    """Return a word that stands directly after a positional model."""
    words = lifted.server.words[:2]
    found = [word for word in words if word in lifted.line.positionals]
    is_second = lifted.is_positional and len(found) > 1 and lifted.line.is_whole
    return found[1] if is_second and found[1].text[:1] not in _DASHES else None


def _strays(lifted: Lifted) -> list[Value]:
    """Return the words that are no flag, no value and not the model, of a command whose flags are all known."""
    server, line = lifted.server, lifted.line
    if server.version is None or server.engine.catalogue is None or not line.is_whole:
        return []
    release = server.engine.catalogue().release(server.version)
    entries = (*line.entries.values(), *line.replaced)
    if release.is_newer or any(release.get(entry.name.partition(".")[0]) is None for entry in entries):
        return []  # a flag that is not known may take several values
    spare = [word for _, word in line.spare]
    words = [word for word in line.positionals if word not in spare and not _is_other(word.text)]
    if lifted.is_positional:
        words = [word for word in words if word is not server.words[0]]  # the model, or of MG605
    may_be_model = not lifted.is_positional and (server.program is None or server.program.reads_positional is not False)
    model = next((word for word in words if not _is_no_model(word.text)), None) if may_be_model else None
    return [word for word in words if word is not model]


def _is_other(text: str) -> bool:
    """Return whether a word is reported as something else, or may be the value of a switch of an old release."""
    return text[:1] in _DASHES or text.lower() in ("true", "false")


def _is_no_model(text: str) -> bool:
    return text.startswith("#") or text != text.strip()


def _said_of(words: list[Value]) -> tuple[str, str]:
    """Return what is wrong with words that belong to no flag, and what to write."""
    first = words[0].text
    if first.startswith("\n"):
        why = "a backslash at the end of a line makes the line break a part of the next word"
        return f"`{first.strip()}` begins with a line break, so it is no flag: {why}", "remove the backslash"
    help_text = "remove it: comments cannot stand in a command" if first.startswith("#") else "remove it"
    return f"`{first.strip()}` belongs to no flag", help_text


@rule("MG616", "unknown-negative")
def unknown_negative(context: ForeignContext) -> Iterator[Found]:
    """A flag `--no-…` of which the release has no positive form that can be negated.

    ## Why
    Only a flag that is true or false has a negative form, and in SGLang none. The engine stops with "unrecognized
    arguments".

    ## Bad
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B, --no-quantization]
        gpus: all
    ```

    ## Good
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B, --no-enable-prefix-caching]
        gpus: all
    ```
    """
    for lifted in context.whole():
        server = lifted.server
        if server.version is None or server.engine.catalogue is None or (server.image and is_fork(server.image)):
            continue
        release = server.engine.catalogue().release(server.version)
        for entry in () if release.is_newer else lifted.line.entries.values():
            positive = entry.name.removeprefix("no-")
            if positive == entry.name or entry.value is not True or release.get(entry.name) is not None:
                continue
            flag = release.get(release.canonical(positive))
            switches = [name for name in release.flag_names() if (one := release.get(name)) and one.kind is Kind.BOOL]
            if (flag is not None and flag.kind is Kind.BOOL) or any(name.startswith(positive) for name in switches):
                continue  # argparse completes an abbreviation
            help_text = (
                f"remove it: `--{positive}` has no negative form"
                if flag is not None
                else did_you_mean(entry.name, {f"no-{name}" for name in switches}, list_known=False)
            )
            yield Found(entry.at_key.span, f"{server.title} has no flag `{entry.name}`", help_text or "remove it")


@rule("MG611", "flag-without-value")
def flag_without_value(context: ForeignContext) -> Iterator[Found]:
    """A flag that needs a value and has none.

    ## Why
    The engine's parser stops with "expected one argument", or takes the next flag for the value.

    ## Bad
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B, --max-model-len, --enforce-eager]
        gpus: all
    ```

    ## Good
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B, --max-model-len, "16384", --enforce-eager]
        gpus: all
    ```
    """
    for lifted in context.whole():
        if lifted.server.version is not None and lifted.line.is_whole:
            for word in lifted.line.valueless:
                yield Found(word.span, f"`{word.text}` has no value", "write its value after it, or remove it")
