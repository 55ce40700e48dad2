"""Wait until a started engine is ready."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelgen_runtime.engines.probing import Answer, ProbeError, ask, silence
from modelgen_runtime.failures.explanation import explain_answer
from modelgen_runtime.failures.log_lines import clean_line

if TYPE_CHECKING:
    from modelgen_runtime.drivers.driver import Endpoint, Exit
    from modelgen_runtime.manifest import Model

_LEAST_DELAY, _SHARE, _MOST_DELAY = 0.003, 0.005, 0.05
"""Seconds between two probes: a share of the elapsed load time, which bounds the relative delay."""
# Engines that listen early answer once they have loaded, SGLang's /health takes up to 20 s (facts: engines).
_PROBE_SECONDS = 30.0
# An engine may list its names one by one; if it lists only others for so long, it was started with others.
_WRONG_NAME_SECONDS = 3.0
_EXIT_SECONDS = 0.5
_SILENT_SECONDS = 1.0
_SHOWN_LINES, _SHOWN_BYTES = 8, 2_000


class NotReadyError(Exception):
    """An engine did not become ready; the message continues a sentence that begins with its model."""


class ExitedError(NotReadyError):
    """The engine exited before it was ready."""


class LateError(NotReadyError):
    """The engine was not ready within `start_timeout`."""


class WrongNameError(NotReadyError):
    """The engine serves, but not under the expected name."""


class WarmupError(NotReadyError):
    """The engine reports that it is ready, but the warmup request failed."""


async def wait_ready(model: Model, endpoint: Endpoint, exited: asyncio.Future[Exit]) -> None:
    """Return once an engine is ready.

    Args:
        model: The model, whose `readiness` applies.
        endpoint: Address of the engine.
        exited: Done when the engine has exited.

    Raises:
        NotReadyError: One of the four above.
    """
    probe = _Probe(model, endpoint)
    probing = asyncio.create_task(probe.run(), name=f"probe {model.id}")
    first: set[asyncio.Future[None] | asyncio.Future[Exit]] = {probing, exited}
    try:
        await asyncio.wait(first, timeout=model.readiness.timeout, return_when=asyncio.FIRST_COMPLETED)
        if probing.done() and isinstance(probing.exception(), WarmupError):
            await asyncio.wait(
                {exited}, timeout=_EXIT_SECONDS
            )  # the exit explains more than the silence, but may be reported a little later
        if exited.done():
            raise ExitedError("ended before it was ready")
        if not probing.done():
            late = f"was not ready within {model.readiness.timeout:g} s: {probe.last_seen()}"
            raise LateError(f"{late}; raise `start_timeout` if it was still loading")
        probing.result()
    finally:
        probing.cancel()
        await asyncio.gather(probing, return_exceptions=True)


@dataclass(slots=True)
class _Probe:
    """Probes an engine repeatedly, and remembers the last observation."""

    model: Model
    endpoint: Endpoint
    seen: str = "it was not asked yet"
    others_since: float | None = None
    asked_at: float = 0.0

    def last_seen(self) -> str:
        """Return the last observation: an answer, unless the engine has been silent for a while since."""
        is_silent = self.asked_at > 0 and time.monotonic() - self.asked_at >= _SILENT_SECONDS
        return silence(self.model.readiness.path, None) if is_silent else self.seen

    async def run(self) -> None:
        began = time.monotonic()
        while not await self._is_up():  # noqa: ASYNC110 - engines have no notification
            await asyncio.sleep(min(max(_LEAST_DELAY, _SHARE * (time.monotonic() - began)), _MOST_DELAY))
        if self.model.readiness.warmup is not None:
            await self._ask_warmup(self.model.readiness.warmup)

    async def _is_up(self) -> bool:
        """Probe once, for its health and then for its names."""
        readiness = self.model.readiness
        try:
            health = await ask(
                self.endpoint,
                readiness.path,
                seconds=_PROBE_SECONDS,
                on_connect=lambda: self._note_connection(readiness.path),
            )
            self.asked_at = 0.0
            if health.status != 200:
                self.seen = f"{readiness.path} answers {health.status}"
                return False
            if readiness.lists is None:
                return True
            answer = await ask(self.endpoint, readiness.lists, seconds=_PROBE_SECONDS)
        except ProbeError as error:
            self.seen, self.asked_at = str(error), 0.0
            return False
        if answer.status != 200:
            self.seen = f"{readiness.lists} answers {answer.status}"
            return False
        return self._lists_name(readiness.lists, _read_names(answer.body))

    def _note_connection(self, path: str) -> None:
        """Remember that the port was open. An earlier answer remains valid for some time."""
        self.asked_at = time.monotonic()
        if not self.seen.startswith("/"):
            self.seen = silence(path, None)

    def _lists_name(self, path: str, names: list[str]) -> bool:
        wanted = {*self.model.names, *([self.model.upstream_name] if self.model.upstream_name else [])}
        if wanted.intersection(names):
            return True
        self.seen = f"{path} lists {_join(names)}, not {_join(sorted(wanted))}"
        if not names:
            self.others_since = None
            return False
        now = time.monotonic()
        self.others_since = self.others_since or now
        if now - self.others_since >= _WRONG_NAME_SECONDS:
            raise WrongNameError(f"serves under another name: {self.seen}; its command has to give it one of these")
        return False

    async def _ask_warmup(self, path: str) -> None:
        """Send the warmup request once, without a timeout; on another route if the model is of another kind.

        The compiler knows the kind of a model only from its config.json, which is not always locked.
        """
        answer = await self._question(path)
        for other in (one for one in (_OF_TEI if path in _NAMELESS else _ROUTES) if one != path):
            if not _is_of_another_kind(answer):
                break
            path, answer = other, await self._question(other)
        if _is_of_another_kind(answer):
            raise WarmupError("has no route for a warmup request; remove `warmup` from its table")
        if answer.status != 200:
            lines = bytes(answer.body[:_SHOWN_BYTES]).split(b"\n")[:_SHOWN_LINES]
            said = "\n".join(map(clean_line, lines))
            raise WarmupError(f"could not {_asked_for(path)}: {path} answered {answer.status}: {said}")

    async def _question(self, path: str) -> Answer:
        question = {**_QUESTIONS.get(path, _CHAT_QUESTION)}
        if path not in _NAMELESS:
            question["model"] = self.model.upstream_name or self.model.names[0]
        self.seen = f"{path} has not answered the warmup request"
        try:
            return await ask(self.endpoint, path, json.dumps(question).encode())
        except ProbeError as error:
            raise WarmupError(f"could not {_asked_for(path)}: {error}") from error


_CHAT, _COMPLETIONS = "/v1/chat/completions", "/v1/completions"
_CHAT_QUESTION = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
_QUESTIONS: dict[str, dict[str, object]] = {
    _COMPLETIONS: {"prompt": "Hi", "max_tokens": 1},
    "/v1/embeddings": {"input": "Hi"},
    "/v1/rerank": {"query": "Hi", "documents": ["Hi"]},
    "/rerank": {"query": "Hi", "texts": ["Hi"]},
    "/embed": {"inputs": "Hi"},
    "/predict": {"inputs": "Hi"},
}
_ROUTES = (_CHAT, _COMPLETIONS, "/v1/embeddings", "/v1/rerank")
_OF_TEI = ("/embed", "/rerank", "/predict")
_OF_ANOTHER_KIND = frozenset(
    {"chat-template-missing", "route-not-of-model", "not-a-reranker", "not-an-embedding-model"}
)
_NAMELESS = frozenset(_OF_TEI)
"""Warmup routes of TEI, which serves a single model and takes no name."""


def _is_of_another_kind(answer: Answer) -> bool:
    """Return whether the model rejects this kind of request but works, for example without a chat template."""
    if answer.status < 400:
        return False
    text = answer.body[:_SHOWN_BYTES].decode(errors="replace")
    meaning = explain_answer("command", text)
    has_no_route = answer.status == 404 and '"Not Found"' in text  # of FastAPI, where no route was made for the model
    return has_no_route or (meaning is not None and meaning.name in _OF_ANOTHER_KIND)


def _asked_for(path: str) -> str:
    return "answer one question" if path in _QUESTIONS and path != _COMPLETIONS else "give one token"


def _read_names(body: bytearray) -> list[str]:
    """Return the ids of an OpenAI list of models; none if it is no such list."""
    try:
        items = json.loads(body)["data"]
        return [item["id"] for item in items if isinstance(item["id"], str)]
    except (ValueError, TypeError, KeyError, RecursionError):
        return []


def _join(names: list[str]) -> str:
    """Return a bounded list of names for a message."""
    shown = ", ".join(f"`{clean_line(name[:100].encode(errors='replace'))}`" for name in names[:10])
    return f"{shown} and {len(names) - 10} more" if len(names) > 10 else shown or "nothing"
