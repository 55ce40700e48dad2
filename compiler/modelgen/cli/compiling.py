"""Share code among `build`, `diff` and `validate`: read the file, compile it, print the findings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from modelgen.cli.exits import cannot
from modelgen.cli.findings import print_diagnostics
from modelgen.cli.options import NAME
from modelgen.files import MAX_SOURCE_BYTES, ModelgenError
from modelgen.targets import DEFAULT_TARGETS

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelgen.pipeline import Checked, Compilation


def compile_file(
    config: Path, out: Path | None, targets: tuple[str, ...] = DEFAULT_TARGETS, *, reads_back: bool = True
) -> tuple[Compilation, Path]:
    """Compile the file for the targets; return the result and the output directory.

    A command that does not write the output need not have it read back.

    Raises:
        ModelgenError: The file cannot be read.
    """
    # Read before the compiler is imported, to report a missing file at once.
    data = read_config(config)
    lock, measured = read_lock(config), read_measured(config)
    from modelgen.pipeline import compile_source

    out = config.parent / "build" if out is None else out
    root = root_from_out(config.parent, out)
    compilation = compile_source(
        data,
        lock,
        measured,
        path=config.as_posix(),
        lock_path=lock_path(config).as_posix(),
        targets=tuple(dict.fromkeys(targets)),
        root_from_out=root,
        read=reader(config),
        reads_back=reads_back,
    )
    return compilation, out


def check_file(config: Path) -> Checked:
    """Read and check the file for the default targets, without rendering them.

    Raises:
        ModelgenError: The file cannot be read.
    """
    return check_bytes(config, read_config(config), read_lock(config))


def check_bytes(config: Path, data: bytes, lock: bytes | None) -> Checked:
    """Check the bytes of a file and its lock, which need not be written yet, as `check_file` does."""
    from modelgen.pipeline import check_source

    return check_source(
        data,
        lock,
        read_measured(config),
        path=config.as_posix(),
        lock_path=lock_path(config).as_posix(),
        read=reader(config),
    )


def reader(config: Path) -> Callable[[str], bytes]:
    """Return what reads the files that a models.toml names, by their paths relative to it."""

    def read(path: str) -> bytes:
        with (config.parent / path).open("rb") as file:
            return file.read(MAX_SOURCE_BYTES + 1)

    return read


def root_from_out(root: Path, out: Path) -> str:
    """Return the POSIX path from the output directory to the folder of models.toml; absolute if it is not above it."""
    absolute_root, absolute_out = (Path(os.path.abspath(path)) for path in (root, out))  # noqa: PTH100 - no symlinks
    if not absolute_out.is_relative_to(absolute_root):
        try:
            return os.fsencode(absolute_root.as_posix()).decode("utf-8")
        except UnicodeDecodeError as error:
            raise ModelgenError(f"the path of {root} is not UTF-8, as every file of a build is; rename it") from error
    return "/".join([".."] * len(absolute_out.relative_to(absolute_root).parts)) or "."


def print_findings(
    compilation: Compilation | Checked, format_: str = "human", *, limit: int | None = None, to_stderr: bool
) -> None:
    """Print the findings on models.toml; the arguments are those of `print_diagnostics`."""
    print_diagnostics(compilation.diagnostics, compilation.sources, format_, limit=limit, to_stderr=to_stderr)


def lock_path(config: Path) -> Path:
    """Return where the lock of a models.toml is: beside it, as models.lock."""
    return config.with_suffix(".lock")


def measured_path(config: Path) -> Path:
    """Return where the measured starts of a models.toml are: beside it, as models.measured.toml."""
    return config.with_suffix(".measured.toml")


def read_lock(config: Path) -> bytes | None:
    """Return the bytes of the lock beside `config`, or None if there is none."""
    return _read_beside(lock_path(config))


def read_measured(config: Path) -> bytes | None:
    """Return the bytes of the measured starts beside `config`, or None if there are none."""
    return _read_beside(measured_path(config))


def _read_beside(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise cannot("read", path, error, "make it readable, or remove it") from error


def read_config(config: Path) -> bytes:
    """Return the bytes of a models.toml.

    Raises:
        ModelgenError: It cannot be read.
    """
    try:
        with config.open("rb") as file:
            return file.read(MAX_SOURCE_BYTES + 1)  # one byte more, so that it is refused as too large
    except FileNotFoundError as error:
        if config != Path(NAME):
            raise ModelgenError(f"there is no {config}; pass the path of a models.toml, or its folder") from error
        missing = f"there is no {NAME} here or in a folder above"
        raise ModelgenError(f"{missing}; run `modelgen init` to create one, or pass another with --config") from error
    except IsADirectoryError as error:
        raise ModelgenError(f"{config} is a directory; pass the file with --config") from error
    except OSError as error:
        raise cannot("read", config, error, "make it readable, or pass another file with --config") from error
