"""What the engines read of a snapshot, by release and arguments, and what follows for a lock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelgen.engines.images.versions import parse_version
from modelgen.engines.weights import loaders
from modelgen.hub.snapshot.left_out import choose
from modelgen.hub.snapshot.loadable import why_not
from modelgen.hub.snapshot.modules import missing_modules
from modelgen.lockfile.code import code_repos
from modelgen.lockfile.loading import missing_pattern, read_by
from modelgen.lockfile.wants import Want, merge

if TYPE_CHECKING:
    from modelgen.loader import Loader

BOTH = (
    "config.json params.json tekken.json consolidated.safetensors model.safetensors.index.json "
    "model-00001-of-00002.safetensors model-00002-of-00002.safetensors"
)
HF = "model-00001-of-00002.safetensors model-00002-of-00002.safetensors"
RANKS = "model-rank-0-part-0.safetensors model-rank-1-part-0.safetensors"
WHISPER = (
    "model.safetensors model.fp32-00001-of-00002.safetensors model.fp32-00002-of-00002.safetensors "
    "model.safetensors.index.fp32.json"
)
BGE = "model.safetensors pytorch_model.bin onnx/model.onnx onnx/model.onnx_data onnx/model_O4.onnx"
TEI = "ghcr.io/huggingface/text-embeddings-inference"


def vllm(version: str | None, form: str | None = None, **extra: Any) -> Loader:  # noqa: ANN401 - values of flags
    args = {"load-format": form} if form else {}
    loader = loaders.vllm(parse_version(version) if version else None, args | extra, None)
    assert loader is not None
    return loader


def tei(image: str | None, **args: Any) -> Loader:  # noqa: ANN401 - the same
    return loaders.tei(None, args, image)


@pytest.mark.parametrize(
    ("loader", "files", "read"),
    [
        (vllm("0.11.0"), BOTH, HF),
        (vllm("0.11.2"), BOTH, HF),
        (vllm("0.12.0"), BOTH, "consolidated.safetensors"),
        (vllm("0.13.0"), BOTH, "consolidated.safetensors"),
        (vllm("0.12.0"), f"{HF} params.json", HF),
        (vllm("0.11.0", "mistral"), BOTH, "consolidated.safetensors"),
        (vllm("0.11.0", "Mistral"), BOTH, "consolidated.safetensors"),
        (vllm("0.13.0", "hf"), BOTH, HF),
        (vllm("0.13.0", "safetensors"), BOTH, HF),
        (vllm("0.13.0", "runai_streamer"), BOTH, HF),
        (vllm("0.13.0", quantization="bitsandbytes"), BOTH, HF),
        (vllm(None), BOTH, f"consolidated.safetensors {HF}"),
        (vllm("0.11.0", "dummy"), BOTH, ""),
        (vllm("0.11.0", "sharded_state"), f"{RANKS} model.safetensors", RANKS),
        (vllm("0.11.0", "runai_streamer_sharded"), f"{RANKS} {HF}", RANKS),
        (vllm("0.11.0"), f"{RANKS} model.safetensors", "model.safetensors"),
        (
            vllm("0.11.0", "sharded_state", **{"model-loader-extra-config.pattern": "r{rank}-{part}.safetensors"}),
            "r0-0.safetensors model.safetensors",
            "r0-0.safetensors",
        ),
        (vllm("0.11.0", "tensorizer"), "model.tensors model.safetensors", "model.tensors"),
        (vllm("0.11.0", "pt"), "model.safetensors model.pt", "model.pt"),
        (vllm("0.11.0", "npcache"), "model.safetensors pytorch_model.bin training_args.bin", "pytorch_model.bin"),
        (vllm("0.11.0", "gguf"), "q.gguf model.safetensors", "q.gguf"),
        (vllm("0.11.0"), "pytorch_model.bin training_args.bin", "pytorch_model.bin"),
        (vllm("0.11.0"), "transformer/a.safetensors", "transformer/a.safetensors"),
        (tei(f"{TEI}:89-1.9"), BGE, "model.safetensors"),
        (tei(f"{TEI}:cpu-1.9"), BGE, "model.safetensors onnx/model.onnx onnx/model.onnx_data"),
        (tei(f"{TEI}:cpu-1.9", dtype="float16"), BGE, "model.safetensors"),
        (tei("own/tei:1"), BGE, "model.safetensors onnx/model.onnx onnx/model.onnx_data"),
    ],
)  # fmt: skip
def test_what_an_engine_reads_is_kept_and_no_other_form(loader: Loader, files: str, read: str) -> None:
    paths = files.split()
    assert sorted(read_by(loader, paths)) == sorted(read.split())
    weights = (".safetensors", ".bin", ".pt", ".tensors", ".gguf", ".onnx", ".onnx_data")
    kept = [path for path in choose(["config.json", *paths], (), (), (loader,)).kept if path.endswith(weights)]
    assert sorted(kept) == sorted(read.split())


def test_formats_that_are_not_known_tell_nothing() -> None:
    version = parse_version("0.11.0")
    assert loaders.vllm(version, {"load-format": "my_plugin"}, None) is None
    assert loaders.sglang(version, {"load-format": "remote"}, None) is None
    uri = {"tensorizer_config": {"tensorizer_uri": "s3://bucket/model.tensors"}}
    assert loaders.vllm(version, {"load-format": "tensorizer", "model-loader-extra-config": uri}, None) is None


def test_sglang_prefers_the_form_of_transformers_in_every_release() -> None:
    loader = loaders.sglang(parse_version("0.5.23"), {}, None)
    assert loader is not None
    assert choose(BOTH.split(), (), (), (loader,)).left_out == ("consolidated*.safetensors",)


def test_of_two_models_that_share_a_repository_both_find_their_weights() -> None:
    assert choose(BOTH.split(), (), (), (vllm("0.11.0"), vllm("0.12.0"))).left_out == ()
    unknown, known = Want("a/b", models=("x",)), Want("a/b", models=("y",), loaders=(vllm("0.11.0", "mistral"),))
    for order in ((unknown, known), (known, unknown), (unknown, unknown, known)):
        [want] = merge(order)
        assert choose(BOTH.split(), (), (), want.loaders).left_out == ()


@pytest.mark.parametrize("loader", [(), (vllm("0.11.0"),), (vllm("0.12.0"),)])
def test_what_is_no_second_copy_stays(loader: tuple[Loader, ...]) -> None:
    speech = ["model.safetensors", "spk_dict.pt", "voices/a.pt", "speaker.pt", "colbert_linear.pt"]
    assert choose(speech, (), (), loader).kept == tuple(speech)
    assert choose(["model.safetensors", "optimizer.pt", "model.pt"], (), (), loader).kept == ("model.safetensors",)
    assert choose(WHISPER.split(), (), (), loader).kept == ("model.safetensors",)
    only = [path for path in WHISPER.split() if "fp32" in path]
    assert choose(only, (), (), loader).kept == tuple(only)


NAMES = st.lists(
    st.sampled_from(
        f"{BOTH} {RANKS} {WHISPER} {BGE} model.tensors model.pt spk_dict.pt q.gguf deep/x.bin deep/x.safetensors "
        "original/consolidated.00.pth deep/consolidated.safetensors odd.safetensors tf_model.h5 model.onnx".split()
    ),
    unique=True,
    min_size=1,
)
LOADERS = st.lists(
    st.sampled_from(
        [
            *(vllm(version) for version in ("0.11.0", "0.12.0", None)),
            *(vllm("0.11.0", form) for form in ("mistral", "pt", "npcache", "sharded_state", "dummy", "tensorizer")),
            tei(None),
            tei(f"{TEI}:89-1.9"),
        ]
    ),
    max_size=3,
)


@given(NAMES, LOADERS)
def test_nothing_that_a_loader_reads_is_left_out_and_an_entry_is_never_looked_up_twice(
    paths: list[str], shared: list[Loader]
) -> None:
    choice = choose(paths, (), (), shared)
    for loader in shared:
        assert missing_pattern(loader, choice.kept, choice.left_out) is None
        narrow = [path for path in paths if path in choice.kept or not (".fp32" in path or "original/" in path)]
        assert {*read_by(loader, narrow)} <= {*choice.kept}


@pytest.mark.parametrize(
    ("loader", "kept", "left_out", "pattern"),
    [
        (vllm("0.11.0", "mistral"), HF, "consolidated*.safetensors", "consolidated*.safetensors"),
        (vllm("0.12.0"), HF, "consolidated*.safetensors", "consolidated*.safetensors"),
        (vllm("0.11.0"), HF, "consolidated*.safetensors *.bin *.pt", None),
        (vllm("0.11.0"), "consolidated.safetensors", "model-*-of-*.safetensors", "model-*-of-*.safetensors"),
        (vllm("0.11.0", "pt"), "model.safetensors", "*.bin *.pt", "*.pt"),
        (vllm("0.11.0", "gguf"), "model.safetensors", "*.gguf", "*.gguf"),
        (vllm("0.11.0", "sharded_state"), "model.safetensors", "model-rank-*-part-*.safetensors",
         "model-rank-*-part-*.safetensors"),
        (tei(f"{TEI}:cpu-1.9"), "model.safetensors", "*.onnx *.onnx_data", "*.onnx"),
        (tei(f"{TEI}:89-1.9"), "model.safetensors", "*.onnx", None),
    ],
)  # fmt: skip
def test_what_an_older_lock_left_out_is_missed(loader: Loader, kept: str, left_out: str, pattern: str | None) -> None:
    assert missing_pattern(loader, kept.split(), left_out.split()) == pattern


def test_a_repository_without_what_a_loader_reads() -> None:
    fault = why_not("checkpoint", ["config.json", "model.safetensors"], "{}", (vllm("0.11.0", "mistral"),))
    assert fault == (
        "has no consolidated*.safetensors, which vLLM 0.11.0 with --load-format mistral reads; it has "
        "model.safetensors",
        "choose another `load-format` in the model's `args`",
    )
    assert why_not("checkpoint", ["config.json"], "{}", (vllm("0.11.0", "dummy"),)) is None


def test_patterns_that_another_includes_are_not_named() -> None:
    fault = why_not("checkpoint", ["config.json", "consolidated.00.pth"], "{}", (vllm("0.13.0"),))
    assert fault == (
        "has no *.safetensors or *.bin or *.pt, which vLLM 0.13.0 reads; it has consolidated.00.pth",
        "set a `repo` or `revision` in models.toml that has them",
    )


@pytest.mark.parametrize("args", [{"load-format": "gguf"}, {"load-format": "GGUF"}, {"quantization": "gguf"}])
@pytest.mark.parametrize("engine", [loaders.vllm, loaders.sglang])
def test_no_engine_but_llamacpp_loads_a_repository_of_gguf_files(engine: Any, args: dict[str, str]) -> None:  # noqa: ANN401
    loader = engine(parse_version("0.5.23"), args, None)
    fault = why_not("files", ["config.json", "q.gguf"], "{}", (loader,))
    assert fault is not None
    assert fault.why.endswith(" gguf, which needs the path of one GGUF file and takes no repository")
    assert '`engine = "llamacpp"` and `file = ' in fault.advice


def test_code_is_found_at_any_depth() -> None:
    config = {
        "auto_map": {"AutoModel": "org/one--m.M", "AutoTokenizer": ["org/two--t.T", None], "AutoConfig": "own.C"},
        "text_config": {"auto_map": {"AutoImageProcessor": {"pil": "org/three--i.I"}}},
        "custom_pipelines": {"x": {"impl": "org/four--p.P"}},
        "other": "org/five--m.M",
        "list": [{"auto_map": {"AutoModel": "../../etc--m.M"}}],
    }
    assert code_repos(config) == ["org/one", "org/two", "org/three", "org/four"]
    assert code_repos("x") == []


MODULES = [
    {"path": "", "type": "sentence_transformers.models.Transformer"},
    {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    {"path": "2_Dense", "type": "sentence_transformers.models.Dense"},
    {"path": "3_Normalize", "type": "sentence_transformers.models.Normalize"},
    {"path": "4_Own", "type": "own.Module"},
]


def test_modules_that_are_not_there() -> None:
    whole = ["1_Pooling/config.json", "2_Dense/config.json", "2_Dense/pytorch_model.bin", "4_Own/x.json"]
    assert missing_modules(MODULES, whole) == []
    expected = ["1_Pooling/config.json", "2_Dense/config.json", "2_Dense/model.safetensors", "4_Own/"]
    assert missing_modules(MODULES, []) == expected
    junk: object
    for junk in (None, {}, [1, {"path": 3}, {"path": "."}, {}]):
        assert missing_modules(junk, []) == []
