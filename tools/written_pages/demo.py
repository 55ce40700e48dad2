"""The page of the orchestrator for the site, where docs/demo/demo.js answers in place of an orchestrator."""

from __future__ import annotations

from modelgen_runtime.page.files import PAGE

_SCRIPT = '<script type="module" src="page/main.js"></script>'
_RECORDING = '<script type="module" src="demo.js"></script>'


def write_all() -> dict[str, str]:
    """Return the files of the demo that are the page's own, by path below docs/."""
    files = {path.removeprefix("/"): file.content.decode() for path, file in PAGE.items()}
    index = files.pop("")
    files.pop("ui")
    if _SCRIPT not in index:
        raise ValueError(f"index.html has no {_SCRIPT}")
    # Scripts of type `module` run in their order, so that this one replaces `fetch` first.
    demo = index.replace(_SCRIPT, f"{_RECORDING}\n  {_SCRIPT}")
    return {"demo/index.html": demo, **{f"demo/{path}": text for path, text in files.items()}}
