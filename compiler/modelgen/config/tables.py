"""Define the other tables of models.toml, and the file as a whole."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from modelgen.config.model import Defaults, Model
from modelgen.config.model_tables import Arg, Build
from modelgen.config.orchestrator import Orchestrator
from modelgen.config.table import Table
from modelgen.config.units import Capability, Dotted, Share, Size

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

    name: ProjectName = Field(
        description="Name of the Compose project; prefix of containers, networks and volumes.", examples=["my-models"]
    )
    hub: str = Field(
        description="Host directory of the Hugging Face hub cache: the one that holds the `models--…` folders. "
        "A relative path is relative to models.toml.",
        examples=["./models/hub"],
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
        None, description='`wsl2` is Windows with Docker Desktop. Default: "linux".', examples=["wsl2"]
    )
    arch: Annotated[Literal["amd64", "arm64"], BeforeValidator(_check_arch)] | None = Field(
        None,
        description="Processor of the host, compared with the images. Default: unknown, images are not compared.",
        examples=["arm64"],
    )
    driver: Dotted | None = Field(
        None,
        description="Version of the NVIDIA driver, compared with the CUDA of the images; `nvidia-smi` prints it. "
        "Default: unknown, images are not compared.",
        examples=["570.195.03"],
    )
    docker: Dotted | None = Field(
        None,
        description="Version of the Docker Engine, compared with the features that the models need. Default: unknown, "
        "features are not compared.",
        examples=["28.3"],
    )
    memory: Size | None = Field(
        None,
        description="Memory of the host, compared with what engines offload to it. Default: unknown, it is not "
        "compared.",
        examples=["64GiB"],
    )
    selinux: bool | None = Field(
        None,
        description="SELinux is in enforcing mode: containers that mount files of the host run without a label. "
        "Default: false.",
        examples=[True],
    )
    docker_socket: SocketPath | None = Field(
        None,
        description='Path of the Docker socket. Default: "/var/run/docker.sock".',
        examples=["/run/user/1000/docker.sock"],
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

    card: str | None = Field(
        None,
        description="Name of the GPU, from which its memory, its compute capability and whether the host shares "
        "the memory are known. Default: unknown; then write `memory`.",
        examples=["RTX 3090"],
    )
    memory: Size | None = Field(
        None,
        description="Memory of the GPU. Default: that of `card`, as the driver reports it.",
        examples=["24GiB"],
    )
    device: str = Field(
        description='The GPU of the host: its index ("0") or UUID ("GPU-…", "MIG-…") as `nvidia-smi -L` prints it, its '
        'CDI name ("nvidia.com/gpu=0"), or AMD\'s device file ("/dev/dri/renderD128"), which `ls -l /dev/dri/by-path` '
        "lists by the GPU's address on the PCI bus.",
        examples=["0"],
    )
    limit: Share | None = Field(
        None,
        description="Share of the GPU that the models on it may reserve together; the rest is for the driver, CUDA "
        "contexts and a desktop. Default: 0.95, on WSL2 0.85, with unified memory 0.9.",
        examples=[0.9],
    )
    capability: Capability | None = Field(
        None,
        description="Compute capability (NVIDIA) or gfx name (AMD) of a GPU whose name is not in the list: images, "
        "checkpoints and flags are compared with it. Default: that of `card`, else unknown, and nothing is compared.",
        examples=["8.6"],
    )
    unified: bool | None = Field(
        None,
        description="The memory of the GPU is that of the host, as in a DGX Spark or Jetson. Default: that of `card`, "
        "else false.",
        examples=[True],
    )
    kind: Literal["nvidia", "cdi", "amd"] | None = Field(
        None,
        description="How containers get the GPU: by NVIDIA's runtime, by CDI, or by AMD's device files. "
        'Default: "nvidia".',
        examples=["cdi"],
    )
    groups: Groups | None = Field(
        None,
        description="Kind `amd`: numeric ids of the host's groups that may open the GPU, as "
        "`getent group video render` prints them. Default: none.",
        examples=[[44, 993]],
    )


class EngineTable(Table):
    """Defaults of one engine, such as `[engines.vllm]`."""

    image: str | None = Field(
        None,
        description="Container image of the engine. Default: none; models without an `image` of their own require it.",
        examples=["vllm/vllm-openai:v0.30.0"],
    )
    version: str | None = Field(
        None,
        description="The engine's version in `image`, if the tag does not name it. A model with an `image` of its own "
        "has a `version` of its own. Default: read from the tag.",
        examples=["0.11.0"],
    )
    fork: bool | None = Field(
        None,
        description="`image` contains a fork or plugins of the engine: flags and values that its own release does not "
        "have are warnings. Default: false.",
        examples=[True],
    )
    build: Build | None = Field(
        None,
        description="Build `image` instead of pulling it: `context`, `dockerfile`, `target` and `args` as in Compose. "
        "Default: none.",
        examples=[{"context": "./docker", "args": {"CUDA": "12.8"}}],
    )
    args: dict[str, Arg] | None = Field(
        None,
        description="Flags of every model of this engine. Those of `[defaults]` and of the model replace them. "
        "Default: none.",
        examples=[{"max-model-len": 16384}],
    )
    env: dict[str, str] | None = Field(
        None,
        description="Environment variables of every model of this engine. Default: none.",
        examples=[{"VLLM_LOGGING_LEVEL": "WARNING"}],
    )


class Profile(Table):
    """Models that are loaded together."""

    models: list[str] = Field(description="Ids of the models.", examples=[["text-4b", "embeddings"]])
    default: bool | None = Field(
        None,
        description="Load this profile when the orchestrator starts. Default: false.",
        examples=[True],
    )


class Config(Table):
    """A whole models.toml."""

    format: Annotated[Literal[1], BeforeValidator(_check_format)] | None = Field(
        None, description="Version of this file's format. Default: 1.", examples=[1]
    )
    project: Project = Field(description="Name of the deployment, and directory of its weights.")
    host: Host | None = Field(
        None, description="Facts about the target machine, which the compiler never inspects. Default: no facts."
    )
    gpus: dict[str, Gpu] | None = Field(
        None, description="The GPUs, one table each; models refer to them by name. Default: none."
    )
    engines: dict[str, EngineTable] | None = Field(
        None, description="Image, version, flags and environment by engine. Default: none."
    )
    defaults: Defaults | None = Field(
        None, description="Keys for all models. Its `args` are for the models of its `engine`. Default: none."
    )
    models: dict[str, Model] | None = Field(
        None, description="The models, one table each; the name of the table is the model's id. Default: none."
    )
    profiles: dict[str, Profile] | None = Field(
        None, description="Sets of models that are loaded together. Default: none."
    )
    orchestrator: Orchestrator | None = Field(
        None, description="The service that switches models. Default: enabled, on 127.0.0.1:8080."
    )
    rules: dict[str, Literal["off", "info", "warning", "error"]] | None = Field(
        None, description="Severity of advisory rules, by rule name. Default: as declared by the rule."
    )
