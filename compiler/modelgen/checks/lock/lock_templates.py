"""Check that models that are asked for chats have a chat template, by the facts in models.lock."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from modelgen.checks.several_models import as_one
from modelgen.diagnostics import Found, Severity, rule
from modelgen.engines.api.warmup import CHAT, architectures
from modelgen.engines.engine import warmup_route
from modelgen.engines.weights.chat_templates import TEMPLATE_FLAG, needs_template
from modelgen.lockfile.facts import TEMPLATE_CONFIGS, TEMPLATE_FILES, TOKENIZER_CONFIG, lacks_facts, lacks_headers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.lockfile.entries import Snapshot
    from modelgen.source import Span

_TOOLS = "enable-auto-tool-choice"


@rule("MG518", "facts-unknown", Severity.INFO)
@as_one("have entries in models.lock without facts that rules compare with flags")
def facts_unknown(context: Context) -> Iterator[tuple[str, Found]]:
    """A lock entry of an older modelgen, without the chat template's place, what code imports, or GGUF headers.

    ## Why
    `modelgen lock` records these facts beside the files. Without them, the rules about chat templates and about
    packages that code imports do not speak, and the memory of a GGUF file is not estimated. The commits in models.lock
    do not change.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    ```

    ```lock
    [[snapshots]]
    repo = "Qwen/Qwen3-4B"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    files = [{ path = "tokenizer_config.json", size = 9732, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    config = '{"architectures": ["Qwen3ForCausalLM"]}'
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    ```

    ```lock
    [[snapshots]]
    repo = "Qwen/Qwen3-4B"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    facts = { chat_template = "tokenizer_config.json" }
    files = [{ path = "tokenizer_config.json", size = 9732, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    config = '{"architectures": ["Qwen3ForCausalLM"]}'
    ```
    """
    for name, pins in context.pins.items():
        chat = _chat_of(context, name)
        for want, entry in pins.needs:
            if entry is None or not lacks_facts(want, entry):
                continue
            has_unknown_code = want.trusted and _has_code(entry)
            if (chat is not None and chat.is_unknown(entry)) or has_unknown_code or lacks_headers(entry):
                text = f"the entry of {want.repo} was written by an older modelgen, and lacks facts that rules need"
                yield name, Found(context.place_of(name, want), text, "run `modelgen lock`")
                break


@rule("MG519", "missing-chat-template", Severity.WARNING)
def missing_chat_template(context: Context) -> Iterator[Found]:
    """A model that generates text and has no chat template.

    ## Why
    vLLM and SGLang start and answer each request to /v1/chat/completions with the error "default chat template is no
    longer allowed" (transformers 4.44). The repositories of most base models have no template. If clients use only
    /v1/completions, turn this rule off.

    ## Bad
    ```toml
    [models.base]
    repo = "google/gemma-3-1b-pt"
    args = { max-model-len = 16384 }
    ```

    ```lock
    [[snapshots]]
    repo = "google/gemma-3-1b-pt"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    facts = {}
    files = [{ path = "tokenizer_config.json", size = 9732, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    config = '{"architectures": ["Gemma3ForCausalLM"]}'
    ```

    ## Good
    ```toml
    [models.base]
    repo = "google/gemma-3-1b-pt"
    args = { max-model-len = 16384, chat-template = "./gemma.jinja" }
    ```
    """
    for name in context.pins:
        chat = _chat_of(context, name)
        if chat is not None and chat.has_none and not _calls_tools(context, name):
            yield Found(
                context.at_origin(name, "repo"),
                f"{context.models[name].repo} has no chat template, so {_title(context, name)} answers chats with an "
                "error",
                'write `chat-template = "./NAME.jinja"` in `args`, use the instruction-tuned model, or write '
                '`missing-chat-template = "off"` in `[rules]` if clients send only completions',
            )


@rule("MG520", "tools-without-template")
def tools_without_template(context: Context) -> Iterator[Found]:
    """Tool calls for a model that has no chat template.

    ## Why
    The template writes the tools into the prompt. Without one, vLLM answers every chat with an error, and a base model
    was not trained to call tools.

    ## Bad
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:v0.19.0"

    [models.gemma]
    repo = "google/gemma-4-31B"
    args = { max-model-len = 16384, enable-auto-tool-choice = true, tool-call-parser = "gemma4" }
    ```

    ```lock
    [[snapshots]]
    repo = "google/gemma-4-31B"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    facts = {}
    files = [{ path = "tokenizer_config.json", size = 9732, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    config = '{"architectures": ["Gemma4ForConditionalGeneration"]}'
    ```

    ## Good
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:v0.19.0"

    [models.gemma]
    repo = "google/gemma-4-31B"

    [models.gemma.args]
    max-model-len = 16384
    enable-auto-tool-choice = true
    tool-call-parser = "gemma4"
    chat-template = "./gemma4.jinja"
    ```
    """
    for name in context.pins:
        chat, arg = _chat_of(context, name), _calls_tools(context, name)
        if chat is not None and chat.has_none and arg:
            key, place = arg
            yield Found(
                place,
                f"`{key}` needs a chat template, but {context.models[name].repo} has none",
                'add `chat-template = "./NAME.jinja"`, or use the instruction-tuned model of this family',
            )


def _title(context: Context, name: str) -> str:
    engine = context.runs[name].engine
    return engine.title if engine else ""


class _Chat(NamedTuple):
    """The entries that may have the template of a model that is asked for chats."""

    entries: tuple[Snapshot, ...]

    @property
    def has_none(self) -> bool:
        """Return whether no template is in any of them; a snapshot without tokenizer_config.json is too unusual."""
        is_usual = any(TOKENIZER_CONFIG in one.by_path for one in self.entries)
        return is_usual and all(one.facts is not None and one.facts.chat_template is None for one in self.entries)

    def is_unknown(self, entry: Snapshot) -> bool:
        """Return whether only the contents of an entry's configs can say whether there is a template."""
        may_have = any(path in entry.by_path for path in TEMPLATE_CONFIGS)
        is_found = any(path in one.by_path for one in self.entries for path in TEMPLATE_FILES)
        return entry in self.entries and may_have and not is_found


def _chat_of(context: Context, name: str) -> _Chat | None:
    """Return where a template may be, if the model needs one and no flag names one; None if that is not certain."""
    run, pins = context.runs[name], context.pins[name]
    engine, entry, args = run.engine, pins.entry, run.args
    if engine is None or entry is None or not engine.asks_template or run.is_fork or TEMPLATE_FLAG in args:
        return None
    is_for_audio = bool({*architectures(pins.config)} & engine.audio)
    if is_for_audio or not needs_template(args, pins.config, entry.by_path):
        return None
    if warmup_route(engine, args, pins.config) != CHAT:
        return None
    if engine.opens is None or engine.opens.tokenizer_flag not in args:
        return _Chat((entry,))
    wanted = args[engine.opens.tokenizer_flag]
    found = next((other for want, other in pins.needs if (want.role, want.repo) == ("tokenizer", wanted)), None)
    return _Chat((entry, found)) if found is not None else None


def _calls_tools(context: Context, name: str) -> tuple[str, Span] | None:
    """Return the flag that enables tool calls, and its place."""
    for arg in context.args_of(name):
        if arg.name == _TOOLS and arg.value is True:
            return arg.key, context.document.at_key(*arg.path)
    return None


def _has_code(entry: Snapshot) -> bool:
    return any(path.endswith(".py") for path in entry.by_path)
