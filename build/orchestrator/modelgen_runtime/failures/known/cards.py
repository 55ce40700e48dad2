"""GPUs and their drivers, and engines that were built for others."""

from __future__ import annotations

from modelgen_runtime.failures.known.saying import Saying

_OTHER_IMAGE = "use an `image` that was built for it: a newer one, or one with a newer CUDA or ROCm in its tag"

SAYINGS = (
    Saying(
        "image-for-another-card",
        "tei",
        r"Runtime compute cap [0-9]{1,4} is not compatible with compile time compute cap",
        "the image was built for another GPU generation",
        "use the `image` for this GPU: TEI has one for each compute capability (`turing-`, `86-`, `89-`, `hopper-`, "
        "`120-`, or `cuda-` for all)",
        "text-embeddings-inference: backends/candle/src/lib.rs",
        ("image",),
    ),
    Saying(
        "quantization-not-for-card",
        None,
        r"M(?:in|inimum) capability: (?P<least>[0-9]{1,4})",
        "the GPU is too old for the quantization of the weights",
        "use a `repo` with another quantization (AWQ and GPTQ run on compute capability 7.5), or a newer GPU",
        "vllm/model_executor/layers/quantization",
        ("repo", "args.quantization", "gpus"),
        "use a `repo` with another quantization, or a newer GPU: it needs compute "
        "capability {least}, in tenths (80 is 8.0)",
    ),
    Saying(
        "bfloat16-not-supported",
        None,
        r"Bfloat16 is only supported on GPUs with compute capability",
        "the GPU is too old for bfloat16",
        'set `dtype = "half"` in its `args`, or `"float32"` for Gemma 2, Gemma 3 and GLM-4, which refuse float16',
        "vllm/worker/worker.py",
        ("args.dtype",),
    ),
    Saying(
        "compiler-older-than-card",
        None,
        r"is not defined for option 'gpu-name'|Unsupported gpu architecture|unsupported GPU architecture",
        "the CUDA version of the image does not support this GPU generation",
        _OTHER_IMAGE,
        "ptxas",
        ("image",),
    ),
    Saying(
        "kernel-not-for-card",
        None,
        r"Failed to run cutlass|SGLang only supports sm75|is only supported on Blackwell|not supported on this GPU"
        r"|Int8 not supported",
        "the engine has no kernel for this quantization on this GPU",
        "use a newer `image`, a `repo` with another quantization, or another backend in `args`",
        "flashinfer: csrc, sglang/srt/model_executor/model_runner.py, vllm: csrc/quantization/w8a8/cutlass",
        ("image", "repo", "args.moe-backend", "args.attention-backend"),
    ),
    Saying(
        "card-not-supported",
        None,
        r"no kernel image is available for execution|invalid device function|device kernel image is invalid",
        "the engine was not built for this GPU generation",
        _OTHER_IMAGE,
        "pytorch: c10/cuda/CUDAException.cpp",
        ("image",),
    ),
    Saying(
        "driver-too-old",
        None,
        r"unsatisfied condition: cuda|NVIDIA driver on your system is too old|CUDA driver version is insufficient",
        "the driver of the host is too old for the CUDA of the engine",
        "update the driver, or use an older `image` or one with an older CUDA in its tag, such as `-cu129`",
        "vllm-project/vllm#18813",
        ("image",),
    ),
    Saying(
        "driver-too-old",
        None,
        r"forward compatibility was attempted on non supported HW",
        "the driver of the host is too old for the CUDA of the engine, and this GPU does not support "
        "forward compatibility",
        "update the driver, or use an older `image` or one with an older CUDA in its tag, such as `-cu129`",
        "cuda_runtime_api.h: cudaErrorCompatNotSupportedOnDevice",
        ("image",),
    ),
    Saying(
        "fabric-manager",
        None,
        r"Error 802|system not yet initialized",
        "the GPUs are connected by NVSwitch, but its service does not run",
        "on the host: `sudo systemctl start nvidia-fabricmanager`, in the same version as the driver",
        "cuda_runtime_api.h: cudaErrorSystemNotReady",
    ),
    Saying(
        "driver-changed",
        None,
        r"[Dd]river/library version mismatch|cudaErrorSystemDriverMismatch|system has unsupported display driver",
        "the driver was updated, but the kernel still uses the old one",
        "reboot the host",
        "nvml.h",
    ),
    Saying(
        "card-blocked-by-wsl",
        None,
        r"GPU access blocked by the operating system",
        "Windows blocks the GPU for WSL2: its driver or WSL is too old, or the container has no GPU",
        "update the NVIDIA driver of Windows and WSL (`wsl --update`), then `wsl --shutdown`",
        "microsoft/WSL: nvidia-smi",
    ),
    Saying(
        "card-lost",
        None,
        r"Failed to initialize NVML: (?:Unknown|Insufficient)|GPU is lost|GPU has fallen off the bus",
        "the container lost access to its GPU, as after `systemctl daemon-reload` on the host",
        "restart the engine; to prevent it, use CDI in the container toolkit, or "
        "`native.cgroupdriver=cgroupfs` in Docker",
        "NVIDIA/nvidia-container-toolkit#48",
    ),
    Saying(
        "card-state",
        None,
        r"Error 999|CUDA unknown error|CUDA error: unknown error",
        "the GPU driver is in a bad state, as after a suspend",
        "on the host: `sudo modprobe -r nvidia_uvm && sudo modprobe nvidia_uvm`, or reboot it; look at `dmesg` for Xid",
        "pytorch: c10/cuda/CUDAFunctions.cpp",
    ),
    Saying(
        "no-such-card",
        None,
        r"CUDA error: invalid device ordinal|invalid device: CUDA|invalid value for main_gpu",
        "the host has no GPU with this number",
        "correct `device` in [gpus.NAME]; `nvidia-smi -L` lists them",
        "pytorch: c10/cuda/CUDAFunctions.cpp",
        ("gpu.device",),
    ),
    Saying(
        "card-exclusive",
        None,
        r"CUDA-capable device(?:\(s\) is/are|s are) busy or unavailable",
        "only one process may use the GPU: its compute mode is not `Default`, or an MPS server of the host has it",
        "on the host: `sudo nvidia-smi -c DEFAULT`, and `echo quit | sudo nvidia-cuda-mps-control` if MPS runs",
        "vllm-project/production-stack#504",
        ("gpu.device",),
    ),
    Saying(
        "cache-not-for-card",
        None,
        r"fp8e4nv not supported in this architecture|fp8e4nv data type is not supported|FP8 KV cache is not supported",
        "the GPU is too old for a KV cache in FP8 with this attention backend",
        'set `kv-cache-dtype = "auto"` in its `args`',
        "vllm-project/vllm#26431",
        ("args.kv-cache-dtype", "args.attention-backend"),
    ),
    Saying(
        "illegal-access",
        None,
        r"an illegal memory access was encountered|device-side assert triggered|misaligned address",
        "a kernel of the engine failed on the GPU",
        "use another `image`, or set `enforce-eager = true` in its `args` to find the kernel; `dmesg` shows Xid errors",
        "pytorch: c10/cuda/CUDAException.cpp",
        ("image", "args.enforce-eager"),
    ),
    Saying(
        "cards-cannot-talk",
        None,
        r"ncclSystemError|ncclUnhandledCudaError|unhandled (?:system|cuda) error|ncclInternalError|ncclRemoteError",
        "its GPUs cannot communicate with each other",
        'set `NCCL_P2P_DISABLE = "1"` in `env` (consumer GPUs have no peer access), and `shm_size` in its `compose` '
        'table; `NCCL_DEBUG = "WARN"` says more',
        "vllm-project/vllm#5484",
        ("env.NCCL_P2P_DISABLE", "compose.shm_size"),
    ),
)
