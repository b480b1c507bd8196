"""The table of contents of a folder with a trained model: its version and how its files must hash.

Bundles, judges and planners are such folders. One reader gives them the same errors.
"""

from __future__ import annotations

from pathlib import PureWindowsPath
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from d2t.errors import BundleError
from d2t.io.bounded import FileFault, read_json
from d2t.io.hashing import sha256_file
from d2t.io.tensors import tensor_shapes

if TYPE_CHECKING:
    from pathlib import Path

FORMAT_VERSION = 1
CARD = "README.md"
"""The model card: the one file of a folder that a user may edit."""
_SHOWN = 80  # characters of a name or value that a message repeats
_LONGEST = 200  # characters of the name of a file
_LARGE = 64 << 20  # bytes that are read without looking into the file


class FolderManifest(BaseModel):
    """What every table of contents says. Unknown keys are ignored: a later version may add some.

    Attributes:
        file_name: of the table of contents in its folder.
        what: the kind of folder, for messages.
        command: the command that trains one, for messages.
        needs: files that must be listed.
        reads: globs of files that loading reads where they are; they must be listed.
        files: SHA-256 of every other file by its path inside the folder.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())
    file_name: ClassVar[str]
    what: ClassVar[str]
    command: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()
    reads: ClassVar[tuple[str, ...]] = (
        "*.safetensors", "tokenizer.model", "domain/*.toml",
    )  # fmt: skip
    if TYPE_CHECKING:  # a field of every subclass, which decides on its place in the file
        files: dict[str, str]

    format_version: Literal[1] = 1
    d2t_version: str

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read and validate the table of contents of ``folder``; ``verify`` looks at the files.

        Raises:
            BundleError: the folder or the file is missing, not JSON, of another format version, or
                an entry is missing or impossible.
        """
        path = folder / cls.file_name
        if not path.is_file():
            raise BundleError(cls._absent(folder))
        raw = read_versioned(path, cls.what)
        try:
            return cls.model_validate(raw)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part)[:_SHOWN] for part in first["loc"])
            raise BundleError(
                f"{path}: {where}: {first['msg']}; copy the {cls.what} again"
            ) from error

    @classmethod
    def _absent(cls, folder: Path) -> str:
        if not folder.exists():
            return (
                f"no {cls.what} at {folder}; train one with `{cls.command}`, or give the folder "
                f"that holds a {cls.file_name}"
            )
        if not folder.is_dir():
            return f"{folder} is a file; a {cls.what} is a folder that holds a {cls.file_name}"
        inside = sorted(path.parent for path in folder.glob(f"*/{cls.file_name}"))
        train = f"copy it again, or train one with `{cls.command}`"
        hint = f"did you mean {inside[0]}?" if inside else train
        return f"{folder} is not a {cls.what}: it holds no {cls.file_name}; {hint}"

    def verify(self, folder: Path) -> None:
        """Check that every file is there and unchanged; the model card may be edited.

        Raises:
            BundleError: names the first file that is missing or differs, lies outside of the folder
                or is read by loading though the table of contents does not list it.
        """
        home = folder.resolve()
        for name in self.files:
            if not _is_inside(name, folder, home):
                raise BundleError(
                    f"{folder / self.file_name} lists {name[:_SHOWN]!r}, which leads out of the "
                    f"folder; a {self.what} holds all its files itself: copy it again, with the "
                    "files that links stand for (cp -rL)"
                )
        self._weigh(folder)
        read = {
            path.relative_to(folder).as_posix() for glob in self.reads for path in folder.glob(glob)
        }
        for name in dict.fromkeys((*self.files, *self.needs, *sorted(read))):
            path, expected = folder / name, self.files.get(name)
            if not path.is_file():
                raise BundleError(
                    f"{path} is missing; the {self.what} is incomplete: copy it again"
                )
            if expected is None:
                raise BundleError(
                    f"{path} is not in the list of files in {self.file_name}; it was added or "
                    f"exchanged: copy the {self.what} again",
                    code="bundle_checksum",
                )
            try:
                actual = sha256_file(path)
            except OSError as error:
                raise BundleError(f"cannot read {path}: {error.strerror}") from error
            if actual != expected and name != CARD:
                raise BundleError(
                    f"{path} is not the file that was saved: its SHA-256 is {actual[:12]}…, "
                    f"{self.file_name} says {expected[:12]}…; it was cut short or changed: copy "
                    f"the {self.what} again",
                    code="bundle_checksum",
                )

    def _weigh(self, folder: Path) -> None:
        """Refuse files too large to be those of a model before time is spent on their sums."""
        sizes = {
            name: (folder / name).stat().st_size for name in self.files if (folder / name).is_file()
        }
        weights = [name for name in sizes if name.endswith(".safetensors")]
        for name in weights:
            if sizes[name] > _LARGE:  # a smaller one is told to have changed by its sum
                try:
                    tensor_shapes(folder / name)
                except FileFault as error:
                    raise BundleError(
                        f"{folder / name}: {error}; copy the {self.what} again"
                    ) from error
        others = _LARGE + 2 * sum(sizes[name] for name in weights)
        for name, size in sizes.items():
            if name not in weights and size > others:
                raise BundleError(
                    f"{folder / name} has {size:,} bytes, more than any such file beside these "
                    f"weights; copy the {self.what} again"
                )


def _is_inside(name: str, folder: Path, home: Path) -> bool:
    """Whether a listed name is that of a file inside the folder, also when links are followed."""
    windows = PureWindowsPath(name)
    if not name or len(name) > _LONGEST or "\0" in name or windows.anchor or ".." in windows.parts:
        return False
    try:
        return (folder / name).resolve().is_relative_to(home)
    except (OSError, RuntimeError):  # too long a name, a circle of links
        return False


def read_versioned(path: Path, what: str) -> dict[str, Any]:
    """The JSON object in ``path``, which has the format version of today.

    Args:
        path: the file.
        what: the kind of folder it describes, for messages.

    Raises:
        BundleError: not JSON, or of another version (code ``bundle_version``).
    """
    try:
        raw = read_json(path)
    except FileFault as error:
        raise BundleError(f"{path}: {error}; copy the {what} again") from error
    version = raw.get("format_version") if isinstance(raw, dict) else None
    # true and 1.0 are equal to 1
    if not isinstance(raw, dict) or type(version) is not int or version != FORMAT_VERSION:
        newer = type(version) is int and version > FORMAT_VERSION
        cure = "update d2t" if newer else f"train the {what} again with this version of d2t"
        raise BundleError(
            f"{path}: format version {_shown(version)}, expected {FORMAT_VERSION}; {cure}",
            code="bundle_version",
        )
    return raw


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def hash_files(folder: Path, *, but: str = "") -> dict[str, str]:
    """SHA-256 of every file under ``folder`` except one name, by POSIX path, sorted."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != but)
    return {path.relative_to(folder).as_posix(): sha256_file(path) for path in paths}
