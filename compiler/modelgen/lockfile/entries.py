"""Define the entries of models.lock. They are untrusted input: each value is checked before use as a path."""

import hashlib
import json
import re
from collections.abc import Iterator
from functools import cached_property
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from modelgen.config.table import Table
from modelgen.lockfile.repos import COMMIT, is_commit, is_repo_id
from modelgen.lockfile.wants import Want

FORMAT = 1
MAX_CONFIG_BYTES = 64 * 1024
"""Maximum size of a config.json that is kept whole in the lock."""
MAX_IMPORTS = 200
"""Maximum number of packages that the lock lists for the code of a repository."""
MAX_LAYERS = 2000
"""Maximum number of layers of a GGUF file."""
MAX_TEXT = 100
"""Maximum length of a text in the facts about a GGUF file."""

_BAD_IN_PATH = re.compile(r'[\x00-\x1f\x7f\\<>"|?*]|^[A-Za-z]:')


_LONGEST_NAME = 255  # bytes: NAME_MAX of ext4, xfs, btrfs and apfs


def is_path(value: str) -> bool:
    """Return whether a text is a path inside a snapshot that any host can hold."""
    return not (
        _BAD_IN_PATH.search(value)
        or any(part in ("", ".", "..") for part in value.split("/"))
        or any(len(part.encode(errors="surrogatepass")) > _LONGEST_NAME for part in value.split("/"))
        or len(value) > 1000
    )


def _check_path(value: str) -> str:
    if not is_path(value):
        raise PydanticCustomError("bad-path", "is not a path inside a snapshot")
    return value


def _check_repo(value: str) -> str:
    if not is_repo_id(value):
        raise PydanticCustomError("bad-repo", "is not a repository id")
    return value


def _check_revision(value: str) -> str:
    # A revision becomes a file below refs/.
    if value.startswith("-"):
        raise PydanticCustomError("bad-revision", "is not a commit, tag or branch")
    return _check_path(value)


def _check_url(value: str) -> str:
    if not re.fullmatch(r"https?://[!-~]+", value):
        raise PydanticCustomError("bad-address", "is not an address")
    return value


def _check_name(value: str) -> str:
    if "/" in value:
        raise PydanticCustomError("bad-path", "is not a file name")
    return _check_path(value)


RelativePath = Annotated[str, AfterValidator(_check_path)]
Repo = Annotated[str, AfterValidator(_check_repo)]
Commit = Annotated[str, Field(pattern=f"^{COMMIT}$")]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Digest = Annotated[str, Field(pattern="^sha256:[0-9a-f]{64}$")]
Bytes = Annotated[int, Field(ge=0, lt=2**60)]
GgufValue = bool | int | float | str | list[int]


class File(Table):
    """One file of a snapshot, with the hash by which the hub names its content.

    Exactly one of `sha256` (of files in large file storage) and `blob` (git's id of all others) is there.
    """

    path: RelativePath
    size: Bytes
    sha256: Sha256 | None = None
    blob: Commit | None = None

    @model_validator(mode="after")
    def _has_one_hash(self) -> "File":
        if (self.sha256 is None) == (self.blob is None):
            raise PydanticCustomError("bad-hash", "must have one of `sha256` and `blob`")
        return self

    @property
    def etag(self) -> str:
        """The name of the file's blob in the hub's cache layout."""
        return self.sha256 or self.blob or ""


class SnapshotFacts(Table):
    """Facts from small files of a snapshot beside config.json.

    `chat_template` is the file with the chat template that transformers uses, `chat_template_sha256` the hash of the
    template. `auto_map` lists the configs that name code. `imports` lists the packages that the code of configs,
    tokenizers and processors imports, None if code may not run; `model_imports` those of the model's code.
    """

    chat_template: RelativePath | None = None
    chat_template_sha256: Sha256 | None = None
    tokenizer_class: Annotated[str, Field(max_length=100)] | None = None
    auto_map: list[RelativePath] = Field(default_factory=list)
    imports: Annotated[list[str], Field(max_length=MAX_IMPORTS)] | None = None
    model_imports: Annotated[list[str], Field(max_length=MAX_IMPORTS)] = Field(default_factory=list)


class GgufFacts(Table):
    """Facts from the header of a GGUF file, the first of a split one.

    `architecture` is empty if the header could not be read. `values` are the numbers of the architecture by key without
    its name, such as `block_count`; where they differ by layer, a list. `vocabulary` is the number of tokens.

    `layers` has the bytes of tensors by layer, and `experts` those of routed experts among them; `input` and `output`
    are the bytes before and behind the layers. With `tied`, the token embeddings of `input` are the output too.
    """

    path: RelativePath
    architecture: Annotated[str, Field(max_length=MAX_TEXT)] = ""
    file_type: int | None = None
    vocabulary: Annotated[int, Field(ge=0)] = 0
    chat_template_sha256: Sha256 | None = None
    values: dict[str, GgufValue] = Field(default_factory=dict)
    layers: Annotated[list[Bytes], Field(max_length=MAX_LAYERS)] = Field(default_factory=list)
    experts: Annotated[list[Bytes], Field(max_length=MAX_LAYERS)] = Field(default_factory=list)
    input: Bytes = 0
    output: Bytes = 0
    tied: bool = False


