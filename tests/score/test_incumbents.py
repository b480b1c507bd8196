"""Our numbers are those of sacreBLEU and rouge_score, and our tests agree with theirs."""

from __future__ import annotations

import random

import numpy as np
import pytest
import sacrebleu
from literal_checker import TOY, LiteralChecker
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.significance import PairedTest

from d2t.mr.types import MeaningRepresentation, Slot
from d2t.score.bootstrap import Resampling, approximate_randomization
from d2t.score.records import EvaluationRecord, check_records
from d2t.score.report.report import evaluate_records
from d2t.score.slots import SlotErrorRate
from d2t.score.text import bleu, chrf, reference_streams, rouge_l

HYPOTHESES = [
    "Aromi is a cheap coffee shop in the city centre.",
    "The Mill, a family friendly pub, serves English food for £20-25 near Café Rouge .",
    "There is a 5 out of 5 rated restaurant called Zizzi",
    "",
    "Blue Spice isn't \"child-friendly\" , it's high-priced; the food's Chinese.",
    "Zizzi.",
]
REFERENCES = [
    [
        "Aromi is a cheap coffee shop located in the city centre.",
        "In the centre, Aromi sells cheap coffee.",
    ],
    ["The Mill is a family friendly English pub near Café Rouge. It costs £20-25."],
    [
        "Zizzi is a restaurant rated 5 out of 5.",
        "There is a restaurant called Zizzi, rated 5 out of 5!",
        "Rated 5 out of 5: Zizzi.",
    ],
    ["Cotto is a pub.", "A pub: Cotto."],
    ["Blue Spice isn't child-friendly, it's high-priced; the food is Chinese."],
    ["It is Zizzi.", "Zizzi."],
]
MR = MeaningRepresentation((Slot("a", "1"),))


def scored(scorer, hypotheses, references):
    items = check_records(
        [
            EvaluationRecord(str(i), MR, hypothesis, None, tuple(refs))
            for i, (hypothesis, refs) in enumerate(zip(hypotheses, references, strict=True))
        ],
        LiteralChecker(),
    )
    return float(scorer.scores(scorer.statistics(items).sum(axis=0, keepdims=True))[0])


def padded(references):
    """sacreBLEU's own orientation, made by hand and not by our adapter."""
    width = max(map(len, references))
    return [[refs[i] if i < len(refs) else None for refs in references] for i in range(width)]


def shuffled_words(seed, n):
    rng = random.Random(seed)
    text = "the Mill is a cheap pub in riverside , near Café Rouge £20 - 25 . It's"
    words = text.split()
    return [" ".join(rng.choices(words, k=rng.randint(1, 14))) for _ in range(n)]


def test_bleu_is_sacrebleus():
    expected = sacrebleu.corpus_bleu(HYPOTHESES, padded(REFERENCES))
    assert scored(bleu(), HYPOTHESES, REFERENCES) == pytest.approx(expected.score, abs=1e-4)
    assert expected.score == pytest.approx(43.6382, abs=1e-4)  # pinned with sacrebleu 2.6.0


