"""Define the other tables of models.toml, and the file as a whole."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from modelgen.config.model import Arg, Defaults, Model
from modelgen.config.origins import Origin
from modelgen.config.table import Table
from modelgen.config.units import Dotted, Duration, Share, Size

FORMAT = 1
PROJECT_NAME = r"[a-z0-9][a-z0-9_-]*"


def _check_project_name(value: Any) -> str:  # noqa: ANN401 - whatever TOML holds
    import re

    if not isinstance(value, str) or not re.fullmatch(PROJECT_NAME, value) or len(value) > 63:
        raise PydanticCustomError(
            "bad-name", "is not a project name: lower-case letters, digits, `-` and `_`, at most 63 characters"
        )
    return value


def _check_format(value: Any) -> Any:  # noqa: ANN401 - whatever TOML holds
    if isinstance(value, bool):
        raise PydanticCustomError("wrong-type", "must be an integer, not a boolean")
    return value


ProjectName = Annotated[
    str, BeforeValidator(_check_project_name), WithJsonSchema({"type": "string", "pattern": f"^{PROJECT_NAME}$"})
]


class Project(Table):
    """The name of the deployment and the directory of its weights."""

    name: ProjectName = Field(description="Name of the Compose project; prefix of containers, networks and volumes.")
    hub: str = Field(
        description="Host directory of the Hugging Face hub cache: the one that holds the `models--…` folders. "
        "A relative path is relative to models.toml."
    )


def _check_arch(value: Any) -> Any:  # noqa: ANN401 - whatever TOML holds
    if value in ("aarch64", "x86_64"):
        docker = {"aarch64": "arm64", "x86_64": "amd64"}[value]
        raise PydanticCustomError(
            "bad-value", 'must be "{docker}", as Docker calls {given}', {"given": value, "docker": docker}
        )
    return value


def _check_socket(value: Any) -> str:  # noqa: ANN401 - whatever TOML holds
    if not isinstance(value, str) or not value.startswith("/") or not value.isprintable():
        raise PydanticCustomError("bad-value", 'is not the path of a socket: write one such as "/var/run/docker.sock"')
    return value


SocketPath = Annotated[str, BeforeValidator(_check_socket), WithJsonSchema({"type": "string", "pattern": "^/"})]


class Host(Table):
    """Facts about the target machine, which the compiler never inspects. Omitted facts are not assumed."""

    platform: Literal["linux", "wsl2"] | None = Field(
        None, description="`wsl2` for Windows with Docker Desktop. Default: linux."
    )
    arch: Annotated[Literal["amd64", "arm64"], BeforeValidator(_check_arch)] | None = Field(
        None, description="Processor of the host."
    )
    driver: Dotted | None = Field(None, description='Version of the NVIDIA driver, such as "570.195.03".')
    docker: Dotted | None = Field(None, description='Version of the Docker Engine, such as "28.3".')
    memory: Size | None = Field(None, description="Memory of the host.")
    selinux: bool | None = Field(None, description="SELinux is in enforcing mode. Default: false.")
    docker_socket: SocketPath | None = Field(
        None, description="Path of the Docker socket. Default: /var/run/docker.sock."
    )


def _check_groups(value: Any) -> Any:  # noqa: ANN401 - whatever TOML holds
    if not isinstance(value, list) or not all(type(group) is int and group >= 0 for group in value):
        raise PydanticCustomError(
            "wrong-type", "must be a list of numbers, as `getent group video render` prints them on the host"
        )
    return value


Groups = Annotated[
    list[int],
    BeforeValidator(_check_groups),
    WithJsonSchema({"type": "array", "items": {"type": "integer", "minimum": 0}}),
]


class Gpu(Table):
    """One GPU."""

    memory: Size = Field(description='Memory of the GPU, such as "24GiB".')
    device: str = Field(
        description='Index ("0") or UUID ("GPU-…", "MIG-…") of the GPU, its CDI name, or its "/dev/dri/renderD128".'
    )
    limit: Share | None = Field(
        None, description="Share of the GPU that resident models may reserve together. Default: 0.95, on WSL2 0.85."
    )
    kind: Literal["nvidia", "cdi", "amd"] | None = Field(
        None, description="How containers get the GPU: NVIDIA's runtime, CDI, or AMD's device files. Default: nvidia."
    )
    groups: Groups | None = Field(
        None, description="Kind `amd`: numeric ids of the host's groups that can open the GPU: video, render."
    )


class EngineTable(Table):
    """Defaults of one engine."""

    image: str | None = Field(None, description="Container image of the engine.")
    version: str | None = Field(
        None,
        description="The engine's version in `image`, if the tag does not name it. A model with an `image` of its own "
        "has a `version` of its own.",
    )
    fork: bool | None = Field(
        None,
        description="`image` contains a fork or plugin of the engine: flags and values that the engine's own release "
        "does not have are warnings. Default: false.",
    )
    args: dict[str, Arg] | None = Field(
        None, description="Flags of every model of this engine; those of `[defaults]` and of the model replace them."
    )
    env: dict[str, str] | None = Field(None, description="Environment variables of every model of this engine.")


class Profile(Table):
    """Models that are resident together."""

    models: list[str] = Field(description="Ids of the models.")
    default: bool | None = Field(None, description="Load this profile at start. Default: false.")


class Orchestrator(Table):
    """The service that switches models."""

    enabled: bool | None = Field(
        None, description="Run the orchestrator, which starts and stops models. Default: true."
    )
    listen: str | None = Field(None, description='Address of its API. Default: "127.0.0.1:8080".')
    keys_file: str | None = Field(None, description="File with the hashes of the API keys.")
    allowed_hosts: list[str] | None = Field(None, description="Further names that are allowed in the Host header.")
    allowed_origins: list[Origin] | None = Field(
        None,
        description="Origins of web pages and apps that may use the API from a browser, "
        'such as "http://localhost:5173" or "app://obsidian.md".',
    )
    insecure: bool | None = Field(None, description="Allow a non-loopback `listen` without keys. Default: false.")
    drain_timeout: Duration | None = Field(
        None, description='How long an eviction waits for running requests. Default: "120s".'
    )
    shutdown_timeout: Duration | None = Field(
        None, description='How long a shutdown of the orchestrator waits for running requests. Default: "10s".'
    )
    queue_limit: int | None = Field(None, gt=0, description="Maximum number of waiting requests. Default: 100.")
    buffer_limit: Size | None = Field(
        None, description='Maximum memory for the bodies of all waiting requests. Default: "512MiB".'
    )
    min_loaded_time: Duration | None = Field(
        None, description="How long a loaded model with requests is protected from eviction. Default: no protection."
    )
    prioritize_after: Duration | None = Field(
        None, description="How long a request waits before `min_loaded_time` no longer protects other models from it."
    )
    loading_messages: bool | None = Field(
        None, description="Send comments to streaming clients that have waited 10 s for a model. Default: true."
    )
    base_image: str | None = Field(None, description="Base of the orchestrator's image.")
    socket_proxy_image: str | None = Field(
        None, description="HAProxy image of the proxy in front of the Docker socket."
    )
    compose: dict[str, Any] | None = Field(None, description="Keys of its Compose service that modelgen does not set.")


class Config(Table):
    """A whole models.toml."""

    format: Annotated[Literal[1], BeforeValidator(_check_format)] | None = Field(
        None, description="Version of this file's format. Default: 1."
    )
    project: Project = Field(description="Name and hub directory.")
    host: Host | None = Field(None, description="Facts about the target machine.")
    gpus: dict[str, Gpu] | None = Field(None, description="The GPUs, one table each.")
    engines: dict[str, EngineTable] | None = Field(None, description="Images and environment by engine.")
    defaults: Defaults | None = Field(
        None, description="Keys for all models. Its `args` are for the models of its `engine`."
    )
    models: dict[str, Model] | None = Field(None, description="The models, one table each, named by id.")
    profiles: dict[str, Profile] | None = Field(None, description="Sets of models that are resident together.")
    orchestrator: Orchestrator | None = Field(None, description="The service that switches models.")
    rules: dict[str, Literal["off", "warning", "error"]] | None = Field(
        None, description="Severity of advisory rules, by rule name."
    )
