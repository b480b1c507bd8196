"""What holds for every planner that needs no reference."""

from __future__ import annotations

import json
from collections import Counter
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from d2t.corpus.types import Example
from d2t.mr.domain import load_domain
from d2t.mr.types import MeaningRepresentation, Plan, Slot
from d2t.plan.bigram import BigramPlanner
from d2t.plan.display import display_plan
from d2t.plan.random_plans import random_plan, random_plans

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
