"""What fuzzing has found, each as the smallest file that shows it."""

from __future__ import annotations

import tracemalloc

import pytest
import yaml
from outcomes import compile_anything

from compiling import build, check, complete, findings
from modelgen.load.locator import Locator
from modelgen.source import Source

HEX = f"0x{'F' * 5000}"
DIGITS = "9" * 400
MODEL = '[models.a]\nrepo = "Q/q"\ngpus = ["gpu0"]\nargs = {{ max-model-len = 1{args} }}\n{keys}\n'


def model(keys: str = "", *, args: str = "") -> str:
    return complete(MODEL.format(keys=keys, args=args))


FILES = {
    "a key named like pydantic's mark": '"[key]" = 1\n',
    "a huge format": complete(f"format = {HEX}"),
    "a huge flag": model(args=f", x = {HEX}"),
    "a huge flag, nested": model(args=f", x = {{ a = [{HEX}] }}"),
    "a huge parallel size": model(args=f", tp = {HEX}"),
    "a huge parallel size in a string": model(args=f', tp = "{"9" * 5000}"'),
    "a huge limit": complete(f'[gpus.gpu0]\nmemory = "1GiB"\ndevice = "0"\nlimit = {DIGITS}'),
    "a huge claim": model(f"gpu_memory = {DIGITS}"),
    "a huge shm_size": model(f"compose.shm_size = {HEX}"),
    "a huge ulimit": model(f"compose.ulimits.x = {HEX}"),
    "a date in a volume": model('compose.volumes = [{ type = "bind", target = "/x", a = 1979-05-27 }]'),
    "a date in a network": model("compose.networks.n.a = 07:32:00"),
    "a source that is no string": model('compose.volumes = [{ type = "volume", target = "/x", source = [5] }]'),
    "nan": model("compose.cpus = nan"),
    "inf": model("compose.mem_limit = -inf"),
    "nan in a volume": model('compose.volumes = [{ type = "bind", target = "/x", a = nan }]'),
    "a small float": model("compose.cpus = 0.00001"),
    "a large float": model('compose.volumes = [{ type = "tmpfs", target = "/x", tmpfs = { size = 1e16 } }]'),
    "a long label": model(f'compose.labels = {{ "{"k" * 1100}" = "x" }}'),
    "a long annotation": model(f'compose.annotations = {{ "{"k" * 1100}" = "x" }}'),
    "a long option of a network": model(f'compose.networks.n = {{ "{"k" * 1100}" = "x" }}'),
    "a long variable": model(f'env = {{ {"K" * 1100} = "x" }}'),
    "a share that no card has": complete(
        '[gpus.a]\nmemory = "1B"\ndevice = "0"\n[gpus.b]\nmemory = "2B"\ndevice = "1"\n[models.a]\nrepo = "Q/q"\n'
        'gpus = ["a", "b"]\ngpu_memory = "999999999999999TiB"\nargs = { max-model-len = 1, tp = 2 }'
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_findings_or_artifacts(name: str) -> None:
    compile_anything(FILES[name].encode())


def test_a_model_named_like_pydantics_mark_has_its_place() -> None:
    text = check(complete('[models."[key]"]\nrepo = "Q/q"\nargs = { max-model-len = 1 }\nbad = 1\n'))
    assert "unknown key `bad` in `[models.[key]]`" in text
    assert "4 | bad = 1" in text


def test_a_value_with_a_comment_behind_it_has_its_place() -> None:
    assert "5 | device = 0 # first" in check(
        '[project]\nname = "a"\nhub = "."\n[gpus.g]\ndevice = 0 # first\nmemory = "1GiB"\n'
    )


def test_a_limit_that_leaves_no_share_is_refused() -> None:
    """`--gpu-memory-utilization 0` is a start that fails minutes later."""
    found = findings(
        complete(
            '[gpus.g]\nmemory = "24GiB"\ndevice = "0"\nlimit = 0.00001\n'
            '[models.a]\nrepo = "Q/q"\ngpus = ["g"]\nargs = { max-model-len = 1 }'
        )
    )
    assert [diagnostic.severity for diagnostic in found] == ["error"]


def test_a_volume_that_compose_takes_for_a_drive_is_refused() -> None:
    """Of `y:/data` Compose 2.40 makes a volume without a name, at the path `y:/data`."""
    found = findings(model('compose.volumes = ["y:/data"]'))
    assert [diagnostic.severity for diagnostic in found] == ["error"]


def test_the_places_of_a_long_dotted_key_take_little_memory() -> None:
    source = Source("models.toml", f"a{'.a' * 3000} = 1")
    tracemalloc.start()
    try:
        Locator(source)
        assert tracemalloc.get_traced_memory()[1] < 5 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("mount", ['tmpfs = ["/tmp:size=1g"]', 'volumes = ["scratch:/tmp"]'])
def test_a_place_for_scratch_of_the_users_own_replaces_the_orchestrators(mount: str) -> None:
    """Compose refuses two mounts at one place."""
    built = build(
        complete(f'[orchestrator.compose]\n{mount}\n[models.a]\nrepo = "a/b"\nargs = {{ max-model-len = 8 }}')
    )
    service = yaml.safe_load(built["docker-compose.yml"])["services"]["orchestrator"]
    places = [*service["tmpfs"], *(volume for volume in service["volumes"] if isinstance(volume, str))]
    assert len([place for place in places if "/tmp" in place]) == 1
