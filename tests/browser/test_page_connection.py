"""The page in a real browser: keys, connections that break, proxies, many models, hostile texts, and accessibility."""

from __future__ import annotations

import hashlib
import signal
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from modelgen_runtime.manifest import Gpu, Manifest, Profile
from reverse_proxy import proxying
from runtime_serving import engine, manifest, serving, spawn

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Visit = Callable[..., Any]

Page: TypeAlias = Any
"""Of an optional package, whose types would change what mypy says."""

HOSTILE = '<img src=x onerror="document.title=1">'
BIDI = "\u202egnp.exe\u202c"
LIVE = "html[data-link=live]"


def state(page: Page, model: str, word: str) -> None:
    page.wait_for_selector(f"tr[data-model='{model}'] td.state >> text='{word}'")


def test_a_key_is_asked_for_and_a_wrong_one_is_named(visit: Visit, tmp_path: Path) -> None:
    lines = [f"{role} sha256:{hashlib.sha256(role.encode()).hexdigest()}\n" for role in ("admin", "user")]
    (tmp_path / "keys").write_text("".join(lines))
    with serving(tmp_path, manifest(engine("a"), keys_file="keys")) as served:
        page = visit(f"{served.url}/")
        dialog = page.get_by_role("dialog", name="API key")
        dialog.get_by_role("textbox").fill("wrong")
        page.keyboard.press("Enter")
        dialog.get_by_role("alert").wait_for()
        assert dialog.get_by_role("alert").inner_text() == "This key is wrong: the server does not know it."
        page.keyboard.press("Escape")  # does not close it
        dialog.get_by_role("textbox").fill("admin")
        page.keyboard.press("Enter")
        page.wait_for_selector(LIVE)
        page.reload()
        page.wait_for_selector(LIVE)
        state(page, "a", "stopped")
        assert page.evaluate("document.cookie + Object.keys(localStorage)") == ""

        other = visit(f"{served.url}/")
        other.get_by_role("textbox").fill("user")
        other.keyboard.press("Enter")
        other.wait_for_selector("#pane-1 option[value=a]", state="attached")
        assert other.locator("nav a:visible").all_inner_texts() == ["Try it", "Activity", "About"]
        other.get_by_label("Message", exact=True).fill("hello")
        other.click("text='Send'")
        other.wait_for_selector(".said.assistant:not(.busy) >> text='hellohellohello'")
        other.click("nav >> text='Activity'")
        other.wait_for_selector(".requests tbody tr")


def test_a_lost_connection_is_said_and_comes_back(visit: Visit, tmp_path: Path) -> None:
    content = manifest(engine("a"))
    process, port = spawn(tmp_path, content)
    with process:
        assert process.stdout is not None
        process.stdout.readline()
        page = visit(f"http://127.0.0.1:{port}/")
        page.wait_for_selector(LIVE)
        process.send_signal(signal.SIGTERM)
        process.wait(20)
    page.wait_for_selector("html[data-link=lost]")
    page.wait_for_selector("#link >> text=/Connection lost .* ago; trying again/")
    assert "grayscale" in page.locator(".panel").first.evaluate("panel => getComputedStyle(panel).filter")
    process, _ = spawn(tmp_path, content, port=port)
    with process:
        page.wait_for_selector(LIVE)
        page.get_by_role("button", name="Load a", exact=True).click()
        state(page, "a", "ready")
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def test_it_works_below_a_path_of_a_proxy(visit: Visit, tmp_path: Path) -> None:
    with serving(tmp_path, manifest(engine("a"))) as served, proxying(served.port, "/some/where/") as proxy:
        for path in ("", "ui", "ui/"):
            page = visit(proxy.url + path)
            page.wait_for_selector(LIVE)
            asked: list[str] = page.evaluate("performance.getEntriesByType('resource').map(one => one.name)")
            assert asked
            assert all(one.startswith(proxy.url) for one in asked)


def test_a_proxy_that_holds_events_back_is_said_and_the_state_asked_for(visit: Visit, tmp_path: Path) -> None:
    with serving(tmp_path, manifest(engine("a"))) as served, proxying(served.port, holds_back=True) as proxy:
        page = visit(proxy.url)
        page.wait_for_selector("#link >> text='A proxy holds back events; asking every 3 s'")
        served.ask("/switch", {"model_id": "a"})
        state(page, "a", "ready")
        page.locator(".block[data-open][data-model=a]").wait_for()
        proxy.is_released.set()
        page.wait_for_selector(LIVE)


def test_files_that_get_lost_are_loaded_again(visit: Visit, tmp_path: Path) -> None:
    with serving(tmp_path, manifest(engine("a"))) as served:
        page = visit(f"{served.url}/")
        for name in ("main.js", "packing.js", "views.css"):
            page.wait_for_selector(LIVE)
            page.route(f"**/page/{name}", lambda route: route.abort(), times=1)
            page.evaluate("document.documentElement.dataset.link = 'old'")
            with page.expect_request_finished(lambda request, name=name: request.url.endswith(name)):
                page.evaluate("location.reload()")
            page.wait_for_selector(LIVE)


