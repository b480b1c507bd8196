"""Whether a file still answers what is asked; bundles; outputs of a generator, written once."""

from __future__ import annotations

import gzip
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from d2t.errors import D2TError, DataError
from d2t.io.atomic import atomic_write, atomic_write_json
from d2t.io.manifest import git_state
from d2t.io.records import write_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from d2t.generate.types import GenerationRequest, Generator, Hypothesis


def is_current(path: Path, identity: dict[str, Any]) -> bool:
    """Whether ``path`` holds a JSON object made for this ``identity``."""
    return bool(read_json(path, missing_ok=True).get("identity") == identity)


def read_json(path: Path, *, missing_ok: bool = False) -> dict[str, Any]:
    """The object in a JSON file; with ``missing_ok``, an empty one where there is no file."""
    if missing_ok and not path.is_file():
        return {}
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def existing_bundle(folder: str) -> Path:
    """The folder, which another experiment has trained.

    Raises:
        DataError: it holds no bundle.
    """
    path = Path(folder)
    if not (path / "d2t.json").is_file():
        raise DataError(
            f"{folder} holds no bundle: train it first (the experiment's TOML says how)"
        )
    return path


def write_outputs(
    hypotheses: Callable[[], Sequence[Hypothesis]],
    path: Path,
    identity: dict[str, Any],
) -> None:
    """Generate and write one file; beside it stands what it answers and how long it took."""
    started, busy = time.perf_counter(), time.process_time()
    made = hypotheses()
    seconds, cpu_s = time.perf_counter() - started, time.process_time() - busy
    with atomic_write(path) as stream:
        for hypothesis in made:
            write_record(stream, hypothesis.as_dict())
    facts = {
        "generation_s": round(seconds, 2),
        "cpu_s": round(cpu_s, 2),
        "sentences_per_s": len(made) / seconds,
    }
    atomic_write_json(path.with_suffix(".json"), {"identity": identity, **facts})


def write_outputs_once(
    generator: Callable[[], Generator],
    requests: Sequence[GenerationRequest],
    path: Path,
    identity: dict[str, Any],
) -> None:
    """``write_outputs``, unless the file answers ``identity``; loading does not count as time."""
    if not is_current(path.with_suffix(".json"), identity):
        path.parent.mkdir(parents=True, exist_ok=True)
        speaker = generator()
        write_outputs(lambda: speaker.generate(requests), path, identity)


Matrix = list[list[float]]
Rows = dict[str, Matrix]
"""By metric, the statistics of each record."""
_DIGITS = 6
_Arm = TypeVar("_Arm")


class StepResult(NamedTuple):
    """A step that is done.

    Attributes:
        facts: numbers of the whole, and how it was made.
        rows: statistics of each record, which paired tests need.
    """

    facts: dict[str, Any]
    rows: Rows


def keep(
    path: Path, identity: dict[str, Any], facts: dict[str, Any], rows: Mapping[str, Sequence[Any]]
) -> StepResult:
    """Write a step's file, with the commit that made it; what a reader of it will find.

    Args:
        path: ``*.json.gz``.
        identity: what decides the numbers.
        facts: JSON-able.
        rows: rounded to six digits.
    """
    short = {
        name: [[_short(value) for value in row] for row in matrix] for name, matrix in rows.items()
    }
    made = {"identity": identity, "git": git_state(), "facts": facts, "rows": short}
    write_compressed(path, made)
    return StepResult(facts, short)


def kept(path: Path, identity: dict[str, Any]) -> StepResult | None:
    """What was kept for this ``identity``, if it was."""
    if not path.is_file():
        return None
    found = read_compressed(path)
    if found.get("identity") != json.loads(json.dumps(identity)):
        return None
    return StepResult(found["facts"], found["rows"])


def step_file(folder: Path, name: str, seed: int) -> Path:
    """Where the numbers of an arm with one seed are kept."""
    return folder / f"{name}-{seed}.json.gz"


def carry_out(
    arms: Iterable[tuple[_Arm, int]],
    file: Callable[[_Arm, int], Path],
    identity: Callable[[_Arm, int], dict[str, Any]],
    make: Callable[[_Arm, int], tuple[dict[str, Any], Rows]],
    only: str | None,
    failed: list[str] | None = None,
) -> dict[str, dict[int, StepResult]]:
    """Take each step from its file, or make and keep it; the results by arm and seed.

    Args:
        arms: with their seeds, in the order in which they are made.
        file: of a step (``step_file``).
        identity: what decides its numbers.
        make: facts and rows; trains, says and judges what is not there yet.
        only: a part of the names of the arms that may be made; None: all may.
        failed: is given the errors, and the other steps go on; None: the first error is raised.

    Raises:
        D2TError: a step cannot be made.
    """
    done: dict[str, dict[int, StepResult]] = {}
    for arm, seed in arms:
        path = file(arm, seed)
        name = path.name.rpartition("-")[0]
        try:
            asked = identity(arm, seed)
            result = kept(path, asked)
            if result is None and (only is None or only in name):
                result = keep(path, asked, *make(arm, seed))
                print(f"seed {seed}: {name} is judged", file=sys.stderr, flush=True)
        except D2TError as error:
            if failed is None:
                raise
            failed.append(f"{name}, seed {seed}: {error}")
            continue
        if result is not None:
            done.setdefault(name, {})[seed] = result
    return done


def write_compressed(path: Path, content: dict[str, Any]) -> None:
    """Write JSON with gzip; equal content gives equal bytes."""
    text = json.dumps(content, separators=(",", ":"), sort_keys=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(gzip.compress(text.encode(), mtime=0))
    temporary.replace(path)


def read_compressed(path: Path) -> dict[str, Any]:
    """What ``write_compressed`` wrote."""
    found: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes()))
    return found


def _short(value: float) -> float:
    rounded = round(float(value), _DIGITS)
    return int(rounded) if rounded.is_integer() else rounded


def made_at(steps: Iterable[Path]) -> str | None:
    """One line of Markdown; None where no step says its commit.

    Args:
        steps: files of ``keep``, or JSON files with a ``git``; those that are not there are left
            out.
    """
    states = Counter(state for path in steps if path.is_file() and (state := _state(path)))
    if not states:
        return None
    said = [f"{state} ({n})" for state, n in sorted(states.items(), key=lambda item: -item[1])]
    return f"Steps, by the commit that made them: {', '.join(said)}."


def _state(path: Path) -> str | None:
    found: dict[str, Any]
    if path.suffix == ".gz":
        found = read_compressed(path)
    elif path.suffix == ".json":
        found = read_json(path)
    else:
        return None
    git = found.get("git") or {}
    changed = " with uncommitted changes" if git.get("dirty") else ""
    return f"{git['sha'][:8]}{changed}" if git.get("sha") else None
