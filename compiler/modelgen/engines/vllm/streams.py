"""Describe how the streams of vLLM's releases change when they are asked for their tokens.

Source: entrypoints/openai/serving_chat.py and serving_completion.py, later chat_completion/serving.py and
completion/serving.py, of 45 releases from 0.8.5 to 0.33.0. With `include_usage`, one event without choices comes before
`[DONE]`. Since 0.21 the last event of a choice then lacks `system_fingerprint`, which moves to the one with the tokens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.engines.images.versions import Version

_SINCE, _UNTIL = (0, 8, 5), (0, 20, 2)
APART = "vLLM 0.8.5 to 0.20.2"
"""The releases in which nothing else changes."""
# With it, all streams report their tokens, so the event is the client's too.
_FORCED = "enable-force-include-usage"


def reports_apart(version: Version, args: Mapping[str, Any]) -> bool:
    """Return whether the tokens of a stream come in an event of their own, and only if they are asked for."""
    return _SINCE <= version.release <= _UNTIL and not args.get(_FORCED)
