from __future__ import annotations

import json
from itertools import permutations, product
from math import exp
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from d2t.corpus.types import Example
from d2t.errors import BundleError, DataError, MRParseError
from d2t.mr.domain import load_domain
from d2t.mr.types import MeaningRepresentation, Plan, Slot
from d2t.plan.base import bigram_f1, kendall_tau
from d2t.plan.network import MAX_COUNT, PlanVocabulary, PointerNetwork, parameter_shapes
from d2t.plan.neural import PLANNER, WEIGHTS, NeuralPlanner, Utility, expected_utility
from d2t.plan.training.planner import (
    PlannerModule,
    PlannerSettings,
    _plan_rows,
    _tensors,
    train_planner,
)

if TYPE_CHECKING:
    from pathlib import Path

DOMAIN = load_domain("restaurant")
NAME, PUB, CAFE = Slot("name", "Aromi"), Slot("eatType", "pub"), Slot("eatType", "coffee shop")
FRENCH, AREA, NEAR = Slot("food", "French"), Slot("area", "riverside"), Slot("near", "Cotto")
SLOTS = (NAME, PUB, FRENCH, AREA, NEAR)
SETTINGS = PlannerSettings(width=16, epochs=12, batch_size=16, lr=0.02, dropout=0.0)


def mr(*slots: Slot) -> MeaningRepresentation:
    return MeaningRepresentation(slots)


def example(*sentences: tuple[Slot, ...]) -> Example:
    slots = tuple(slot for sentence in sentences for slot in sentence)
    ends = np.cumsum([len(sentence) for sentence in sentences])[:-1].tolist()
    return Example("0", mr(*sorted(set(slots))), plan=Plan(slots, tuple(ends)))


# Pubs are named first, coffee shops last; a sentence ends after the food.
CORPUS = [
    example((PUB, NAME, FRENCH), (AREA, NEAR)),
    example((PUB, NAME, FRENCH), (AREA,)),
    example((FRENCH,), (AREA, NAME, CAFE)),
    example((FRENCH,), (AREA, NEAR, NAME, CAFE)),
    example((FRENCH,), (NAME, CAFE)),
    example((PUB, NAME)),
]  # fmt: skip


@pytest.fixture(scope="module")
def planner() -> NeuralPlanner:
    return train_planner(CORPUS * 16, CORPUS, DOMAIN, SETTINGS)


@pytest.fixture(scope="module")
def fresh() -> tuple[PlannerModule, NeuralPlanner]:
    """Random weights, large enough to matter."""
    torch.manual_seed(3)
    vocabulary = PlanVocabulary.fit(CORPUS, DOMAIN)
    sizes = len(vocabulary.slots), len(vocabulary.values), len(vocabulary.acts)
    module = PlannerModule(*sizes, 12).eval()
    for name, weights in module.named_parameters():
        start = 1 if name in ("slot", "value", "act") else 0
        weights.data[start:] = torch.randn_like(weights.data[start:])
    weights = {name: w.detach().numpy().copy() for name, w in module.state_dict().items()}
    return module, NeuralPlanner(vocabulary, weights)


def test_learns_orders_that_depend_on_values(planner):
    assert planner.plan(mr(NAME, PUB, FRENCH, AREA)).slots == (PUB, NAME, FRENCH, AREA)
    assert planner.plan(mr(NAME, CAFE, FRENCH, AREA)).slots == (FRENCH, AREA, NAME, CAFE)


def test_learns_sentences_and_plans_them_when_asked(planner):
    slots = mr(NAME, PUB, FRENCH, AREA, NEAR)
    assert planner.plan(slots).breaks is None
    assert planner.with_sentences().plan(slots).breaks == (3,)
    assert planner.with_sentences().plan(mr(NAME, PUB)).breaks == ()


def test_training_is_deterministic(planner):
    again = train_planner(CORPUS * 16, CORPUS, DOMAIN, SETTINGS)
    assert planner.network.weights
    for name, weights in planner.network.weights.items():
        assert np.array_equal(weights, again.network.weights[name])


