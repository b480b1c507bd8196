"""Random-plan outputs for reading by eye: what the checker says, and what a reader said."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from d2t.io.atomic import atomic_write_text
from d2t.seeding import derived_rng

if TYPE_CHECKING:
    from pathlib import Path

    from experiments.reproduction.config import Row
    from experiments.reproduction.workspace import Workspace

VERDICTS = ("ok", "awkward", "broken")
"""What a reader may say; broken: a sentence that is not English or makes no sense."""
Reading = dict[str, str]


def write_samples(workspace: Workspace, path: Path, readings: Path) -> bool:
    """Write ``samples.md``; False (and an older file stays) where no outputs are here.

    Args:
        workspace: the first of ``samples.rows`` with outputs is shown.
        path: the file to write.
        readings: JSONL ``{row, id, text, verdict, note}`` kept by the reader, so that writing the
            samples again does not lose what was read. One whose text has changed does not count.
    """
    wanted = workspace.table.samples
    for name in wanted.rows:
        row = workspace.table.row(name)
        outputs = workspace.outputs(row, workspace.table.corpora(row)[0], wanted.setting, "greedy")
        if outputs.is_file():
            chosen = draw(outputs, wanted.n, wanted.seed)
            read = read_readings(readings, name)
            atomic_write_text(path, samples_markdown(workspace, row, chosen, read))
            return True
    return False


def draw(outputs: Path, n: int, seed: int) -> list[dict[str, Any]]:
    """``n`` of the outputs, uniformly, in file order."""
    lines = outputs.read_text(encoding="utf-8").splitlines()
    picked = derived_rng(seed, "samples").sample(range(len(lines)), min(n, len(lines)))
    return [json.loads(lines[index]) for index in sorted(picked)]


def read_readings(path: Path, row: str) -> dict[tuple[str, str], Reading]:
    """What was read of a row, by id and text."""
    if not path.is_file():
        return {}
    records = map(json.loads, filter(str.strip, path.read_text(encoding="utf-8").splitlines()))
    return {(r["id"], r["text"]): r for r in records if r["row"] == row}


def samples_markdown(
    workspace: Workspace,
    row: Row,
    samples: list[dict[str, Any]],
    read: dict[tuple[str, str], Reading],
) -> str:
    """The samples, each with MR, plan, text, the checker's verdict and the reader's."""
    wanted = workspace.table.samples
    title = workspace.table.settings[wanted.setting].title
    passed = sum(sample["status"] == "ok" for sample in samples)
    kept = sum(sample["order_kept"] for sample in samples)
    tally = Counter(read[key]["verdict"] for sample in samples if (key := _key(sample)) in read)
    n_read = tally.total()
    lines = [
        f"# {len(samples)} outputs for {title}: {row.label} ({row.name})",
        "",
        f"Greedy, drawn with seed {wanted.seed} from all outputs. Checker: {passed} say everything "
        f"and nothing else, {kept} in the order asked for. Read by eye: {n_read}"
        + (": " + ", ".join(f"{tally[v]} {v}" for v in VERDICTS) if n_read else "")
        + ". Verdicts of readers are kept in `readings.jsonl`.",
        "",
    ]
    for number, sample in enumerate(samples, start=1):
        lines += _sample_lines(number, sample, read.get(_key(sample)))
    return "\n".join(lines).rstrip("\n") + "\n"


def _sample_lines(number: int, sample: dict[str, Any], reading: Reading | None) -> list[str]:
    report = sample["report"]
    errors = [
        f"{kind} {json.dumps(report[kind], ensure_ascii=False)}"
        for kind in ("missing", "added", "wrong", "repeated")
        if report[kind]
    ]
    checker = "ok" if not errors else "; ".join(errors)
    if not sample["order_kept"]:
        checker += f"; said in the order {' > '.join(report['plan'])}"
    said = "not read" if reading is None else reading["verdict"]
    if reading is not None and reading.get("note"):
        said += f" ({reading['note']})"
    return [
        f"{number}. {sample['text']}",
        f"   - MR `{sample['id']}`: {_mr(sample['mr'])}",
        f"   - plan: {' > '.join(sample['plan'])}",
        f"   - checker: {checker}; reader: {said}",
    ]


def _mr(mr: dict[str, Any]) -> str:
    """``name[Aromi], area[riverside]`` from the JSON form."""
    values = [(name, v) for name, value in mr.items()
              for v in (value if isinstance(value, list) else [value])]  # fmt: skip
    return ", ".join(f"{name}[{value}]" for name, value in values)


def _key(sample: dict[str, Any]) -> tuple[str, str]:
    return sample["id"], sample["text"]
