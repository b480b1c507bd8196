"""What a metric is, the metrics by name, and the base of slot and order metrics.

The base is a sacreBLEU ``Metric`` over checked records. A subclass says which columns of numbers
one utterance contributes and how summed columns become a score; signature, sacreBLEU's own
bootstrap and paired tests, and ours (``d2t.score.bootstrap``) follow.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

import numpy as np
from sacrebleu.metrics.base import Metric, Score, Signature

from d2t.errors import DataError
from d2t.mr.types import MeaningRepresentation, Plan
from d2t.registry import Registry
from d2t.score.records import CheckedRecord, EvaluationRecord, checker_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.mr.domain import Domain
    from d2t.score.bootstrap import FloatArray
    from d2t.score.records import Checker


class Scorer(Protocol):
    """What reports and comparisons need of any metric, ours or sacreBLEU's.

    Attributes:
        key: the name in JSON (``slot_error_rate``).
        label: the name in tables (``SER``).
        higher_is_better: the direction of good.
    """

    key: str
    label: str
    higher_is_better: bool

    def applies(self, checked: CheckedRecord) -> bool:
        """Whether this record can be scored (it has a plan, or references)."""
        ...

    def statistics(self, checked: Sequence[CheckedRecord]) -> FloatArray:
        """Sufficient statistics ``(records, k)``; zeros where the metric does not apply."""
        ...

    def scores(self, totals: FloatArray) -> FloatArray:
        """Scores ``(r,)`` from summed statistics ``(r, k)``; nan where nothing was scored."""
        ...

    def signature(self) -> str:
        """All settings that made the number, beginning with the label."""
        ...


MetricFactory = Callable[["Domain", "Checker"], Scorer]
"""Makes a metric for a domain and the checker of its texts; every ``RecordMetric`` class is one."""

Part = Literal["slots", "order", "text"]
"""A family of metrics that is scored together."""

ALL_PARTS: tuple[Part, ...] = ("slots", "order", "text")
FAMILIES: dict[Part, tuple[str, ...]] = {
    "slots": (
        "slot_error_rate",
        "exact_utterances",
        "errors_per_utterance",
        "slot_precision",
        "slot_recall",
        "slot_f1",
    ),
    "order": ("order_accuracy", "sentence_plan", "kendall_tau", "bigram_f1"),
    "text": ("bleu", "chrf", "rouge_l"),
}
"""Names of metrics by family, in table order."""

METRICS: Registry[MetricFactory] = Registry(
    "metric",
    "d2t.metrics",
    {name: f"d2t.score.{family}" for family, names in FAMILIES.items() for name in names},
    code="unknown_metric",
)
"""All metrics by ``key``. One that is in no family is scored where it is named."""


def make_scorers(
    domain: Domain, parts: Sequence[Part], checker: Checker, more: Sequence[str] = ()
) -> list[Scorer]:
    """The metrics of the families asked for, in table order, then those named in ``more``.

    Raises:
        ConfigError: code ``unknown_metric``: a name is not registered.
    """
    names = [name for part in ALL_PARTS if part in parts for name in FAMILIES[part]]
    names += [METRICS.resolve(name) for name in more]
    return [METRICS.get(name)(domain, checker) for name in dict.fromkeys(names)]


class CheckerSignature(Signature):
    """Signature of scores that depend on domain and lexicon: ``dom:restaurant@9f3c|lex:4b1e``."""

    def __init__(self, args: dict[str, Any]) -> None:
        from d2t._version import __version__

        super().__init__({**args, "num_refs": None})
        self._abbr.update(dom="d", lex="x", rep="rep", plan="p", agg="a")
        domain: Domain = args["domain"]
        self.info.update(
            nrefs=None,
            dom=f"{domain.name}@{domain.digest[:4]}",
            lex=args["checker"].lexicon_digest[:4],
            **args["settings"],
        )
        self.info["version"] = __version__

    def format(self, short: bool = False) -> str:
        """As sacreBLEU formats it, with ``v:`` for the version of d2t (not of sacreBLEU)."""
        return super().format(short).replace("version:", "v:")


class RecordMetric(Metric):
    """A metric of (text, MR, plan) as sufficient statistics.

    It can be used in two ways: on checked records (``statistics`` and ``scores``; fast, what
    reports use), or as any sacreBLEU metric, ``metric.corpus_score(texts, [mrs],
    n_bootstrap=1000)``, where the one "reference" of a segment is its ``MeaningRepresentation`` or
    ``Plan``.

    Args:
        domain: the domain, for the signature.
        checker: aligns texts; the domain's own when None.
    """

    _SIGNATURE_TYPE = CheckerSignature
    key: str
    label: str
    higher_is_better: bool = True
    settings: ClassVar[dict[str, str]] = {}

    def __init__(self, domain: Domain, checker: Checker | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.domain = domain
        self.checker: Checker = checker or checker_for(domain)

    @abstractmethod
    def row(self, checked: CheckedRecord) -> list[float]:
        """The columns that one record contributes; called only where the metric applies."""

    @property
    @abstractmethod
    def width(self) -> int:
        """Number of columns."""

    @abstractmethod
    def scores(self, totals: FloatArray) -> FloatArray:
        """Scores 0-100 ``(r,)`` from summed columns ``(r, width)``."""

    def applies(self, checked: CheckedRecord) -> bool:
        """Every record, unless a subclass needs more."""
        return True

    def statistics(self, checked: Sequence[CheckedRecord]) -> FloatArray:
        """``(records, width)``; a row of zeros where the metric does not apply."""
        nothing = [0.0] * self.width
        rows = [self.row(item) if self.applies(item) else nothing for item in checked]
        return np.asarray(rows, dtype=np.float64).reshape(len(rows), self.width)

    def signature(self) -> str:
        """For example ``SER|dom:restaurant@9f3c|lex:4b1e|rep:yes|v:0.1.0``."""
        return f"{self.label}|{self.get_signature()}"

    def get_signature(self) -> Signature:
        """The hook that sacreBLEU calls; needs no evaluation first, as references play no part."""
        args = {**self.__dict__, "settings": self.settings}
        return self._SIGNATURE_TYPE(args)

    # What follows is sacreBLEU's interface, in its words.

    def _check_corpus_score_args(self, hyps: Sequence[str], refs: Any) -> None:
        if not hyps:
            raise DataError(
                f"{self.label}: nothing to score, the list of texts is empty", code="empty_file"
            )
        if any(not isinstance(text, str) for text in hyps):
            raise DataError(f"{self.label}: every text must be a string")
        for stream in refs or ():
            if len(stream) != len(hyps):
                raise DataError(
                    f"{self.label}: {len(hyps)} texts but {len(stream)} MRs or plans; expected one "
                    "for each text: corpus_score(texts, [mrs])"
                )

    def _check_sentence_score_args(self, hyp: str, refs: Sequence[Any]) -> None:
        self._check_corpus_score_args([hyp], [[ref] for ref in refs])

    def _preprocess_segment(self, sent: Any) -> Any:
        return sent

    def _extract_reference_info(self, refs: Sequence[Any]) -> dict[str, Any]:
        if len(refs) != 1:
            raise DataError(f"{self.label}: expected one MR or plan per text, got {len(refs)}")
        target = refs[0]
        if isinstance(target, Plan):
            slots = tuple(dict.fromkeys(target.slots))
            return {"mr": MeaningRepresentation(slots), "plan": target}
        if isinstance(target, MeaningRepresentation):
            return {"mr": target, "plan": None}
        raise DataError(
            f"{self.label}: expected a MeaningRepresentation or a Plan, got {type(target).__name__}"
        )

    def _compute_segment_statistics(
        self, hypothesis: str, ref_kwargs: dict[str, Any]
    ) -> list[float]:
        record = EvaluationRecord("", ref_kwargs["mr"], hypothesis, ref_kwargs["plan"])
        checked = CheckedRecord(record, self.checker.check(hypothesis, record.mr))
        if not self.applies(checked):
            raise DataError(f"{self.label}: order is scored against a Plan, got an MR")
        return self.row(checked)

    def _compute_score_from_stats(self, stats: Any) -> Score:
        totals = np.asarray(stats, dtype=np.float64)[None]
        return Score(self.label, float(self.scores(totals)[0]))

    def _aggregate_and_compute(self, stats: Any) -> Score:
        return self._compute_score_from_stats(np.asarray(stats, dtype=np.float64).sum(axis=0))


def ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """``100 * numerator / denominator`` elementwise, nan where the denominator is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(denominator > 0, 100.0 * numerator / denominator, np.nan)
