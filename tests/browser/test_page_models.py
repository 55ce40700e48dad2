"""The page in a real browser: what it shows of models, and what its buttons do."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from runtime_serving import CARD, ROUTES, Served, engine, manifest, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from modelgen_runtime.manifest import Manifest

    Visit = Callable[..., Any]

Page: TypeAlias = Any
"""Of an optional package, whose types would change what mypy says."""

SAID = (
    "ValueError: To serve at least one request with the model's max seq len (131072), 16.00 GiB KV cache is needed. "
    "Based on the available memory, the estimated maximum model length is 11712."
)


def content() -> Manifest:
    return manifest(
        engine("text-7b", "--chunks", "30", "--pace", "0.02", gib=12),
        engine("text-4b", "--chunks", "30", "--pace", "0.02", gib=12),
        replace(engine("broken", "--say", SAID, "--exit-at-start", "1", gib=4), engine="vllm"),
        engine("ranker", gib=1, routes=("/v1/rerank",)),
    )


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("page"), content()) as orchestrator:
        yield orchestrator


@pytest.fixture
def page(visit: Visit, served: Served) -> Page:
    for model in ("text-7b", "text-4b", "ranker"):
        served.ask(f"/models/{model}/stop", {})
    opened = visit(f"{served.url}/")
    opened.wait_for_selector("html[data-link=live]")
    return opened


def state(page: Page, model: str, word: str) -> None:
    page.wait_for_selector(f"tr[data-model='{model}'] td.state >> text='{word}'")


def order(page: Page, verb: str, model: str) -> Page:
    return page.get_by_role("button", name=f"{verb} {model}", exact=True)


def test_a_model_is_loaded_by_a_click_and_is_a_block_of_its_gpu(page: Page, served: Served) -> None:
    assert page.title() == "demo"
    order(page, "Load", "text-7b").click()
    state(page, "text-7b", "ready")
    assert served.state("text-7b") == "ready"
    block = page.locator(".block[data-open][data-model=text-7b]")
    share = block.bounding_box()["height"] / page.locator(".blocks").first.bounding_box()["height"]
    assert share == pytest.approx(engine("x", gib=12).reservations["gpu0"] / CARD[0].memory, abs=0.02)
    assert "12 GiB of 20 GiB reserved" in page.locator(".lane").first.inner_text()
    block.click()
    assert "it stays until another model needs its memory" in page.get_by_role("dialog").inner_text()
    page.keyboard.press("Escape")
    assert page.locator("tr[data-model=text-7b] [data-name='Last start']").inner_text().endswith("s")
    order(page, "Unload", "text-7b").click()
    state(page, "text-7b", "stopped")


def test_the_keyboard_alone_loads_holds_and_releases(page: Page) -> None:
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.getAttribute('aria-label')") == "Load text-4b":
            break
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    state(page, "text-4b", "ready")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    state(page, "text-4b", "held")
    page.keyboard.press("Enter")
    state(page, "text-4b", "stopped")


def test_load_shows_before_what_it_would_evict(page: Page, served: Served) -> None:
    served.ask("/switch", {"model_id": "text-7b"})
    served.ask("/switch", {"model_id": "text-4b"})
    order(page, "Load", "text-7b").focus()
    hint = page.locator("#hint")
    hint.wait_for(state="visible")
    assert re.fullmatch(
        r"text-7b: takes 12 GiB on gpu0, evicts text-4b \(idle\), ready in about [\d.]+ m?s", hint.inner_text()
    )
    assert page.locator(".ghost").inner_text() == "text-7b"
    assert page.locator(".block.leaving").get_attribute("data-model") == "text-4b"
    page.keyboard.press("Escape")
    assert page.locator(".ghost").count() == 0
    order(page, "Load", "text-7b").hover()
    page.locator(".ghost").wait_for()
    assert served.state("text-4b") == "ready"


def test_a_failure_opens_with_its_meaning_its_place_and_its_output(page: Page, served: Served) -> None:
    order(page, "Load", "broken").click()
    state(page, "broken", "failed")
    page.locator(".failure-mark").last.hover()
    page.mouse.down()
    page.evaluate("""new Promise((moved) => new MutationObserver(moved).observe(
        document.querySelector(".failure-mark"), { attributeFilter: ["style"] }))""")
    page.mouse.up()
    dialog = page.get_by_role("dialog")
    text = dialog.inner_text()
    assert "It ended before it was ready (exit code 1)" in text
    [failure] = [one["failure"] for one in served.ask("/models")[1]["models"] if one["id"] == "broken"]
    assert failure["meaning"] in text
    assert dialog.locator(".cause").inner_text().strip() == SAID
    assert dialog.locator(".place code").all_inner_texts() == failure["places"]
    assert dialog.locator(".place pre").all_inner_texts() == [
        "[models.broken.args]\nmax-model-len = 11712",
        "[models.broken]\ngpu_memory = ",
    ]
    page.keyboard.press("Escape")
    assert dialog.count() == 0


def test_a_chat_is_streamed_with_its_speed(page: Page) -> None:
    page.click("nav >> text='Try it'")
    page.get_by_label("Message", exact=True).fill("hello")
    page.keyboard.press("Enter")
    page.wait_for_selector(".said.assistant.busy >> text=/hellohello/")  # before it is complete
    page.wait_for_selector(".said.assistant:not(.busy)")
    assert page.locator(".said.assistant").inner_text() == "hello" * 30
    assert re.match(r"first token [\d.]+ m?s · ", page.locator(".speed").first.inner_text())
    rate = "import('./page/pane.js').then(({describe}) => describe(410, 30, 2000, {completion_tokens: 101}))"
    assert page.evaluate(rate) == "first token 410 ms · 50.0 tokens/s · 101 tokens"


def test_two_models_answer_side_by_side(visit: Visit, tmp_path_factory: pytest.TempPathFactory) -> None:
    two = manifest(engine("one", gib=4), engine("two", gib=4))
    with serving(tmp_path_factory.mktemp("two"), two) as orchestrator:
        page = visit(f"{orchestrator.url}/ui#try")
        page.get_by_label("Two side by side").check()
        page.get_by_label("Message", exact=True).fill("hi")
        page.click("text='Send'")
        panes = page.locator(".pane")
        for number, model in enumerate(("one", "two")):
            pane = panes.nth(number)
            pane.locator(".said.assistant:not(.busy)").wait_for()
            assert pane.locator("select").input_value() == model
            assert pane.locator(".said.assistant").inner_text() == "hi" * 3
        assert sorted(model["state"] for model in orchestrator.ask("/models")[1]["models"]) == ["ready", "ready"]


def test_settings_and_an_image_are_sent(page: Page) -> None:
    page.click("nav >> text='Try it'")
    page.click("summary")
    page.get_by_label("System prompt").fill("be brief")
    page.get_by_label("Temperature").fill("0.5")
    page.get_by_label("Stop at").fill("END, STOP")
    pixel = b"\x89PNG\r\n\x1a\n"
    page.set_input_files("#image", {"name": "pixel.png", "mimeType": "image/png", "buffer": pixel})
    page.wait_for_selector(".thumb")
    page.get_by_label("Message", exact=True).fill("what is it")
    with page.expect_request("**/v1/chat/completions") as sent:
        page.click("text='Send'")
    body = sent.value.post_data_json
    assert (body["temperature"], body["stop"], body["stream"]) == (0.5, ["END", "STOP"], True)
    system, user = body["messages"]
    assert system == {"role": "system", "content": "be brief"}
    assert user["content"][1]["image_url"]["url"].startswith("data:image/png;base64,")
    page.wait_for_selector(".said.assistant:not(.busy)")


def test_documents_are_ranked(page: Page) -> None:
    page.click("nav >> text='Try it'")
    page.locator("#tool-rerank").fill("which?\nfirst\nsecond")
    page.get_by_role("button", name="Rerank").click()
    page.wait_for_selector(".result >> text='0.500'")
    assert page.locator(".result li").inner_text() == "0.500 first"
    assert page.locator("#tool-transcribe").is_hidden()  # no model has the route


def test_the_log_of_a_model_is_live_can_be_paused_and_searched(page: Page, served: Served) -> None:
    page.click("nav >> text='Log'")
    page.select_option("#log-model", "text-4b")
    served.chat("text-4b")
    page.wait_for_selector(".log .line >> text=/chat/")
    page.get_by_label("Search in the log").fill("listening on")
    assert all("listening on" in line for line in page.locator(".log .line:not([hidden])").all_inner_texts())
    page.click("text='Pause'")
    before = page.locator(".log .line").count()
    served.chat("text-4b")
    page.wait_for_selector("text=/Paused, \\d+ more/")
    assert page.locator(".log .line").count() == before
    page.click("text='Go on'")
    page.locator(".log .line").nth(before).wait_for(state="attached")


def test_unknown_routes_are_not_offered(page: Page) -> None:
    assert "/v1/chat/completions" in ROUTES
    page.click("nav >> text='Try it'")
    page.wait_for_selector("#pane-1 option[value=text-7b]", state="attached")
    assert page.locator("#pane-1 option").all_inner_texts() == ["text-7b", "text-4b", "broken"]
