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
    [profiles.text]
    models = ["qwen"]
    ```
    """
    for name, profile in (context.document.config.profiles or {}).items():
        if not profile.models:
            place = context.document.at_value("profiles", name, "models")
            yield Found(
                place, f"the profile `{name}` has no models", f"remove `[profiles.{name}]`, or write its models"
            )


@rule("MG411", "unknown-model")
def unknown_model(context: Context) -> Iterator[Found]:
    """A profile with a model that does not exist, or with a model twice.

    ## Why
    The profile would not contain the intended models.

    ## Bad
    ```toml
    [profiles.text]
    models = ["qwne"]
    ```

    ## Good
    ```toml
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
                yield Found(place, f"`{name}` has `{model}` twice", "remove it: each model is written once")
            seen.add(model)


@rule("MG412", "two-defaults")
def two_defaults(context: Context) -> Iterator[Found]:
    """Two profiles with `default = true`.

    ## Why
    Only one profile is loaded at start.

    ## Bad
    ```toml
    [profiles.first]
    models = ["qwen"]
    default = true

    [profiles.second]
    models = ["qwen"]
    default = true
    ```

    ## Good
    ```toml
    [profiles.first]
    models = ["qwen"]
    default = true
    ```
    """
    default = [name for name, profile in (context.document.config.profiles or {}).items() if profile.default]
    if len(default) < 2:
        return
    places = sorted((context.document.at_value("profiles", name, "default"), name) for name in default)
    for place, name in places[1:]:
        yield Found(
            place, f"the profiles `{places[0][1]}` and `{name}` are both the default", "remove it, or the other one"
        )


@rule("MG413", "profile-like-model")
def profile_like_model(context: Context) -> Iterator[Found]:
    """A profile that has the name of a model but contains other models.

    ## Why
    Every model is also a Compose profile of its own name, so `--profile text` would be ambiguous.

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
                f"the profile `{name}` has the name of a model, but contains other models",
                f'write `models = ["{name}"]`, or rename the profile',
            )
