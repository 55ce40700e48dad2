"""Draw docs/assets/memory-estimates.svg: how far each estimate is from its log, beside published rules."""

from __future__ import annotations

from html import escape
from itertools import groupby
from typing import TYPE_CHECKING

from written_pages.accuracy import PEERS, measure, peer_error
from written_pages.memory_starts import read_starts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from written_pages.memory_starts import Logged

_GIB = 2**30
_WIDTH, _LEFT, _RIGHT, _TOP = 900, 330, 876, 92
_ROW, _GAP = 16, 9
_LEAST, _MOST = -8.0, 4.0
_FONT = "system-ui, 'Segoe UI', Helvetica, Arial, sans-serif"
_TO_LEFT, _TO_RIGHT = "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}", "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}"
_SHAPES = (
    "M-4,-4 L4,4 M-4,4 L4,-4",
    "M0,-5 L5,0 L0,5 L-5,0 Z",
    "M-4,4 L4,4 L0,-4 Z",
)
"""The mark of each published rule, in the order of `PEERS`."""
_STYLE = """\
text { fill: #1f2328 }
.gray { fill: #57606a }
.grid { stroke: #d8dee4; stroke-width: 1 }
.zero { stroke: #57606a; stroke-width: 1.4 }
.bar { stroke: #54aeff; stroke-width: 6; stroke-linecap: round }
.own { fill: #0550ae }
.peer { stroke: #bc4c00; stroke-width: 1.3; fill: none }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .gray { fill: #9198a1 }
  .grid { stroke: #30363d }
  .zero { stroke: #9198a1 }
  .bar { stroke: #1f6feb }
  .own { fill: #cae8ff }
  .peer { stroke: #ffa657 }
}"""


def write() -> str:
    """Return the figure as SVG."""
    starts = sorted((one for one in read_starts() if one.is_whole), key=_release)
    groups = [(release, [*some]) for release, some in groupby(starts, key=lambda one: str(one.row["vllm"]))]
    bottom = _TOP + len(starts) * _ROW + (len(groups) - 1) * _GAP
    marks: list[str] = []
    y = float(_TOP)
    for release, some in groups:
        marks.append(_text(12, y + 12, release, "gray"))
        for one in some:
            marks += _start(one, y + _ROW / 2)
            y += _ROW
        y += _GAP
    return "\n".join([*_head(bottom + 34), *_axis(bottom), *_legend(), *marks, "</svg>"]) + "\n"


def _release(one: Logged) -> list[int]:
    return [*map(int, one.row["vllm"].split("."))]


def _head(height: float) -> Iterable[str]:
    found = measure()
    described = (
        f"A row for each of {found.whole} public starts of vLLM, by release. {found.inside:.0%} of the logged values "
        "lie within the error of the estimate. Published rules miss by several GiB."
    )
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:g}" role="img" '
        f'aria-labelledby="title desc" font-family="{_FONT}" font-size="12">'
    )
    yield '<title id="title">Estimated room for the KV cache against the log, in GiB for each GPU</title>'
    yield f'<desc id="desc">{described}</desc>'
    yield f"<style>\n{_STYLE}\n</style>"


def _axis(bottom: float) -> Iterable[str]:
    for tick in range(int(_LEAST), int(_MOST) + 1, 2):
        x, kind = _x(tick), "zero" if tick == 0 else "grid"
        yield f'<line class="{kind}" x1="{x:g}" y1="{_TOP - 4}" x2="{x:g}" y2="{bottom + 2:g}"/>'
        label = "as logged" if tick == 0 else f"{tick:+d} GiB".replace("-", "\N{MINUS SIGN}")
        yield _text(x, bottom + 20, label, "gray", "middle")


def _legend() -> Iterable[str]:
    yield '<text x="12" y="22" font-size="15">Estimated room for the KV cache, less what vLLM logged</text>'
    x = float(_LEFT)
    yield f'<line class="bar" x1="{x:g}" y1="52" x2="{x + 26:g}" y2="52"/>'
    yield f'<circle class="own" cx="{x + 13:g}" cy="52" r="4"/>'
    yield _text(x + 36, 56, "modelgen with its error")
    x += 194
    for name, shape in zip(PEERS, _SHAPES, strict=True):
        yield f'<path class="peer" transform="translate({x:g},52)" d="{shape}"/>'
        yield _text(x + 10, 56, name)
        x += 28 + 6 * len(name)
    yield _text(12, 80, "vLLM", "gray")
    yield _text(70, 80, "model and GPU", "gray")
    yield _text(_LEFT, 80, f"{_TO_LEFT} too little", "gray")
    yield _text(_RIGHT, 80, f"too much {_TO_RIGHT}", "gray", "end")


def _start(one: Logged, y: float) -> Iterable[str]:
    row = one.row
    gpu = f"{row['gpus']} × {row['gpu']}" if row["gpus"] > 1 else row["gpu"]
    yield _text(70, y + 4, f"{row['model']}, {gpu}")
    logged = float(row["cache"])
    low, high = (_x(end / _GIB - logged) for end in (one.estimate.room.low, one.estimate.room.high))
    yield f'<line class="bar" x1="{low:.1f}" y1="{y:g}" x2="{max(high, low + 0.1):.1f}" y2="{y:g}"/>'
    for rule, shape in zip(PEERS.values(), _SHAPES, strict=True):
        error = peer_error(one, rule)
        x = _x(error)
        yield f'<path class="peer" transform="translate({x:.1f},{y:g})" d="{shape}"/>'
        if error < _LEAST:
            yield _text(x - 7, y + 4, _TO_LEFT, "gray", "end")
        if error > _MOST:
            yield _text(x + 7, y + 4, _TO_RIGHT, "gray")
    yield f'<circle class="own" cx="{_x(one.error):.1f}" cy="{y:g}" r="4"/>'


def _x(error: float) -> float:
    """Return the place of a difference in GiB; one that is off the scale is at its end."""
    inside = min(_MOST, max(_LEAST, error))
    return _LEFT + 12 + (inside - _LEAST) / (_MOST - _LEAST) * (_RIGHT - _LEFT - 24)


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "") -> str:
    classed = f' class="{kind}"' if kind else ""
    anchored = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text x="{x:g}" y="{y:g}"{classed}{anchored}>{escape(text)}</text>'
