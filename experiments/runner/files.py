"""Whether a file still answers what is asked; bundles; outputs of a generator, written once."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from d2t.errors import DataError
from d2t.generate.output import hypothesis_as_dict
from d2t.io.atomic import atomic_write, atomic_write_json
from d2t.io.records import write_record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from d2t.generate.types import Hypothesis
    from d2t.mr.domain import Domain


def is_current(path: Path, identity: dict[str, Any]) -> bool:
    """Whether ``path`` holds a JSON object made for this ``identity``."""
    if not path.is_file():
        return False
    return bool(json.loads(path.read_text(encoding="utf-8")).get("identity") == identity)


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
    domain: Domain,
    path: Path,
    identity: dict[str, Any],
) -> None:
    """Generate and write one file; beside it stands what it answers and how long it took."""
    started, busy = time.perf_counter(), time.process_time()
    made = hypotheses()
    seconds, cpu_s = time.perf_counter() - started, time.process_time() - busy
    with atomic_write(path) as stream:
        for hypothesis in made:
            write_record(stream, hypothesis_as_dict(hypothesis, domain))
    facts = {
        "generation_s": round(seconds, 2),
        "cpu_s": round(cpu_s, 2),
        "sentences_per_s": len(made) / seconds,
    }
    atomic_write_json(path.with_suffix(".json"), {"identity": identity, **facts})
