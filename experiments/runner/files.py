"""Whether a file still answers what is asked; outputs of a generator, written once."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from d2t.decode.output import hypothesis_as_dict
from d2t.io.atomic import atomic_write, atomic_write_json
from d2t.io.records import write_record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from d2t.decode.types import Hypothesis
    from d2t.mr.domain import Domain


def is_current(path: Path, identity: dict[str, Any]) -> bool:
    """Whether ``path`` holds a JSON object made for this ``identity``."""
    if not path.is_file():
        return False
    return bool(json.loads(path.read_text(encoding="utf-8")).get("identity") == identity)


def write_outputs(
    hypotheses: Callable[[], Sequence[Hypothesis]],
    domain: Domain,
    path: Path,
    identity: dict[str, Any],
) -> None:
    """Generate and write one file; beside it stands what it answers and how long it took."""
    started = time.perf_counter()
    made = hypotheses()
    seconds = time.perf_counter() - started
    with atomic_write(path) as stream:
        for hypothesis in made:
            write_record(stream, hypothesis_as_dict(hypothesis, domain))
    facts = {"generation_s": round(seconds, 2), "sentences_per_s": len(made) / seconds}
    atomic_write_json(path.with_suffix(".json"), {"identity": identity, **facts})
