"""The signature of a bundle, as ssh-keygen checks it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from bundling import SMALL, Source
from modelgen.bundle.signing import sign
from modelgen.files import InputError, ModelgenError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)], check=True)
    return path


@pytest.fixture
def sums(tmp_path: Path) -> Path:
    path = tmp_path / "SHA256SUMS"
    path.write_bytes(b"0  a\n")
    return path


def is_signed(sums: Path, key: Path, namespace: str = "modelgen-bundle") -> bool:
    signers = key.with_name("signers")
    signers.write_text(f"me@example.org {key.with_suffix('.pub').read_text()}")
    signature = sums.with_name("SHA256SUMS.sig")
    options = ["-f", str(signers), "-I", "me@example.org", "-n", namespace, "-s", str(signature)]
    return not subprocess.run(
        ["ssh-keygen", "-Y", "verify", *options], input=sums.read_bytes(), capture_output=True, check=False
    ).returncode


def test_a_signature_is_that_of_the_sums_for_bundles_only(sums: Path, key: Path) -> None:
    sign([sums], key)
    assert is_signed(sums, key)
    assert not is_signed(sums, key, "git")
    sums.write_bytes(b"1  a\n")
    assert not is_signed(sums, key)
    sign([sums], key)
    assert is_signed(sums, key)


def test_without_ssh_keygen_it_is_refused(sums: Path, key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(sums.parent))
    with pytest.raises(ModelgenError, match="needs ssh-keygen, which is not installed; install openssh-client"):
        sign([sums], key)


@pytest.mark.parametrize(
    ("name", "said"), [("none", "there is no key"), ("SHA256SUMS", "does not sign: .*; pass an SSH key")]
)
def test_what_is_no_key_is_refused(sums: Path, name: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        sign([sums], sums.with_name(name))
    assert not sums.with_name("SHA256SUMS.sig").exists()


def test_a_bad_key_is_refused_before_a_byte_is_written(tmp_path: Path) -> None:
    source = Source(tmp_path / "project", {"org/one": SMALL})
    done = source.create(tmp_path / "bundle", "--sign", "models.toml", code=1)
    assert "models.toml does not sign: " in done.stderr
    assert not (tmp_path / "bundle").exists()


def test_the_papers_of_a_signed_bundle_say_how_to_check_it(tmp_path: Path, key: Path) -> None:
    source, bundle = Source(tmp_path / "project", {"org/one": SMALL}), tmp_path / "bundle"
    source.create(bundle, "--sign", key)
    readme = (bundle / "README.txt").read_text()
    command = next(line for line in readme.splitlines() if "ssh-keygen -Y verify" in line)
    (bundle / "allowed_signers").write_text(f"IDENTITY {key.with_suffix('.pub').read_text()}")
    subprocess.run(["bash", "-c", command], cwd=bundle, check=True, capture_output=True)
    assert "--signers allowed_signers" in readme
    assert "SHA256SUMS.sig" in (bundle / "CONTENTS.md").read_text()
    source.create(bundle)
    assert "SHA256SUMS.sig" not in (bundle / "README.txt").read_text() + (bundle / "CONTENTS.md").read_text()
