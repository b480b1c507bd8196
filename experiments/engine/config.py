"""Experiment files: TOML that a model validates, errors with their place."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from d2t.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


_Model = TypeVar("_Model", bound=BaseModel)


def read_toml(path: Path, model: type[_Model]) -> _Model:
    """The file as a ``model``.

    Raises:
        ConfigError: it is not there, no TOML, or has unknown keys or impossible values.
    """
    try:
        return model.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ConfigError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
