"""Corpus operations on any examples: round trips, multisets, subsets, medoids, bytes."""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from d2t.corpus.correct import correct_examples, restrict_plan
from d2t.corpus.files import read_corpus, write_corpus
from d2t.corpus.group import group_references, medoid_plan, plan_bigrams, remove_overlap
from d2t.corpus.hf import to_dataset
from d2t.corpus.mini.compose import compose
from d2t.corpus.mini.grammar import Grammar
from d2t.corpus.records import example_from_record, example_to_record
from d2t.corpus.types import Example
from d2t.corpus.validate import CorpusValidator
from d2t.errors import D2TError
from d2t.io.download import Digests, copy_verified
from d2t.mr.cells import CellReader
from d2t.mr.domain import load_domain
from d2t.mr.types import MeaningRepresentation, Plan, Slot
from d2t.slots.checker import SlotChecker

DOMAIN = load_domain("restaurant")
CHECKER = SlotChecker.for_domain(DOMAIN)
GRAMMAR = Grammar.load()
OPEN = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=12).filter(
    lambda value: not CellReader().looks_blank(value)
)
TEXTS = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=60)


@st.composite
def mrs(draw: st.DrawFn) -> MeaningRepresentation:
    specs = draw(st.lists(st.sampled_from(DOMAIN.slots), min_size=1, max_size=8, unique=True))
    return MeaningRepresentation(
        tuple(
            Slot(spec.name, draw(OPEN if spec.kind == "open" else st.sampled_from(spec.values)))
            for spec in specs
        )
    )


@st.composite
def plans(draw: st.DrawFn, mr: MeaningRepresentation) -> Plan:
    slots = draw(st.lists(st.sampled_from(mr.slots), min_size=1, max_size=10))
    breaks = draw(st.sets(st.integers(1, len(slots)), max_size=3)) - {len(slots)}
    return Plan(tuple(slots), tuple(sorted(breaks)))


@st.composite
def examples(draw: st.DrawFn) -> Example:
    mr = draw(mrs())
    plan = draw(st.none() | plans(mr))
    references = tuple(draw(st.lists(TEXTS, min_size=1, max_size=3)))
    return Example(draw(st.uuids()).hex, mr, references, plan)


@given(examples())
def test_records_round_trip(example: Example) -> None:
    assert example_from_record(example_to_record(example, DOMAIN), DOMAIN) == example


@given(st.lists(examples(), max_size=4))
@settings(max_examples=20)
def test_datasets_round_trip(corpus: list[Example]) -> None:
    rows = to_dataset(corpus, DOMAIN).to_list()
    assert [example_from_record(row, DOMAIN) for row in rows] == corpus


