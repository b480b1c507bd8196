"""The layers of a domain's lexicon, and how they become the content of one ``lexicon.toml``.

The bottom layer is the ``lexicon.toml`` in the domain's folder, above what it extends. Files that a
user names (``--lexicon FILE``) lie above it. A layer says only what it adds or changes:

- ``[spelling]``, ``[macros]``, ``[equivalents]``: its keys go before those below. A macro may use
  the macro of the same name below it: ``price = "({price}|tariff)"``.
- ``[weights]``, ``[negation]``, ``[landmark]``, ``[common]``, ``[aliases]``: lists
  get longer, other keys are replaced.
- ``[[entry]]``, ``[[ignore]]``, ``[[remove]]``, ``[[apposition]]``: those of all layers count; of
  equally good readings that of the higher layer is chosen.

In the joined content the tables of an array name their layer; ``layer = 1`` is the first above the
bottom. So the content may be written as a file that reads texts as the layers do.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from d2t.errors import DomainError, did_you_mean
from d2t.io.bounded import FileFault, read_toml
from d2t.io.resources import data_root
from d2t.mr.domain import LexiconFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from d2t.mr.domain import Domain

LEXICON = "lexicon.toml"
LAYER = "layer"
EXTENDS = "extends"
_MOST_LAYERS = 50
_BY_SLOT = ("aliases", "common", "fit")  # tables with a key for each slot
# Keys of [negation] with a default; ADDS names those to which the default belongs.
_DEFAULTED = ("words", "transparent", "exempt")
ADDS = "adds"
_HEADER = re.compile(r"^[ \t]*\[(\[?)[ \t]*([A-Za-z0-9_-]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a table stands: the file, the line (0: unknown), and which of its array it is there."""

    where: str
    line: int = 0
    index: int = 0

    def __str__(self) -> str:
        return f"{self.where}:{self.line}" if self.line else self.where


@dataclass(frozen=True)
class Layers:
    """What all layers say together.

    Attributes:
        files: from the bottom to the top.
        content: of one ``lexicon.toml`` that means the same.
        origins: of the tables of each array in ``content``; of a single table, the highest one;
            ``macros.NAME``: of a macro.
    """

    files: tuple[LexiconFile, ...] = ()
    content: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, list[Origin]] = field(default_factory=dict)


def has_lexicon(domain: Domain) -> bool:
    """Whether the domain says how its values are worded."""
    own = domain.folder is not None and (domain.folder / LEXICON).is_file()
    return own or bool(domain.lexicons)


def with_lexicons(domain: Domain, files: Iterable[str | Path]) -> Domain:
    """The domain with further layers of its lexicon, the last on top.

    Raises:
        DomainError: a file cannot be read, or extends what is not there.
    """
    files = tuple(files)
    if not files:
        return domain
    added: list[LexiconFile] = []
    below = {_place(file.where) for file in lexicon_files(domain)}
    for path in files:
        for file in _chain(Path(path), domain):
            if (place := _place(file.where)) not in below:
                below.add(place)
                added.append(file)
    return replace(domain, lexicons=(*domain.lexicons, *added)) if added else domain


def lexicon_files(domain: Domain) -> tuple[LexiconFile, ...]:
    """All layers of the domain's lexicon, from the bottom to the top.

    Raises:
        DomainError: a file cannot be read, or extends what is not there.
    """
    own = None if domain.folder is None else domain.folder / LEXICON
    if own is None or not own.is_file():
        return domain.lexicons
    return (*_chain(own, domain), *domain.lexicons)


def lexicon_layers(domain: Domain) -> Layers:
    """All layers of the domain's lexicon, joined.

    Raises:
        DomainError: a file cannot be read, or a table is not what it should be.
    """
    return join(lexicon_files(domain), domain)


