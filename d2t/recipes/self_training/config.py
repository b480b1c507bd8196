"""``d2t self-train CONFIG.toml``: base training, sampling, filters and retraining in one file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from d2t.errors import ConfigError, did_you_mean
from d2t.io.hashing import sha256_json
from d2t.recipes.self_training.options import FilterConfig, SampleConfig
from d2t.section import Section
from d2t.train.config.config import TrainConfig  # noqa: TC001 - pydantic reads the annotation
from d2t.train.config.config_file import (
    assign,
    config_to_toml,
    merged,
    parse_assignment,
    read_toml,
    validate,
)
from d2t.train.config.init_config import bundle_of


class SelfTrainingConfig(Section):
    """Everything that decides what self-training computes.

    Attributes:
        rounds: how often samples are drawn and a model is trained on them.
        seed: of proposals and samples; the trainings have their own in ``base`` and ``retrain``.
        base_model: a finished run folder or bundle that replaces the base training. Of a run
            folder, ``config.toml`` is what ``[base]`` is put on top of.
        base: the training without samples.
        sample, filter: see ``SampleConfig`` and ``FilterConfig``.
        retrain: what the trainings with samples change of ``base``, as in a training file.
    """

    rounds: int = Field(default=1, ge=1)
    seed: int = Field(default=1, ge=0, lt=2**63)
    base_model: str | None = None
    base: TrainConfig
    sample: SampleConfig = SampleConfig()
    filter: FilterConfig = FilterConfig()
    retrain: dict[str, Any] = Field(default_factory=dict)

    def retraining(self, samples: list[Path]) -> TrainConfig:
        """The training on the base data and these files of samples."""
        raw = merged(self.base.model_dump(mode="json"), self.retrain)
        config = validate(raw, "[retrain]")
        files = (*config.data.augment, *map(str, samples))
        return config.model_copy(update={"data": config.data.model_copy(update={"augment": files})})

    def as_dict(self) -> dict[str, Any]:
        """The resolved configuration, JSON-able."""
        raw = self.model_dump(mode="json")
        raw["base"] = self.base.as_dict()
        return raw

    def digest(self) -> str:
        """SHA-256 of what is computed: devices, threads and logging do not change it."""
        raw = self.as_dict()
        raw["base"].pop("run")
        raw["retrain"].pop("run", None)
        return sha256_json(raw)

    def to_toml(self) -> str:
        """TOML that ``load_self_training_config`` reads back to an equal configuration."""
        raw = self.as_dict()
        top = {k: v for k, v in raw.items() if not isinstance(v, dict) and v is not None}
        parts = [_table(top)]
        base = config_to_toml(self.base).replace("\n[", "\n[base.")
        parts.append("[base]\n" + base)
        parts += [f"[{name}]\n{_table(raw[name])}" for name in ("sample", "filter")]
        plain = {k: v for k, v in self.retrain.items() if not isinstance(v, dict)}
        parts += [f"[retrain]\n{_table(plain)}"] if plain else []
        parts += [
            f"[retrain.{name}]\n{_table(table)}"
            for name, table in self.retrain.items()
            if isinstance(table, dict)
        ]
        return "\n".join(parts)


def load_self_training_config(path: Path, *, sets: tuple[str, ...] = ()) -> SelfTrainingConfig:
    """Read and check a file; ``sets`` are assignments such as ``sample.target=3000``.

    Raises:
        ConfigError: no such file, not TOML, an unknown key, or an impossible value.
    """
    raw = read_toml(path)
    for assignment in sets:
        key, value = parse_assignment(assignment)
        assign(raw, key, value)
    return checked(raw, str(path))


def checked(raw: dict[str, Any], origin: str) -> SelfTrainingConfig:
    """The configuration that ``raw`` describes; the first complaint becomes a ``ConfigError``."""
    raw = dict(raw)
    base = raw.get("base", {})
    if not isinstance(base, dict):
        raise ConfigError(f"{origin}: base must be a table of training options, [base]")
    raw["base"] = validate(_with_run(raw.get("base_model"), base), f"{origin} [base]")
    try:
        config = SelfTrainingConfig.model_validate(raw)
    except ValidationError as error:
        raise _complaint(error, origin) from error
    config.retraining([])  # its errors belong to the start, not to the hour after sampling
    return config


def _with_run(base_model: object, base: dict[str, Any]) -> dict[str, Any]:
    """``base`` on top of the configuration of the run that the base model comes from."""
    if not isinstance(base_model, str):
        return base
    path = Path(base_model)
    for folder in (path, path.parent):
        if (folder / "config.toml").is_file() and bundle_of(base_model).is_dir():
            return merged(read_toml(folder / "config.toml"), base)
    return base


def _table(table: dict[str, Any]) -> str:
    """Keys with their values in TOML; JSON's strings, numbers, booleans and lists are TOML's too.

    Unset values are left out.
    """
    lines = (
        f"{key} = {json.dumps(value, ensure_ascii=False)}\n"
        for key, value in table.items()
        if value is not None
    )
    return "".join(lines)


def _complaint(error: ValidationError, origin: str) -> ConfigError:
    first = error.errors(include_url=False)[0]
    loc = [str(part) for part in first["loc"]]
    where = ".".join(loc)
    if first["type"] == "extra_forbidden":
        tables: dict[str, type[BaseModel]] = {"sample": SampleConfig, "filter": FilterConfig}
        known = list(tables.get(loc[0], SelfTrainingConfig).model_fields)
        hint = did_you_mean(loc[-1], known) or f"; known here: {', '.join(known)}"
        return ConfigError(f"{origin}: unknown key {where!r}{hint}")
    got = json.dumps(first.get("input"), default=str, ensure_ascii=False)[:80]
    return ConfigError(f"{origin}: {where or 'file'}: {first['msg']}; got {got}")
