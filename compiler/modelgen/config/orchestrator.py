"""Define `[orchestrator]`."""

from typing import Annotated, Any, Literal

from pydantic import Field

from modelgen.config.origins import Origin
from modelgen.config.table import Table
from modelgen.config.units import Duration, Size

NetworkAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$")]


class Orchestrator(Table):
    """The service that switches models."""

    enabled: bool | None = Field(
        None,
        description="Run the orchestrator, which starts and stops models. Without it, engines are plain Compose "
        "services. Default: true.",
        examples=[False],
    )
    listen: str | None = Field(
        None,
        description="Address and port of the API. An address that other hosts reach requires `keys_file`. "
        'Default: "127.0.0.1:8080".',
        examples=["0.0.0.0:8080"],
    )
    keys_file: str | None = Field(
        None,
        description="File with the hashes of the API keys, in a folder of its own. `modelgen key` makes the lines. "
        "Default: none, requests need no key.",
        examples=["./keys/keys.txt"],
    )
    network_aliases: list[NetworkAlias] | None = Field(
        None,
        description="Further host names of the orchestrator on the networks that containers share with it, such as the "
        "name of an earlier service. Default: none; it is `orchestrator`.",
        examples=[["llm", "vllm.internal"]],
    )
    allowed_hosts: list[str] | None = Field(
        None,
        description="Names that are allowed in the Host header, besides localhost and the address of `listen`. "
        "Default: none.",
        examples=[["models.example"]],
    )
    allowed_origins: list[Origin] | None = Field(
        None,
        description="Origins of web pages and apps that may use the models from a browser: scheme, host and port. "
        "Default: none.",
        examples=[["http://localhost:5173", "app://obsidian.md"]],
    )
    insecure: bool | None = Field(
        None,
        description="Allow other hosts to reach `listen` without keys. Default: false.",
        examples=[True],
    )
    drain_timeout: Duration | None = Field(
        None,
        description="How long running requests may continue before their model is stopped for another one. "
        'Default: "120s".',
        examples=["5m"],
    )
    shutdown_timeout: Duration | None = Field(
        None,
        description='How long a shutdown of the orchestrator waits for running requests. Default: "10s".',
        examples=["30s"],
    )
    queue_limit: int | None = Field(
        None,
        gt=0,
        description="Most requests that wait for models; further ones get 503 `queue_full`. Default: 100.",
        examples=[500],
    )
    buffer_limit: Size | None = Field(
        None,
        description="Memory for the bodies of all waiting requests; further ones get 503 `buffers_full`. "
        'Default: "512MiB".',
        examples=["2GiB"],
    )
    min_loaded_time: Duration | None = Field(
        None,
        description="How long a model with requests is protected from eviction after its start. "
        "Default: no protection.",
        examples=["2m"],
    )
    prioritize_after: Duration | None = Field(
        None,
        description="How long a request waits before `min_loaded_time` no longer protects other models from it. "
        "Default: never.",
        examples=["1m"],
    )
    loading_messages: Literal["comments", "reasoning", "off"] | None = Field(
        None,
        description="What streaming clients get that have waited 10 s for a model, so that proxies keep the connection "
        'open: comments, which clients do not show, or text in the reasoning of a chat. Default: "comments".',
        examples=["reasoning"],
    )
    gpu_stats: bool | None = Field(
        None,
        description="Measure memory, load, temperature and power of the GPUs once a second by NVML, the library of "
        "their driver, and let starts wait for memory that is still occupied. Default: false.",
        examples=[True],
    )
    count_tokens: bool | None = Field(
        None,
        description="Ask engines for the tokens of streams whose clients do not, and remove the event with them, where "
        "the stream is known to stay the same otherwise. Default: false.",
        examples=[True],
    )
    capture: int | None = Field(
        None,
        ge=0,
        le=1000,
        description="Keep this many of the last requests and answers in memory for debugging, with secrets masked; "
        "admins can read them. Default: 0.",
        examples=[100],
    )
    base_image: str | None = Field(
        None,
        description='Base of the orchestrator\'s image. Default: "python:3.13-slim-bookworm".',
        examples=["registry.example/python:3.13-slim-bookworm"],
    )
    socket_proxy_image: str | None = Field(
        None,
        description='HAProxy image of the proxy in front of the Docker socket. Default: "haproxy:3.2-alpine".',
        examples=["registry.example/haproxy:3.2-alpine"],
    )
    compose: dict[str, Any] | None = Field(
        None,
        description="Further keys of its Compose service, such as labels and networks. Default: none.",
        examples=[{"labels": {"team": "ml"}}],
    )
