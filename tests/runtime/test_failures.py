"""What engines say when they fail, and what it means."""

from __future__ import annotations

import time

import pytest

from modelgen_runtime.failures import explain_failure

# As engines printed them: of 0.11.0 and 0.32.0 on CPU where the facts have them, else of the threads named there.
SAID = {
    "huggingface_hub.errors.HFValidationError: Repo id must be in the form 'repo_name' or 'namespace/name'": "path",
    "LocalEntryNotFoundError: Cannot find an appropriate cached snapshot folder for the revision": "not in the hub",
    "OSError: We couldn't connect to 'https://x', and couldn't find them in the cached files.": "not in the",
    "  Value error, Invalid repository ID or local directory specified: '/model'.": "no config.json",
    "ValueError: Free memory on device (20.1/23.6 GiB) on startup is less than desired": "another process",
    "ValueError: No available memory for the cache blocks.": "no room",
    "ValueError: To serve at least one request with the models's max seq len (262144)": "no room",
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.": "card is full",
    "RuntimeError: UVA is not available": "WSL2",
    "openai_harmony.HarmonyError: error downloading or loading vocab file": "gpt-oss",
    "nvidia-container-cli: requirement error: unsatisfied condition: cuda>=12.8": "driver",
    "Insufficient space in /dev/shm: 160 MiB required, 64 MiB free": "shared memory",
    "ValueError: LoRA rank 64 is greater than max_lora_rank 16.": "higher rank",
    "KeyError: 'getpwuid(): uid not found: 10001'": "no name",
    "Please pass the argument `trust_remote_code=True` to allow custom code to be run.": "code of its own",
    "api_server.py: error: unrecognized arguments: --no-such-flag": "flags",
    "OSError: [Errno 98] Address already in use": "port is taken",
    "ModuleNotFoundError: No module named 'intel_extension_for_pytorch'": "lacks a package",
    "PermissionError: [Errno 13] Permission denied: '/root/.cache'": "not readable",
    "OSError: [Errno 28] No space left on device": "disk is full",
    "ValueError: Sleep mode is not supported on current platform.": "sleep needs",
}


@pytest.mark.parametrize(("line", "meaning"), SAID.items())
def test_it_means_something(line: str, meaning: str) -> None:
    found = explain_failure(1, ["INFO: starting", line, "Traceback: none"])
    assert found is not None
    assert meaning in found.meaning
    assert found.remedy


def test_a_kill_means_memory_only_where_nothing_was_said() -> None:
    assert explain_failure(1, ["INFO: all is well"]) is None
    for code in (137, -9):
        killed, full = explain_failure(code, []), explain_failure(code, ["CUDA out of memory"])
        assert killed is not None
        assert "it was killed" in killed.meaning
        assert full is not None
        assert full.meaning == "the card is full"
    assert explain_failure(None, []) is None


def test_hostile_lines_cost_no_time() -> None:
    began = time.process_time()
    explain_failure(1, [text * 20_000 for text in ("a", "Free memory on device ", "LoRA rank 9", "(" * 9, "\\")] * 10)
    assert time.process_time() - began < 60
