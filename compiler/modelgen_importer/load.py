"""Load a bundle into a project's folder and its hub directory, and its images into Docker.

    python3 -I importer/load.py --into TARGET [--hub PATH] [FOLDER ...]

It writes only below TARGET and the hub directory. Contents are copied and hashed first, then come images, then links
and refs, then the files of the project. It can be stopped at any moment and run again: what was copied is kept. Its
exit code is 0 if all is loaded, 1 if something is refused, damaged, edited or to come, 3 if a disk or Docker fails.
"""

import sys

if __name__ == "__main__" and not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
    del sys.path[0]  # this folder: a file that was put into it must not be in the place of a module of Python

import os
import types
from pathlib import Path

if __name__ == "__main__":  # run as a file: the others are beside it, and no code but theirs is trusted
    if sys.version_info < (3, 9):  # noqa: UP036 - the host's Python may be older
        sys.exit("this needs Python 3.9 or newer; try python3.9, python3.11 and so on")
    for entry in os.scandir(Path(__file__).absolute().parent):
        if entry.name != "__pycache__" and (entry.is_dir() or entry.name.endswith((".so", ".pyd"))):
            sys.exit(f"{entry.path!a} does not belong to the importer; remove it")  # Python would prefer it to a .py
    sys.dont_write_bytecode, sys.pycache_prefix = True, os.devnull
    sys.modules["modelgen_importer"] = package = types.ModuleType("modelgen_importer")
    package.__path__ = [str(Path(__file__).absolute().parent)]

import argparse
import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

from modelgen_importer.describe import nearest, probe
from modelgen_importer.hub import Hub, held
from modelgen_importer.images import Docker
from modelgen_importer.jobs import Jobs
from modelgen_importer.manifest import RefusedError, UnableError, is_path
from modelgen_importer.medium import Medium
from modelgen_importer.project import STATE, Project
from modelgen_importer.reading import is_device, read_bundle, twin
from modelgen_importer.saying import about, run, say, size_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelgen_importer.manifest import File, Image

_MOST_FAULTS = 20


