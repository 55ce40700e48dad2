"""List the names of models.toml from before 0.1.0, with the names that replaced them."""

from __future__ import annotations

KEYS = {
    "canary": "warmup",
    "gate_image": "socket_proxy_image",
    "heartbeat": "loading_messages",
    "max_wait": "prioritize_after",
    "min_active": "min_loaded_time",
    "model_form": "model_arg",
}
"""Keys of `[models.ID]`, `[defaults]` and `[orchestrator]`."""

VALUES = {
    ("model_arg", "snapshot"): "path",
    ("loading_messages", "true"): "comments",
    ("loading_messages", "false"): "off",
}
"""Values, by the current name of their key."""

RULES = {"canary-without-route": "warmup-without-route", "newer-than-data": "unverified-flag"}
"""Names of rules in `[rules]`; the codes are unchanged."""