def join(files: Iterable[LexiconFile], domain: Domain) -> Layers:
    """What ``files``, from the bottom to the top, say together.

    Raises:
        DomainError: a table cannot be joined with that below it.
    """
    kept = tuple(files)
    content: dict[str, Any] = {}
    origins: dict[str, list[Origin]] = {}
    for layer, file in enumerate(kept):
        lines = _header_lines(file.text)
        for name, table in file.raw.items():
            if name == EXTENDS:
                continue
            array = isinstance(table, list)
            if name in content and type(table) is not type(content[name]):
                raise DomainError(f"{file.where}: {name!r} is another kind of table than below it")
            found = lines[name, array]
            places = [
                Origin(file.where, found[at] if at < len(found) else 0, at + 1)
                for at in range(len(table) if array else 1)
            ]
            if file.foreign:
                table, places = _of_domain(name, table, places, domain)
                if not (array or places):
                    continue
            if name == "macros" and isinstance(table, dict):
                origins.update({f"macros.{key}": places for key in table})
            if array:
                if layer:
                    table = [{**one, LAYER: layer} if _is_table(one) else one for one in table]
                content[name] = [*table, *content.get(name, ())]  # the top layer goes first
                origins[name] = [*places, *origins.get(name, ())]
            elif layer and name in content:
                where = f"{places[0]}: [{name}]"
                content[name] = _join_tables(name, content[name], table, layer, domain, where)
                origins[name] = places
            else:
                content[name] = _added(table) if layer and name == "negation" else table
                origins[name] = places
    return Layers(kept, content, origins)


def _is_table(value: Any) -> bool:
    return isinstance(value, dict)


def _header_lines(text: str) -> defaultdict[tuple[str, bool], list[int]]:
    """The lines at which tables begin, by their name and whether they are of an array."""
    lines: defaultdict[tuple[str, bool], list[int]] = defaultdict(list)
    line, at = 1, 0
    for header in _HEADER.finditer(text):
        line += text.count("\n", at, header.start())
        at = header.start()
        lines[header[2], bool(header[1])].append(line)
    return lines


def _join_tables(
    name: str, below: Any, above: Any, layer: int, domain: Domain, where: str
) -> dict[str, Any]:
    """One table of two layers."""
    if not isinstance(below, dict) or not isinstance(above, dict):
        raise DomainError(f"{where} must be a table")
    joined = dict(below)
    if name == "macros":
        for key, pattern in above.items():
            if key in below and isinstance(pattern, str) and f"{{{key}}}" in pattern:
                inner = f"{key}_below_{layer}"
                joined[inner] = below[key]
                pattern = pattern.replace(f"{{{key}}}", f"{{{inner}}}")
            joined[key] = pattern
        return joined
    if name in ("spelling", "equivalents"):
        return {**below, **above}
    if name == "negation":
        return _longer(below, _added(above, below))
    if name in _BY_SLOT:
        above = {_canonical(slot, domain): value for slot, value in above.items()}
        joined = {_canonical(slot, domain): value for slot, value in below.items()}
        for slot, value in above.items():
            known = joined.get(slot)
            if isinstance(known, dict) and isinstance(value, dict):
                joined[slot] = _longer(known, value)
            else:
                joined = _longer(joined, {slot: value})
        return joined
    return _longer(below, above)


