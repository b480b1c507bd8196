from __future__ import annotations

from d2t.corpus.group import group_references, medoid_plan, plan_bigrams, remove_overlap
from d2t.corpus.types import Example
from d2t.mr.types import MeaningRepresentation, Plan, Slot

A, B, C, D = (Slot(name, "x") for name in "abcd")


def mr(*slots: Slot) -> MeaningRepresentation:
    return MeaningRepresentation(slots)


def test_groups_ignore_the_order_of_slots_and_keep_first_occurrence() -> None:
    examples = [
        Example("0", mr(A, B), ("one",)),
        Example("1", mr(C), ("two",)),
        Example("2", mr(B, A), ("three", "one")),
    ]
    first, second = group_references(examples)
    assert (first.id, first.mr, first.references) == ("0", mr(A, B), ("one", "three", "one"))
    assert second.references == ("two",)
    assert first.plan is None


def test_dialogue_acts_keep_groups_apart() -> None:
    other = MeaningRepresentation((A,), "confirm")
    assert len(group_references([Example("0", mr(A), ("x",)), Example("1", other, ("x",))])) == 2


def test_medoid_is_the_plan_most_like_the_others() -> None:
    # Boundary bigrams count: (@ a)(a b)(b c)(c @) against (@ a)(a b)(b c)(c d)(d @) shares 3.
    near, far = Plan((A, B, C)), Plan((C, B, A))
    assert medoid_plan([far, near, Plan((A, B, C, D))]) == near
    assert medoid_plan([far]) == far
    assert medoid_plan([]) is None


def test_medoid_by_hand_and_first_wins_ties() -> None:
    p, q = Plan((A, B)), Plan((B, A))
    assert medoid_plan([p, q]) == p
    assert medoid_plan([q, p]) == q
    assert len(plan_bigrams(p)) == 3


def test_the_score_is_relative_to_the_length_of_the_candidate() -> None:
    # short: {@a, a@}; long shares @a with it. 1/2 for short beats 1/4 for long.
    short, long = Plan((A,)), Plan((A, B, C))
    assert medoid_plan([long, short]) == short


def test_overlap_is_by_set_of_slots() -> None:
    train = [Example("0", mr(A, B)), Example("1", mr(A)), Example("2", mr(A, B, B))]
    kept = remove_overlap(train, [Example("t", mr(B, A))])
    assert [example.id for example in kept] == ["1"]
