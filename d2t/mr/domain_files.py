"""The copy of a domain inside a bundle, so that the bundle stands alone."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from d2t.errors import BundleError, DomainError
from d2t.io.bounded import FileFault, read_toml
from d2t.mr.domain import domain_from_dict
from d2t.mr.lexicon_layers import EXTENDS, LEXICON, join, lexicon_files

if TYPE_CHECKING:
    from d2t.mr.domain import Domain

NEUTRAL = "neutral.toml"
"""What claims nothing beside the slots of a domain (``d2t/slots/claims.py``)."""
FRAMES = "frames.toml"
"""Values in clauses, from which texts are composed; their words claim nothing either."""


def save_domain(domain: Domain, folder: Path) -> None:
    """Write ``domain.toml`` and, when the domain has them, its other files into ``folder``.

    A lexicon of several layers becomes one file, which reads texts as they do.
    """
    folder.mkdir(parents=True, exist_ok=True)
    source = domain.folder
    if source is not None and (source / "domain.toml").is_file():
        shutil.copyfile(source / "domain.toml", folder / "domain.toml")
    else:
        (folder / "domain.toml").write_text(to_toml(domain.source), encoding="utf-8", newline="\n")
    for name in (NEUTRAL, FRAMES):
        if source is not None and (source / name).is_file():
            shutil.copyfile(source / name, folder / name)
    files = lexicon_files(domain)
    if len(files) == 1 and EXTENDS not in files[0].raw:
        (folder / LEXICON).write_text(files[0].text, encoding="utf-8", newline="\n")
    elif files:
        title = "# The layers " + ", ".join(Path(file.where).name for file in files) + ", joined.\n"
        text = title + to_toml(join(files, domain).content)
        (folder / LEXICON).write_text(text, encoding="utf-8", newline="\n")


def load_domain_copy(folder: Path) -> Domain:
    """The domain in ``folder``, never one that was loaded from there before.

    Raises:
        BundleError: ``domain.toml`` is missing or not valid.
    """
    path = folder / "domain.toml"
    try:
        raw, _ = read_toml(path)
        return domain_from_dict(raw, folder=folder, where=str(path))
    except (FileFault, DomainError) as error:
        raise BundleError(
            f"{path}: cannot read the domain: {error}; copy the bundle again"
        ) from error


def to_toml(table: dict[str, Any], prefix: str = "") -> str:
    """TOML of a table of strings, numbers, lists, tables and arrays of tables."""
    nested = {key: value for key, value in table.items() if _is_nested(value)}
    lines = [f"{toml_key(key)} = {_value(table[key])}" for key in table if key not in nested]
    for key, value in nested.items():
        name = f"{prefix}{toml_key(key)}"
        opening, closing = ("[", "]") if isinstance(value, dict) else ("[[", "]]")
        for one in (value,) if isinstance(value, dict) else value:
            content = to_toml(one, prefix=f"{name}.").rstrip("\n")
            lines += ["", f"{opening}{name}{closing}", content]
    return "\n".join(lines) + "\n"


def _is_nested(value: object) -> bool:
    """Whether it is written under a header of its own."""
    tables = isinstance(value, list) and value and all(isinstance(one, dict) for one in value)
    return isinstance(value, dict) or bool(tables)


def toml_key(name: str) -> str:
    """A key as TOML writes it: bare where it may be."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else toml_string(name)


def _value(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return toml_string(value) if isinstance(value, str) else json.dumps(value)


def toml_string(text: str) -> str:
    """A string as TOML writes it, on one line."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