def test_chrf_is_sacrebleus():
    expected = sacrebleu.corpus_chrf(HYPOTHESES, padded(REFERENCES))
    assert scored(chrf(), HYPOTHESES, REFERENCES) == pytest.approx(expected.score, abs=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_random_texts_score_as_in_sacrebleu(seed):
    hypotheses = shuffled_words(seed, 40)
    references = [shuffled_words(f"{seed}-{i}", 1 + i % 4) for i in range(40)]
    for scorer, expected in (
        (bleu(), BLEU(force=True).corpus_score(hypotheses, padded(references))),
        (chrf(), CHRF().corpus_score(hypotheses, padded(references))),
    ):
        assert scored(scorer, hypotheses, references) == pytest.approx(expected.score, abs=1e-8)


def test_rouge_l_is_rouge_scores_best_f1_over_references():
    scorer = RougeScorer(["rougeL"])
    expected = [
        scorer.score_multi(refs, hypothesis)["rougeL"].fmeasure
        for hypothesis, refs in zip(HYPOTHESES, REFERENCES, strict=True)
    ]
    assert scored(rouge_l(), HYPOTHESES, REFERENCES) == pytest.approx(
        100 * np.mean(expected), abs=1e-4
    )


def test_signatures_are_sacrebleus():
    reference = BLEU()
    reference.corpus_score(HYPOTHESES, padded(REFERENCES))
    ours = bleu()
    scored(ours, HYPOTHESES, REFERENCES)
    assert ours.signature() == f"BLEU|{reference.get_signature()}"
    assert "nrefs:var|case:mixed" in ours.signature()
    assert "tok:13a" in ours.signature()


def test_fixed_reference_counts_are_named():
    ours = bleu()
    scored(ours, HYPOTHESES[:2], [["one", "two"], ["three", "four"]])
    assert "|nrefs:2|" in ours.signature()


def test_adapter_gives_the_orientation_sacrebleu_wants():
    assert reference_streams(REFERENCES, len(HYPOTHESES)) == padded(REFERENCES)


def test_transposition_would_not_have_been_noticed():
    """Why there is an adapter: square, mis-oriented references still give a number."""
    square = [refs[:1] * len(HYPOTHESES) for refs in REFERENCES]
    right = sacrebleu.corpus_bleu(HYPOTHESES, padded(square)).score
    wrong = sacrebleu.corpus_bleu(HYPOTHESES, square).score
    assert wrong != pytest.approx(right)


def outputs(n, seed, share):
    rng = random.Random(seed)
    return ["a[1] b[1]" if rng.random() < share else "a[1] c[1]" for _ in range(n)]


def test_sacrebleus_own_paired_tests_run_on_our_metric_and_agree():
    wanted = [MeaningRepresentation((Slot("a", "1"), Slot("b", "1")))] * 80
    first, second = outputs(80, 1, 0.7), outputs(80, 2, 0.82)
    metric = SlotErrorRate(TOY, LiteralChecker())
    _, theirs = PairedTest([("a", first), ("b", second)], {"SER": metric}, [wanted], "ar", 2000)()
    rows = [
        np.array(metric._extract_corpus_statistics(texts, [wanted])) for texts in (first, second)
    ]
    ours = approximate_randomization(metric.scores, *rows, Resampling(2000, seed=9))
    assert theirs["SER"][0].score == pytest.approx(ours.score_a)
    assert theirs["SER"][1].score == pytest.approx(ours.score_b)
    # sacreBLEU counts differences above the observed one, we count those that reach it
    ties = approximate_p_of_ties(metric, rows)
    assert theirs["SER"][1].p_value == pytest.approx(ours.p_value - ties, abs=0.03)


def approximate_p_of_ties(metric, rows):
    rng = np.random.default_rng(0)
    a, b = rows
    swaps = rng.integers(2, size=(4000, len(a))) @ (b - a)
    drawn = metric.scores(b.sum(0) - swaps) - metric.scores(a.sum(0) + swaps)
    seen = metric.scores(b.sum(0, keepdims=True)) - metric.scores(a.sum(0, keepdims=True))
    return float(np.mean(np.isclose(np.abs(drawn), np.abs(seen))))


def test_intervals_agree_with_sacrebleus_bootstrap():
    hypotheses = shuffled_words(3, 150)
    references = [shuffled_words(f"r{i}", 2) for i in range(150)]
    theirs = BLEU(force=True).corpus_score(hypotheses, padded(references), n_bootstrap=1000)
    records = [
        EvaluationRecord(str(i), MR, hypothesis, None, tuple(refs))
        for i, (hypothesis, refs) in enumerate(zip(hypotheses, references, strict=True))
    ]
    report = evaluate_records(records, TOY, parts=("text",), checker=LiteralChecker())
    ours = report.metrics["bleu"]
    assert (ours.high - ours.low) / 2 == pytest.approx(theirs._ci, rel=0.15)
