"""Count bytes through the progress bar that the official client calls. Nothing is displayed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable


def bar_class(advanced: Callable[[int], None]) -> Any:  # noqa: ANN401 - the client wants a class that mimics tqdm's
    """Return a class for the client's `tqdm_class` that calls `advanced` with the number of bytes."""

    class Bar:
        def __init__(self, *_: Any, **options: Any) -> None:  # noqa: ANN401 - tqdm's signature
            self.total = options.get("total")
            self.n = 0

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def update(self, count: float | None = 1) -> None:
            advanced(int(count or 0))

        def __getattr__(self, _: str) -> Callable[..., None]:
            """Accept every other method, which only concerns the display: refresh, close, set_postfix_str."""
            return lambda *_, **__: None

    return Bar
