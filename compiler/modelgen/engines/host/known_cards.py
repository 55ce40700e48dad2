"""List GPUs: memory as the driver reports it, compute capability or gfx name, and whether the host shares the memory.

Memory is the total that `nvidia-smi` prints in MiB, or the "VRAM Total Memory (B)" of `rocm-smi`. It is less than the
product's name says, and differs a little between drivers; of several values, the lowest of a current driver counts.
A value that no public output confirms is rounded down and marked with `# from the data sheet`.

Sources of NVIDIA's values: modal-labs/modal-client#2797 (T4, A10, L4, L40S, A100, H100), noonghunna/club-3090 (RTX
3090, RTX 5090), RLinf/RLinf#255 (RTX 4090), geerlingguy/raspberry-pi-pcie-devices#790 (RTX 3060), dexmal/dexbotic#41
(A800), pytorch/ao#4002 (B200: 182,642 of the 183,359 MiB that nvidia-smi shows can be allocated), and outputs of
nvidia-smi in public repositories for the others. Pascal and Volta: 1CatAI/1Cat-vLLM#85 (V100 16GB), Wan-Video/Wan2.1#5
(V100 32GB), wookayin/gpustat#130 (P100), dphnAI/sonar#522 (P40 without ECC). Maxwell and the P4: outputs of nvidia-smi
in public repositories. GB10, which reports no memory:
leptonai/gpud#1170 (119.7 GiB; newer kernels give 121.7). Capabilities: developer.nvidia.com/cuda-gpus and
cuda-legacy-gpus. AMD: ilya-zlobintsev/LACT#533 (RX 7900 XTX) and outputs of rocm-smi in public repositories, in which
GPUs up to RDNA 3 lack 16 MiB of what the product's name says; gfx names:
rocm.docs.amd.com, "System requirements".
"""

from __future__ import annotations

from typing import NamedTuple

from modelgen.engines.host import amd_cards


class KnownCard(NamedTuple):
    """A GPU by its name.

    Args:
        name: The name as people write it, with the memory if there are several sizes.
        mebibytes: The memory in MiB; 0 if the firmware's settings determine it.
        capability: NVIDIA's compute capability, such as `8.6`, or AMD's gfx name, such as `gfx1151`.
        unified: Whether its memory is the host's.
        also: Further names.
    """

    name: str
    mebibytes: int
    capability: str
    unified: bool = False
    also: tuple[str, ...] = ()

    @property
    def visible(self) -> int | None:
        """The bytes that programs see: drivers keep a part of the memory for themselves. None if no log shows it."""
        seen = _VISIBLE.get(self.name)
        return int(seen * 2**30) if seen is not None else None

    @property
    def is_jetson(self) -> bool:
        """Return whether it is the GPU of a Jetson, which containers get by the runtime `nvidia` only."""
        return self.name.startswith("Jetson ")

    @property
    def arch(self) -> str | None:
        """Return the processor of every machine that has this GPU, as Docker names it; None if there are several."""
        return "arm64" if self.is_jetson or self.name.startswith(("GB", "GH")) else None


_VISIBLE = {
    "T4": 14.56,
    "A10G": 22.07,
    "A40": 44.42,
    "A100 40GB": 39.49,
    "A100 80GB": 79.25,
    "A800 80GB": 79.32,
    "RTX 3090": 23.58,
    "RTX 4090": 23.55,
    "RTX 5090": 31.36,
    "RTX A6000": 47.53,
    "L4": 22.05,
    "L40S": 44.39,
    "H100 80GB": 79.18,
    "H200": 139.81,
    "B200": 178.36,
    "RTX PRO 6000": 94.97,
    "GB10": 119.7,
}
"""GiB of the total memory that PyTorch shows in public logs of vLLM ("Free memory on device (78.57/79.18 GiB)") and in
its messages about memory ("GPU 0 has a total capacity of 23.58 GiB"): vllm#10517, vllm#11550, vllm#21489, and the
sources of docs/starts.toml. Some drivers keep 0.1 GiB more or less; under WSL2, programs see everything."""


