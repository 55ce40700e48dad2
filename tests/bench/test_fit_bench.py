"""`modelgen fit` against `validate` and `build` of the same files. Prints ratios; never fails on time."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest
from measure import compare

from compiling import modelgen
from fit_projects import HEAD, PROJECT, QWEN_4B, lock_of, model
from modelgen.hub.snapshot.weights import bytes_by_dtype, read_local

pytestmark = pytest.mark.bench

MODELGEN = Path(sys.executable).parent / "modelgen"


def locked(folder: Path, text: str, lock: bytes) -> list[str | Path]:
    """Write a project, build it once, and return the options that name it."""
    folder.mkdir()
    (folder / "models.toml").write_text(text)
    (folder / "models.lock").write_bytes(lock)
    assert modelgen("build", cwd=folder).returncode == 0
    return ["--config", folder / "models.toml"]


def test_three_models(tmp_path: Path) -> None:
    config = locked(tmp_path / "three", PROJECT, lock_of())
    compare(
        "3 models: fit / validate (asked: at most 1.2)", [MODELGEN, "fit", *config], [MODELGEN, "validate", *config]
    )


def test_a_thousand_models(tmp_path: Path) -> None:
    models = tuple((f"m{number}", f"org/model-{number}", QWEN_4B, 8 * 10**9) for number in range(1000))
    text = HEAD + "".join(model(name, repo, "12GiB", max_model_len=8192) for name, repo, _, _ in models)
    config = locked(tmp_path / "thousand", text, lock_of(models))
    compare("1,000 models: fit / build (asked: below 1)", [MODELGEN, "fit", *config], [MODELGEN, "build", *config])
    compare("1,000 models: plan / build (asked: below 1)", [MODELGEN, "plan", *config], [MODELGEN, "build", *config])


def test_headers_of_a_large_snapshot(tmp_path: Path) -> None:
    """40 shards of 5 GB with 250 tensors each, sparse: only the headers are read."""
    part, count = 20 * 10**6, 250
    tensors = {
        f"model.layers.{number}.mlp.experts.down_proj.weight": {
            "dtype": "BF16",
            "shape": [part // 2],
            "data_offsets": [number * part, (number + 1) * part],
        }
        for number in range(count)
    }
    header = json.dumps(tensors).encode()
    shards = [tmp_path / f"model-{number:05}-of-00040.safetensors" for number in range(40)]
    for shard in shards:
        with shard.open("wb") as file:
            file.write(len(header).to_bytes(8, "little") + header)
            file.truncate(8 + len(header) + part * count)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        total = sum(bytes_by_dtype(read_local(shard), shard.stat().st_size)["BF16"] for shard in shards)
        times.append(time.perf_counter() - start)
        assert total == 200 * 10**9
    print(f"headers of 200 GB: {min(times) * 1000:.0f} ms (asked: at most 50)")
