"""Define the values and the tables that a model's table holds."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from modelgen.config.table import Table


def _check_finite(value: Any) -> None:  # noqa: ANN401 - whatever TOML holds
    if isinstance(value, float) and value - value != 0:
        raise PydanticCustomError("bad-value", "must be a finite number: JSON has no nan and no inf")


def _check_arg(value: Any) -> Any:  # noqa: ANN401 - whatever TOML holds
    if isinstance(value, dict):
        for item in value.values():
            _check_arg(item)
    elif isinstance(value, list):
        for item in value:
            _check_arg(item)
    elif not isinstance(value, str | int | float | bool):
        raise PydanticCustomError("wrong-type", "must not be a date or time: no engine has a flag for one")
    _check_finite(value)
    return value


Arg = Annotated[
    Any,
    BeforeValidator(_check_arg),
    WithJsonSchema({"type": ["string", "number", "boolean", "array", "object"]}),
]


def _check_json(value: Any) -> Any:  # noqa: ANN401 - whatever TOML holds
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _check_json(item)
    if not isinstance(value, dict | list | str | int | float | bool):
        raise PydanticCustomError("wrong-type", "must not be a date or time: JSON has none; write it in quotes")
    _check_finite(value)
    return value


JsonValue = Annotated[
    Any,
    BeforeValidator(_check_json),
    WithJsonSchema({"type": ["string", "number", "boolean", "array", "object"]}),
]


def _check_projector(value: Any) -> Any:  # noqa: ANN401 - whatever TOML holds
    if isinstance(value, bool | str):
        return value
    raise PydanticCustomError("bad-value", "must be true, false, or the path of a GGUF file in the repository")


Projector = Annotated[str | bool, BeforeValidator(_check_projector), WithJsonSchema({"type": ["string", "boolean"]})]
Quant = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")]


class Draft(Table):
    """A small model that proposes tokens for a larger one."""

    repo: str = Field(description="Its repository id on the Hugging Face hub.", examples=["Qwen/Qwen3-0.6B-GGUF"])
    revision: str | None = Field(
        None, description="Its commit, tag or branch. Default: the commit in models.lock.", examples=["v1.0"]
    )
    file: str | None = Field(
        None, description="Its GGUF file; write this or `quant`. Default: none.", examples=["Qwen3-0.6B-Q8_0.gguf"]
    )
    quant: Quant | None = Field(
        None, description="Its quantization; write this or `file`. Default: none.", examples=["Q8_0"]
    )


class Build(Table):
    """An image that Compose builds."""

    context: str = Field(
        description="Folder of the Dockerfile, relative to models.toml, or the address of a git repository.",
        examples=["./docker"],
    )
    dockerfile: str | None = Field(
        None,
        description='Path of the Dockerfile in the context. Default: "Dockerfile".',
        examples=["cuda.Dockerfile"],
    )
    target: str | None = Field(
        None, description="Stage of the Dockerfile to build. Default: the last one.", examples=["runtime"]
    )
    args: dict[str, str] | None = Field(
        None, description="Build arguments. Default: none.", examples=[{"CUDA": "12.8"}]
    )


class Variant(Table):
    """A further name of a model that edits the requests for it."""

    name: str | None = Field(
        None,
        description="Its whole name. Default: the model's id, a colon, and the name of this table.",
        examples=["qwen-fast"],
    )
    defaults: dict[str, JsonValue] | None = Field(
        None,
        description="Parameters that are added to requests without them. Default: none.",
        examples=[{"temperature": 0.7}],
    )
    set_params: dict[str, JsonValue] | None = Field(
        None,
        description="Parameters that are set in every request, whatever it has. Default: none.",
        examples=[{"chat_template_kwargs": {"enable_thinking": False}}],
    )
    strip_params: list[str] | None = Field(
        None, description="Parameters that are removed from requests. Default: none.", examples=[["seed"]]
    )


def variant_name(model: str, key: str, variant: Variant) -> str:
    """Return the name of a variant that clients send."""
    return f"{model}:{key}" if variant.name is None else variant.name
