"""Describe vLLM's published images, and AMD's.

Sources, for each release from 0.8.5 to 0.33.0: docker/Dockerfile, .buildkite/release-pipeline.yaml and
docs/deployment/docker.md. Tags of other projects' images have other meanings: nvcr.io/nvidia/vllm:25.11-py3 and
opea/vllm-gaudi:1.22.0 are not vLLM's numbers.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.engines.images import ANY_TAG, ON_DOCKER_HUB, VERSION, Account, CudaSuffix, OwnAccount, Published
from modelgen.engines.vllm.capabilities import runs_on_cuda, runs_on_rocm

if TYPE_CHECKING:
    from modelgen.engines.images.versions import Version

_FIRST_ROCM = (0, 14)
# The home of uid 2000 is writable for group 0.
_ACCOUNT = Account(2000, 0, "vllm", "/home/vllm", keeps_home=True)
IMAGES = (
    Published(
        re.compile(rf"{ON_DOCKER_HUB}vllm/vllm-openai"),
        kinds=((ANY_TAG, "nvidia"),),
        version=VERSION,
        is_release=True,
        cuda=(((0, 8, 5), (12, 4)), ((0, 9), (12, 8)), ((0, 11, 1), (12, 9)), ((0, 20), (13, 0))),
        older_cuda=CudaSuffix("cu129", (0, 20), (0, 32, 999)),
        prefix="v",
        amd64_until=(0, 10, 2),
        runs_on=runs_on_cuda,
        own_account=OwnAccount(_ACCOUNT, since=(0, 22)),
    ),
    Published(
        re.compile(rf"{ON_DOCKER_HUB}vllm/vllm-openai-rocm"),
        kinds=((ANY_TAG, "amd"),),
        version=VERSION,
        is_release=True,
        prefix="v",
        amd64_only=True,
        runs_on=runs_on_rocm,
    ),
    Published(
        re.compile(rf"{ON_DOCKER_HUB}rocm/vllm(?:-dev)?"),
        kinds=((ANY_TAG, "amd"),),
        version=re.compile(r"(?:^|_)vllm_(\d+\.\d+\.\d+)(?:_|$)", re.ASCII),
        is_release=True,
        amd64_only=True,
    ),
    Published(
        # The second is vLLM's own, too (docs/getting_started/installation/cpu.md).
        re.compile(rf"{ON_DOCKER_HUB}vllm/vllm-openai-cpu|public\.ecr\.aws/q9t5s3a7/vllm-cpu-release-repo"),
        kinds=((ANY_TAG, "none"),),
        version=VERSION,
        is_release=True,
    ),
    Published(
        re.compile(rf"{ON_DOCKER_HUB}vllm/vllm-openai-xpu"),
        kinds=((ANY_TAG, "intel"),),
        version=VERSION,
        is_release=True,
    ),
    Published(
        re.compile(
            rf"{ON_DOCKER_HUB}(?:intel/(?:vllm|llm-scaler-vllm)|vllm/vllm-xpu|intelanalytics/ipex-llm-serving-xpu)"
        ),
        kinds=((ANY_TAG, "intel"),),
        is_fork=True,
    ),
    Published(
        re.compile(rf"{ON_DOCKER_HUB}opea/vllm-gaudi|vault\.habana\.ai/.+"), kinds=((ANY_TAG, "gaudi"),), is_fork=True
    ),
    Published(re.compile(rf"{ON_DOCKER_HUB}vllm/vllm-tpu"), kinds=((ANY_TAG, "tpu"),), is_fork=True),
    Published(re.compile(r"quay\.io/ascend/vllm-ascend"), kinds=((ANY_TAG, "ascend"),), is_fork=True),
    # With plugins. Their tags are numbers of their own, or follow vLLM's without a promise.
    Published(re.compile(rf"{ON_DOCKER_HUB}vllm/vllm-omni"), kinds=((ANY_TAG, "nvidia"),), is_fork=True),
    Published(re.compile(rf"{ON_DOCKER_HUB}vllm/vllm-omni-rocm"), kinds=((ANY_TAG, "amd"),), is_fork=True),
    Published(re.compile(rf"{ON_DOCKER_HUB}lmcache/vllm-openai"), kinds=((ANY_TAG, "nvidia"),), is_fork=True),
)
FOR_PROCESSORS = "vllm/vllm-openai-cpu"


def for_cards(vendors: set[str], version: Version | None) -> str:
    """Return the advice which image to use; an image for ROCm exists since 0.14."""
    if version is None or (vendors == {"amd"} and version.release < _FIRST_ROCM):
        return "use the image for the GPU: vllm/vllm-openai for NVIDIA, vllm/vllm-openai-rocm for AMD"
    return f"write `vllm/vllm-openai{'-rocm' if vendors == {'amd'} else ''}:v{version.text}`"


# examples/**/*.jinja in the history of the repository until 0.33; docker/Dockerfile copies them to /vllm-workspace.
_CHATS = """
    alpaca baichuan blip2 chatglm chatglm2 chatml deepseek_vl2 dse_qwen2_vl falcon falcon_180b florence2 inkbot
    llama3.2 llama3 llava pixtral_hf qwen qwen2_audio qwen_vl_chat score_basic telechat teleflm vicuna vlm2vec
    vlm2vec_phi3v vlm2vec_qwen2vl
"""
_TOOLS = """
    apertus deepseekr1 deepseekv3 deepseekv31 deepseekv32 gemma3_pythonic gemma3_pythonic_both gemma4 granite
    granite_20b_fc hermes hermes_2_pro hunyuan_a13b hyperclovax_seed_think_14b internlm2_tool llama llama3.1_json
    llama3.1_json_my llama3.1_usr_def_tool_call llama3.2_json llama3.2_pythonic llama3_json llama4_json
    llama4_pythonic minicpm3 minimax_m1 mistral mistral3 mistral_official mistral_parallel muse_glimmer
    nemotron_json nemotron_nano_v2 olmo3 phi4_mini qwen2_5_coder qwen3coder toolace translategemma xlam_llama
    xlam_qwen
"""
_OTHERS = """
    command_r_default_chat_template command_r_rag_chat_template command_r_tool_chat_template rag_template_cohere
    tool_template_cohere tool_template_hermes_2_pro online_serving/vibevoice_asr/chat_template
    pooling/embed/template/nemotron_embed_vl pooling/score/template/basic
    pooling/score/template/bge-reranker-v2-gemma pooling/score/template/mxbai_rerank_v2
    pooling/score/template/nemotron-rerank pooling/score/template/nemotron-vl-rerank
    pooling/score/template/qwen3_reranker pooling/score/template/qwen3_vl_reranker pooling/score/template/zerank2
    templates/tool_chat_template_deepseekv3 templates/tool_chat_template_toolace
"""
TEMPLATES = (
    *(f"examples/template_{name}.jinja" for name in _CHATS.split()),
    *(f"examples/tool_chat_template_{name}.jinja" for name in _TOOLS.split()),
    *(f"examples/{name}.jinja" for name in _OTHERS.split()),
)
"""The chat templates that images of any release have."""
