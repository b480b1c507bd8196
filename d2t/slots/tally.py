"""Counts over many reports: the summary of ``d2t check``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from d2t.slots.types import SlotReport


@dataclass
class Tally:
    """Running sums of slot errors.

    ``ser`` = 100 * (missing + added + wrong + repeated) / slots; ``exact`` = share of utterances
    without any error, in %.
    """

    utterances: int = 0
    exact_utterances: int = 0
    slots: int = 0
    missing: int = 0
    added: int = 0
    wrong: int = 0
    repeated: int = 0
    bad_lines: int = 0

    def add(self, report: SlotReport) -> None:
        """Count one report."""
        self.utterances += 1
        self.exact_utterances += report.ok
        self.slots += report.n_slots
        self.missing += len(report.missing)
        self.added += len(report.added)
        self.wrong += len(report.wrong)
        self.repeated += len(report.repeated)

    def add_record(self, record: Mapping[str, Any]) -> None:
        """Count what ``d2t generate`` wrote of a text: its ``mr`` and ``report``."""
        report, values = record["report"], record["mr"].items()
        errors = {kind: len(report[kind]) for kind in ("missing", "added", "wrong", "repeated")}
        self.utterances += 1
        self.exact_utterances += not any(errors.values())
        self.slots += sum(
            len(value) if isinstance(value, list) else 1
            for name, value in values
            if name != "dialogue_act"
        )
        self.missing += errors["missing"]
        self.added += errors["added"]
        self.wrong += errors["wrong"]
        self.repeated += errors["repeated"]

    @property
    def n_errors(self) -> int:
        """Missing + added + wrong + repeated."""
        return self.missing + self.added + self.wrong + self.repeated

    @property
    def ser(self) -> float:
        """Slot error rate in %; errors without any slot expected count as 100."""
        if self.slots == 0:
            return 100.0 if self.n_errors else 0.0
        return 100.0 * self.n_errors / self.slots

    @property
    def exact(self) -> float:
        """Utterances without error in %; 0 when there are none."""
        return 100.0 * self.exact_utterances / self.utterances if self.utterances else 0.0

    def as_dict(self, signature: str) -> dict[str, Any]:
        """The summary as a JSON-able object; rates of no utterance are None."""
        some = bool(self.utterances)
        return {
            "utterances": self.utterances,
            "slots": self.slots,
            "ser": round(self.ser, 4) if some else None,
            "exact": round(self.exact, 4) if some else None,
            "missing": self.missing,
            "added": self.added,
            "wrong": self.wrong,
            "repeated": self.repeated,
            "bad_lines": self.bad_lines,
            "signature": signature,
        }

    def line(self, signature: str) -> str:
        """The summary as one line for a person."""
        ser, exact = "-", "-"
        if self.utterances:
            ser, exact = f"{self.ser:.2f} %", f"{self.exact:.1f} %"
        return (
            f"{self.utterances} utterances, {self.slots} slots: SER {ser} "
            f"(missing {self.missing}, added {self.added}, wrong {self.wrong}, "
            f"repeated {self.repeated}), exact {exact}"
            + (f"; {self.bad_lines} bad line{'s' * (self.bad_lines > 1)}" if self.bad_lines else "")
            + f"  {signature}"
        )
