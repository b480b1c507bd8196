"""Text overlap with all references of an MR (BLEU, chrF, ROUGE-L), and how varied texts are."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
from sacrebleu.metrics.base import Metric, Score, Signature
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from d2t.errors import DataError
from d2t.language.template import template_text, template_words
from d2t.score.metric import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from d2t.mr.domain import Domain
    from d2t.mr.types import MeaningRepresentation
    from d2t.score.bootstrap import FloatArray
    from d2t.score.records import CheckedRecord, Checker
    from d2t.slots.checker import SlotChecker


def reference_streams(
    references: Sequence[Sequence[str]], n_hypotheses: int | None = None
) -> list[list[str | None]]:
    """Turn ``[[references of a segment]]`` into sacreBLEU's ``[[i-th reference of segments]]``.

    The one place where the orientation is changed, since sacreBLEU scores transposed references
    without a word. Segments with fewer references are padded with None (``nrefs:var``).

    Args:
        references: for each segment its references, at least one.
        n_hypotheses: how many segments there must be, when known.

    Raises:
        DataError: the lengths do not fit, a segment has no reference, or a string stands where a
            list should.
    """
    if any(isinstance(refs, str) for refs in references):
        raise DataError(
            "references must be a list of lists, one list of texts per segment; got a list of "
            "strings. Write [[text], [text], ...] for one reference each.",
            code="bad_references",
        )
    if n_hypotheses is not None and len(references) != n_hypotheses:
        transposed = bool(references) and all(len(refs) == n_hypotheses for refs in references)
        raise DataError(
            f"{n_hypotheses} texts but references for {len(references)} segments; expected one "
            "list per text"
            + (
                "; these look transposed: [reference][segment] instead of [segment][reference]"
                * transposed
            ),
            code="bad_references",
        )
    if empty := [i for i, refs in enumerate(references) if not refs]:
        raise DataError(
            f"segment {empty[0]} (of {len(empty)}) has no reference", code="missing_references"
        )
    width = max((len(refs) for refs in references), default=0)
    return [[refs[i] if i < len(refs) else None for refs in references] for i in range(width)]


class RougeLSignature(Signature):
    """Signature of ROUGE-L: tokenizer, stemming, and how several references are joined."""

    def __init__(self, args: dict[str, Any]) -> None:
        from importlib.metadata import version

        super().__init__(args)
        self._abbr.update(case="c", tok="tok", stem="st", multi="m")
        self.info.update(
            case="lc", tok="rouge-score", stem="no", multi="max", version=version("rouge-score")
        )


class RougeL(Metric):
    """ROUGE-L F1, mean over segments, as ``rouge_score`` computes it (no stemming).

    With several references the best F1 counts (``RougeScorer.score_multi``). The E2E challenge
    script instead joins the best precision and the best recall with beta 1.2, so these numbers are
    not those of its tables.
    Columns: sum of F1 (0-1), segments.
    """

    _SIGNATURE_TYPE = RougeLSignature

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def _preprocess_segment(self, sent: str) -> list[str]:  # type: ignore[override]
        from rouge_score.tokenize import tokenize

        tokens: list[str] = tokenize(sent, None)
        return tokens

    def _extract_reference_info(self, refs: Sequence[Any]) -> dict[str, Any]:
        return {"refs": list(refs)}

    def _compute_segment_statistics(
        self, hypothesis: Any, ref_kwargs: dict[str, Any]
    ) -> list[float]:
        best = 0.0
        for reference in ref_kwargs["refs"]:
            # F1 = 2PR/(P+R) with P = lcs/|hyp|, R = lcs/|ref|
            length = len(hypothesis) + len(reference)
            best = max(best, 2 * lcs_length(hypothesis, reference) / length if length else 0.0)
        return [best, 1.0]

    def _compute_score_from_stats(self, stats: Any) -> Score:
        return Score("ROUGE-L", 100.0 * float(stats[0]) / float(stats[1]) if stats[1] else 0.0)

    def _aggregate_and_compute(self, stats: Any) -> Score:
        return self._compute_score_from_stats(np.asarray(stats, dtype=np.float64).sum(axis=0))


def corpus_bleu(texts: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """SacreBLEU's corpus BLEU (0-100) of ``texts``, each with all references of its MR."""
    streams: Any = reference_streams(references, len(texts))
    return float(BLEU(force=True).corpus_score(texts, streams).score)


def lcs_length(a: Sequence[str], b: Sequence[str]) -> int:
    """Length of the longest common subsequence, in ``len(b)`` big-integer steps (Hyyrö 2004)."""
    where: dict[str, int] = {}
    for i, token in enumerate(a):
        where[token] = where.get(token, 0) | 1 << i
    ones = (1 << len(a)) - 1
    row = ones
    for token in b:
        matched = row & where.get(token, 0)
        row = (row + matched | row - matched) & ones
    return len(a) - row.bit_count()