def test_training_needs_plans():
    with pytest.raises(DataError, match="training examples have no plans"):
        train_planner([Example("1", mr(NAME))], CORPUS, DOMAIN, SETTINGS)
    with pytest.raises(DataError, match="development examples have no plans"):
        train_planner(CORPUS, [], DOMAIN, SETTINGS)


def test_numpy_equals_torch(fresh):
    module, planner = fresh
    rows = _plan_rows(CORPUS, planner.vocabulary)
    for item, row in zip(CORPUS, rows, strict=True):
        assert item.plan is not None
        with torch.no_grad():
            losses = module(_tensors([row]))
        assert planner.log_prob(item.plan, item.mr) == pytest.approx(-float(losses.order), abs=1e-4)
        encoded = planner._encode(item.plan.slots, item.mr)
        states, total = planner.network.begin(encoded), 0.0
        for at in range(1, len(row.slots)):
            states = planner.network.advance(encoded, states, np.array([[at - 1]]))
            logits = planner.network.break_logits(encoded, states, range(at, len(row.slots)))
            logit = float(logits[row.lengths[at], row.sentences[at]])
            total += np.logaddexp(0.0, -logit if row.breaks[at] else logit)
        assert total == pytest.approx(float(losses.breaks), abs=1e-3)


def test_padding_changes_nothing(fresh):
    module, planner = fresh
    rows = _plan_rows(CORPUS, planner.vocabulary)
    with torch.no_grad():
        whole = module(_tensors(rows), smoothing=0.1)
        parts = [module(_tensors([row]), smoothing=0.1) for row in rows]
    assert float(whole.order) == pytest.approx(sum(float(p.order) for p in parts), rel=1e-5)
    assert float(whole.breaks) == pytest.approx(sum(float(p.breaks) for p in parts), rel=1e-5)


def test_orders_are_a_distribution(fresh):
    _, planner = fresh
    orders = [Plan(order) for order in permutations((NAME, PUB, Slot("food", "Never Seen"), NEAR))]
    assert sum(exp(planner.log_prob(plan)) for plan in orders) == pytest.approx(1, abs=1e-4)


def test_mode_is_the_most_probable_order(fresh):
    _, planner = fresh
    mode = NeuralPlanner(
        planner.vocabulary, planner.network.weights, beam=120, decision="mode"
    ).plan(mr(*SLOTS))
    best = max(planner.log_prob(Plan(order)) for order in permutations(SLOTS))
    assert planner.log_prob(mode) == pytest.approx(best, abs=1e-4)


def test_expected_utility_is_the_mean_agreement_with_the_distribution():
    rng = np.random.default_rng(1)
    n, utility = 5, Utility(tau=1.3, bigrams=0.7)
    orders = np.stack([[rng.permutation(n) for _ in range(7)] for _ in range(3)])
    weights = rng.dirichlet(np.ones(7), size=3)

    def agreement(one: list[int], other: list[int]) -> float:
        pairs = {(a, b) for i, a in enumerate(one) for b in one[i + 1 :]}
        ends = {*zip((n, *one), (*one, n), strict=True)}
        agree = sum((a, b) in pairs for i, a in enumerate(other) for b in other[i + 1 :])
        tau = (2 * agree - len(pairs)) / len(pairs)
        shared = len(ends & {*zip((n, *other), (*other, n), strict=True)})
        return utility.tau * tau + utility.bigrams * shared / (n + 1)

    worth = expected_utility(orders, weights, utility)
    for at in range(3):
        for k in range(7):
            one = orders[at, k].tolist()
            mean = sum(
                weight * agreement(one, other)
                for other, weight in zip(orders[at].tolist(), weights[at], strict=True)
            )
            assert worth[at, k] == pytest.approx(mean)


