"""Experiment files: TOML that a model validates, errors with their place."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from d2t.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


_Model = TypeVar("_Model", bound=BaseModel)


class Section(BaseModel):
    """A table of a TOML file, or a whole file: frozen, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def read(cls, path: Path) -> Self:
        """The file, validated and checked; this is the loader of every experiment.

        Raises:
            ConfigError: it is not there, no TOML, has unknown keys or impossible values, or
                ``check`` refuses it.
        """
        section = read_toml(path, cls)
        section.check(path)
        return section

    def check(self, path: Path) -> None:
        """What types cannot say, for a class to override; only files are checked, no manifests.

        Args:
            path: of the file, for messages.

        Raises:
            ConfigError: the experiment cannot be run.
        """


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