@pytest.mark.parametrize("name", ["packing.js", "views.css"])
def test_a_file_that_stays_away_is_named_after_five_reloads(visit: Visit, tmp_path: Path, name: str) -> None:
    with serving(tmp_path, manifest(engine("a"))) as served:
        page = visit(f"{served.url}/")
        page.wait_for_selector(LIVE)
        asked: list[str] = []

        def miss(route: Page) -> None:
            asked.append(name)
            route.fulfill(status=404)

        page.route(f"**/page/{name}", miss)
        page.reload()
        page.wait_for_selector(
            f"#notices >> text='The page cannot load /page/{name}: a proxy may block it, or the server may lack it.'"
        )
        assert len(asked) == 6
        page.unroute(f"**/page/{name}")
        page.reload()
        page.wait_for_selector(LIVE)


def test_two_hundred_models_are_found_and_loaded(visit: Visit, tmp_path: Path) -> None:
    gpus = tuple(Gpu(f"gpu{number}", 24 * 2**30, 20 * 2**30) for number in range(8))
    models = [engine(f"m{n:03}", gib=0, reservations={f"gpu{n % 8}": 9 * 2**30}) for n in range(200)]
    content = Manifest("many", "process", tuple(models), gpus, (Profile("first", ("m000", "m001")),))
    with serving(tmp_path, content) as served:
        page = visit(f"{served.url}/")
        page.wait_for_selector(LIVE)
        assert page.locator("#models tr").count() == 200
        assert page.locator(".lane").count() == 8
        page.get_by_label("Filter the models").fill("m14")
        assert page.locator("#models tr:visible").count() == 10
        page.get_by_role("button", name="Load m147", exact=True).click()
        state(page, "m147", "ready")
        page.get_by_role("button", name="Load the profile first").click()
        page.wait_for_selector("#counts >> text='200 models, 3 ready'")


def test_hostile_names_and_lines_are_text(visit: Visit, tmp_path: Path) -> None:
    lines = (
        HOSTILE,
        "\x1b[31mred\x1b[0m \x1b]0;title\x07plain",
        BIDI,
        "x" * 100_000,
        "torch.OutOfMemoryError: CUDA out of memory",
    )
    said = [argument for line in lines for argument in ("--say", line)]
    bad = engine("bad", *said, "--exit-at-start", "1", names=("bad", HOSTILE))
    content = Manifest(
        "demo", "process", (replace(bad, repo=HOSTILE + BIDI), engine("good")), (Gpu("gpu0", 2**40, 2**40),)
    )
    with serving(tmp_path, content) as served:
        page = visit(f"{served.url}/")
        page.wait_for_selector(LIVE)
        page.get_by_role("button", name="Load bad", exact=True).click()
        state(page, "bad", "failed")
        page.click("button.name >> text='bad'")
        assert HOSTILE in page.get_by_role("dialog").inner_text()
        page.keyboard.press("Escape")
        page.click("nav >> text='Log'")
        page.wait_for_selector(".log .line >> text=/CUDA/")
        shown = page.locator(".log .line").all_text_contents()
        assert {f"{HOSTILE}\n", "<U+202E>gnp.exe<U+202C>\n"} <= {*shown}
        assert not {"\x1b", "\x07", "\u202e"} & {*"".join(shown)}
        assert max(map(len, shown)) < 5000
        page.click("nav >> text='Try it'")
        page.wait_for_selector("#pane-1 option >> nth=2", state="attached")
        page.select_option("#pane-1", "good")
        page.get_by_label("Message", exact=True).fill(HOSTILE)
        page.click("text='Send'")
        page.wait_for_selector(".said.assistant:not(.busy)")
        assert page.locator("main img:not(.thumb)").count() == 0
        assert page.title() == "demo"


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 390)])
def test_axe_finds_nothing(visit: Visit, tmp_path: Path, theme: str, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    models = (engine("a"), engine("bad", "--say", "torch.OutOfMemoryError: CUDA out of memory", "--exit-at-start", "1"))
    with serving(tmp_path, manifest(*models, engine("ranker", gib=0, routes=("/v1/rerank",)))) as served:
        served.ask("/switch", {"model_id": "a"})
        served.ask("/switch", {"model_id": "bad"})
        page = visit(f"{served.url}/", color_scheme=theme, viewport={"width": width, "height": 844})
        page.wait_for_selector(LIVE)
        for view in ("overview", "try", "activity", "log", "about"):
            page.goto(f"{served.url}/#{view}")
            assert findings(axe, page) == []
            assert page.evaluate("document.documentElement.scrollWidth") == width
        page.goto(f"{served.url}/#overview")
        page.click("button.name >> text='bad'")
        assert findings(axe, page) == []


def findings(axe: Page, page: Page) -> list[str]:
    violations = axe.run(page).response["violations"]
    return [f"{one['id']}: {node['html']} {node['failureSummary']}" for one in violations for node in one["nodes"]]