@given(st.lists(examples(), min_size=1, max_size=4))
@settings(max_examples=50)
def test_files_round_trip(corpus: list[Example]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        jsonl, table = Path(folder, "x.jsonl"), Path(folder, "x.csv")
        for path in (jsonl, table):
            stream = io.StringIO()
            write_corpus(stream, corpus, DOMAIN, form="csv" if path is table else "jsonl")
            path.write_text(stream.getvalue(), encoding="utf-8", newline="")
        assert read_corpus(jsonl, DOMAIN, name="x") == corpus
        pairs = [(ex.mr, text) for ex in corpus for text in ex.references]
        assert [(ex.mr, *ex.references) for ex in read_corpus(table, DOMAIN, name="x")] == pairs


@given(st.lists(examples(), max_size=8), st.randoms(use_true_random=False))
@settings(max_examples=50)
def test_grouping_pools_every_reference_once(corpus: list[Example], rng: Random) -> None:
    twins = [replace(ex, mr=MeaningRepresentation(ex.mr.slots[::-1])) for ex in corpus]
    everything = [*corpus, *twins]
    rng.shuffle(everything)
    groups = group_references(everything)
    assert len({group.mr.key() for group in groups}) == len(groups)
    assert Counter(text for group in groups for text in group.references) == Counter(
        text for ex in everything for text in ex.references
    )
    assert group_references(groups) == [replace(g) for g in groups]


@given(mrs().flatmap(lambda mr: st.lists(plans(mr), min_size=1, max_size=6)))
def test_the_medoid_is_a_member_and_none_scores_higher(members: list[Plan]) -> None:
    chosen = medoid_plan(members)
    assert chosen in members
    assert chosen is not None

    def score(index: int) -> float:
        own = plan_bigrams(members[index])
        others = [plan_bigrams(plan) for i, plan in enumerate(members) if i != index]
        return sum(len(own & other) / len(own) for other in others)

    best = max(score(index) for index in range(len(members)))
    first = next(i for i in range(len(members)) if score(i) >= best - 1e-9)
    assert score(members.index(chosen)) >= best - 1e-9
    assert members.index(chosen) <= first or members[first] == chosen


@given(st.lists(examples(), max_size=6), st.lists(examples(), max_size=3))
@settings(max_examples=50)
def test_overlap_removal_keeps_order_and_leaves_none(
    train: list[Example], test: list[Example]
) -> None:
    kept = remove_overlap([*train, *test], test)
    assert not {ex.mr.key() for ex in kept} & {ex.mr.key() for ex in test}
    assert [ex for ex in train if ex in kept] == kept


@given(mrs().flatmap(lambda mr: st.tuples(plans(mr), st.sets(st.sampled_from(mr.slots)))))
def test_a_restricted_plan_is_well_formed(case: tuple[Plan, set[Slot]]) -> None:
    plan, allowed = case
    restricted = restrict_plan(plan, MeaningRepresentation(tuple(allowed)))
    assert set(restricted.slots) == set(plan.slots) & allowed
    assert all(a != b for a, b in zip(restricted.slots, restricted.slots[1:], strict=False))
    assert list(restricted.breaks) == sorted(set(restricted.breaks))
    assert all(0 < index < len(restricted.slots) for index in restricted.breaks)
    assert len(restricted.breaks) <= len(plan.breaks)


@given(examples())
def test_corrected_mrs_hold_what_their_plans_hold(example: Example) -> None:
    for corrected in correct_examples([example], CHECKER, DOMAIN):
        assert corrected.plan is not None
        assert set(corrected.plan.slots) == set(corrected.mr.slots)
        assert len(set(corrected.mr.slots)) == len(corrected.mr.slots)


@st.composite
def sayable(draw: st.DrawFn) -> list[Slot]:
    """Slots that the mini grammar can say, in any order, of any number."""
    specs = draw(st.lists(st.sampled_from(DOMAIN.slots), min_size=1, max_size=8, unique=True))
    pools = GRAMMAR.open_values
    return [
        Slot(
            spec.name,
            draw(st.sampled_from(pools[spec.name]["train"] if spec.name in pools else spec.values)),
        )
        for spec in specs
    ]


@given(sayable(), st.integers(0, 2**32))
@settings(max_examples=300)
def test_the_mini_grammar_says_any_slots_in_any_order(slots: list[Slot], seed: int) -> None:
    text = compose(GRAMMAR, slots, Random(seed))
    # Each slot's words stand behind those of the slot before it: open values show the order.
    opens = [slot.value for slot in slots if slot.name in ("name", "near")]
    places = [text.find(value) for value in opens]
    assert all(place >= 0 for place in places)
    assert places == sorted(places)
    assert text[0].isupper() or not text[0].isalpha()
    assert text.endswith(".")


@given(st.binary(max_size=200), st.sampled_from(["x.csv", "x.jsonl"]))
@settings(max_examples=200)
def test_any_bytes_are_validated_or_refused_without_a_traceback(content: bytes, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(b"mr,ref\n" * (name == "x.csv") + content)
        validator = CorpusValidator(path, DOMAIN)
        try:
            found = list(validator.problems())
        except D2TError:
            return
        assert validator.bad_records <= validator.records
        assert all(problem.line >= 1 for problem in found)


@given(st.binary(max_size=300), st.binary(max_size=300))
@settings(max_examples=50)
def test_a_copy_is_the_file_named_or_nothing(content: bytes, expected: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "source"), Path(folder, "target")
        source.write_bytes(content)
        digests = Digests(sha256=(hashlib.sha256(expected).hexdigest(),))
        try:
            copy_verified(source, target, digests)
        except D2TError:
            assert content != expected
            assert [path.name for path in Path(folder).iterdir()] == ["source"]
        else:
            assert target.read_bytes() == expected == content
