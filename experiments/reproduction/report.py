"""The report: table.md for people, results.json with its manifest for programs."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from statistics import mean
from typing import TYPE_CHECKING, Any

from d2t.io.atomic import atomic_write_json, atomic_write_text
from d2t.io.hashing import sha256_file
from d2t.io.manifest import run_manifest
from d2t.seeding import derived_rng
from experiments.engine.rows import ERRORS, systems
from experiments.engine.table import spread, table_lines
from experiments.reproduction.claims import all_claims, target_lines, target_rows
from experiments.reproduction.config import DECODERS, SCORE_STAGES
from experiments.reproduction.workspace import lexicon_digest

if TYPE_CHECKING:
    from pathlib import Path

    from experiments.reproduction.claims import Claim
    from experiments.reproduction.config import Row
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
    sheet = Sheet(workspace)
    lines = [f"# {table.title}", "", f"Made by `{' '.join(COMMAND)}`.", ""]
    for group, corpus in sheet.parts():
        if summary := sheet.summary(group, corpus):
            lines += [f"## {group}, {corpus} {table.split}: summary", "", *summary]
    lines += ["## Claims", "", *(claim.as_markdown() for claim in claims), ""]
    lines += target_lines(workspace)
    for name, setting in table.settings.items():
        for group, corpus in sheet.parts():
            if body := sheet.setting(name, group, corpus):
                lines += [f"## {setting.title}: {group}, {corpus}", "", *body]
    if training := sheet.training():
        lines += ["## Training", "", *training]
    if rounds := sheet.rounds():
        lines += ["## Rounds of self-training", "", *rounds]
    lines += _notes(workspace)
    if missing := missing_rows(workspace):
        lines += ["## Not done yet", "", ", ".join(missing) + ".", ""]
    lines += _earlier(workspace)
    return "\n".join(lines).rstrip("\n") + "\n"


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


def _data(workspace: Workspace) -> dict[str, str]:
    """SHA-256 of what the trainings read, by row and name."""
    found: dict[str, Any] = {}
    for row in workspace.table.rows:
        digests = workspace.scores(row).get("training", {}).get("data_sha256", {})
        found |= {f"{row.name}/{name}": value for name, value in digests.items()}
    return found


COLUMNS = (
    ("bleu", "BLEU", 2), ("chrf", "chrF", 2), ("rouge_l", "ROUGE-L", 2),
    ("slot_error_rate", "SER", 2), ("exact_utterances", "exact", 2),
    ("order_accuracy", "order", 2), ("kendall_tau", "tau", 2), ("bigram_f1", "bigram F1", 2),
    ("sentence_plan", "sentence plan", 2), ("lm", "LM", 3), ("lm_window", "LM worst", 3),
)  # fmt: skip
"""Key, heading and decimals of the scores, in table order."""
SUMMARY = (
    ("own", "greedy", "bleu", "BLEU, own", 2),
    ("neural", "greedy", "bleu", "BLEU, neural", 2),
    ("own", "greedy", "slot_error_rate", "SER, own", 2),
    ("own", "greedy", "order_accuracy", "order, own", 2),
    ("random", "greedy", "slot_error_rate", "SER, random", 2),
    ("random", "greedy", "order_accuracy", "order, random", 2),
    ("random-sentences", "greedy", "sentence_plan", "sentence plan, random", 2),
    ("random-1", "greedy", "slot_error_rate", "SER, random-1", 2),
    ("random-1", "reranked", "slot_error_rate", "SER, random-1, reranked", 2),
    ("random-1", "reranked", "order_accuracy", "order, random-1, reranked", 2),
    ("own", "greedy", "lm", "LM, own", 3),
    ("random", "greedy", "lm", "LM, random", 3),
)
"""What a reader wants first: setting, decoder, key, heading, decimals."""


@dataclass(frozen=True)
class Sheet:
    """The rows that have scores, as tables.

    Attributes:
        workspace: where the scores are; those made with another lexicon than today's are marked.
    """

    workspace: Workspace

    def systems(self, group: str, corpus: str) -> dict[str, list[Row]]:
        """The scored rows of a group and a corpus, by label."""
        table, scores = self.workspace.table, self.workspace.scores
        at = [row for row in table.rows if corpus in table.corpora(row)]
        return systems(row for row in at if row.group == group and scores(row))

    def parts(self) -> dict[tuple[str, str], None]:
        """Groups in file order, each with the corpora that its rows are scored on."""
        rows = self.workspace.table.rows
        pairs = [(row.group, c) for row in rows for c in self.workspace.table.corpora(row)]
        groups = list(dict.fromkeys(row.group for row in rows))
        return dict.fromkeys(sorted(pairs, key=lambda pair: groups.index(pair[0])))

    def entries(
        self, rows: list[Row], corpus: str, setting: str, decoder: str
    ) -> list[dict[str, Any]]:
        """The scores of those rows that have them."""
        found = (self.workspace.entry(row, corpus, setting, decoder) for row in rows)
        return [entry for entry in found if entry is not None]

    def name(self, label: str, rows: list[Row], entries: list[dict[str, Any]]) -> str:
        """The label with its marks: another lexicon, another training configuration."""
        domains = {self.workspace.table.train_config(row).data.domain for row in rows}
        today = set(map(lexicon_digest, domains))
        mark = "\\*" if any(entry["lexicon"] not in today for entry in entries) else ""
        return label + mark + ("†" if any(map(self.adopted, rows)) else "")

    def adopted(self, row: Row) -> bool:
        """Whether the row's bundle was trained with another configuration than the table's."""
        return bool(self.workspace.scores(row).get("training", {}).get("adopted"))

    def summary(self, group: str, corpus: str) -> list[str]:
        """One line per system; columns that no system has are left out."""
        systems = self.systems(group, corpus)
        body: list[list[str]] = []
        for label, rows in systems.items():
            cells = []
            seen: list[dict[str, Any]] = []
            for setting, decoder, key, _, digits in SUMMARY:
                entries = self.entries(rows, corpus, setting, decoder)
                seen += entries
                cells.append(spread([e["metrics"].get(key) for e in entries], digits))
            if seen:
                body.append([self.name(label, rows, seen), str(len(rows)), *cells])
        return table_lines(
            ["system", "seeds", *(column[3] for column in SUMMARY)], body, drop_empty=True
        )

    def setting(self, name: str, group: str, corpus: str) -> list[str]:
        """One line per system and decoder: all scores, errors, and seconds of generation."""
        body: list[list[str]] = []
        for label, rows in self.systems(group, corpus).items():
            for decoder in (decoder for stage in DECODERS.values() for decoder in stage):
                entries = self.entries(rows, corpus, name, decoder)
                if entries:
                    line = _setting_line(entries)
                    body.append([self.name(label, rows, entries), decoder, *line])
        heads = [head for _, head, _ in COLUMNS] + [*ERRORS, "requests", "seconds"]
        return table_lines(["system", "decoder", *heads], body, drop_empty=True)

    def training(self) -> list[str]:
        """What each row cost, and the development scores by which recipes are chosen."""
        heads = ["row", "seed", "pairs", "steps", "kept step", "chosen by", "dev MRs", "dev BLEU",
                 "dev SER", "dev order", "dev score", "minutes", "on", "commit"]  # fmt: skip
        body = []
        for row in self.workspace.table.rows:
            run = self.workspace.scores(row).get("training")
            if run:
                body.append([row.name + ("†" if self.adopted(row) else ""), *_training_line(run)])
        return table_lines(heads, body, drop_empty=True)

    def rounds(self) -> list[str]:
        """What the rounds of self-training drew and kept."""
        heads = ["row", "round", "proposals", "drawn", "kept", "of these joined", "kept of drawn",
                 "unseen MRs", "unseen plans", "sentences", "drawn a second"]  # fmt: skip
        body = [
            [row.name, *_round_line(one)]
            for row in self.workspace.table.rows
            for one in self.workspace.scores(row).get("training", {}).get("rounds") or []
        ]
        return table_lines(heads, body, drop_empty=True)


def _round_line(one: dict[str, Any]) -> list[str]:
    return [
        str(one["round"]), str(one["proposals"]), str(one["samples"]), str(one["accepted"]),
        str(one.get("joined", "-")), f"{100 * one['acceptance']:.1f}%",
        f"{100 * one['unseen_mrs']:.1f}%", f"{100 * one['unseen_plans']:.1f}%",
        f"{one['sentences']:.2f}", f"{one['drawn_per_s']:.0f}",
    ]  # fmt: skip


def _setting_line(entries: list[dict[str, Any]]) -> list[str]:
    cells = [spread([e["metrics"].get(key) for e in entries], digits) for key, _, digits in COLUMNS]
    cells += [f"{mean(e['counts'][error] for e in entries):.10g}" for error in ERRORS]
    seconds = mean(entry["generation"]["generation_s"] for entry in entries)
    return [*cells, str(entries[0]["n_records"]), f"{seconds:.0f}"]


def _training_line(run: dict[str, Any]) -> list[str]:
    metrics, counts, git = (run.get(key) or {} for key in ("metrics", "counts", "git"))
    dev_mrs = re.search(r"mrs:(\d+)", str(metrics.get("signature")))
    pairs = counts.get("train_used", 0) + counts.get("augment_used", 0)
    scores = [
        f"{metrics[key]:.2f}" if key in metrics else "-"
        for key in ("dev_bleu", "dev_ser", "dev_order", "score")
    ]
    return [
        str(run.get("seeds", ["-"])[0]), str(pairs), str(run.get("steps", "-")),
        str(metrics.get("best_step", "-")),
        str(metrics.get("select_metric", "-")).replace("_", " "),
        dev_mrs[1] if dev_mrs else "-", *scores, f"{run.get('train_wall_s', 0) / 60:.1f}",
        f"{run.get('device', '-')}, {run.get('precision', '-')}",
        str(git.get("sha") or "-")[:8] + ("+" if git.get("dirty") else ""),
    ]  # fmt: skip


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
        f"{kind} {json.dumps(report[kind], ensure_ascii=False)}" for kind in ERRORS if report[kind]
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
