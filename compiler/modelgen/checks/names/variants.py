"""Check the variants of models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.config import Variant
    from modelgen.load.locator import Path

_OWN = {
    "model": "the variant's name selects the model",
    "stream": "clients read an answer as they asked for it",
    **dict.fromkeys(("messages", "prompt", "input"), "it is what the client asks"),
}


@rule("MG438", "variant-key")
def variant_key(context: Context) -> Iterator[Found]:
    """A variant that edits a parameter twice, or one that only the client can choose.

    ## Why
    `model` selects the model, `stream` the form of the answer, and `messages`, `prompt` and `input` are the question. A
    parameter is in one of `defaults`, `set_params` and `strip_params`: the others would have no effect.

    ## Bad
    ```toml
    [models.qwen]
    variants = { fast = { set_params = { stream = true, temperature = 0 } } }
    ```

    ## Good
    ```toml
    [models.qwen]
    variants = { fast = { set_params = { temperature = 0 } } }
    ```
    """
    for name, model in (context.document.config.models or {}).items():
        for key, variant in (model.variants or {}).items():
            taken: dict[str, str] = {}
            for table, parameter, path in _parameters(variant, ("models", name, "variants", key)):
                place = context.document.at_value(*path) if table == "strip_params" else context.document.at_key(*path)
                if parameter in _OWN:
                    yield Found(place, f"a variant cannot edit `{parameter}`: {_OWN[parameter]}", "remove it")
                elif (other := taken.setdefault(parameter, table)) != table:
                    yield Found(place, f"`{parameter}` is in `{other}` already", "remove it from one of them")


def _parameters(variant: Variant, path: Path) -> Iterator[tuple[str, str, Path]]:
    """Yield each parameter with its table and its path."""
    for table, parameters in (("set_params", variant.set_params), ("defaults", variant.defaults)):
        for parameter in parameters or ():
            yield table, parameter, (*path, table, parameter)
    for number, parameter in enumerate(variant.strip_params or ()):
        yield "strip_params", parameter, (*path, "strip_params", number)
