"""Configuration files: TOML with one ``extends``, ``--set`` overrides, errors that name the key."""

from __future__ import annotations

import json
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, ValidationError

from d2t.corpus.registry import default_domain
from d2t.errors import ConfigError, did_you_mean
from d2t.io.hashing import sha256_file
from d2t.train.config.options import TrainConfig, objective_class

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


_SHOWN = 80
"""Characters of a wrong value that a message shows."""


def load_config(
    path: Path | None = None,
    *,
    sets: Iterable[str] = (),
    flags: Mapping[str, Any] | None = None,
) -> TrainConfig:
    """Resolve a configuration: defaults < ``extends`` < file < ``--set`` < named flags.

    Where one of them names ``init``, what is taken over from there comes before ``extends``.

    Args:
        path: a TOML file, or None for the defaults.
        sets: assignments such as ``train.lr=3e-4``, the value in TOML (a bare word is a string).
        flags: dotted key to value; None values are left out.

    Raises:
        ConfigError: no such file, not TOML, an unknown key, or an impossible value.
    """
    raw: dict[str, Any] = {}
    origin = "defaults"
    if path is not None:
        raw, origin = read_toml(path), str(path)
    for assignment in sets:
        key, value = parse_assignment(assignment)
        assign(raw, key, value)
    for key, value in (flags or {}).items():
        if value is not None:
            assign(raw, key, value)
    if isinstance(raw.get("init"), str):
        raw = merged(inherited(raw["init"]), raw)
    _choose_domain(raw)
    _choose_strategy(raw)
    return validate(raw, origin)


def _choose_domain(raw: dict[str, Any]) -> None:
    """Where none is named, the domain of the corpus."""
    data = raw.get("data")
    if isinstance(data, dict) and isinstance(corpus := data.get("corpus"), str):
        data.setdefault("domain", default_domain(corpus))


def _choose_strategy(raw: dict[str, Any]) -> None:
    """Where none is named, the default strategy of the objective."""
    if raw.get("objective") is not None and "strategy" not in raw:
        with suppress(ValueError):  # validation will say what is wrong
            if (strategy := objective_class(raw["objective"]).default_strategy) is not None:
                raw["strategy"] = strategy


def read_toml(path: Path, *, may_extend: bool = True) -> dict[str, Any]:
    """Read one file, merged over the file that its ``extends`` names (one level)."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"no configuration file {path}; give the path of a TOML file") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error
    base_name = raw.pop("extends", None)
    if base_name is None:
        return raw
    if not may_extend:
        raise ConfigError(
            f"{path}: a file that is extended may not extend another (one level only)"
        )
    if not isinstance(base_name, str):
        raise ConfigError(f"{path}: extends must be the name of a TOML file")
    return merged(read_toml(path.parent / base_name, may_extend=False), raw)


def merged(base: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``over`` on top of ``base``, by tables; another architecture replaces the model table."""
    result = dict(base)
    for key, value in over.items():
        old = result.get(key)
        if isinstance(value, dict) and isinstance(old, dict):
            changed = "architecture" in value and value["architecture"] != old.get("architecture")
            result[key] = dict(value) if changed else merged(old, value)
        else:
            result[key] = value
    return result


def parse_assignment(text: str) -> tuple[str, Any]:
    """``train.lr=3e-4`` -> ``("train.lr", 3e-4)``; ``none`` is no value, a bare word a string."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"--set {text!r}: expected KEY=VALUE, for example --set train.lr=3e-4")
    value = value.strip()
    if value.casefold() == "none":
        return key.strip(), None
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value


def assign(raw: dict[str, Any], dotted: str, value: Any) -> None:
    """Set ``raw["a"]["b"]`` for ``"a.b"``; a new architecture drops the options of the old one."""
    *tables, last = dotted.split(".")
    table = raw
    for name in tables:
        table = table.setdefault(name, {})
        if not isinstance(table, dict):
            raise ConfigError(f"{dotted}: {name} is a value, not a table")
    if dotted == "model.architecture" and table.get("architecture", value) != value:
        table.clear()
    table[last] = value


def validate(raw: Mapping[str, Any], origin: str) -> TrainConfig:
    """Build the frozen tree; turn pydantic's first complaint into a ``ConfigError`` with a cure."""
    raw = dict(raw)
    if isinstance(raw.get("model"), dict):
        raw["model"] = {"architecture": "transformer"} | raw["model"]
    try:
        return TrainConfig.model_validate(raw)
    except ValidationError as error:
        raise complaint(error, raw, origin, TrainConfig) from error


def complaint(
    error: ValidationError, raw: Mapping[str, Any], origin: str, root: type[BaseModel]
) -> ConfigError:
    """Pydantic's first complaint about ``raw``, a table of ``root``, with a cure."""
    first = error.errors(include_url=False)[0]
    loc = [part for part in first["loc"] if isinstance(part, str)]
    where = ".".join(part for part in loc if part not in _variants())
    if first["type"] == "extra_forbidden":
        known = _known_keys(loc, raw, root)
        hint = did_you_mean(loc[-1], known) or f"; known here: {', '.join(known)}"
        return ConfigError(f"{origin}: unknown key {where!r}{hint}")
    return ConfigError(f"{origin}: {_complaint(first, where)}")


