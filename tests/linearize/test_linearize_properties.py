"""What holds for every strategy and every MR."""

from __future__ import annotations

import json
from collections import Counter
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from d2t.corpus.types import Example
from d2t.language.symbols import all_symbols
from d2t.linearize.base import STRATEGIES, make_strategy, restore_strategy
from d2t.linearize.source import Inventory, Linearizer
from d2t.mr.domain import domain_from_dict
from d2t.mr.types import MeaningRepresentation, Plan, Slot
from d2t.slots.types import Alignment, Span

DOMAIN = domain_from_dict(
    {
        "name": "toy",
        "dialogue_acts": ["inform", "request"],
        "slots": {
            "name": {"kind": "open"},
            "near": {"kind": "open"},
            "food": {"kind": "categorical", "values": ["French", "Thai"]},
            "genres": {"kind": "list", "values": ["action", "puzzle", "sport"]},
            "year": {"kind": "numeric"},
            "kids": {"kind": "boolean"},
        },
    }
)
values = st.one_of(
    st.sampled_from(["French", "Thai", "action", "puzzle", "yes", "no", "", "8", "The Mill"]),
    st.text(min_size=1, max_size=12),
)
slots = st.builds(Slot, st.sampled_from(DOMAIN.slot_names), values)
mrs = st.lists(slots, min_size=1, max_size=10, unique=True).map(
    lambda found: MeaningRepresentation(tuple(found))
)
plans = st.lists(slots, min_size=1, max_size=8).map(lambda found: Plan(tuple(found)))


@st.composite
def corpora(draw: st.DrawFn) -> list[Example]:
    found = draw(st.lists(plans, max_size=6))
    return [
        Example(str(i), MeaningRepresentation(tuple(dict.fromkeys(plan.slots))), plan=plan)
        for i, plan in enumerate(found)
    ]


@pytest.mark.parametrize("alias", [cls.alias for cls in STRATEGIES])
@given(corpus=corpora(), mr=mrs, seed=st.integers())
@settings(deadline=None, max_examples=40)
def test_every_strategy_permutes_and_never_invents(alias, corpus, mr, seed):
    strategy = make_strategy(alias).fit(corpus, DOMAIN)
    example = Example("x", mr, plan=Plan(mr.slots))
    plan = strategy.order(example, rng=Random(seed))
    assert Counter(plan.slots) == Counter(mr.slots)
    shown = [slot for _, slot in strategy.layout(plan) if slot is not None]
    assert Counter(shown) == Counter(mr.slots)


@pytest.mark.parametrize("alias", ["rnd", "if", "fp"])
@given(corpus=corpora(), mr=mrs, seed=st.integers())
@settings(deadline=None, max_examples=40)
def test_order_does_not_depend_on_the_mrs_order(alias, corpus, mr, seed):
    strategy = make_strategy(alias).fit(corpus, DOMAIN)
    shuffled = list(mr.slots)
    Random(seed).shuffle(shuffled)
    other = MeaningRepresentation(tuple(shuffled), mr.dialogue_act)
    first, second = (strategy.order(Example("x", item), rng=Random(seed)) for item in (mr, other))
    assert first == second


@pytest.mark.parametrize("alias", ["if", "fp"])
@given(corpus=corpora(), mr=mrs)
@settings(deadline=None, max_examples=40)
def test_fitted_orders_are_idempotent_and_survive_saving(alias, corpus, mr):
    strategy = make_strategy(alias).fit(corpus, DOMAIN)
    once = strategy.order(Example("x", mr), rng=Random(0))
    again = Example("x", MeaningRepresentation(once.slots))
    assert strategy.order(again, rng=Random(1)) == once
    restored = restore_strategy(json.loads(json.dumps(strategy.state())))
    assert restored.order(Example("x", mr), rng=Random(2)) == once
    assert restored.layout(once) == strategy.layout(once)


@given(corpus=corpora(), mr=mrs)
@settings(deadline=None, max_examples=40)
def test_fixed_position_names_every_slot_in_one_order(corpus, mr):
    strategy = make_strategy("fp").fit(corpus, DOMAIN)
    layout = strategy.layout(strategy.order(Example("x", mr), rng=Random(0)))
    names = tuple(dict.fromkeys(name for name, _ in layout))
    empty = strategy.layout(Plan(()))
    assert names == tuple(name for name, _ in empty)
    assert set(names) == set(DOMAIN.slot_names)


@given(plan=plans, gap=st.sampled_from([" ", ", and ", ". "]))
@settings(deadline=None, max_examples=40)
def test_alignment_order_is_the_order_of_spans(plan, gap):
    text, spans = "", []
    for slot in plan.slots:
        word = slot.value or "it"
        spans.append(Span(len(text), len(text) + len(word), slot))
        text += word + gap
    realised = Alignment(text, tuple(spans)).plan()
    example = Example("x", MeaningRepresentation(tuple(set(plan.slots))), (text,), realised)
    order = make_strategy("at").order(example, rng=Random(0))
    in_text = [s.slot for s in sorted(spans, key=lambda span: span.start)]
    collapsed = [s for i, s in enumerate(in_text) if i == 0 or in_text[i - 1] != s]
    assert list(order.slots) == collapsed


@pytest.mark.parametrize("alias", [cls.alias for cls in STRATEGIES])
@given(corpus=corpora(), mr=mrs, masked=st.booleans())
@settings(deadline=None, max_examples=40)
def test_sources_lose_no_content(alias, corpus, mr, masked):
    """Each value is either a piece or what a placeholder in the source stands for."""
    strategy = make_strategy(alias).fit(corpus, DOMAIN)
    linearizer = Linearizer(DOMAIN, strategy, Inventory.fit(corpus, DOMAIN, min_count=1))
    plan = strategy.order(Example("x", mr, plan=Plan(mr.slots)), rng=Random(0))
    assume(not any("<" in slot.value for slot in mr.slots))
    mask = frozenset(mr.slots) if masked else None
    written = linearizer.linearize(mr, plan, mask=mask)
    said = [written.bindings.get(piece, piece) for piece in written.pieces]
    symbols = set(all_symbols(DOMAIN))
    texts = Counter(piece for piece in said if piece not in symbols)
    assert texts == Counter(slot.value for slot in mr.slots if slot.value)
    assert set(written.bindings) <= set(written.pieces)
    assert Counter(p for p in written.pieces if p.startswith("<slot:")) >= Counter(
        f"<slot:{slot.name}>" for slot in mr.slots
    )