K = KnownCard
CARDS = (
    # Maxwell, Pascal and Volta: for llama.cpp's `server-cuda`, and a V100 for releases of vLLM before 0.20
    K("GTX 970", 4034, "5.2"),
    K("GTX 980", 4034, "5.2"),  # as a GTX 970, from the data sheet
    K("GTX 980 Ti", 6075, "5.2"),  # from the data sheet
    K("M40 12GB", 11440, "5.2", also=("M40",)),  # with ECC, from the data sheet
    K("M40 24GB", 22945, "5.2"),  # with ECC
    K("M60", 7680, "5.2"),  # each of its two GPUs
    K("P4", 7680, "6.1"),
    K("GTX 1050 Ti", 4038, "6.1"),  # from the data sheet
    K("GTX 1060 3GB", 3011, "6.1"),  # from the data sheet
    K("GTX 1060 6GB", 6072, "6.1"),  # from the data sheet
    K("GTX 1070", 8192, "6.1"),
    K("GTX 1070 Ti", 8110, "6.1"),  # from the data sheet
    K("GTX 1080", 8192, "6.1"),
    K("GTX 1080 Ti", 11264, "6.1"),
    K("Quadro P2000", 5050, "6.1"),  # from the data sheet
    K("Quadro P2200", 5050, "6.1"),  # from the data sheet
    K("Quadro P4000", 8192, "6.1"),
    K("Quadro P5000", 16270, "6.1"),  # from the data sheet
    K("Quadro P6000", 24576, "6.1"),
    K("P40", 23040, "6.1"),  # with ECC; 24,576 without
    K("P100 12GB", 12194, "6.0"),
    K("P100 16GB", 16384, "6.0"),
    K("TITAN Xp", 12190, "6.1"),  # from the data sheet
    K("TITAN V", 12288, "7.0"),
    K("Quadro GV100", 32480, "7.0"),  # from the data sheet
    K("V100 16GB", 16384, "7.0"),
    K("V100 32GB", 32768, "7.0"),
    K("V100S 32GB", 32480, "7.0", also=("V100S",)),  # from the data sheet
    # Turing
    K("T400", 1870, "7.5"),  # from the data sheet
    K("T400 4GB", 3900, "7.5"),  # from the data sheet
    K("T600", 3900, "7.5"),  # from the data sheet
    K("T1000", 3900, "7.5"),  # from the data sheet
    K("T1000 8GB", 8000, "7.5"),  # from the data sheet
    K("MX450", 1990, "7.5"),  # from the data sheet
    K("GTX 1650", 4096, "7.5"),
    K("GTX 1650 SUPER", 3900, "7.5"),  # from the data sheet
    K("GTX 1650 Ti Laptop", 3900, "7.5", also=("GTX 1650 Ti",)),  # from the data sheet
    K("GTX 1660", 6144, "7.5"),
    K("GTX 1660 SUPER", 6144, "7.5"),
    K("GTX 1660 Ti", 6144, "7.5"),
    K("RTX 2060 6GB", 6144, "7.5"),
    K("RTX 2060 12GB", 12288, "7.5"),
    K("RTX 2060 SUPER", 8192, "7.5"),
    K("RTX 2060 Laptop", 5930, "7.5"),  # from the data sheet
    K("RTX 2070", 8192, "7.5"),
    K("RTX 2070 Laptop", 7980, "7.5"),  # from the data sheet
    K("RTX 2070 SUPER Laptop", 7980, "7.5"),  # from the data sheet
    K("RTX 2070 SUPER", 8192, "7.5"),
    K("RTX 2080", 8192, "7.5"),
    K("RTX 2080 Laptop", 7980, "7.5"),  # from the data sheet
    K("RTX 2080 SUPER Laptop", 7980, "7.5"),  # from the data sheet
    K("RTX 2080 SUPER", 8192, "7.5"),
    K("RTX 2080 Ti", 11264, "7.5"),
    K("TITAN RTX", 24576, "7.5"),
    K("Quadro RTX 3000", 5930, "7.5"),  # from the data sheet
    K("Quadro RTX 4000", 8192, "7.5"),
    K("Quadro RTX 5000", 16384, "7.5"),
    K("Quadro RTX 6000", 24576, "7.5"),
    K("Quadro RTX 8000", 49152, "7.5"),
    K("T4", 15360, "7.5"),
    K("T4G", 15360, "7.5"),
    # Ampere
    K("RTX 3050 6GB", 6144, "8.6"),
    K("RTX 3050 8GB", 8192, "8.6"),
    K("RTX 3060 8GB", 8192, "8.6"),
    K("RTX 3060 12GB", 12288, "8.6"),
    K("RTX 3060 Ti", 8192, "8.6"),
    K("RTX 3070", 8192, "8.6"),
    K("RTX 3070 Ti", 8192, "8.6"),
    K("RTX 3080 10GB", 10240, "8.6"),
    K("RTX 3080 12GB", 12288, "8.6"),
    K("RTX 3080 Ti", 12288, "8.6"),
    K("RTX 3090", 24576, "8.6"),
    K("RTX 3090 Ti", 24564, "8.6"),
    K("RTX 3050 Laptop", 4096, "8.6"),
    K("RTX 3050 Ti Laptop", 4096, "8.6"),
    K("RTX 3060 Laptop", 6144, "8.6"),
    K("RTX 3070 Laptop", 8192, "8.6"),
    K("RTX 3070 Ti Laptop", 8192, "8.6"),
    K("RTX 3080 Laptop 8GB", 8192, "8.6"),
    K("RTX 3080 Laptop 16GB", 16384, "8.6"),
    K("RTX 3080 Ti Laptop", 16384, "8.6"),
    K("RTX A400", 4090, "8.6"),  # from the data sheet
    K("RTX A1000", 8188, "8.6"),
    K("RTX A2000 6GB", 6138, "8.6"),
    K("RTX A2000 12GB", 12282, "8.6"),
    K("RTX A3000 Laptop", 6138, "8.6"),  # from the data sheet
    K("RTX A4000", 16376, "8.6"),
    K("RTX A4000 Laptop", 8188, "8.6"),  # from the data sheet
    K("RTX A4500", 20470, "8.6"),
    K("RTX A5000", 24564, "8.6"),
    K("RTX A5000 Laptop", 16376, "8.6"),  # from the data sheet
    K("RTX A5500", 24564, "8.6"),
    K("RTX A5500 Laptop", 16376, "8.6"),  # from the data sheet
    K("RTX A6000", 49140, "8.6"),
    K("A2", 15356, "8.6"),
    K("A10", 23028, "8.6"),
    K("A10G", 22731, "8.6"),
    K("A16", 15356, "8.6"),  # each of its four GPUs
    K("A40", 46068, "8.6"),
    K("A30", 24258, "8.0"),
    K("A100 40GB", 40536, "8.0"),
    K("A100 80GB", 81251, "8.0"),
    K("A800 40GB", 40536, "8.0"),
    K("A800 80GB", 81251, "8.0"),
    # Ada
    K("RTX 4050 Laptop", 6141, "8.9"),
    K("RTX 4060", 8188, "8.9"),
    K("RTX 4060 Ti 8GB", 8188, "8.9"),
    K("RTX 4060 Ti 16GB", 16380, "8.9"),
    K("RTX 4060 Laptop", 8188, "8.9"),
    K("RTX 4070", 12282, "8.9"),
    K("RTX 4070 SUPER", 12282, "8.9"),
    K("RTX 4070 Ti", 12282, "8.9"),
    K("RTX 4070 Ti SUPER", 16376, "8.9"),
    K("RTX 4070 Laptop", 8188, "8.9"),
    K("RTX 4080", 16376, "8.9"),
    K("RTX 4080 SUPER", 16376, "8.9"),
    K("RTX 4080 Laptop", 12282, "8.9"),
    K("RTX 4090", 24564, "8.9"),
    K("RTX 4090 D", 24564, "8.9"),
    K("RTX 4090 Laptop", 16376, "8.9"),
    K("RTX 500 Ada Laptop", 4090, "8.9", also=("RTX 500 Ada",)),  # from the data sheet
    K("RTX 1000 Ada Laptop", 6138, "8.9", also=("RTX 1000 Ada",)),  # from the data sheet
    K("RTX 2000 Ada", 16380, "8.9"),
    K("RTX 2000 Ada Laptop", 8188, "8.9"),  # from the data sheet
    K("RTX 3000 Ada Laptop", 8188, "8.9", also=("RTX 3000 Ada",)),  # from the data sheet
    K("RTX 3500 Ada Laptop", 12282, "8.9", also=("RTX 3500 Ada",)),
    K("RTX 4000 Ada", 20475, "8.9", also=("RTX 4000 SFF Ada",)),
    K("RTX 4000 Ada Laptop", 12282, "8.9"),  # from the data sheet
    K("RTX 4500 Ada", 24570, "8.9"),
    K("RTX 5000 Ada", 32760, "8.9"),
    K("RTX 5000 Ada Laptop", 16376, "8.9"),  # from the data sheet
    K("RTX 5880 Ada", 46068, "8.9"),
    K("RTX 6000 Ada", 46068, "8.9"),  # with ECC; 49,140 without
    K("L2", 23034, "8.9"),  # as an L4, from the data sheet
    K("L4", 23034, "8.9"),
    K("L20", 46068, "8.9"),
    K("L40", 46068, "8.9"),
    K("L40S", 46068, "8.9"),
    # Hopper
    K("H20 96GB", 97871, "9.0", also=("H20",)),
    K("H20 141GB", 143771, "9.0", also=("H20-3e",)),
    K("H100 64GB", 65000, "9.0"),  # from the data sheet
    K("H100 80GB", 81559, "9.0", also=("H100",)),
    K("H100 NVL", 95830, "9.0"),
    K("H800", 81559, "9.0"),
    K("H200", 143771, "9.0"),
    K("H200 NVL", 143771, "9.0"),
    K("GH200 96GB", 97871, "9.0", also=("GH200 480GB", "GH200 120GB")),
    K("GH200 144GB", 143771, "9.0", also=("GH200 144G",)),  # from the data sheet
    # Blackwell
    K("B200", 182642, "10.0"),
    K("GB200", 188416, "10.0"),  # nvidia-smi shows 189,471, of which the driver keeps a part, as of a B200
    K("B300", 274000, "10.3"),  # nvidia-smi shows 275,040
    K("GB300", 275040, "10.3"),  # as a B300, from the data sheet
    K("RTX 5050", 8151, "12.0"),
    K("RTX 5050 Laptop", 8151, "12.0"),
    K("RTX 5060", 8151, "12.0"),
    K("RTX 5060 Ti 8GB", 8151, "12.0"),
    K("RTX 5060 Ti 16GB", 16311, "12.0"),
    K("RTX 5060 Laptop", 8151, "12.0"),
    K("RTX 5070", 12227, "12.0"),
    K("RTX 5070 Ti", 16303, "12.0"),
    K("RTX 5070 Laptop", 8151, "12.0"),
    K("RTX 5070 Ti Laptop", 12227, "12.0"),
    K("RTX 5080", 16303, "12.0"),
    K("RTX 5080 Laptop", 16303, "12.0"),
    K("RTX 5090", 32607, "12.0"),
    K("RTX 5090 D", 32607, "12.0"),
    K("RTX 5090 Laptop", 24463, "12.0"),
    K("RTX PRO 500 Laptop", 6138, "12.0"),  # from the data sheet
    K("RTX PRO 1000 Laptop", 8148, "12.0"),  # from the data sheet
    K("RTX PRO 2000 Laptop", 8148, "12.0"),  # from the data sheet
    K("RTX PRO 3000 Laptop", 12220, "12.0"),  # from the data sheet
    K("RTX PRO 4000 Laptop", 16300, "12.0"),  # from the data sheet
    K("RTX PRO 5000 Laptop", 24463, "12.0"),
    K("RTX PRO 2000", 16303, "12.0"),  # from the data sheet
    K("RTX PRO 4000", 24463, "12.0"),  # from the data sheet
    K("RTX PRO 4500", 32607, "12.0"),  # from the data sheet
    K("RTX PRO 5000 48GB", 48900, "12.0"),  # from the data sheet
    K("RTX PRO 5000 72GB", 73400, "12.0"),  # from the data sheet
    K("RTX PRO 6000", 97887, "12.0"),
    # One memory for host and GPU
    K("GB10", 121856, "12.1", unified=True, also=("DGX Spark", "Grace Blackwell GB10")),
    K("Jetson Xavier NX 8GB", 6800, "7.2", unified=True),  # from the data sheet
    K("Jetson Xavier NX 16GB", 14800, "7.2", unified=True),  # from the data sheet
    K("Jetson AGX Xavier 16GB", 14800, "7.2", unified=True),  # from the data sheet
    K("Jetson AGX Xavier 32GB", 30600, "7.2", unified=True),  # from the data sheet
    K("Jetson Orin Nano 4GB", 3600, "8.7", unified=True),  # from the data sheet
    K("Jetson Orin Nano 8GB", 7600, "8.7", unified=True, also=("Jetson Orin Nano Super",)),
    K("Jetson Orin NX 8GB", 7600, "8.7", unified=True),
    K("Jetson Orin NX 16GB", 15600, "8.7", unified=True),
    K("Jetson AGX Orin 32GB", 30600, "8.7", unified=True),
    K("Jetson AGX Orin 64GB", 62700, "8.7", unified=True),
    K("Jetson AGX Thor", 125700, "11.0", unified=True, also=("Jetson Thor",)),
    *(K(*row) for row in amd_cards.ROWS),
)
BY_NAME = {card.name: card for card in CARDS}
"""The GPUs by the name that the table has for each; `cards.find_known` finds other spellings."""
