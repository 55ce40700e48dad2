"""The engines of the soak, and all that goes wrong with them: they hang, die and are switched, held and reloaded."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
from collections import Counter
from typing import TYPE_CHECKING

from modelgen_runtime.manifest import write_manifest
from runtime_serving import Served, engine, manifest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from modelgen_runtime.manifest import Manifest, Model

BUFFER_LIMIT, OPEN_FILES = 32 << 20, 512
EXCLUSIVE = ("big0", "big1", "big2", "dying", "quitting")
"""Each takes more than half of the card."""
_FAULTS = (OSError, ValueError, LookupError)
"""Of somebody who looks while the orchestrator is killed, or at what has just gone."""


def fleet(folder: Path, *, has_extra: bool) -> Manifest:
    """Return the models; the extra one comes and goes with reloads."""

    def model(name: str, *options: str, gib: float) -> Model:
        return engine(name, "--mark", f"{folder}/{name}", *options, gib=gib)

    models = [
        model("big0", "--pace", "0.02", "--chunks", "20", "--healthy-after", "0.2", gib=12),
        model("big1", "--child", "--healthy-after", "0.5", gib=12),
        model("big2", "--daemon", "--think", "0.2", "--stop-after", "0.5", gib=12),
        model("dying", "--exit-after", "40", gib=12),
        model("quitting", "--exit-after", "25", "--exit-code", "0", "--pace", "0.05", gib=12),
        model("flood", "--flood", "40", gib=2),
        model("small", gib=2),
        model("sleepy", "--hang-after", "200", gib=2),
        *([model("extra", gib=2)] if has_extra else ()),
    ]
    return manifest(*models, queue_limit=1000, min_loaded_time=0.5, drain_timeout=3.0, buffer_limit=BUFFER_LIMIT)


class Trouble:
    """Does something to the engines or the orchestrator every now and then, in a thread, until it is ended."""

    def __init__(self, served: Served, folder: Path) -> None:
        self._served, self._folder = served, folder
        self._chance, self._over = random.Random(11), threading.Event()
        self.done, self.faults = Counter[str](), list[str]()
        self.manifest = (
            threading.Lock()
        )  # whoever has it may write the manifest, or start an orchestrator that reads it
        self._threads = [
            threading.Thread(target=self._again, args=(work, pause), daemon=True)
            for work, pause in ((self._hurt, 3.0), (self._switch, 2.0), (self._hold, 4.0), (self._reload, 5.0))
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(330)
            assert not thread.is_alive(), "a request of an operator was never answered"

    def _again(self, work: Callable[[], str], pause: float) -> None:
        while not self._over.wait(pause * (0.5 + self._chance.random())):
            with contextlib.suppress(*_FAULTS):
                self.done[work()] += 1

    def _hurt(self) -> str:
        """Kill an engine, stop it for a while, or for ever."""
        pid = self._chance.choice(self._served.engines())
        what = self._chance.choice(("kill", "kill", "pause", "freeze"))
        if what == "kill":
            os.kill(pid, signal.SIGKILL)
            return "engine killed"
        os.kill(pid, signal.SIGSTOP)
        if what == "freeze":
            return "engine frozen"
        self._over.wait(2)
        os.kill(pid, signal.SIGCONT)
        return "engine paused"

    def _switch(self) -> str:
        model, wait = self._chance.choice(EXCLUSIVE), self._chance.random() < 0.7
        return f"switch: {self._ask('/switch', {'model_id': model, 'wait': wait})}"

    def _hold(self) -> str:
        """Hold a model with a lease, and release it at times before that has run out."""
        path = f"/models/{self._chance.choice((*EXCLUSIVE, 'small'))}"
        status = self._ask(f"{path}/hold", {"lease": 1.5, "owner": "soak", "wait": self._chance.random() < 0.5})
        if self._chance.random() < 0.5:
            self._ask(f"{path}/release", {"owner": "soak"})
        return f"hold: {status}"

    def _reload(self) -> str:
        """Change the manifest, and have it read; a half-written one must change nothing."""
        path, new = self._folder / "manifest.json", fleet(self._folder, has_extra=self._chance.random() < 0.5)
        text = write_manifest(new).decode()
        with self.manifest:
            path.write_text(text[:1000])
            try:
                if self._ask("/reload", {}) == "200":
                    self.faults.append("half a manifest was read")
            finally:
                path.write_text(text)
            return f"reload: {self._ask('/reload', {})}"

    def _ask(self, path: str, body: object) -> str:
        status, answer = self._served.ask(path, body)
        if status < 300:
            return str(status)
        error = answer.get("error", {}) if isinstance(answer, dict) else {}
        if not error.get("code") or status == 500:
            self.faults.append(f"{path} {body}: {status} {answer}")
        return f"{status} {error.get('code')}"
