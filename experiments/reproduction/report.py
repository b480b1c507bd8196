"""The report: table.md for people, results.json with its manifest for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from d2t.io.atomic import atomic_write_json, atomic_write_text
from d2t.io.hashing import sha256_file
from d2t.io.manifest import run_manifest
from experiments.reproduction.claims import all_claims
from experiments.reproduction.config import SCORE_STAGES
from experiments.reproduction.tables import Sheet
from experiments.reproduction.targets import target_lines, target_rows
from experiments.reproduction.workspace import lexicon_digest

if TYPE_CHECKING:
    from pathlib import Path

    from experiments.reproduction.claims import Claim
    from experiments.reproduction.workspace import Workspace

COMMAND = ["python", "-m", "experiments.reproduction"]
EARLIER = "strategies"
"""Results of session 1: another model, so cited in a section of their own."""


def write_report(workspace: Workspace, *, started: float) -> None:
    """Write ``table.md`` and ``results.json`` from the committed scores."""
    claims = all_claims(workspace)
    atomic_write_text(workspace.out / "table.md", markdown(workspace, claims))
    targets = target_rows(workspace)
    rows = {
        row.name: {
            "label": row.label,
            "digest": scores["digest"],
            "sha256": sha256_file(workspace.scores_path(row)),
            "complete": all(workspace.scored(row, stage) for stage in SCORE_STAGES),
        }
        for row in workspace.table.rows
        if (scores := workspace.scores(row))
    }
    manifest = run_manifest(
        command=COMMAND,
        config=workspace.table.model_dump(mode="json"),
        data=_data(workspace),
        seeds={"plans": workspace.table.plan_seed, "samples": workspace.table.samples.seed},
        started=started,
    )
    atomic_write_json(
        workspace.out / "results.json",
        {
            "manifest": manifest,
            "rows": rows,
            "missing": missing_rows(workspace),
            "claims": [claim.as_dict() for claim in claims],
            "targets": targets,
        },
    )


def missing_rows(workspace: Workspace) -> list[str]:
    """Rows that lack scores of today's settings, with what they lack."""
    found = []
    for row in workspace.table.rows:
        lacking = [stage for stage in SCORE_STAGES if not workspace.scored(row, stage)]
        if lacking:
            found.append(f"{row.name} ({', '.join(lacking)})")
    return found


def markdown(workspace: Workspace, claims: list[Claim]) -> str:
    """The whole of ``table.md``."""
    table = workspace.table
    sheet = Sheet(workspace, _lexicons(workspace))
    lines = [f"# {table.title}", "", f"Made by `{' '.join(COMMAND)}`.", ""]
    for group, corpora in sheet.groups().items():
        for corpus in corpora:
            summary = sheet.summary(group, corpus)
            if summary:
                lines += [f"## {group}, {corpus} {table.split}: summary", "", *summary]
    lines += ["## Claims", "", *(claim.as_markdown() for claim in claims), ""]
    lines += target_lines(workspace)
    lines += _settings(workspace, sheet)
    training = sheet.training()
    lines += ["## Training", "", *training] if training else []
    rounds = sheet.rounds()
    lines += ["## Rounds of self-training", "", *rounds] if rounds else []
    lines += _notes(workspace)
    missing = missing_rows(workspace)
    if missing:
        lines += ["## Not done yet", "", ", ".join(missing) + ".", ""]
    lines += _earlier(workspace)
    return "\n".join(lines).rstrip("\n") + "\n"


def _settings(workspace: Workspace, sheet: Sheet) -> list[str]:
    lines: list[str] = []
    for name, setting in workspace.table.settings.items():
        for group, corpora in sheet.groups().items():
            for corpus in corpora:
                body = sheet.setting(name, group, corpus)
                if body:
                    lines += [f"## {setting.title}: {group}, {corpus}", "", *body]
    return lines


def _notes(workspace: Workspace) -> list[str]:
    table = workspace.table
    signatures: dict[str, None] = {}
    machines: dict[str, None] = {}
    for row in table.rows:
        scores = workspace.scores(row)
        signatures |= dict.fromkeys(scores.get("signatures", {}).values())
        if scores:
            machine = scores["scored"]["machine"]
            machines[f"{machine['processor']}, {machine['cores']} cores"] = None
    return [
        "## Notes",
        "",
        "own: orders of the model's own (AT: the bigram planner's). random: 10 plans per MR, "
        "random-1: the first of these. tau: Kendall's, times 100. sentence plan: order and "
        "sentences as they were asked for. SER, missing and the like: in per cent of the slots "
        "asked for, and counts. seconds: wall time on a machine that did other things, too; "
        "compare them within a row at most.",
        "",
        "Training: kept step: the evaluation whose weights were kept, by the score or the loss "
        "on development data that `chosen by` names; score = BLEU - 5 SER - 0.5 (100 - order) of "
        "so many development MRs (200 and 600 are not comparable). +: the working tree had "
        "changes that were not committed.",
        "",
        f"Scores of several seeds are mean ± sample standard deviation, counts and seconds means. "
        f"Beam: {table.beam_size}, its candidates are generated once; `beam` is the best by the "
        "model, `reranked` by slot F1, order, score, and its seconds are those of the search. "
        "LM: mean log-probability per token (nats) under a 5-gram model of the training "
        "references, lower is less fluent; it has seen few of the random orders, which cost "
        "something by themselves. LM worst: the worst three neighbouring tokens, mean of "
        "log p(word | history) - log p(word), mean over texts. "
        "Brackets of the claims are 95% paired bootstrap intervals over MRs, seeds fixed. "
        "\\* scored with another lexicon than today's; † trained with another configuration than "
        "the table's.",
        "",
        "`experiments/results/reproduction/rows` holds every score with its interval, per seed.",
        "",
        *(f"Machine: {machine}." for machine in machines),
        "",
        *(f"- `{signature}`" for signature in signatures),
        "",
    ]


def _earlier(workspace: Workspace) -> list[str]:
    """The summary of session 1's table, quoted as it stands there."""
    path: Path = workspace.out.parent / EARLIER / "table.md"
    if not path.is_file():
        return []
    blocks = path.read_text(encoding="utf-8").split("\n\n")
    return [
        "## An earlier model, for orientation only",
        "",
        f"From [{EARLIER}](../{EARLIER}/table.md): a larger model (2+2 layers of width 256, 6 "
        "epochs) without sentence plans, scored with the lexicon of that time; (c) are 3 random "
        "plans per MR. Not to be mixed with the numbers above.",
        "",
        blocks[1],
        "",
    ]


def _lexicons(workspace: Workspace) -> dict[str, str]:
    domains = {workspace.table.train_config(row).data.domain for row in workspace.table.rows}
    return {name: lexicon_digest(name) for name in domains}


def _data(workspace: Workspace) -> dict[str, str]:
    """SHA-256 of what the trainings read, by row and name."""
    found: dict[str, Any] = {}
    for row in workspace.table.rows:
        digests = workspace.scores(row).get("training", {}).get("data_sha256", {})
        found |= {f"{row.name}/{name}": value for name, value in digests.items()}
    return found
