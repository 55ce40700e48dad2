"""Run the look-ups with an engine's own functions. This is a program that runs beside the engine; it is never imported.

It runs inside the engine's image, or beside the host's transformers, as `python3 -c`, so it imports nothing of
modelgen. It reads one JSON document on stdin and writes one to stdout:

    {"engine": "transformers", "seconds": 60, "models": {"id": {"model": …}}}
    {"version": "4.57.1", "models": {"id": {"passed": ["config"], "failed": {"tokenizer": "OSError: …"}}}}

If an import fails, `unimported` names it, and nothing is looked up.

A look-up that this release cannot make, such as one whose function does not exist in it, is in neither list.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    LookUps = Iterator[tuple[str, Callable[[], Any]]]

MOST = 600  # maximum characters of an error
unimported: list[str] = []  # why expected modules cannot be imported
# Errors of a look-up that needs a GPU, which is not available here.
NO_GPU = ("device type", "nvidia driver", "libcuda", "no cuda gpus", "cuda driver", "hip gpus")


def first(*names: str) -> Any:  # noqa: ANN401 - a function of whatever release is here
    """Return the first of some functions, `module:name`, that this release has, or None."""
    for name in names:
        module, _, attribute = name.partition(":")
        try:
            return getattr(importlib.import_module(module), attribute)
        except AttributeError:
            continue
        except ImportError as error:
            package = module.partition(".")[0]
            # A missing module of this release is not an error of the image; a missing package or dependency is.
            if error.name == package or not (error.name or "").startswith(f"{package}."):
                unimported.append(reason(error))
    return None


def accepted(function: Any, **given: Any) -> dict[str, Any]:  # noqa: ANN401 - the same
    """Return the arguments that a function accepts in this release."""
    parameters = inspect.signature(function).parameters
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    return {name: value for name, value in given.items() if takes_all or name in parameters}


def transformers(asked: dict[str, Any]) -> LookUps:
    """Yield the look-ups of transformers itself, which runs no code of a repository on a host."""
    config = first("transformers:AutoConfig")
    tokenizer = first("transformers:AutoTokenizer")
    safe = {"trust_remote_code": False, "local_files_only": True}
    if config is not None and asked["config"]:
        yield "config", lambda: config.from_pretrained(asked["config"], revision=asked["config_revision"], **safe)
    if tokenizer is not None and asked["tokenizer"]:
        name, revision = asked["tokenizer"], asked["tokenizer_revision"]
        yield "tokenizer", lambda: known(tokenizer.from_pretrained(name, revision=revision, **safe))


def vllm(asked: dict[str, Any]) -> LookUps:
    """Yield the look-ups of vLLM."""
    get_config = first("vllm.transformers_utils.config:get_config")
    code = {"trust_remote_code": asked["trust_remote_code"]}
    if get_config is not None:
        given = {"code_revision": asked["code_revision"], "config_format": asked["config_format"]}
        revision = asked["config_revision"]
        yield "config", lambda: get_config(asked["config"], revision=revision, **code, **accepted(get_config, **given))
    get_tokenizer = first("vllm.tokenizers:get_tokenizer", "vllm.transformers_utils.tokenizer:get_tokenizer")
    if get_tokenizer is not None and asked["tokenizer"]:
        given = {"tokenizer_mode": asked["tokenizer_mode"], "revision": asked["tokenizer_revision"]}
        yield from tokenizer_and_template(asked, lambda: get_tokenizer(asked["tokenizer"], **given, **code))
    get_pooling = first("vllm.transformers_utils.config:get_pooling_config")
    if get_pooling is not None and asked["is_pooling"]:
        yield "modules", lambda: get_pooling(asked["model"], asked["revision"])
    get_processor = first("vllm.transformers_utils.processor:get_processor")
    if get_processor is not None and asked["processor"]:
        yield (
            "processor",
            lambda: get_processor(asked["model"], **accepted(get_processor, revision=asked["revision"]), **code),
        )
    yield from weights(asked, "vllm.config:LoadConfig", "vllm.config.load:LoadConfig", package="vllm.model_executor")


def sglang(asked: dict[str, Any]) -> LookUps:
    """Yield the look-ups of SGLang."""
    modules = ("sglang.srt.utils.hf_transformers_utils", "sglang.srt.hf_transformers_utils")
    get_config, get_tokenizer, get_processor = (
        first(*(f"{module}:{name}" for module in modules)) for name in ("get_config", "get_tokenizer", "get_processor")
    )
    code = {"trust_remote_code": asked["trust_remote_code"]}
    if get_config is not None:
        yield "config", lambda: get_config(asked["config"], revision=asked["config_revision"], **code)
    if get_tokenizer is not None and asked["tokenizer"]:
        given = {"tokenizer_mode": asked["tokenizer_mode"], "tokenizer_revision": asked["tokenizer_revision"]}
        yield from tokenizer_and_template(asked, lambda: get_tokenizer(asked["tokenizer"], **given, **code))
    if get_processor is not None and asked["processor"]:
        yield "processor", lambda: get_processor(asked["tokenizer"], tokenizer_revision=asked["revision"], **code)
    yield from weights(asked, "sglang.srt.configs.load_config:LoadConfig", package="sglang.srt")


def tokenizer_and_template(asked: dict[str, Any], load: Callable[[], Any]) -> LookUps:
    """Yield the look-up of a tokenizer, then that of its chat template."""
    found = []

    def tokenizer() -> None:
        found.append(known(load()))

    yield "tokenizer", tokenizer
    if found and (getattr(found[0], "chat_template", None) or asked["tokenizer_mode"] == "mistral"):
        yield "chat-template", lambda: None


def known(tokenizer: Any) -> Any:  # noqa: ANN401 - of any class
    """Return a tokenizer; transformers 5 makes an empty one without files."""
    sizes = [len(tokenizer)] if hasattr(tokenizer, "__len__") else []
    if sizes and sizes[0] <= len(getattr(tokenizer, "all_special_ids", ())):
        raise OSError("the tokenizer has no vocabulary: none of its files was found")
    return tokenizer


def weights(asked: dict[str, Any], *configs: str, package: str) -> LookUps:
    """Yield the look-up of the files of weights, for a loader that lists them before it reads them."""
    load_config = first(*configs)
    get_loader = first(f"{package}.model_loader:get_model_loader", f"{package}.model_loader.loader:get_model_loader")
    if load_config is None or get_loader is None or not asked["reads_weights"]:
        return
    options = {"load_format": asked["load_format"], "ignore_patterns": asked["ignore_patterns"]}
    loader = get_loader(load_config(**{name: value for name, value in options.items() if value}))
    prepare = getattr(loader, "_prepare_weights", None)
    if prepare is None:
        return
    values = {"model_name_or_path": asked["model"], "revision": asked["revision"], "subfolder": None}
    values |= {"fall_back_to_pt": True, "allow_patterns_overrides": None}
    given = accepted(prepare, **values)
    needed = [name for name, item in inspect.signature(prepare).parameters.items() if item.default is item.empty]
    if {*needed} <= {*given}:
        yield "weights", lambda: prepare(**given)


ENGINES = {"transformers": transformers, "vllm": vllm, "sglang": sglang}


def answer(engine: Callable[[dict[str, Any]], LookUps], asked: dict[str, Any]) -> dict[str, Any]:
    """Return which look-ups of a model passed, and why the others failed."""
    passed: list[str] = []
    failed: dict[str, str] = {}
    try:
        for name, look_up in engine(asked):
            try:
                look_up()
                passed.append(name)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever an engine, or code of a repository, raises
                said = reason(error)
                if not needs_gpu(said):
                    failed[name] = said
    except Exception as error:  # noqa: BLE001 - the rest cannot be looked up in this release
        sys.stderr.write(f"the look-ups stop here: {reason(error)}\n")
    return {"passed": passed, "failed": failed}


def needs_gpu(said: str) -> bool:
    """Return whether an error is about the missing GPU."""
    return any(words in said.lower() for words in NO_GPU)


def reason(error: BaseException) -> str:
    """Return an error in one line, with its cause if that has more information."""
    text = f"{type(error).__name__}: {error}"
    cause = error.__cause__ or error.__context__
    if isinstance(cause, OSError) and str(cause) not in text:
        text = f"{text} ({type(cause).__name__}: {cause})"
    return " ".join(text.split())[:MOST]


def main() -> None:
    """Read the request and write the answer; all other output goes to stderr."""
    own = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    asked = json.load(sys.stdin)
    if hasattr(signal, "alarm"):
        signal.alarm(int(asked["seconds"]))
    engine = ENGINES[asked["engine"]]
    models = {name: answer(engine, model) for name, model in asked["models"].items()}
    version = getattr(sys.modules.get(asked["engine"]), "__version__", None)
    answers = {"version": version, "models": models}
    has_answers = any(one["passed"] or one["failed"] for one in models.values())
    if unimported and not has_answers and not needs_gpu(unimported[0]):
        answers["unimported"] = unimported[0]
    json.dump(answers, own)
    own.close()
    os._exit(0)  # threads of an engine may never end


if __name__ == "__main__":
    main()