class Load:
    """One run.

    Args:
        options: The options of the command line.

    Raises:
        RefusedError: The bundle or the destination cannot be used.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.project = Project(Path(os.path.realpath(options.into)))
        self.medium = None if options.rollback else Medium(options.folders or [Path(__file__).absolute().parent.parent])
        if self.medium is not None and options.signers:
            say(f"signed by {self.medium.check_signature(options.signers)}")
        data = self.project.earlier() if self.medium is None else self.medium.data
        if data is None:
            raise RefusedError(f"{self.project.root} has no state of an earlier load; load the older bundle again")
        self.bundle = read_bundle(data)
        self.docker: Docker | None = None
        self.fault = ""
        self.project.open(data)
        self.hub = self._open_hub()
        self.jobs = Jobs(self.bundle, self.medium, self.project, self.hub)

    def run(self) -> int:
        """Load the bundle, and return the exit code."""
        images = self._find_images()
        self.jobs.find(quick=self.options.quick or self.options.dry_run)
        self.jobs.add_images(images)
        edited = self.project.edited(self.bundle)
        if self.options.dry_run:
            return self._tell(images, edited)
        self._check_space()
        with held(self.hub):
            if not self._copy():
                return 1
            if self.docker is not None:
                self._load_images(self.docker, images)
            self._publish(edited)
        return self._end([] if self.options.force else edited)

    def _find_images(self) -> "list[Image]":
        """Return the images that Docker does not have."""
        try:
            self.docker = docker = Docker(self.bundle.arch) if self.bundle.images else None
        except UnableError as error:
            self.fault = str(error)
            return self.bundle.images
        return [image for image in self.bundle.images if docker and not docker.has(image, self.jobs.config(image))]

    def _load_images(self, docker: Docker, images: "list[Image]") -> None:
        """Load images; if Docker fails, all else is loaded."""
        try:
            for image in images:
                say(f"loading {image.reference}, {size_of(image.size)}")
                docker.load(image, self.jobs.member)
                if not docker.has(image, self.jobs.config(image)):
                    raise RefusedError(f"Docker has another image as {image.reference} than the bundle; load it again")
        except UnableError as error:
            self.fault = str(error)

    def _open_hub(self) -> Hub:
        written, root = self.bundle.hub.path, self.project.root
        place = _resolve(root, written)
        given = self.options.hub and _resolve(root, str(self.options.hub))
        if place in (root, *root.parents):
            raise RefusedError(f"the hub directory {shlex.quote(written)} is the folder of this project, or above it")
        if given and given != place:
            raise RefusedError(
                f"engines look for models in {place}, as models.toml has it, and not in {given}, which `--hub` names; "
                "name that folder, make it a link to yours, or change `hub` and make the bundle again"
            )
        inside = written.replace("\\", "/").removeprefix("./")
        if is_path(inside):
            try:
                self.project.folder(inside, make=False)
            except RefusedError as error:
                if not given:
                    raise RefusedError(f"{error}, or name the hub directory that it leads to with `--hub`") from None
        elif not given:
            raise RefusedError(
                f"models.toml has its hub directory outside of this project, in {place}; "
                "if it is to be written there, add `--hub` with this path"
            )
        found = probe(place)
        self._check_names("files", self.bundle.files, probe(self.project.root))
        for one in self.bundle.hub.snapshots:
            self._check_names(one.repo, one.files, found)
        return Hub(place, self.project.root, links=found.get("links", True))

    def _check_names(self, where: str, files: "list[File]", limits: dict[str, Any]) -> None:
        """Refuse files that a file system cannot hold; a limit that is unknown is none."""
        if limits.get("ignores_case") and (path := twin([file.path for file in files], folds=True)):
            raise RefusedError(f"{path} of {where} and another file are one file here; use another file system")
        for file in files:
            longest = max(len(part.encode()) for part in file.path.split("/"))
            if os.name == "nt" and is_device(file.path):
                raise RefusedError(f"Windows cannot hold {file.path} of {where}; load this bundle in WSL")
            if file.size > limits.get("largest_file", file.size):
                raise RefusedError(f"{file.path} of {where} is larger than files can be here; use another file system")
            if longest > limits.get("longest_name", longest):
                raise RefusedError(f"{file.path} of {where} is longer than names can be here; use another file system")

    def _check_space(self) -> None:
        needs: dict[int, int] = {}
        for target in (self.hub, self.project):
            folder = nearest(target.root)
            device = folder.stat().st_dev
            needs[device] = needs.get(device, 0) + self.jobs.needs(target)
            free = shutil.disk_usage(folder).free
            if needs[device] > free:
                lack = f"{size_of(free)} free, and this load needs {size_of(needs[device])}"
                raise UnableError(f"{folder} has {lack}; remove something, or use another disk")

    def _copy(self) -> bool:
        """Copy what is missing, and return whether all is there."""
        jobs = self.jobs
        self.project.begin()
        jobs.run()
        self.hub.sync()
        self.project.sync()
        for fault in jobs.faults[:_MOST_FAULTS]:
            say(fault, is_fault=True)
        if len(jobs.faults) > _MOST_FAULTS:
            say(f"{len(jobs.faults) - _MOST_FAULTS} more are like these", is_fault=True)
        elif not jobs.faults and jobs.to_come:
            names = ", ".join(map(str, sorted(jobs.to_come)))
            what = f"volumes {names} of {self.bundle.volumes} are" if "," in names else f"volume {names} is"
            say(f"what is here was copied; {what} to come: run this with the next volume")
        return not (jobs.faults or jobs.to_come)

    def _publish(self, edited: list[str]) -> None:
        """Write links, then names, then the files of the project."""
        for one in self.bundle.hub.snapshots:
            self.hub.link_files(one)
        self.hub.sync()
        for one in self.bundle.hub.snapshots:
            self.hub.name(one, self.project.listing(one))
        self.hub.register(self.project.root / "models.lock", self.bundle, note=not self.options.quick)
        self.hub.clear(self.hub.partial)
        self.hub.sync()
        for path in edited if self.options.force else ():
            self.project.set_aside(path, f"{STATE}/edited")
        self.project.apply(self.bundle, [] if self.options.force else edited)
        self.project.finish({file.sha256 for file in self.jobs.kept()})

    def _tell(self, images: "list[Image]", edited: list[str]) -> int:
        say(f"would copy {size_of(self.jobs.size)} in {len(self.jobs.jobs)} files; {self.jobs.there} files are there")
        for image in images:
            say(f"would load the image {image.reference}, {size_of(image.size)}")
        for path in edited:
            say(f"would {'replace' if self.options.force else 'keep'} {path}, which was edited")
        for fault in self.jobs.faults:
            say(fault, is_fault=True)
        return 1 if self.jobs.faults else 0

    def _end(self, kept: list[str]) -> int:
        """Print what is done and what is next, and return the exit code."""
        root = shlex.quote(str(self.project.root))
        say(f"loaded into {root}: {size_of(self.jobs.size)} copied, {self.jobs.there} files were there")
        for line in about(self.bundle):
            say(line)
        for path in kept:
            say(f"{self.project.root / path} was edited here and is kept; `--force` replaces it", is_fault=True)
        program = "./modelgen" if self.project.size("modelgen") >= 0 else "modelgen"
        if self.fault:
            again = shlex.join([*(["python3", "-I"] if sys.argv[0].endswith("load.py") else []), *sys.argv])
            say(f"not all images are loaded: {self.fault}; then run `{again}` again", is_fault=True)
            return 3
        if self.options.prune and not self._prune(program):
            say(f"nothing was removed; run `{program} prune` in {root}", is_fault=True)
            return 3
        say(f"next: cd {root} && {program} up --offline")
        return 1 if kept else 0

    def _prune(self, program: str) -> bool:
        """Let modelgen remove what no lock needs that is registered in the hub directory."""
        try:
            return subprocess.run([program, "prune", "--yes"], cwd=self.project.root, check=False).returncode == 0
        except OSError:
            return False


def _resolve(root: Path, written: str) -> Path:
    """Return a hub directory as models.toml means it, with links followed."""
    return Path(os.path.realpath(root / os.path.expanduser(written.replace("\\", "/"))))  # noqa: PTH111 - never fails


def main(arguments: "Sequence[str] | None" = None) -> int:
    """Run the command, and return its exit code."""
    parser = argparse.ArgumentParser(prog="load.py", description="Load a bundle into a project.", allow_abbrev=False)
    add = parser.add_argument
    add("folders", metavar="FOLDER", nargs="*", type=Path, help="the bundle, or volumes  [default: this one]")
    add("--into", metavar="TARGET", type=Path, required=True, help="the folder of the project")
    add("--hub", metavar="PATH", type=Path, help="the hub directory, if it is outside of TARGET: as models.toml has it")
    add("--signers", metavar="FILE", type=Path, help="refuse a bundle that none of these people signed")
    add("--dry-run", action="store_true", help="print what would be done, and change nothing")
    add("--quick", action="store_true", help="take a file of the right size for right")
    add("--force", action="store_true", help="replace edited files; they go to .modelgen/bundle/edited")
    add("--prune", action="store_true", help="remove what no registered models.lock needs, by `modelgen prune`")
    add("--rollback", action="store_true", help="go back to the state before the last load")
    options = parser.parse_args(arguments)
    return run(lambda: Load(options).run())


if __name__ == "__main__":
    sys.exit(main())
