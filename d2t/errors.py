"""The error family: what a user or their files did wrong, and how to cure it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class D2TError(Exception):
    """Base of all errors a user can cause; the CLI turns it into one line on stderr.

    Attributes:
        code: machine-readable identifier, copied into error objects of a stream.
        exit_code: what the process returns when the error ends it.
        line: 1-based line of the input the error is about, when known.
        column: 1-based column, when known.
    """

    code = "error"
    exit_code = 1

    def __init__(
        self,
        message: str,
        *,
        line: int | None = None,
        column: int | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column
        if code is not None:
            self.code = code

    def as_dict(self) -> dict[str, str | int | None]:
        """The error object of a JSONL stream: ``{"code", "message", "line", "column"}``."""
        return {
            "code": self.code,
            "message": self.message,
            "line": self.line,
            "column": self.column,
        }


class UsageError(D2TError):
    """The command line asks for something that cannot be done."""

    code = "usage"
    exit_code = 2


class MRParseError(D2TError):
    """A meaning representation is malformed; ``expected`` lists what is legal at that place."""

    code = "mr_parse"

    def __init__(
        self,
        message: str,
        *,
        line: int | None = None,
        column: int | None = None,
        code: str | None = None,
        expected: Iterable[str] = (),
    ) -> None:
        super().__init__(message, line=line, column=column, code=code)
        self.expected = tuple(expected)


class DomainError(D2TError):
    """A slot, value, act or domain that the domain files do not know, or a broken domain file."""

    code = "domain"


class DataError(D2TError):
    """A file, record or corpus that cannot be read as what it should be."""

    code = "data"


class ConfigError(D2TError):
    """A configuration with an unknown key or an impossible value."""

    code = "config"
    exit_code = 2


class BundleError(D2TError):
    """A model bundle that is missing, corrupt, half-written or of another format version."""

    code = "bundle"


class BackendError(D2TError):
    """An engine, device or optional dependency that is not there."""

    code = "backend"


def did_you_mean(name: str, known: Iterable[str], *, limit: int = 3) -> str:
    """A fragment such as ``; did you mean 'eatType'?``, or nothing when no name is near."""
    from rapidfuzz import process  # only on the error path: keeps start-up fast

    choices = list(known)
    lowered = {choice.casefold(): choice for choice in choices}
    near = process.extract(name.casefold(), list(lowered), limit=limit, score_cutoff=60)
    if not near:
        return ""
    best = near[0][1]  # what is much less like the name than that is noise
    names = [repr(lowered[name]) for name, score, _ in near if score >= best - 15]
    return f"; did you mean {' or '.join(names)}?"