def _longer(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Both tables: lists of the same key are one, other keys are those above."""
    joined = dict(below)
    for key, value in above.items():
        known = joined.get(key)
        if isinstance(known, list) and isinstance(value, list):
            value = list({repr(item): item for item in (*known, *value)}.values())
        joined[key] = value
    return joined


def _added(above: Any, below: Mapping[str, Any] | None = None) -> Any:
    """A [negation] whose lists add to the defaults, where nothing below replaces these."""
    if not isinstance(above, dict):
        return above
    adds = [key for key in _DEFAULTED if key in above and key not in (below or {})]
    return {**above, ADDS: adds} if adds else above


def _canonical(slot: str, domain: Domain) -> str:
    return domain.slot(slot).name if domain.has_slot(slot) else slot


def _of_domain(
    name: str, table: Any, places: list[Origin], domain: Domain
) -> tuple[Any, list[Origin]]:
    """What a layer that was written for another domain says of slots and values of this one."""
    if isinstance(table, list):
        pairs = [(_fitting(one, domain), place) for one, place in zip(table, places, strict=True)]
        kept = [(one, place) for one, place in pairs if one is not None]
        return [one for one, _ in kept], [place for _, place in kept]
    if not isinstance(table, dict):
        return table, places
    if name in _BY_SLOT:
        return {slot: value for slot, value in table.items() if domain.has_slot(slot)}, places
    if name == "negation":
        named = {
            key: [slot for slot in table[key] if domain.has_slot(str(slot))]
            for key in ("slots", "wide")
            if isinstance(table.get(key), list)
        }
        return {**table, **named}, places
    if name == "landmark" and _fitting(table, domain) is None:
        return table, []
    return table, places


def _fitting(table: Any, domain: Domain) -> Any:
    """An entry with those of its values that the domain lists; None where none is left."""
    if not isinstance(table, dict):
        return table
    named = [table[key] for key in ("slot", "name_slot") if isinstance(table.get(key), str)]
    if not all(domain.has_slot(slot) for slot in named):
        return None
    kept = dict(table)
    for key in ("values", "negated"):
        if named and isinstance(table.get(key), list):
            spec = domain.slot(named[0])
            kept[key] = [value for value in table[key] if not spec.is_unseen(str(value))]
    return None if kept.get("values") == [] and table.get("values") else kept


def _place(where: str) -> Path:
    return Path(where).resolve()


def _chain(path: Path, domain: Domain) -> list[LexiconFile]:
    """The file and what it extends, from the bottom to the top."""
    chain: list[LexiconFile] = []
    places: list[Path] = []
    file: Path | None = path
    while file is not None:
        place = file.resolve()
        if place in places:
            names = " extends ".join(str(one) for one in (*places, place))
            raise DomainError(
                f"{path}: {EXTENDS} goes in a circle ({names}); take it out of one of these files"
            )
        if len(places) == _MOST_LAYERS:
            raise DomainError(f"{path}: more than {_MOST_LAYERS} files extend each other")
        places.append(place)
        chain.append(_read(file, domain))
        file = _extended(chain[-1], file, domain)
    return chain[::-1]


def _read(path: Path, domain: Domain) -> LexiconFile:
    try:
        status = path.stat() if path.is_file() else None
        raw, text = (
            read_toml(path) if status is None else _parsed(path, status.st_mtime_ns, status.st_size)
        )
    except FileFault as error:
        raise DomainError(f"{path}: {error}") from error
    folder = path.parent.resolve()
    own = domain.folder is not None and domain.folder.resolve() == folder
    foreign = not own and (folder / "domain.toml").is_file()
    return LexiconFile(str(path), text, foreign, raw)


@lru_cache(maxsize=64)
def _parsed(path: Path, changed: int, size: int) -> tuple[dict[str, Any], str]:
    """The content of a file, read again when it has changed; nobody changes what is returned."""
    return read_toml(path)


def _extended(file: LexiconFile, path: Path, domain: Domain) -> Path | None:
    """The file that ``file`` extends; None where there is none, or it is the domain's own."""
    base = file.raw.get(EXTENDS)
    if base is None:
        return None
    if not isinstance(base, str) or not base or "\0" in base:
        raise DomainError(
            f'{path}: {EXTENDS} must name a shipped domain or a file, such as "restaurant"'
        )
    own = None if domain.folder is None else domain.folder / LEXICON
    if (
        base == domain.name
        and own is not None
        and own.is_file()
        and _place(str(own)) != _place(file.where)
    ):
        return None  # it lies below already
    root = data_root()
    places = [root / base / LEXICON, path.parent / base, path.parent / base / LEXICON]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        shipped = sorted(place.parent.name for place in root.glob(f"*/{LEXICON}"))
        raise DomainError(
            f"{path}: {EXTENDS} names {base!r}, which is neither a shipped domain nor a file"
            f"{did_you_mean(base, shipped)} (shipped: {', '.join(shipped)}; a path is relative to "
            "the file that names it)"
        )
    return found
