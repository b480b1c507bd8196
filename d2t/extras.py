"""Optional packages: what d2t says where one of them is asked for and is not installed."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from d2t.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Iterator

EXTRAS = {"train": ("torch", "transformers", "datasets", "pyarrow", "accelerate")}
"""The packages that each extra of ``pyproject.toml`` adds to the base install."""


class MissingExtraError(BackendError):
    """A package that only an extra installs is not there; the message says how to get it."""

    code = "missing_extra"


def missing_extra(error: BaseException | None) -> MissingExtraError | None:
    """The error to report in the place of a failed import; None if no extra would mend it."""
    while error is not None:
        if isinstance(error, ModuleNotFoundError) and error.name:
            package = error.name.partition(".")[0]
            for extra, packages in EXTRAS.items():
                if package in packages:
                    return MissingExtraError(
                        f"this needs the package {package!r}, which the base install leaves out; "
                        f'run: pip install "d2t[{extra}]"'
                    )
        error = error.__cause__ or error.__context__
    return None


@contextmanager
def explained_imports() -> Iterator[None]:
    """Turn a failed import of an optional package into a ``MissingExtraError``.

    Raises:
        MissingExtraError: a package of an extra is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        explained = missing_extra(error)
        if explained is None:
            raise
        raise explained from error
