"""The copy of a domain inside a bundle, so that the bundle stands alone."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

from d2t.errors import BundleError, DomainError
from d2t.io.bounded import FileFault, read_toml
from d2t.mr.domain import domain_from_dict

if TYPE_CHECKING:
    from pathlib import Path

    from d2t.mr.domain import Domain

LEXICON = "lexicon.toml"


def save_domain(domain: Domain, folder: Path) -> None:
    """Write ``domain.toml`` and, when the domain has one, ``lexicon.toml`` into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    source = domain.folder
    if source is not None and (source / "domain.toml").is_file():
        shutil.copyfile(source / "domain.toml", folder / "domain.toml")
    else:
        (folder / "domain.toml").write_text(to_toml(domain.source), encoding="utf-8", newline="\n")
    if source is not None and (source / LEXICON).is_file():
        shutil.copyfile(source / LEXICON, folder / LEXICON)


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
    """TOML of a table of strings, numbers, lists and tables; enough for a domain file."""
    plain = {key: value for key, value in table.items() if not isinstance(value, dict)}
    lines = [f"{_string(key)} = {_value(value)}" for key, value in plain.items()]
    for key, value in table.items():
        if isinstance(value, dict):
            name = f"{prefix}{_string(key)}"
            lines += ["", f"[{name}]", to_toml(value, prefix=f"{name}.").rstrip("\n")]
    return "\n".join(lines) + "\n"


def _value(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return _string(value) if isinstance(value, str) else json.dumps(value)


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
