"""Modules of the page in a real browser, without its views."""

from __future__ import annotations

from typing import Any, TypeAlias

import pytest

from runtime_serving import engine, manifest, serving

Page: TypeAlias = Any
"""Of an optional package, whose types would change what mypy says."""

SHUFFLED = """async () => {
  const { Packing } = await import("./page/packing.js");
  const packing = new Packing("gpu0", 100), faults = [];
  let seed = 7;
  const random = (most) => (seed = (seed * 16807) % 2147483647) % most;
  for (let time = 0; time < 3000; time += 1) {
    const used = packing.active.reduce((sum, one) => sum + one.size, 0);
    const size = 1 + random(60);
    if (used + size <= 100) packing.begin({ segments: new Map() }, size, time);
    else packing.end(packing.active[random(packing.active.length)].stay, time);
    let top = 0;
    for (const one of packing.active) {
      if (one.offset < top) faults.push(`${time}: two models overlap`);
      top = one.offset + one.size;
    }
    if (top > 100) faults.push(`${time}: a model is above the limit`);
  }
  return faults;
}"""
STAYS = """async () => {
  const { Lane } = await import("./page/lane.js");
  const lane = new Lane({ name: "gpu0", memory: 10, limit: 10 }, () => 1, () => {});
  const stays = Array.from({ length: 1000 }, () => ({ model: "a", end: null, segments: new Map() }));
  for (const [time, stay] of stays.entries()) {
    lane.begin(stay, time);
    stay.end = time + 1;
    lane.end(stay, time + 1);
  }
  return [lane.stays.size, lane.stays.has(stays.at(-1))];
}"""
PAST = """async () => {
  const { History } = await import("./page/history.js");
  const history = new History();
  const times = { ready: 1, draining: 5, stopping: 6, stopped: 7, failed: 9, waited: 10 };
  for (const [kind, time] of [...Object.entries(times), ["ready", 12]]) {
    history.apply({ kind, time, model: "a", detail: kind === "failed" ? "ended" : undefined });
  }
  history.reconcile({ id: "a", state: "stopped" }, 20);
  history.reconcile({ id: "b", state: "ready", since: null, ready: 8 }, 20);
  const kinds = (stay) => stay.phases.map((phase) => phase.kind);
  return history.stays.map((stay) => [stay.model, stay.start, stay.end, stay.failed, kinds(stay)]);
}"""


@pytest.fixture(scope="module")
def page(chromium: Page, tmp_path_factory: pytest.TempPathFactory) -> Page:
    with serving(tmp_path_factory.mktemp("modules"), manifest(engine("a"))) as served:
        opened = chromium.new_page()
        opened.goto(f"{served.url}/")
        yield opened
        opened.close()


def text(page: Page, call: str) -> object:
    return page.evaluate(f"import('./page/text.js').then((text) => {call})")


def test_texts(page: Page) -> None:
    assert text(page, "text.clean('x'.repeat(1e6))") == "x" * 4000 + " … 996,000 more characters"
    assert text(page, "text.clean('a\\u202eb\\x1b[2Jc')") == "a<U+202E>b[2Jc"
    assert (
        text(page, "text.tomlLines('models.\"qwen2.5\".args.max-model-len')")
        == '[models."qwen2.5".args]\nmax-model-len = '
    )
    assert text(page, "text.tomlLines('models.a.gpu_memory', 8)") == "[models.a]\ngpu_memory = 8"
    assert text(page, "text.tomlLines('version')") == "version = "
    assert text(page, "[0.02, 5, 38, 130, 8000].map(text.duration)") == ["20 ms", "5.0 s", "38 s", "2 min", "2 h"]
    assert text(page, "[6, 22.5, 80].map((size) => text.gib(size * 2 ** 30))") == ["6 GiB", "22.5 GiB", "80 GiB"]


def test_models_in_a_lane_never_overlap(page: Page) -> None:
    assert page.evaluate(SHUFFLED) == []


def test_a_lane_keeps_the_latest_stays(page: Page) -> None:
    assert page.evaluate(STAYS) == [300, True]


def test_events_make_the_past_and_the_status_corrects_it(page: Page) -> None:
    assert page.evaluate(PAST) == [
        ["a", 1, 7, None, ["ready", "draining", "stopping"]],
        ["a", 9, 9, "ended", ["starting"]],
        ["a", 12, 20, None, ["ready"]],
        ["b", 12, None, None, ["ready"]],
    ]