def test_the_expected_order_is_the_best_of_all_permutations(fresh):
    """With a beam that holds every order, the chosen one agrees best with the distribution."""
    _, planner = fresh
    slots = SLOTS[:4]
    wide = NeuralPlanner(planner.vocabulary, planner.network.weights, beam=24)
    every = [Plan(order) for order in permutations(slots)]
    weights = [exp(planner.log_prob(plan)) for plan in every]

    def worth(plan: Plan) -> float:
        agreements = (2.0 * kendall_tau(plan, other) + bigram_f1(plan, other) for other in every)
        return sum(weight * agree for weight, agree in zip(weights, agreements, strict=True))

    assert worth(wide.plan(mr(*slots))) == pytest.approx(max(map(worth, every)), abs=1e-4)


def test_plans_made_together_are_those_made_alone(fresh):
    """To the last bit: texts may not depend on the batch."""
    _, planner = fresh
    values = ["French", "Indian", "Never Seen"]
    sets = [
        mr(*(Slot("food", value) if slot.name == "food" else slot for slot in SLOTS[:size]))
        for size in range(1, len(SLOTS) + 1)
        for value in values
    ]
    together = NeuralPlanner(planner.vocabulary, planner.network.weights)
    together.prepare([*sets, mr()])
    alone = NeuralPlanner(planner.vocabulary, planner.network.weights)
    assert [together.plan(one) for one in sets] == [alone.plan(one) for one in sets]
    key = together._key(sets[-1], sorted(sets[-1].slots), 0, None)
    assert key in together._cache
    vocabulary = planner.vocabulary
    rows = [vocabulary.rows(sorted(one.slots)) for one in sets if len(one.slots) == 4]
    names, found = (np.stack(part) for part in zip(*rows, strict=True))
    acts = np.zeros(len(rows), dtype=np.int64)
    orders, scores = together._search(together.network.encode(names, found, acts), 0)
    for at in range(len(rows)):
        single = together.network.encode(names[at : at + 1], found[at : at + 1], acts[:1])
        own_orders, own_scores = together._search(single, 0)
        assert np.array_equal(own_orders[0], orders[at])
        assert np.array_equal(own_scores[0], scores[at])


def test_breaks_are_the_most_probable_ones(fresh):
    _, planner = fresh
    encoded = planner._encode(SLOTS, None)
    order, n = [4, 0, 2, 1, 3], len(SLOTS)
    states, tables = planner.network.begin(encoded), []
    for at in range(1, n):
        states = planner.network.advance(encoded, states, np.array([[order[at - 1]]]))
        tables.append(planner.network.break_logits(encoded, states, order[at:]))

    def loss(breaks: tuple[int, ...]) -> float:
        length, sentence, total = 1, 0, 0.0
        for at, table in enumerate(tables, start=1):
            logit = float(table[length, sentence])
            total += np.logaddexp(0.0, -logit if at in breaks else logit)
            sentence += at in breaks
            length = 1 if at in breaks else length + 1
        return total

    every = [tuple(i for i in range(1, n) if bits[i - 1]) for bits in product((0, 1), repeat=n - 1)]
    assert planner._breaks(encoded, order, 0, None) == min(every, key=loss)
    kept = [breaks for breaks in every if 1 in breaks and 2 not in breaks]
    assert planner._breaks(encoded, order, 3, (1,)) == min(kept, key=loss)


def test_many_slots_and_sentences_stay_in_the_tables(fresh):
    _, planner = fresh
    slots = [Slot("near", f"v{i}") for i in range(MAX_COUNT + 6)]
    plan = planner.with_sentences().plan(mr(*slots))
    assert sorted(plan.slots) == sorted(slots)


def test_order_and_hidden_values_of_the_mr_do_not_matter(planner):
    plan = planner.plan(mr(*SLOTS))
    assert planner.plan(mr(*SLOTS[::-1])) == plan
    other = planner.plan(mr(Slot("name", "Nobody"), *SLOTS[1:]))
    assert other.names == plan.names


def test_a_break_before_the_rest_is_kept(planner):
    plan = planner.plan(mr(*SLOTS), prefix=Plan((AREA, NEAR), (2,)))
    assert plan.slots[:2] == (AREA, NEAR)
    assert plan.breaks is not None
    assert plan.breaks[0] == 2


