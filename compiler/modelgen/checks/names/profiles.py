"""Check profiles: models that are resident together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, did_you_mean, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context


@rule("MG410", "empty-profile")
def empty_profile(context: Context) -> Iterator[Found]:
    """A profile without models.

    ## Why
    Switching to it would stop everything and start nothing.

    ## Bad
    ```toml
    [profiles.none]
    models = []
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }

    [profiles.text]
    models = ["qwen"]
    ```
    """
    for name, profile in (context.document.config.profiles or {}).items():
        if not profile.models:
            yield Found(context.document.at_value("profiles", name, "models"), f"`{name}` has no models")


@rule("MG411", "unknown-model")
def unknown_model(context: Context) -> Iterator[Found]:
    """A profile names a model that is not there, or one twice.

    ## Why
    The profile would be another than the one that is meant.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }

    [profiles.text]
    models = ["qwne"]
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }

    [profiles.text]
    models = ["qwen"]
    ```
    """
    for name, profile in (context.document.config.profiles or {}).items():
        seen: set[str] = set()
        for number, model in enumerate(profile.models):
            if not context.is_known("models", model):
                place = context.document.at_value("profiles", name, "models", number)
                yield Found(place, f"unknown model `{model}`", did_you_mean(model, context.known_names("models")))
            elif model in seen:
                place = context.document.at_value("profiles", name, "models", number)
                yield Found(place, f"`{name}` names `{model}` twice", "name each model once")
            seen.add(model)


@rule("MG412", "two-defaults")
def two_defaults(context: Context) -> Iterator[Found]:
    """Two profiles are the default.

    ## Why
    One set of models is loaded at start.

    ## Bad
    ```toml
    [models.one]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }

    [profiles.first]
    models = ["one"]
    default = true

    [profiles.second]
    models = ["one"]
    default = true
    ```

    ## Good
    ```toml
    [models.one]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }

    [profiles.first]
    models = ["one"]
    default = true
    ```
    """
    default = [name for name, profile in (context.document.config.profiles or {}).items() if profile.default]
    if len(default) < 2:
        return
    places = sorted((context.document.at_value("profiles", name, "default"), name) for name in default)
    for place, name in places[1:]:
        yield Found(place, f"`{places[0][1]}` is the default already, and so is `{name}`", "keep one")


@rule("MG413", "profile-like-model")
def profile_like_model(context: Context) -> Iterator[Found]:
    """A profile is named like a model and holds something else.

    ## Why
    Every model is a Compose profile of its own name, so `--profile text` would start the one or the other.

    ## Bad
    ```toml
    [models.text]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }

    [models.code]
    repo = "Qwen/Qwen3-8B"
    args = { max-model-len = 16384 }

    [profiles.text]
    models = ["code"]
    ```

    ## Good
    ```toml
    [models.text]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }

    [profiles.text]
    models = ["text"]
    ```
    """
    for name, profile in (context.document.config.profiles or {}).items():
        if context.is_known("models", name) and profile.models and set(profile.models) != {name}:
            yield Found(
                context.document.at_value("profiles", name, "models"),
                f"the profile `{name}` is named like a model, but holds other models",
                "rename the profile",
            )
