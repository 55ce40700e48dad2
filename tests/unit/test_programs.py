"""Programs that modelgen starts end with it."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from modelgen.operate.programs import kill


@pytest.mark.skipif(sys.platform == "win32", reason="Popen has no such lock on Windows")
def test_a_program_is_killed_after_an_interrupt_that_left_the_lock_of_popen_taken() -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    process._waitpid_lock.acquire()  # type: ignore[attr-defined]  # noqa: SLF001 - as Ctrl-C at the wrong moment does
    killing = threading.Thread(target=kill, args=(process,), daemon=True)
    killing.start()
    killing.join(30)
    assert not killing.is_alive()
    assert process.returncode == -9
