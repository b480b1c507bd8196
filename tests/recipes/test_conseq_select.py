"""S+ and S-: what each rule and selector takes, and that the two never overlap."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from d2t.mr.types import MeaningRepresentation, Slot
from d2t.recipes.conseq.objective import ConseqObjective
from d2t.recipes.conseq.select import ContrastiveSets, ScoredMR, ScoredText, folded, select, without


def how(**changes: Any) -> ConseqObjective:
    return ConseqObjective.model_validate({"name": "conseq", **changes})


def record(id: str, references: dict[str, float], samples: dict[str, float]) -> ScoredMR:
    """An MR whose texts have one score, by all selectors; samples that come first are likelier."""

    def scores(value: float) -> dict[str, float | None]:
        return dict.fromkeys(("ser", "overlap", "quals", "quals2"), value)

    refs = tuple(
        ScoredText(f"{id}-r{k}", text, scores(v)) for k, (text, v) in enumerate(references.items())
    )
    drawn = tuple(
        ScoredText(f"{id}-s{k}", text, scores(v), -0.1 * k)
        for k, (text, v) in enumerate(samples.items())
    )
    return ScoredMR(id, MeaningRepresentation((Slot("name", id),)), refs, drawn)


def texts(chosen: ContrastiveSets) -> tuple[list[str], list[str]]:
    return [t.text for _, t in chosen.positives], [t.text for _, t in chosen.negatives]


def test_the_absolute_rule_takes_references_without_and_samples_with_errors() -> None:
    records = [
        record("a", {"a good": 0, "a poor": -1}, {"a bad": -1, "a worse": -3, "a fine": 0}),
        record("b", {"b poor": -1}, {"b bad": -1}),
        record("c", {"c good": 0}, {"c fine": 0}),
    ]
    assert texts(select(records, how(), 1)) == (["a good"], ["a worse"])
    both = select(records, how(intersect=False), 1)
    assert texts(both) == (["a good", "c good"], ["a worse", "b bad"])
    lenient = how(positive_at=-1.0, negative_at=-3.0, per_mr=5)
    assert sorted(texts(select(records, lenient, 1))[1]) == ["a worse"]
    only = select(records, how(negatives="none"), 1)
    assert texts(only) == (["a good", "c good"], [])


def test_an_mr_gives_as_many_to_either_set() -> None:
    records = [record("a", {"1": 0, "2": 0, "3": 0}, {"x": -1, "y": -2, "z": 0})]
    positives, negatives = texts(select(records, how(per_mr=3), 1))
    assert (len(positives), negatives) == (2, ["y", "x"])


def test_a_sample_that_goes_takes_a_reference_of_its_mr_along() -> None:
    records = [record(name, {f"{name}1": 0, f"{name}2": 0}, {f"{name}x": -1, f"{name}y": -2})
               for name in "ab"]  # fmt: skip
    chosen = select(records, how(per_mr=2), 1)
    left = without(chosen, {"a-s0", "a-s1", "b-s1"})
    assert texts(left)[1] == ["bx"]
    assert texts(left)[0] == [t for t in texts(chosen)[0] if t.startswith("b")][:1]
    assert without(chosen, set()) == chosen


def test_ranks_take_shares_of_the_mrs() -> None:
    records = [record(str(k), {f"r{k}": k}, {f"s{k}": 10 * (k % 4) + k}) for k in range(10)]
    ranked = how(rule="rank", positives="quals", negatives="quals", qa="x", positive_share=0.3,
                 negative_share=0.5, intersect=False)  # fmt: skip
    chosen = texts(select(records, ranked, 1))
    assert chosen == (["r7", "r8", "r9"], ["s0", "s1", "s4", "s5", "s8"])
    both = ranked.model_copy(update={"intersect": True})
    assert texts(select(records, both, 1)) == (["r8"], ["s8"])


def test_texts_without_a_score_are_not_chosen_and_rank_last() -> None:
    nothing = ScoredText("n", "nothing", {"quals": None})
    records = [
        ScoredMR("n", MeaningRepresentation(()), (nothing,), (nothing,)),
        record("a", {"ra": 0.0}, {"sa": -1.0}),
    ]
    ranked = how(rule="rank", positives="quals", negatives="quals", qa="x", positive_share=1.0,
                 negative_share=1.0)  # fmt: skip
    assert texts(select(records, ranked, 1)) == (["ra"], ["sa"])


def test_equal_samples_the_likelier_first_equal_references_by_the_seed() -> None:
    many = [
        record(str(k), {f"{k}x": 0, f"{k}y": 0}, {f"{k}likely": -1, f"{k}rare": -1})
        for k in range(30)
    ]
    chosen = texts(select(many, how(), 1))
    assert chosen[1] == [f"{k}likely" for k in range(30)]
    assert {text[-1] for text in chosen[0]} == {"x", "y"}
    assert texts(select(many, how(), 1)) == chosen
    assert texts(select(many, how(), 2))[0] != chosen[0]


def test_random_negatives_are_any_samples() -> None:
    many = [record(str(k), {f"{k}r": 0}, {f"{k}good": 0, f"{k}bad": -2}) for k in range(40)]
    positives, negatives = texts(select(many, how(negatives="random"), 1))
    assert len(positives) == len(negatives) == 40
    kinds = [text.lstrip("0123456789") for text in negatives]
    assert 10 < kinds.count("good") < 30


def test_a_sample_that_says_a_good_reference_is_no_negative() -> None:
    records = [record("a", {"Aromi is a pub.": 0}, {"aromi is  a pub.": -1, "Aromi.": -1})]
    assert texts(select(records, how(), 1)) == (["Aromi is a pub."], ["Aromi."])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"positives": "quals", "rule": "rank"}, "needs qa"),
        ({"negatives": "overlap"}, "negative_at"),
        ({"positives": "quals", "qa": "x"}, "positive_at"),
        ({"positives": "luck"}, "positives"),
        ({"weight": -1}, "weight"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        how(**settings)


score = st.one_of(st.none(), st.integers(-3, 0).map(float))
selector = st.sampled_from(["ser", "overlap", "quals", "quals2", "random"])
words = st.sampled_from(["Aromi.", "aromi.", "A pub.", "a  pub.", "The Mill", "Zizzi", "", " "])


@st.composite
def scored(draw: st.DrawFn) -> list[ScoredMR]:
    names = ("ser", "overlap", "quals", "quals2")
    records = []
    for number in range(draw(st.integers(1, 6))):

        def some(kind: str, log_prob: float | None, at: int = number) -> tuple[ScoredText, ...]:
            return tuple(
                ScoredText(
                    f"{at}-{kind}{k}", draw(words), {n: draw(score) for n in names}, log_prob
                )
                for k in range(draw(st.integers(0, 4)))
            )

        slots = (Slot("name", str(number)),)
        records.append(
            ScoredMR(str(number), MeaningRepresentation(slots), some("r", None), some("s", -0.5))
        )
    return records


@settings(max_examples=60)
@given(
    records=scored(), positives=selector, negatives=st.one_of(selector, st.just("none")),
    rule=st.sampled_from(["absolute", "rank"]),
    limits=st.tuples(st.integers(-3, 0), st.integers(-3, 0)),
    shares=st.tuples(st.floats(0.1, 1), st.floats(0.1, 1)), intersect=st.booleans(),
    per_mr=st.integers(1, 3), seed=st.integers(0, 9),
)  # fmt: skip
def test_the_sets_never_overlap(
    records: list[ScoredMR], positives: str, negatives: str, rule: str, limits: tuple[int, int],
    shares: tuple[float, float], intersect: bool, per_mr: int, seed: int,
) -> None:  # fmt: skip
    wanted = how(
        positives=positives, negatives=negatives, rule=rule, positive_at=limits[0],
        negative_at=limits[1], positive_share=shares[0], negative_share=shares[1],
        intersect=intersect, per_mr=per_mr, qa="x",
    )  # fmt: skip
    chosen = select(records, wanted, seed)
    good = [(r.id, folded(t.text)) for r, t in chosen.positives]
    bad = [(r.id, folded(t.text)) for r, t in chosen.negatives]
    assert not set(good) & set(bad)
    assert len(set(good)) == len(good)
    assert len(set(bad)) == len(bad)
    assert all(t in r.references for r, t in chosen.positives)
    assert all(t in r.samples for r, t in chosen.negatives)
    by_mr = {
        r.id: ([i for i, _ in good].count(r.id), [i for i, _ in bad].count(r.id)) for r in records
    }
    assert all(max(counts) <= per_mr for counts in by_mr.values())
    if intersect and negatives != "none":
        assert all(n_good == n_bad for n_good, n_bad in by_mr.values())
    if rule == "absolute" and positives != "random":
        assert all((t.scores[positives] or 0.0) >= limits[0] for _, t in chosen.positives)
