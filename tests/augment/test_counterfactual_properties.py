"""Every counterfactual pair of any corpus is verified, and what comes out depends on the seed."""

from __future__ import annotations

from functools import lru_cache

from hypothesis import given, settings
from hypothesis import strategies as st

from d2t.augment.counterfactual import KIND, SOURCES, counterfactual_pairs, fault, said_mr
from d2t.corpus.correct import correct_examples
from d2t.corpus.load import load_split
from d2t.mr.domain import load_domain
from d2t.slots.checker import SlotChecker

DOMAIN = load_domain("restaurant")
CHECKER = SlotChecker.for_domain(DOMAIN)


@lru_cache(maxsize=1)
def corpus():
    raw = load_split("mini", "train", DOMAIN)[:120]
    return raw, correct_examples(raw, CHECKER, DOMAIN)


def made(places, seed, held_out=frozenset()):
    raw, corrected = corpus()
    examples = [corrected[at] for at in places if at < len(corrected)]
    alignments = [CHECKER.align(e.references[0], e.mr) for e in examples]
    return list(
        counterfactual_pairs(
            examples, alignments, CHECKER, DOMAIN,
            sources=SOURCES, raw=[raw[at] for at in places[:5]], held_out=held_out, seed=seed,
        )
    )  # fmt: skip


@settings(max_examples=15)
@given(st.lists(st.integers(0, 119), min_size=2, max_size=25, unique=True), st.integers(0, 99))
def test_every_pair_contradicts_its_mr_and_says_its_plan_and_nothing_else(places, seed) -> None:
    found = made(places, seed)
    for pair in found:
        example = pair.example
        assert fault(example, CHECKER) is None
        assert example.kind == KIND
        assert set(example.plan.slots) != set(example.mr.slots)
        report = CHECKER.check(example.references[0], said_mr(example.plan, example.mr))
        assert report.ok
        assert report.alignment.plan() == example.plan
    keys = [(p.example.mr.key(), p.example.references) for p in found]
    assert len(set(keys)) == len(keys)
    assert made(places, seed) == found
    if found:
        first = found[0].example
        for mr in (first.mr, said_mr(first.plan, first.mr)):
            for pair in made(places, seed, frozenset({mr.key()})):
                example = pair.example
                assert mr.key() not in (
                    example.mr.key(),
                    said_mr(example.plan, example.mr).key(),
                )
