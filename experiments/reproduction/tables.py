"""The tables of the report: a summary, one table per setting, how the rows were trained."""

from __future__ import annotations

import re
from dataclasses import dataclass
from statistics import mean
from typing import TYPE_CHECKING, Any

from experiments.engine.numbers import spread
from experiments.reproduction.config import DECODERS

if TYPE_CHECKING:
    from experiments.reproduction.config import Row
    from experiments.reproduction.workspace import Workspace

COLUMNS = (
    ("bleu", "BLEU", 2), ("chrf", "chrF", 2), ("rouge_l", "ROUGE-L", 2),
    ("slot_error_rate", "SER", 2), ("exact_utterances", "exact", 2),
    ("order_accuracy", "order", 2), ("kendall_tau", "tau", 2), ("bigram_f1", "bigram F1", 2),
    ("sentence_plan", "sentence plan", 2), ("lm", "LM", 3), ("lm_window", "LM worst", 3),
)  # fmt: skip
"""Key, heading and decimals of the scores, in table order."""
ERRORS = ("missing", "added", "wrong", "repeated")
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
        workspace: where the scores are.
        lexicons: digests of today's lexicons by domain; scores by others are marked.
    """

    workspace: Workspace
    lexicons: dict[str, str]

    def systems(self, group: str, corpus: str | None = None) -> dict[str, list[Row]]:
        """The scored rows of a group (and, if given, of a corpus), by label."""
        found: dict[str, list[Row]] = {}
        for row in self.workspace.table.rows:
            at = corpus is None or corpus in self.workspace.table.corpora(row)
            if row.group == group and at and self.workspace.scores(row):
                found.setdefault(row.label, []).append(row)
        return found

    def groups(self) -> dict[str, tuple[str, ...]]:
        """Groups in file order, each with the corpora that its rows are scored on."""
        table = self.workspace.table
        found: dict[str, dict[str, None]] = {}
        for row in table.rows:
            found.setdefault(row.group, {}).update(dict.fromkeys(table.corpora(row)))
        return {group: tuple(corpora) for group, corpora in found.items()}

    def entries(
        self, rows: list[Row], corpus: str, setting: str, decoder: str
    ) -> list[dict[str, Any]]:
        """The scores of those rows that have them."""
        found = (self.workspace.entry(row, corpus, setting, decoder) for row in rows)
        return [entry for entry in found if entry is not None]

    def name(self, label: str, rows: list[Row], entries: list[dict[str, Any]]) -> str:
        """The label with its marks: another lexicon, another training configuration."""
        domains = {self.workspace.table.train_config(row).data.domain for row in rows}
        today = {self.lexicons.get(domain) for domain in domains}
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
        return _grid(["system", "seeds", *(column[3] for column in SUMMARY)], body)

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
        return _grid(["system", "decoder", *heads], body)

    def training(self) -> list[str]:
        """What each row cost, and the development scores by which recipes are chosen."""
        heads = ["row", "seed", "pairs", "steps", "kept step", "chosen by", "dev MRs", "dev BLEU",
                 "dev SER", "dev order", "dev score", "minutes", "on", "commit"]  # fmt: skip
        body = []
        for row in self.workspace.table.rows:
            run = self.workspace.scores(row).get("training")
            if run:
                body.append([row.name + ("†" if self.adopted(row) else ""), *_training_line(run)])
        return _grid(heads, body)

    def rounds(self) -> list[str]:
        """What the rounds of self-training drew and kept."""
        heads = ["row", "round", "proposals", "drawn", "kept", "of these joined", "kept of drawn",
                 "unseen MRs", "unseen plans", "sentences", "drawn a second"]  # fmt: skip
        body = [
            [row.name, *_round_line(one)]
            for row in self.workspace.table.rows
            for one in self.workspace.scores(row).get("training", {}).get("rounds") or []
        ]
        return _grid(heads, body)


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


def _grid(heads: list[str], body: list[list[str]]) -> list[str]:
    """A Markdown table without the columns that are empty in every line; nothing for no lines."""
    if not body:
        return []
    kept = [i for i in range(len(heads)) if i == 0 or any(line[i] != "-" for line in body)]
    lines = ["| " + " | ".join(heads[i] for i in kept) + " |"]
    lines.append("|---|" + "---:|" * (len(kept) - 1))
    lines += ["| " + " | ".join(line[i] for i in kept) + " |" for line in body]
    return [*lines, ""]
