"""Answer keys that other tools have with what to write in models.toml."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from modelgen.config import familiar_names as names
from modelgen.config.familiar_values import as_toml, bare, converted

if TYPE_CHECKING:
    from collections.abc import Mapping

_MODEL_TABLES = ("models", "defaults")
_MOST_TABLES = 3


def write_instead(path: tuple[str | int, ...], value: Any, tables: Mapping[str, Any]) -> str:  # noqa: ANN401
    """Return what to write in place of the unknown key at `path`, as a help line; empty if it is not familiar.

    Args:
        path: The path of the key.
        value: Its value, whatever TOML holds.
        tables: The whole file: what is there already cannot be written twice.
    """
    *around, key = path
    beside: Any = tables
    for part in around:
        beside = beside.get(part) if isinstance(beside, dict) else None
    if not isinstance(beside, dict):
        return ""
    word = _word(key)
    if around and around[0] in _MODEL_TABLES:
        found = _in_model(str(key), word, value, beside, tables)
    elif around:
        if (around[0], word) == ("engines", "tag") and (image := _tagged(str(around[-1]), value, beside)):
            return _write({}, ("image",), as_toml(image))
        found = _in_table(names.IN_TABLES.get(str(around[0]), {}).get(word, ""), value, beside, tables)
    else:
        found = _at_top(word, value)
    is_known_there = not around or around[0] in _MODEL_TABLES
    return found or (f"remove it: {names.REMOVED[word]}" if is_known_there and word in names.REMOVED else "")


def flag_names(word: str) -> tuple[str, ...]:
    """Return the flags of engines that another tool's name means; that of the default engine is the first."""
    meant = names.FLAGS.get(_word(word))
    return (meant, *names.SPELLINGS.get(meant, {}).values()) if meant else ()


def engine_name(written: str) -> str | None:
    """Return the engine that another tool's name means."""
    return names.ENGINES.get(_word(written))


def is_other_engine(written: str) -> bool:
    """Return whether this is the name of an engine that modelgen runs only as a program."""
    return _word(written) in names.OTHER_ENGINES


def about_tag(repo: str) -> str:
    """Return what to write for a name with a tag, as Ollama and llama.cpp have them; empty for another name."""
    found = re.fullmatch(r"(?:([\w.-]+)/)?([\w.-]+):([\w.-]+)", repo)
    if found is None:
        return ""
    namespace, name, tag = found.groups()
    if namespace and re.match(r"(?:UD-)?I?Q\d|B?F16", tag):
        return f'write `repo = "{namespace}/{name}"` and `quant = "{tag}"`'
    return "this is a name of Ollama's: write the id of the same model on huggingface.co, `namespace/name`"


def sampling_flag(flag: str, value: Any) -> str:  # noqa: ANN401
    """Return vLLM's flag for a sampling parameter that was written as a flag; empty for another."""
    word = _word(flag)
    is_sampling = word in names.SAMPLING and isinstance(value, int | float)
    return f"write `override-generation-config = {{ {word} = {as_toml(value)} }}`" if is_sampling else ""


def _word(key: str | int) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(key)).lower().replace("-", "_")


def _in_model(key: str, word: str, value: Any, beside: Mapping[str, Any], tables: Mapping[str, Any]) -> str:  # noqa: ANN401
    engine = _engine(beside, tables)
    if word in ("cmd", "run") and isinstance(value, str):
        return _command(value, engine)
    if word in names.FLAGS and isinstance(value, str | int):
        return _flag(names.FLAGS[word], value, engine, beside)
    if word in names.SAMPLING and isinstance(value, int | float):
        return _write(beside, ("args", "override-generation-config", word), as_toml(value))
    if word in names.COMPOSE:
        return _write(beside, ("compose", key), as_toml(value) or "…")
    if word == "hub" and value in ("rw", "ro"):
        return "remove it: the hub directory is always read-only; `cache` names directories that a program writes to"
    if (own := names.MODEL_KEYS.get(word)) is None:
        return f"write `{names.ELSEWHERE[word]}`" if word in names.ELSEWHERE else ""
    if own in names.KEYS_OF and (why := _needless(names.KEYS_OF[own], engine)):
        return why
    if own == "idle_timeout" and _is_never(word, value):
        return "remove it: a model stays loaded until another needs its GPU"
    if own == "repo" and own not in beside and isinstance(value, str) and re.match(r"[/~.]|[A-Za-z]:[\\/]", value):
        return adding_own(value)
    if own == "idle_timeout" and word == "keep_alive" and str(value).strip("smh") == "0":  # unload after each answer
        value = 1
    return _write(beside, (own,), converted(own, value, tables) or names.EXAMPLES[own], value)


def _engine(beside: Mapping[str, Any], tables: Mapping[str, Any]) -> str:
    """Return the engine of a model; it may be an unknown one."""
    defaults = tables.get("defaults")
    shared = defaults.get("engine") if isinstance(defaults, dict) else None
    return str(beside.get("engine") or shared or names.DEFAULT_ENGINE)


def _needless(entry: tuple[str, str], engine: str) -> str:
    """Return the help to remove what only one engine takes; empty for that one and for an unknown one."""
    only, why = entry
    return f"remove it: {why.format(engine=engine)}" if engine in names.EVERY_ENGINE and engine != only else ""


