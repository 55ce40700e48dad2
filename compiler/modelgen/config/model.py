"""Define `[models.ID]` and `[defaults]`."""

from typing import Any, Literal

from pydantic import Field

from modelgen.config.model_tables import Arg, Build, Draft, Projector, Quant, Variant
from modelgen.config.table import Table
from modelgen.config.units import Cpus, Duration, Memory, Size


class Defaults(Table):
    """The keys of a model that `[defaults]` may set for all models."""

    engine: str | None = Field(
        None,
        description="The inference engine: vllm, sglang, llamacpp, tei, infinity, or command for any other program. "
        'Default: "vllm".',
        examples=["vllm"],
    )
    image: str | None = Field(
        None,
        description="Container image of the engine. Needs a tag that names the release, else a `version` in "
        "the same table. Default: the `image` of `[engines.NAME]`.",
        examples=["vllm/vllm-openai:v0.30.0"],
    )
    gpus: list[str] | None = Field(
        None,
        description="Names of `[gpus.NAME]` tables: the GPUs that the model runs on. Default: none, the model runs on "
        "the processor.",
        examples=[["gpu0"]],
    )
    version: str | None = Field(
        None,
        description="The engine's version in `image`, if the tag does not name it. It describes the image of the same "
        "table. Default: read from the tag.",
        examples=["0.14.1"],
    )
    fork: bool | None = Field(
        None,
        description="The `image` of the same table contains a fork or plugins of the engine: flags and values that its "
        "own release does not have are warnings. Default: false.",
        examples=[True],
    )
    gpu_memory: Memory | None = Field(
        None,
        description="Memory to reserve on each of its GPUs, as a size or as a share of the GPU. The engine is limited "
        "to it, and models whose reservations fit into the `limit` of the GPU are loaded together. `auto` divides the "
        "GPU among the models of a profile by what they need. Default: everything that the `limit` of the GPU allows.",
        examples=["14GiB", 0.42, "auto"],
    )
    cpus: Cpus | None = Field(
        None,
        description="Most processors that the model's container may use; 2.5 is two and a half. Default: no limit.",
        examples=[8],
    )
    host_memory: Size | None = Field(
        None,
        description="Most memory of the host that the model's container may use; the kernel ends the engine that "
        "exceeds it. Default: no limit.",
        examples=["48GiB"],
    )
    args: dict[str, Arg] | None = Field(
        None,
        description="The engine's own flags, without the leading dashes. They are checked against the flags of the "
        "engine's release. In `[defaults]`, they are for the models of its `engine`. Default: none.",
        examples=[{"max-model-len": 16384}],
    )
    env: dict[str, str] | None = Field(
        None,
        description="Environment variables of the engine, written literally: `${NAME}` is not replaced. Default: none.",
        examples=[{"VLLM_LOGGING_LEVEL": "DEBUG"}],
    )
    include: list[str] | None = Field(
        None,
        description="Glob patterns of the repository's files to fetch. Default: the files that the engine reads.",
        examples=[["*.safetensors", "*.json"]],
    )
    exclude: list[str] | None = Field(
        None,
        description="Glob patterns of the repository's files to leave out. Default: none.",
        examples=[["original/*"]],
    )
    mmproj: Projector | None = Field(
        None,
        description="The GGUF file of the repository that is the model's vision part; `true` lets `modelgen lock` pick "
        "it, as llama.cpp's `-hf` does, and `false` leaves out that of [defaults]. Default: none, text only.",
        examples=["mmproj-F16.gguf"],
    )
    loras: dict[str, str] | None = Field(
        None,
        description="LoRA adapters that the engine serves beside the model: the name that clients send as `model`, and "
        "the adapter's repository id. Default: none.",
        examples=[{"sql": "my-org/qwen3-sql-lora"}],
    )
    trust_remote_code: bool | None = Field(
        None,
        description="Allow Python code from the model's repository to run in the engine. Default: false.",
        examples=[True],
    )
    model_arg: Literal["repo", "path"] | None = Field(
        None,
        description="The model on the engine's command line: `repo` is its repository id, `path` the path of the "
        'locked snapshot, for images that cannot resolve an id offline. Default: "repo".',
        examples=["path"],
    )
    idle_timeout: Duration | None = Field(
        None,
        description="Stop the model after this long without a request. The next request loads it again. In "
        "[defaults], it does not apply to a model with `keep_loaded`. Default: never.",
        examples=["30m"],
    )
    keep_loaded: bool | None = Field(
        None,
        description="Whether the model stays loaded when other models need its GPUs. It can still be unloaded by hand. "
        "Default: false.",
        examples=[True],
    )
    start_timeout: Duration | None = Field(
        None,
        description="How long a start may take before it counts as failed. Default: 5 minutes, and the time to read "
        "what is loaded at 200 MB/s.",
        examples=["15m"],
    )
    concurrency: int | None = Field(
        None, gt=0, description="Most requests in the engine at once; others wait. Default: no limit.", examples=[8]
    )
    publish: str | None = Field(
        None,
        description="Publish the engine's own port on an address of the host. Requests there need no key, and do not "
        "load the model. Default: not published.",
        examples=["127.0.0.1:8001"],
    )
    warmup: bool | None = Field(
        None,
        description="Send one short request after each start, before the model counts as ready. Default: false.",
        examples=[True],
    )
    switch: Literal["restart", "sleep"] | None = Field(
        None,
        description="How the model frees its GPUs when it is unloaded. `sleep` is not supported yet. "
        'Default: "restart".',
        examples=["restart"],
    )
    command: list[str] | None = Field(
        None,
        description="The program and its arguments. `{port}`, `{model}` and `{hub}` are replaced by the port to listen "
        "on, the model's name and the path of the hub directory. Default: the program of the image.",
        examples=[["whisper-server", "--port", "{port}"]],
    )
    entrypoint: list[str] | None = Field(
        None,
        description="The entry point of the container, so that `command` has only its arguments. `[]` keeps the "
        "image's own. Default: the first item of `command`.",
        examples=[["/usr/bin/python3", "main.py"]],
    )
    port: int | None = Field(
        None, gt=0, le=65535, description="The port in the container. Default: 8000.", examples=[8188]
    )
    cache: list[str] | None = Field(
        None,
        description="Directories in the container that keep what the program writes, each in a volume of its own. "
        "Default: none.",
        examples=[["/root/.cache"]],
    )
    offline: bool | None = Field(
        None,
        description="Whether the program stays offline. With false, it gets a network with a way out, and may "
        "download. Default: true.",
        examples=[False],
    )
    health: str | None = Field(
        None,
        description='Path that answers 200 when the program is ready. Default: "/health".',
        examples=["/ready"],
    )
    upstream_name: str | None = Field(
        None, description="The model's name in the program's own API. Default: the model's id.", examples=["whisper-1"]
    )
    # `load` validates it with config.compose. Importing that takes longer than all other tables, and few files need it.
    compose: dict[str, Any] | None = Field(
        None,
        description="Further keys of the Compose service, such as labels, volumes and networks. Default: none.",
        examples=[{"shm_size": "16gb"}],
    )