def test_a_prefix_that_is_the_whole_plan(planner):
    assert planner.plan(mr(NAME, PUB), prefix=Plan((PUB, NAME), (2,))) == Plan((PUB, NAME), ())
    assert planner.plan(mr()) == Plan(())


def test_a_prefix_that_the_mr_does_not_have(planner):
    with pytest.raises(MRParseError, match=r"area\[riverside\]") as caught:
        planner.plan(mr(NAME, PUB), prefix=Plan((AREA,)))
    assert caught.value.code == "plan_mismatch"


def test_round_trip_plans_the_same(planner, tmp_path: Path):
    planner.save(tmp_path)
    restored = NeuralPlanner.load(tmp_path)
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 1_000_000
    assert restored.state() == planner.state()
    for slots in ((NAME, PUB), SLOTS, (Slot("area", "moon"), NAME, CAFE)):
        assert restored.plan(mr(*slots)) == planner.plan(mr(*slots))
        assert restored.with_sentences().plan(mr(*slots)) == planner.with_sentences().plan(
            mr(*slots)
        )


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / PLANNER).unlink(),
        lambda folder: (folder / WEIGHTS).unlink(),
        lambda folder: (folder / PLANNER).write_text("{"),
        lambda folder: (folder / PLANNER).write_text("[]"),
        lambda folder: (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-9]),
        lambda folder: change(folder, lambda state: state.update(format_version=99)),
        lambda folder: change(folder, lambda state: state.pop("vocabulary")),
        lambda folder: change(folder, lambda state: state.update(beam=0)),
        lambda folder: change(folder, lambda state: state.update(decision="guess")),
        lambda folder: change(folder, lambda state: state["vocabulary"]["slots"].append("new")),
        lambda folder: change(folder, lambda state: state["vocabulary"]["acts"].append(7)),
        lambda folder: change(folder, lambda state: state["vocabulary"]["values"].append(["a", 7])),
    ],
)
def test_damaged_files_are_bundle_errors(planner, tmp_path: Path, damage):
    planner.save(tmp_path)
    damage(tmp_path)
    with pytest.raises(BundleError):
        NeuralPlanner.load(tmp_path)


def change(folder: Path, edit) -> None:
    state = json.loads((folder / PLANNER).read_text())
    edit(state)
    (folder / PLANNER).write_text(json.dumps(state))


def test_weights_that_are_not_numbers_are_refused(planner):
    weights = {name: w.copy() for name, w in planner.network.weights.items()}
    weights["start"][0] = np.nan
    with pytest.raises(BundleError, match="start"):
        NeuralPlanner(planner.vocabulary, weights)


def test_shapes_are_those_of_the_torch_module(fresh):
    module, planner = fresh
    known = planner.vocabulary
    shapes = parameter_shapes(len(known.slots), len(known.values), len(known.acts), 12)
    assert shapes == {name: list(w.shape) for name, w in module.state_dict().items()}
    assert isinstance(planner.network, PointerNetwork)


def test_the_cache_does_not_grow_for_ever(planner, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("d2t.plan.neural.CACHE", 2)
    small = planner.with_sentences()
    sizes = []
    for slots in ((NAME,), (PUB,), (AREA,), (NEAR, NAME), (PUB, NAME)):
        small.plan(mr(*slots))
        sizes.append(len(small._cache))
    assert sizes == [1, 2, 1, 2, 1]


def test_an_mr_is_encoded_once(planner, monkeypatch: pytest.MonkeyPatch):
    """Hidden values do not count: MRs that differ in a name only are planned once."""
    asked = []
    fresh = planner.with_sentences()
    encode = fresh.network.encode
    monkeypatch.setattr(
        type(fresh.network),
        "encode",
        lambda self, *inputs: asked.append(inputs) or encode(*inputs),
    )
    first = fresh.plan(mr(NAME, PUB))
    assert fresh.plan(mr(NAME, PUB)) == first
    other = fresh.plan(mr(Slot("name", "Zizzi"), PUB))
    assert [slot.name for slot in other.slots] == [slot.name for slot in first.slots]
    assert len(asked) == 1
    fresh.plan(mr(NAME, AREA))
    assert len(asked) == 2
