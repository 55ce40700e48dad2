"""What a fetch prints on its way, and in which order contents come."""

from __future__ import annotations

import logging
from pathlib import Path

from modelgen.cli.hub.progress import _rate_line
from modelgen.hub.cache.layout import Checkout
from modelgen.hub.connection.client import LogForwarder
from modelgen.hub.fetching.planning import Job
from modelgen.hub.fetching.waiting import in_order
from modelgen.lockfile.entries import File


def heard(*texts: str) -> list[str]:
    told: list[str] = []
    with LogForwarder(told.append):
        for text in texts:
            logging.getLogger("huggingface_hub.file_download").warning(text)
    return told


def test_the_client_is_not_quoted_file_by_file() -> None:
    address = "http://mirror:8090/org/m{}/resolve/abc/tokenizer.json"
    told = heard(
        *(f"Error while downloading from {address.format(n)}: timed out\nTrying to resume download..." for n in (1, 2))
    )
    assert len({*told}) == 1
    assert told[0] == "http://mirror:8090: timed out; what arrived is kept, and the rest is requested"
    assert heard("Retrying in 1s [Retry 1/5].") == []
    assert heard("something new\nin two lines") == ["something new in two lines"]


def test_no_estimate_without_a_rate() -> None:
    assert _rate_line(0, 200_000_000, 0, 10) == "0 of 200 MB, 0.0 MB/s"
    assert _rate_line(90_000_000, 200_000_000, 90_000_000, 10) == "90 of 200 MB, 0.0 MB/s"
    assert _rate_line(100_000_000, 200_000_000, 0, 10) == "100 of 200 MB, 10.0 MB/s, 10 s left"
    assert _rate_line(20_000_000, 2_000_000_000, 0, 10) == "20 of 2,000 MB, 2.0 MB/s, 16 min left"


def test_one_repository_after_the_other() -> None:
    def job(repo: str, path: str, size: int) -> Job:
        file = File(path=path, size=size, sha256=f"{size:064x}")
        return Job(((Checkout(Path("/hub"), repo, "c" * 40, {path: file}, (), ("m",)), file),), 0)

    jobs = [job("o/a", "1", 50), job("o/b", "1", 40), job("o/b", "2", 30), job("o/a", "2", 5)]
    assert [(one.checkout.repo, one.file.path) for one in in_order(jobs)] == [
        ("o/b", "1"),
        ("o/b", "2"),
        ("o/a", "1"),
        ("o/a", "2"),
    ]