def _complaint(first: Mapping[str, Any], where: str) -> str:
    """What pydantic says, in our words where its own name its insides."""
    at = f"{where}: " if where else ""
    if first["type"] == "value_error":  # one of ours
        return f"{at}{first['ctx']['error']}"
    if first["type"] == "union_tag_invalid":
        key, tag = first["ctx"]["discriminator"].strip("'"), first["ctx"]["tag"]
        return f"{where}.{key}: {tag!r} is none of {first['ctx']['expected_tags']}"
    given = first.get("input")
    if first["type"] == "tuple_type" and isinstance(given, str):
        return f"""{at}a list was expected, for example --set '{where}=["{given}"]'"""
    got = json.dumps(given, default=str, ensure_ascii=False)
    got = got if len(got) <= _SHOWN else f"{got[:_SHOWN]}..."
    return f"{where or 'file'}: {first['msg']}; got {got}"


def _variants() -> dict[str, type[BaseModel]]:
    """The options class of each architecture."""
    return {
        get_args(member.model_fields["architecture"].annotation)[0]: member
        for member in _tables(TrainConfig.model_fields["model"].annotation)
    }


def _tables(annotation: Any) -> list[type[BaseModel]]:
    """The tables that a key may hold: one, the members of a union, or none for a plain value."""
    members = [annotation] if isinstance(annotation, type) else get_args(annotation)
    return [
        table
        for member in members
        for table in ([member] if isinstance(member, type) else _tables(member))
        if issubclass(table, BaseModel)
    ]


def _known_keys(loc: list[str], raw: Mapping[str, Any], root: type[BaseModel]) -> list[str]:
    """The keys that are legal in the table in which the last part of ``loc`` stands."""
    here = root
    for name in loc[:-1]:
        field = here.model_fields.get(name)
        tables = _tables(field.annotation) if field else []
        if name in _variants():
            here = _variants()[name]
        elif here is TrainConfig and name == "objective":
            here = objective_class(raw["objective"])
        elif len(tables) == 1:
            here = tables[0]
    return [*here.model_fields, *(["extends"] if here is TrainConfig else [])]


def to_toml(tree: Mapping[str, Any], prefix: str = "") -> str:
    """A resolved configuration (``as_dict``) as TOML, which reads back to an equal one.

    TOML has no null, so that unset options are left out. ``prefix`` names the table ``tree`` is.
    """
    lines = [
        f"{key} = {_toml(value)}\n"
        for key, value in tree.items()
        if not isinstance(value, dict) and value is not None
    ]
    for name, table in tree.items():
        if isinstance(table, dict):
            lines.append(f"\n[{prefix}{name}]\n{to_toml(table, f'{prefix}{name}.')}")
    return "".join(lines)


def _toml(value: Any) -> str:
    """One scalar or list in TOML; JSON's strings, numbers and booleans are TOML's too."""
    if isinstance(value, list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)


_MANIFEST = "d2t.json"
_OWN = ("init", "objective", "run", "select")
"""Tables that are not taken over: they say how that training went, not what the model is."""
_GENTLE = {"schedule": "linear", "warmup_steps": 0, "epochs": 2.0}
"""Continued training (rule F2.3): short, decaying from the first step on ..."""
_RATE_SHARE = 0.1
"""... at a tenth of the learning rate."""


def bundle_of(model: str) -> Path:
    """The bundle in a run folder, or the folder itself."""
    inside = Path(model) / "bundle"
    return inside if inside.is_dir() else Path(model)


def bundle_digest(bundle: Path) -> str:
    """SHA-256 of the bundle's manifest, which holds the hashes of its other files."""
    return sha256_file(bundle / _MANIFEST)


def inherited(init: str) -> dict[str, Any]:
    """The lowest layer of the configuration of a training that starts from ``init``.

    Model and strategy are the bundle's; data and ``[train]`` those of its training, with a tenth of
    the learning rate, two epochs, linear decay and no warm-up.

    Raises:
        ConfigError: there is no bundle, or it does not say what its model is.
    """
    path = bundle_of(init) / _MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        strategy, model = manifest["linearizer"]["strategy"]["name"], manifest["model"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"init {init!r} holds no bundle ({error!r}); give the folder of a finished training "
            "run or of a bundle"
        ) from error
    config = (manifest.get("info") or {}).get("config") or {}
    raw = {name: _without_none(part) for name, part in config.items() if name not in _OWN}
    train = {k: v for k, v in raw.get("train", {}).items() if k != "max_steps"} | _GENTLE
    own = TrainConfig.model_validate({"model": model, "train": {"lr": train.get("lr")}})
    train["lr"] = _RATE_SHARE * own.peak_rate
    return {**raw, "strategy": strategy, "model": _without_none(model), "train": train}


def _without_none(part: Any) -> Any:
    """TOML has no null: what is not set is not there."""
    if not isinstance(part, dict):
        return part
    return {name: value for name, value in part.items() if value is not None}