class FastCHRF(CHRF):
    """chrF as in sacreBLEU, number for number, with n-grams matched by set operations (3x)."""

    @staticmethod
    def _get_match_statistics(hyp_ngrams: Counter[str], ref_ngrams: Counter[str]) -> list[int]:
        common = hyp_ngrams.keys() & ref_ngrams.keys()
        hypothesis, reference = hyp_ngrams.__getitem__, ref_ngrams.__getitem__
        matches = sum(map(min, map(hypothesis, common), map(reference, common)))
        return [hyp_ngrams.total() if ref_ngrams else 0, ref_ngrams.total(), matches]


class TextScorer:
    """A sacreBLEU metric of texts against references, over checked records.

    References are read once, however many outputs an MR has; each pair of text and references is
    matched once.
    """

    higher_is_better = True

    def __init__(self, key: str, label: str, metric: Metric) -> None:
        self.key = key
        self.label = label
        self.metric = metric
        self._infos: dict[tuple[str, ...], Any] = {}
        self._rows: dict[tuple[str, tuple[str, ...]], list[float]] = {}

    def applies(self, checked: CheckedRecord) -> bool:
        """Only records with references."""
        return bool(checked.record.references)

    def statistics(self, checked: Sequence[CheckedRecord]) -> FloatArray:
        """Statistics ``(records, k)`` of the sacreBLEU metric; zeros without references."""
        records = [item.record for item in checked]
        self._read_references([record.references for record in records if record.references])
        rows = [self._row(r.text, r.references) if r.references else None for r in records]
        width = next((len(row) for row in rows if row is not None), 1)
        nothing = [0.0] * width
        matrix = [nothing if row is None else row for row in rows]
        return np.asarray(matrix, dtype=np.float64).reshape(len(rows), width)

    def _read_references(self, references: Sequence[tuple[str, ...]]) -> None:
        new = [refs for refs in dict.fromkeys(references) if refs not in self._infos]
        if new:
            streams: Any = reference_streams(new)
            self._infos.update(zip(new, self.metric._cache_references(streams), strict=True))
        counts = {len(refs) for refs in self._infos}
        self.metric.num_refs = counts.pop() if len(counts) == 1 else -1  # -1: nrefs:var

    def _row(self, text: str, references: tuple[str, ...]) -> list[float]:
        row = self._rows.get((text, references))
        if row is None:
            prepared = self.metric._preprocess_segment(text)
            row = self.metric._compute_segment_statistics(prepared, self._infos[references])
            self._rows[text, references] = row
        return row

    def scores(self, totals: FloatArray) -> FloatArray:
        """The metric's own score of each row of totals."""
        compute = self.metric._compute_score_from_stats
        scores = [float(compute(row).score) if any(row) else np.nan for row in totals.tolist()]
        return np.asarray(scores, dtype=np.float64)

    def signature(self) -> str:
        """For example ``BLEU|nrefs:var|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0``."""
        return f"{self.label}|{self.metric.get_signature()}"


@METRICS.register("bleu")
def bleu(domain: Domain | None = None, checker: Checker | None = None) -> TextScorer:
    """BLEU with the 13a tokenizer, cased, exponential smoothing: sacreBLEU's defaults."""
    return TextScorer("bleu", "BLEU", BLEU(force=True))


@METRICS.register("chrf")
def chrf(domain: Domain | None = None, checker: Checker | None = None) -> TextScorer:
    """chrF2 (character 6-grams, beta 2); per segment the reference with the best score counts."""
    return TextScorer("chrf", "chrF", FastCHRF())


@METRICS.register("rouge_l")
def rouge_l(domain: Domain | None = None, checker: Checker | None = None) -> TextScorer:
    """ROUGE-L F1."""
    return TextScorer("rouge_l", "ROUGE-L", RougeL())


def distinct(texts: Iterable[Sequence[str]], n: int) -> float:
    """distinct-n (Li et al. 2016, arXiv:1510.03055, section 5): different n-grams, % of all.

    It falls with the number of texts: only sets of one size compare. 0 without any n-gram.
    """
    shifted = ([words[k:] for k in range(n)] for words in texts)
    grams = Counter(chain.from_iterable(zip(*rows, strict=False) for rows in shifted))
    return 100.0 * len(grams) / max(1, grams.total())


def copied(templates: Sequence[Sequence[str]], seen: frozenset[tuple[str, ...]]) -> float:
    """% of the texts that a training text equals, values of open slots aside."""
    n_copied = sum(tuple(template) in seen for template in templates)
    return 100.0 * n_copied / max(1, len(templates))


def template_of_text(
    text: str, mr: MeaningRepresentation | None, checker: SlotChecker
) -> tuple[str, ...]:
    """Lower-cased words with the values of open slots hidden: what ``copied`` compares."""
    return tuple(template_words(template_text(text, mr, checker, checker.domain)))
