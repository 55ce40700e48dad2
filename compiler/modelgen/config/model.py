"""Define `[models.ID]` and `[defaults]`."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from modelgen.config.table import Table
from modelgen.config.units import Cpus, Duration, Memory


def _check_arg(value: Any) -> Any:  # noqa: ANN401 - whatever TOML holds
    if isinstance(value, dict):
        for item in value.values():
            _check_arg(item)
    elif isinstance(value, list):
        for item in value:
            _check_arg(item)
    elif not isinstance(value, str | int | float | bool):
        raise PydanticCustomError("wrong-type", "must not be a date or time: no engine has a flag for one")
    elif isinstance(value, float) and value - value != 0:
        raise PydanticCustomError("bad-value", "must be a finite number: JSON has no nan and no inf")
    return value


Arg = Annotated[
    Any,
    BeforeValidator(_check_arg),
    WithJsonSchema({"type": ["string", "number", "boolean", "array", "object"]}),
]


class Defaults(Table):
    """The keys of a model that `[defaults]` may set for all models."""

    engine: str | None = Field(
        None, description="The inference engine. Default: vllm. docs/engines/ has a page for each engine."
    )
    image: str | None = Field(None, description="Container image; replaces the image of `[engines.NAME]`.")
    version: str | None = Field(
        None, description='The engine\'s version in `image`, if the tag does not name it, such as "0.14.1".'
    )
    fork: bool | None = Field(
        None,
        description="`image` contains a fork or plugin of the engine: flags and values that the engine's own release "
        "does not have are warnings. Default: false.",
    )
    gpus: list[str] | None = Field(None, description="Names of `[gpus]` tables; none means no GPU reservation.")
    gpu_memory: Memory | None = Field(
        None,
        description="Memory to reserve on each GPU: a size such as   "
        '"10GiB" or a share such as 0.42. Default: everything that the `limit` of the GPU allows.',
    )
    cpus: Cpus | None = Field(
        None, description="Most processors that the model's container may use, such as 8 or 2.5. Default: no limit."
    )
    args: dict[str, Arg] | None = Field(
        None, description="The engine's own flags, without the leading dashes: `max-model-len = 16384`."
    )
    env: dict[str, str] | None = Field(None, description="Environment variables of the engine, written literally.")
    include: list[str] | None = Field(None, description="Glob patterns of the repository's files to fetch.")
    exclude: list[str] | None = Field(None, description="Glob patterns of the repository's files to leave out.")
    mmproj: str | None = Field(
        None, description="Engine `llamacpp`: the GGUF file of the repository that is the model's vision part."
    )
    loras: dict[str, str] | None = Field(
        None, description="LoRA adapters that the engine serves beside the model: name = repository id."
    )
    trust_remote_code: bool | None = Field(
        None, description="Allow Python code from the model's repository to run in the engine. Default: false."
    )
    model_arg: Literal["repo", "path"] | None = Field(
        None,
        description="Model name on the engine's command line: `repo` for the repository id, `path` for the path of "
        "the locked snapshot, for images that cannot resolve an id offline. Default: repo.",
    )
    idle_timeout: Duration | None = Field(
        None, description="Stop the model after this long without a request. Default: never."
    )
    start_timeout: Duration | None = Field(
        None, description="How long a start may take. Default: derived from the size of what is loaded."
    )
    concurrency: int | None = Field(None, gt=0, description="Most requests at once. Default: no limit.")
    publish: str | None = Field(
        None, description='Publish the engine itself on a host address such as "127.0.0.1:8001".'
    )
    warmup: bool | None = Field(
        None,
        description="Send one short request after each start, before the model counts as ready. Default: false.",
    )
    switch: Literal["restart", "sleep"] | None = Field(
        None,
        description="How the model frees its GPUs when it is unloaded. `sleep` is not supported yet. Default: restart.",
    )
    command: list[str] | None = Field(
        None,
        description="Engine `command`: the program and its arguments; {port}, {model} and {hub} are filled in. "
        "Default: the program of the image.",
    )
    entrypoint: list[str] | None = Field(
        None,
        description="Engine `command`: the entry point of the container; `command` has only its arguments then. `[]` "
        "keeps the image's own. Default: the first item of `command`.",
    )
    port: int | None = Field(
        None, gt=0, le=65535, description="Engine `command`: the port in the container. Default: 8000."
    )
    cache: list[str] | None = Field(
        None,
        description="Engine `command`: directories in the container that keep what the program writes, each in a "
        "volume of its own. Default: none.",
    )
    offline: bool | None = Field(
        None,
        description="Engine `command`: false gives the program a network with a way out, and lets it download. "
        "Default: true.",
    )
    health: str | None = Field(
        None, description="Engine `command`: path that answers 200 when ready. Default: /health."
    )
    upstream_name: str | None = Field(
        None, description="Engine `command`: the model's name in its own API. Default: the id."
    )
    # `load` validates it with config.compose. Importing that takes longer than all other tables, and few files need it.
    compose: dict[str, Any] | None = Field(
        None, description="Keys of the Compose service that modelgen does not set: labels, volumes, networks …"
    )


class Model(Defaults):
    """One model. The name of its table is its id."""

    repo: str | None = Field(None, description="Repository id on the Hugging Face hub, `namespace/name`; never a path.")
    revision: str | None = Field(None, description="The repository's commit (40 hex digits), tag or branch.")
    file: str | None = Field(
        None, description="Engine `llamacpp`: the GGUF file of the repository; for a split file, its first part."
    )
    service: str | None = Field(None, description="Name of the Compose service. Default: `<engine>-<id>`.")
    aliases: list[str] | None = Field(None, description="Further names of the model in the API.")
