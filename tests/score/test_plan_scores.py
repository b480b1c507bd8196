from __future__ import annotations

import pytest

from d2t.corpus.types import Example
from d2t.errors import DataError
from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.mr.types import Plan
from d2t.plan.untrained import DisplayPlanner
from d2t.score.bootstrap import Resampling
from d2t.score.plans import reference_plans, score_planner, signature
from d2t.slots.checker import SlotChecker

DOMAIN = load_domain("restaurant")
CHECKER = SlotChecker.for_domain(DOMAIN)
MR = parse_mr("name[Aromi], eatType[pub], area[riverside]", DOMAIN)
EXAMPLES = [
    Example(
        "1", MR, ("Aromi is a pub. It is by the riverside.", "By the riverside is the pub Aromi.")
    ),
    Example("2", parse_mr("name[Cotto], food[Thai]", DOMAIN), ("Cotto serves Thai food.",)),
]
RESAMPLING = Resampling(n_resamples=50, seed=1)


class Sentences:
    """Display order, a sentence break before the last slot."""

    def plan(self, mr):
        """All but the last slot in one sentence."""
        plan = DisplayPlanner(DOMAIN).plan(mr)
        return Plan(plan.slots, (2,) if len(plan) > 2 else ())


def test_references_are_grouped_and_read_once():
    first, second = reference_plans(EXAMPLES, CHECKER)
    assert [plan.names for plan in first.plans] == [
        ("name", "eatType", "area"), ("area", "eatType", "name"),
    ]  # fmt: skip
    assert first.plans[0].breaks == (2,)
    assert second.plans == (Plan(second.mr.slots, ()),)
    with pytest.raises(DataError):
        reference_plans([Example("1", MR)], CHECKER)


def test_scores_by_hand():
    references = reference_plans(EXAMPLES, CHECKER)
    result = score_planner("display", DisplayPlanner(DOMAIN), references, RESAMPLING)
    scores = {score.key: score for score in result.scores}
    # name, eatType, area: tau 1 with the first reference, -1 with the second, 1 with the third.
    assert scores["kendall_tau"].score == pytest.approx(100 / 3)
    assert scores["exact_plan"].score == pytest.approx(200 / 3)
    assert scores["bigram_f1"].score == pytest.approx(200 / 3)
    assert "exact_sentence_plan" not in scores
    assert all(score.low <= score.score <= score.high for score in result.scores)


def test_sentences_are_scored_where_all_plans_have_them():
    references = reference_plans(EXAMPLES, CHECKER)
    result = score_planner("sentences", Sentences(), references, RESAMPLING)
    assert result.scores[-1].key == "exact_sentence_plan"
    assert result.scores[-1].score == pytest.approx(200 / 3)
    assert result.as_dict()["scores"]["exact_plan"]["score"] == pytest.approx(66.6667)


def test_the_signature_names_domain_lexicon_and_resampling():
    text = signature(DOMAIN, CHECKER, RESAMPLING)
    assert text.startswith(f"plans|dom:restaurant@{DOMAIN.digest[:4]}|lex:")
    assert "bs:50|seed:1" in text