class Model(Defaults):
    """One model. The name of its table is its id, which clients send as `model`."""

    repo: str | None = Field(
        None,
        description="Repository id on the Hugging Face hub, `namespace/name`; never a path. Default: none; all "
        "engines but `command` require it.",
        examples=["Qwen/Qwen3-4B-Instruct-2507"],
    )
    revision: str | None = Field(
        None,
        description="The repository's commit (40 hex digits), tag or branch. `modelgen lock` pins what is not a "
        "commit. Default: the commit in models.lock, else the branch main.",
        examples=["v1.0"],
    )
    file: str | None = Field(
        None,
        description="The GGUF file of the repository; for a split file, its first part. Default: none; engine "
        "`llamacpp` requires it or `quant`.",
        examples=["Qwen3-4B-Q4_K_M.gguf"],
    )
    quant: Quant | None = Field(
        None,
        description="The quantization of the GGUF file, in any case: `modelgen lock` picks the file, or the parts of a "
        "split one, as llama.cpp's `-hf` does. Default: none.",
        examples=["Q4_K_M"],
    )
    draft: Draft | None = Field(
        None,
        description="A draft model for speculative decoding, of engine `llamacpp`: its `repo`, with `file` or `quant`. "
        "Default: none.",
        examples=[{"repo": "Qwen/Qwen3-0.6B-GGUF", "quant": "Q8_0"}],
    )
    build: Build | None = Field(
        None,
        description="Build the `image` of this table instead of pulling it. Default: none.",
        examples=[{"context": "./docker"}],
    )
    service: str | None = Field(
        None,
        description="Name of the Compose service; the container is `<project>-<service>`. Default: `<engine>-<id>` in "
        "lower case, with `-` for `.` and `_`.",
        examples=["vllm-text"],
    )
    aliases: list[str] | None = Field(
        None, description="Further names of the model in the API. Default: none.", examples=[["default", "gpt-4o"]]
    )
    title: str | None = Field(
        None,
        description="Name of the model for people, in `GET /v1/models`. Default: none, clients show the id.",
        examples=["Qwen3 4B"],
    )
    description: str | None = Field(
        None,
        description="What the model is good for, in `GET /v1/models`. Default: none.",
        examples=["Fast answers and tool calls"],
    )
    variants: dict[str, Variant] | None = Field(
        None,
        description="Further names of the model that edit the requests for them, by the part after the colon. "
        "A change restarts nothing. Default: none.",
        examples=[{"fast": {"set_params": {"chat_template_kwargs": {"enable_thinking": False}}}}],
    )