def _flag(flag: str, value: str | int, engine: str, beside: Mapping[str, Any]) -> str:
    """Return the help to write a flag as the model's engine names it."""
    if flag in names.FLAGS_OF and engine != "command":
        needless = _needless(names.FLAGS_OF[flag], engine)
        return needless or _write(beside, ("args", flag), as_toml(value))
    if engine == "command":
        return "remove it: write the flags of the program in `command`"
    own = flag if engine == names.DEFAULT_ENGINE else names.SPELLINGS.get(flag, {}).get(engine)
    if own is None and (engine not in names.SAME_FLAGS or flag not in names.SAME_FLAGS[engine]):
        return "write the engine's own flag in `args`"
    return _write(beside, ("args", own or flag), as_toml(value))


def adding_own(path: str) -> str:
    """Return how to use weights of one's own, which `modelgen add` puts into the hub directory."""
    own = re.split(r"[\\/]", path.rstrip("\\/"))[-1]
    name = re.sub(r"[^\w.-]+", "-", own.removesuffix(".gguf")).strip("-.") or "my-model"
    quoted = path if re.fullmatch(r"[\w./~+-]+", path) else json.dumps(path, ensure_ascii=False)
    file = f" and `file = {json.dumps(own, ensure_ascii=False)}`" if own.endswith(".gguf") else ""
    return f'run `modelgen add {quoted} --as local/{name}` and write `repo = "local/{name}"`{file}'


def _command(line: str, engine: str) -> str:
    """Return what to write for a whole command line: modelgen writes those of the engines that it knows."""
    words = re.split(r"[\s/.]+", line)
    meant = next((names.PROGRAMS[word] for word in words if word in names.PROGRAMS), None)
    if meant is None:
        program = json.dumps(line.split(), ensure_ascii=False)
        return (
            f'write `engine = "command"` and `command = {program}`'
            if engine != "command"
            else f"write `command = {program}`"
        )
    if meant == engine:
        return f"remove it: modelgen writes the command line of `{engine}`; its flags belong in `args`"
    return f'write `engine = "{meant}"`: modelgen writes its command line; its flags belong in `args`'


def _is_never(word: str, value: Any) -> bool:  # noqa: ANN401
    """Return whether a time means that a model is never unloaded: below 0 in Ollama, 0 in llama-swap."""
    text = str(value).strip()
    return value is not False and (text.startswith("-") or (word != "keep_alive" and text.strip("smh") == "0"))


def _write(table: Mapping[str, Any], keys: tuple[str, ...], written: str, value: Any = None) -> str:  # noqa: ANN401
    """Return the help to write a value below `table`. A key that is there already cannot be written twice."""
    inside: list[str] = []
    while len(keys) > 1 and keys[0] in table:
        inside.append(keys[0])
        table = table[keys[0]] if isinstance(table[keys[0]], dict) else {}
        keys = keys[1:]
    place = f" in `{'.'.join(inside)}`" if inside else ""
    if keys[0] not in table:
        *outer, last = keys
        text = f"{bare(last)} = {written}"
        for key in reversed(outer):
            text = f"{key} = {{ {text} }}"
        return f"write `{text}`{place}"
    if isinstance(table[keys[0]], dict) and value:
        if isinstance(value, dict) and len(value) == 1 and (entry := as_toml(next(iter(value.values())))):
            return f"write `{bare(next(iter(value)))} = {entry}` in `{keys[0]}`"
        return f"move its entries to `{keys[0]}`"
    return f"remove it: `{keys[0]}` is set already{place}"


def _in_table(example: str, value: Any, beside: Mapping[str, Any], tables: Mapping[str, Any]) -> str:  # noqa: ANN401
    if not example:
        return ""
    own, _, usual = example.partition(" = ")
    if own == "listen":
        return _write(beside, (own,), _address(beside))
    return _write(beside, (own,), converted(own, value, tables) or usual, value)


def _address(beside: Mapping[str, Any]) -> str:
    """Return the address that the keys for host and port of other tools mean together."""
    host, port = "127.0.0.1", "8080"
    for key, value in beside.items():
        if not names.IN_TABLES["orchestrator"].get(_word(key), "").startswith("listen"):
            continue
        text = str(value[0] if isinstance(value, list) and value else value).strip()
        if isinstance(value, bool):
            continue
        if found := re.fullmatch(r"(?:(\[[\da-f:]+\]|[\w.-]*|\*):)?(\d{2,5})(?::\d+)?", text):
            host, port = found[1] or ("0.0.0.0" if text.startswith(":") else host), found[2]  # noqa: S104
        elif re.fullmatch(r"[\w.-]+|\*|[\da-f:]+", text):
            host = f"[{text}]" if ":" in text else text
    host = {"*": "0.0.0.0", "localhost": "127.0.0.1"}.get(host, host)  # noqa: S104 - written so by the user
    return json.dumps(f"{host}:{port}")


def _tagged(engine: str, tag: Any, beside: Mapping[str, Any]) -> str:  # noqa: ANN401
    """Return the image with a tag that was written as a key of its own; empty if it is not known which."""
    image = beside.get("image", names.IMAGES.get(engine))
    is_whole = isinstance(image, str) and ":" not in image.rpartition("/")[2] and "@" not in image
    return f"{image}:{tag}" if is_whole and isinstance(tag, str) and re.fullmatch(r"[\w][\w.-]{0,127}", tag) else ""


def _at_top(word: str, value: Any) -> str:  # noqa: ANN401
    written = names.IN_TABLES[""].get(word, "")
    table = re.fullmatch(r"\[(\w+)\.(?:ID|NAME)\]", written)
    if not table or not isinstance(value, dict) or not all(isinstance(item, dict) for item in value.values()):
        return f"write `{written}`" if written else ""
    shown = [f"`[{table[1]}.{bare(name)}]`" for name in [*value][:_MOST_TABLES]]
    return f"write {', '.join(shown)}{' …' if len(value) > _MOST_TABLES else ''}" if shown else f"write `{written}`"
