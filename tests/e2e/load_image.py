"""The image of the engine double with vLLM's look-ups in it, for `modelgen verify --load --image`."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path

from docker_cli import docker
from engine_image import REPOSITORY

_STUB = Path(__file__).parent / "engine" / "stub_vllm.py"
_MODULES = {
    "__init__.py": '__version__ = "0.11.0"\n',
    "config.py": "from stub_vllm import LoadConfig\n",
    "transformers_utils/config.py": "from stub_vllm import get_config\n",
    "transformers_utils/tokenizer.py": "from stub_vllm import get_tokenizer\n",
    "model_executor/model_loader/__init__.py": "from stub_vllm import get_model_loader\n",
}


def load_image(double: str) -> str:
    """Return the image's name; its tag is a hash of what is in it, so it is made only once.

    Args:
        double: The image of the engine double.
    """
    text = "\n".join([double, _STUB.read_text(), repr(_MODULES)])
    name = f"{REPOSITORY}:load-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    if not docker("image", "ls", "--quiet", name):
        with tempfile.TemporaryDirectory() as folder:
            for path, module in _MODULES.items():
                file = Path(folder, "vllm", path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(module)
            shutil.copy(_STUB, folder)
            Path(folder, "Dockerfile").write_text(f"FROM {double}\nCOPY . /opt/engine/\n")
            docker("build", "--quiet", "--network", "none", "--tag", name, folder)
    return name