class Snapshot(Table):
    """A repository at a commit: the files that serving needs.

    `revision`, `include`, `exclude`, `quant` and `mmproj` are as models.toml has them: the entry counts only where they
    are the same. With `quant` or `mmproj`, `include` ends with the files that were chosen for them.
    `left_out` lists the patterns that were left out, `weights` the bytes of tensors by dtype. `code` names the other
    repositories that its configs take code from; None if that was not looked up. `facts` is None in an entry of an
    older modelgen, and so is `gguf`, the facts about its GGUF files. `config` is the model's own config.json, byte for
    byte; of one larger than `MAX_CONFIG_BYTES` it has no long lists.
    """

    repo: Repo
    revision: Annotated[str, AfterValidator(_check_revision)] | None = None
    commit: Commit
    include: list[str] = Field(default_factory=list)
    exclude: list[str] = Field(default_factory=list)
    quant: str | None = None
    mmproj: bool = False
    models: list[str] = Field(default_factory=list)
    license: str | None = None
    gated: bool = False
    left_out: list[str] = Field(default_factory=list)
    weights: dict[str, Bytes] = Field(default_factory=dict)
    code: Annotated[list[Repo], Field(max_length=100)] | None = None
    facts: SnapshotFacts | None = None
    gguf: Annotated[list[GgufFacts], Field(max_length=1000)] | None = None
    files: Annotated[list[File], Field(min_length=1)]
    config: Annotated[str, Field(max_length=MAX_CONFIG_BYTES)] | None = None

    @model_validator(mode="after")
    def _is_of_its_revision(self) -> "Snapshot":
        if self.revision is not None and is_commit(self.revision) and self.revision != self.commit:
            raise PydanticCustomError("other-commit", "has a commit other than its `revision`")
        return self

    @model_validator(mode="after")
    def _has_each_file_once(self) -> "Snapshot":
        paths = {file.path for file in self.files}
        if len(paths) != len(self.files):
            raise PydanticCustomError("file-twice", "lists a file twice")
        # `a` cannot be a file and a folder.
        if any(parent in paths for path in paths for parent in _parents(path)):
            raise PydanticCustomError("file-and-folder", "lists a path both as a file and as a folder")
        return self

    @cached_property
    def want(self) -> Want:
        """The want that this entry answers."""
        chosen = (self.quant is not None) + self.mmproj
        include = tuple(self.include[: len(self.include) - chosen])
        return Want(self.repo, self.revision, include, tuple(self.exclude), self.quant, self.mmproj, tuple(self.models))

    @cached_property
    def by_path(self) -> dict[str, File]:
        """The files by path."""
        return {file.path: file for file in self.files}

    @property
    def size(self) -> int:
        """The total bytes of the files."""
        return sum(file.size for file in self.files)


def digest_of(entry: Snapshot) -> str:
    """Return the hash of all that an entry records of the hub, to detect an edit or a bad merge.

    The models that need it are not hashed: they may be renamed.
    """
    # An entry of an older modelgen has no `code`, `facts`, `gguf`, `quant` and `mmproj`, and keeps its hash.
    absent = {key for key in ("code", "facts", "gguf", "quant") if getattr(entry, key) is None}
    hashed = entry.model_dump(exclude={"models", *absent, *(() if entry.mmproj else ("mmproj",))})
    hashed["files"].sort(key=lambda file: file["path"])
    hashed["left_out"].sort()
    if entry.code is not None:
        hashed["code"].sort()
    if entry.gguf is not None:
        hashed["gguf"].sort(key=lambda facts: facts["path"])
    text = json.dumps(hashed, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _parents(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


class Asset(Table):
    """A file that a model needs at run time and that is on no hub; its size if its server reports it."""

    name: Annotated[str, AfterValidator(_check_name)]
    url: Annotated[str, AfterValidator(_check_url)]
    sha256: Sha256
    size: Bytes | None = None
    models: list[str] = Field(default_factory=list)


class Image(Table):
    """A container image: digest of its config (its id in the classic store) and of its manifest, where known."""

    reference: str
    config_digest: Digest | None = None
    manifest_digest: Digest | None = None


class Lock(Table):
    """A whole models.lock."""

    format: Annotated[int, Field(ge=1, le=FORMAT)] = FORMAT
    snapshots: list[Snapshot] = Field(default_factory=list)
    assets: list[Asset] = Field(default_factory=list)
    images: list[Image] = Field(default_factory=list)

    @model_validator(mode="after")
    def _has_each_once(self) -> "Lock":
        if len(self._by_want) != len(self.snapshots):
            raise PydanticCustomError("snapshot-twice", "has a snapshot twice")
        return self

    @cached_property
    def _by_want(self) -> dict[Want, Snapshot]:
        return {snapshot.want: snapshot for snapshot in self.snapshots}

    def find(self, want: Want) -> Snapshot | None:
        """Return the entry that answers `want`: the same repository, revision and patterns."""
        return self._by_want.get(want)
