"""What holds for every planner that needs no reference."""

from __future__ import annotations

import json
from collections import Counter
from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from d2t.corpus.types import Example
from d2t.mr.domain import load_domain
from d2t.mr.plans import REST, parse_prefix
from d2t.mr.types import MeaningRepresentation, Plan, Slot
from d2t.plan.bigram import BigramPlanner
from d2t.plan.choose import complete_plan
from d2t.plan.network import PlanVocabulary, parameter_shapes
from d2t.plan.neural import NeuralPlanner
from d2t.plan.untrained import (
    DisplayPlanner,
    OraclePlanner,
    RandomPlanner,
    display_plan,
    random_plan,
    random_plans,
)

DOMAIN = load_domain("restaurant")
slots = st.builds(
    Slot,
    st.sampled_from(DOMAIN.slot_names),
    st.sampled_from(["a", "b", "French", "The Eagle", "é", "@", ""]) | st.text(max_size=4),
)
mrs = st.lists(slots, max_size=10, unique=True).map(
    lambda found: MeaningRepresentation(tuple(found))
)
corpora = st.lists(st.lists(slots, min_size=1, max_size=6), min_size=1, max_size=6).map(
    lambda rows: [
        Example(str(i), MeaningRepresentation(tuple(set(row))), plan=Plan(tuple(row)))
        for i, row in enumerate(rows)
    ]
)


@given(corpus=corpora, mr=mrs, seed=st.integers(), n=st.integers(0, 4))
@settings(deadline=None, max_examples=80)
def test_every_planner_permutes_and_never_invents(corpus, mr, seed, n):
    plans = [
        BigramPlanner().fit(corpus, DOMAIN).plan(mr),
        display_plan(mr, DOMAIN),
        random_plan(mr, Random(seed)),
        *random_plans(mr, n, seed),
    ]
    assert len(plans) == n + 3
    for plan in plans:
        assert Counter(plan.slots) == Counter(mr.slots)
        assert plan.breaks is None


@given(corpus=corpora, mr=mrs, seed=st.integers())
@settings(deadline=None, max_examples=80)
def test_bigram_plans_depend_on_the_multiset_alone(corpus, mr, seed):
    shuffled = list(mr.slots)
    Random(seed).shuffle(shuffled)
    planner = BigramPlanner().fit(corpus, DOMAIN)
    restored = BigramPlanner.from_state(json.loads(json.dumps(planner.state())))
    plan = planner.plan(mr, rng=Random(seed))
    assert plan == planner.plan(MeaningRepresentation(tuple(shuffled)), rng=Random(seed + 1))
    assert plan == restored.plan(mr)


@given(corpus=corpora, seed=st.integers())
@settings(deadline=None, max_examples=40)
def test_bigram_planning_is_at_least_as_likely_as_any_other_order(corpus, seed):
    planner = BigramPlanner().fit(corpus, DOMAIN)
    mr = corpus[seed % len(corpus)].mr
    best = planner.log_prob(planner.plan(mr))
    assert best >= planner.log_prob(random_plan(mr, Random(seed))) - 1e-9


def neural(corpus, seed) -> NeuralPlanner:
    """Nobody trained it: whatever the weights, its plans are permutations."""
    vocabulary = PlanVocabulary.fit(corpus, DOMAIN)
    rng = np.random.default_rng(seed % 2**32)
    sizes = len(vocabulary.slots), len(vocabulary.values), len(vocabulary.acts)
    shapes = parameter_shapes(*sizes, 6)
    weights = {name: rng.normal(size=shape).astype("float32") for name, shape in shapes.items()}
    return NeuralPlanner(vocabulary, weights, beam=8)


@st.composite
def prefixes(draw):
    """An MR with the beginning of a plan for it, with or without sentences."""
    mr = draw(mrs)
    order = draw(st.permutations(mr.slots))
    length = draw(st.integers(0, len(order)))
    breaks = draw(st.none() | st.sets(st.integers(1, max(1, length))))
    if breaks is not None:
        breaks = tuple(sorted(at for at in breaks if at <= length))
    return mr, Plan(tuple(order[:length]), breaks)


@given(corpus=corpora, case=prefixes(), seed=st.integers())
@settings(deadline=None, max_examples=60)
def test_every_planner_begins_with_the_prefix_and_permutes(corpus, case, seed):
    mr, prefix = case
    untrained = neural(corpus, seed)
    planners = [
        BigramPlanner().fit(corpus, DOMAIN),
        DisplayPlanner(DOMAIN),
        RandomPlanner(seed),
        OraclePlanner(sentences=True).fit([Example("0", mr, plan=Plan(mr.slots, ()))]),
        untrained,
        untrained.with_sentences(),
    ]
    for planner in planners:
        plan = planner.plan(mr, prefix=prefix)
        assert Counter(plan.slots) == Counter(mr.slots)
        assert plan.slots[: len(prefix)] == prefix.slots
        if prefix.breaks is None:
            continue
        assert plan.breaks is not None
        assert list(plan.breaks) == sorted({*plan.breaks})
        assert all(0 < at < len(plan) for at in plan.breaks)
        inside = [at for at in plan.breaks if at < len(prefix)]
        assert inside == [at for at in prefix.breaks if at < len(prefix)]
        if len(prefix) in prefix.breaks and len(prefix) < len(plan):
            assert len(prefix) in plan.breaks


@given(corpus=corpora, mr=mrs, seed=st.integers())
@settings(deadline=None, max_examples=40)
def test_neural_plans_depend_on_the_multiset_alone(corpus, mr, seed):
    shuffled = list(mr.slots)
    Random(seed).shuffle(shuffled)
    planner = neural(corpus, seed).with_sentences()
    plan = planner.plan(mr)
    assert plan == planner.plan(MeaningRepresentation(tuple(shuffled)), rng=Random(seed))
    assert plan == neural(corpus, seed).with_sentences().plan(mr)
    assert planner.log_prob(plan, mr) <= 1e-6


@given(data=st.data())
@settings(deadline=None, max_examples=60)
def test_partial_plans_in_words_are_prefixes(data):
    mr = data.draw(mrs.filter(lambda mr: len(set(mr.names)) == len(mr.slots)))
    names = data.draw(st.permutations(mr.names))
    begun = list(names[: data.draw(st.integers(0, len(names)))])
    prefix = parse_prefix([*begun, REST], mr, DOMAIN)
    assert list(prefix.names) == begun
    assert prefix.breaks is None
    plan = complete_plan([*begun, REST], mr, DOMAIN, RandomPlanner(1))
    assert list(plan.names[: len(begun)]) == begun
    assert Counter(plan.slots) == Counter(mr.slots)
