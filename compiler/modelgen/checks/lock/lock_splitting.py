"""Check the tensor-parallel size of locked models against what their config.json has to divide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.checks.lock.lock_configs import flags_with_config
from modelgen.diagnostics import Found, rule
from modelgen.engines.flags import whole_number
from modelgen.engines.weights.model_config import attention_heads

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from modelgen.checks.context import Context
    from modelgen.resolve import Argument, ModelRun

_SIZES = (1, 2, 4, 8, 16)


@rule("MG510", "heads-over-cards")
def heads_over_cards(context: Context) -> Iterator[Found]:
    """A `tensor-parallel-size` that does not divide the model's attention heads.

    ## Why
    vLLM stops: "Total number of attention heads (28) must be divisible by tensor parallel size (3)".

    ## Bad
    ```toml
    [models.chat]
    repo = "Qwen/Qwen2.5-7B-Instruct"
    args = { max-model-len = 16384, tensor-parallel-size = 3 }
    ```

    ```lock
    [[snapshots]]
    repo = "Qwen/Qwen2.5-7B-Instruct"
    commit = "a09a35458c702b33eeacc393d103063234e8bc28"
    files = [{ path = "config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    config = '{"num_attention_heads": 28}'
    ```

    ## Good
    ```toml
    [models.chat]
    repo = "Qwen/Qwen2.5-7B-Instruct"
    args = { max-model-len = 16384, tensor-parallel-size = 4 }
    ```
    """
    for name, arg, config in flags_with_config(context, "tensor_parallel"):
        size, run = whole_number(arg.value), context.runs[name]
        heads = attention_heads(config)
        if size is not None and heads is not None and not _has_even_heads(run, config, size):
            yield Found(
                context.document.at_value(*arg.path),
                uneven_heads(arg.key, size, heads),
                _other_sizes(run, arg, config),
            )


def uneven_heads(flag: str, size: int, heads: int) -> str:
    """Return the sentence about a size that does not divide the attention heads."""
    return f"`{flag}` is {size}, which does not divide the {heads} attention heads of the model"


@rule("MG531", "weights-over-cards")
def weights_over_cards(context: Context) -> Iterator[Found]:
    """A `tensor-parallel-size` that cannot split the KV heads, the vocabulary or the quantized weights of a model.

    ## Why
    The engine starts its workers and then stops, with an assertion in its attention, "151936 is not divisible by 3",
    "The input size is not aligned with the quantized weight shape", or "input_size_per_partition = 14784 is not
    divisible by group_size = 128". A model that does not split evenly can be split by layers: `pipeline-parallel-size`.

    ## Bad
    ```toml
    [gpus.gpu0]
    memory = "80GiB"
    device = "0"

    [gpus.gpu1]
    memory = "80GiB"
    device = "1"

    [models.qwen]
    repo = "Qwen/Qwen2.5-72B-Instruct-AWQ"
    gpus = ["gpu0", "gpu1"]
    args = { max-model-len = 16384, tensor-parallel-size = 2 }
    ```

    ```lock
    [[snapshots]]
    repo = "Qwen/Qwen2.5-72B-Instruct-AWQ"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    files = [{ path = "config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    config = '''
    {"architectures": ["Qwen2ForCausalLM"], "num_attention_heads": 64, "num_key_value_heads": 8,
     "hidden_size": 8192, "intermediate_size": 29568, "vocab_size": 152064,
     "quantization_config": {"quant_method": "awq", "bits": 4, "group_size": 128}}
    '''
    ```

    ## Good
    ```toml
    [gpus.gpu0]
    memory = "80GiB"
    device = "0"

    [gpus.gpu1]
    memory = "80GiB"
    device = "1"

    [models.qwen]
    repo = "Qwen/Qwen2.5-72B-Instruct-AWQ"
    gpus = ["gpu0", "gpu1"]
    args = { max-model-len = 16384, pipeline-parallel-size = 2 }
    ```
    """
    for name, arg, config in flags_with_config(context, "tensor_parallel"):
        size, run = whole_number(arg.value), context.runs[name]
        if size is None or not _has_even_heads(run, config, size):
            continue
        if obstacle := _obstacle(run, config, size):
            yield Found(
                context.document.at_value(*arg.path),
                f"`{arg.key}` is {size}, which cannot split the {obstacle} of {run.model.repo}",
                _other_sizes(run, arg, config),
            )


def _has_even_heads(run: ModelRun, config: Mapping[str, Any], size: int) -> bool:
    heads = attention_heads(config)
    # Data-parallel attention divides the heads among fewer GPUs.
    return heads is None or heads % size == 0 or run.args.get("enable-dp-attention") is True


def _obstacle(run: ModelRun, config: Mapping[str, Any], size: int) -> str | None:
    if run.engine is None or run.engine.split_obstacle is None or run.version is None or run.is_fork:
        return None
    return run.engine.split_obstacle(run.version, run.args, config, size)


def _other_sizes(run: ModelRun, arg: Argument, config: Mapping[str, Any]) -> str:
    """Return the sizes that split the model, and the flag that splits it by layers."""
    fitting = [size for size in _SIZES if _has_even_heads(run, config, size) and _obstacle(run, config, size) is None]
    layers = next((flag for flag in arg.engine.parallel_sizes if flag.startswith(("pipeline-", "pp-"))), "")
    sizes = ", ".join(map(str, fitting))
    which = f"one of {sizes}, with as many `gpus`" if len(fitting) > 1 else f"{sizes}, with one of `gpus`"
    return f"write {which}, or split the model by layers with `{layers}`"
