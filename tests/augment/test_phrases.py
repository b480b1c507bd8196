"""Which parts of a reference become pairs of their own, and of what kind."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from d2t.augment.phrases.phrases import (
    Dedupe,
    PhraseCounts,
    phrase_examples,
    phrase_report,
    report_lines,
)
from d2t.augment.phrases.selection import fluent_phrases, phrase_fluency, select_phrases
from d2t.augment.phrases.words import CorpusWords, words_of
from d2t.corpus.correct import correct_examples
from d2t.corpus.load import load_split
from d2t.corpus.types import Example
from d2t.language.symbols import KINDS
from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.slots.checker import SlotChecker

if TYPE_CHECKING:
    from d2t.mr.types import MeaningRepresentation

DOMAIN = load_domain("restaurant")
CHECKER = SlotChecker.for_domain(DOMAIN)
CORPUS = correct_examples(load_split("mini", "train", DOMAIN)[:150], CHECKER, DOMAIN)
WORDS = CorpusWords.of([words_of(CHECKER.align(e.references[0], e.mr)) for e in CORPUS])


def phrases(text: str, given: str = "name[Aromi]", **options: Any) -> list[Example]:
    pairs = correct_examples([Example("x", parse_mr(given, DOMAIN), (text,))], CHECKER, DOMAIN)
    return list(phrase_examples(pairs, CHECKER, DOMAIN, corpus_words=WORDS, **options))


def texts(text: str, given: str = "name[Aromi]", kind: str | None = None) -> set[str]:
    return {
        phrase.references[0]
        for phrase in phrases(text, given)
        if kind is None or phrase.kind == kind
    }


TWO = (
    "Aromi is a cheap Italian pub near Clare Hall. "
    "It has a low customer rating and is family friendly."
)


def test_nested_phrases_of_every_kind() -> None:
    found = {(phrase.kind, phrase.references[0]) for phrase in phrases(TWO, "near[Clare Hall]")}
    assert {
        ("sentence", "Aromi is a cheap Italian pub near Clare Hall."),
        ("sentence", "It has a low customer rating and is family friendly."),
        ("clause", "Aromi is a cheap Italian pub"),
        ("clause", "It has a low customer rating"),
        ("predicate", "is a cheap Italian pub"),
        ("predicate", "is a cheap Italian pub near Clare Hall"),
        ("predicate", "has a low customer rating"),
        ("predicate", "has a low customer rating and is family friendly"),
        ("predicate", "is family friendly"),
        ("phrase", "a cheap Italian pub"),
        ("phrase", "a cheap Italian pub near Clare Hall"),
        ("phrase", "a low customer rating"),
        ("modifier", "near Clare Hall"),
    } <= found
    assert {kind for kind, _ in found} == set(KINDS)


def test_each_has_its_own_mr_plan_and_id() -> None:
    by_text = {phrase.references[0]: phrase for phrase in phrases(TWO, "near[Clare Hall]")}
    phrase = by_text["is a cheap Italian pub near Clare Hall"]
    assert phrase.plan is not None
    assert phrase.plan.names == ("priceRange", "food", "eatType", "near")
    assert phrase.plan.breaks is None  # it ends no sentence
    assert phrase.mr.slots == tuple(
        sorted(phrase.plan.slots, key=lambda slot: DOMAIN.slot_names.index(slot.name))
    )
    assert phrase.id == "x:6-44"
    sentence = by_text["Aromi is a cheap Italian pub near Clare Hall."]
    assert sentence.plan is not None
    assert sentence.plan.breaks == ()
    assert sentence.plan.names == ("name", "priceRange", "food", "eatType", "near")


def test_what_would_be_the_reference_itself_is_left_out() -> None:
    assert "Aromi is a cheap pub" not in texts("Aromi is a cheap pub.")
    assert texts("Aromi is a cheap pub.", kind="sentence") == set()


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        # An end that leaves a word hanging, or a noun without its adjective's noun.
        ("Aromi is a cheap, family friendly pub in the city centre.", "a cheap"),
        ("Aromi serves cheap and tasty Italian food by the river.", "serves cheap"),
        # Another clause's subject must not end a phrase without its verb.
        (
            "Aromi is a pub and its Italian food is in the city centre.",
            "Aromi is a pub and its Italian food",
        ),
        ("It is in the city centre that Aromi, a pub, serves Italian food.", "It is"),
        # A relative clause needs something that it can say something of.
        (
            "Aromi is by the river that serves Italian food.",
            "by the river that serves Italian food",
        ),
        # A name after a place is a subject, not a part of the place.
        (
            "In the city centre Aromi serves Italian food at a low price.",
            "In the city centre Aromi",
        ),
        ("Aromi has both Italian food and low prices here.", "both Italian food"),
    ],
)
def test_broken_pieces_are_no_phrases(text: str, broken: str) -> None:
    found = texts(text)
    assert found
    assert broken not in found


def test_what_follows_a_stray_full_stop_is_no_sentence() -> None:
    text = "Aromi serves fast food. coffee shop in the city centre. It is cheap."
    assert texts(text, kind="sentence") == {"It is cheap."}


def test_no_slot_is_said_twice() -> None:
    given = "name[Aromi], eatType[pub]"
    cut = phrases("The pub Aromi is a cheap pub and is near the river.", given)
    assert len(cut) > 1
    for phrase in cut:
        assert phrase.plan is not None
        assert len(set(phrase.plan.slots)) == len(phrase.plan.slots)


def test_equal_templates_are_kept_once() -> None:
    def near(name: str, index: int) -> Example:
        mr = parse_mr(f"name[Aromi], near[{name}]", DOMAIN)
        return Example(str(index), mr, (f"Aromi is a pub near {name}.",))

    three = [near("Clare Hall", 0), near("The Sorrento", 1), near("The Sorrento", 2)]
    pairs = correct_examples(three, CHECKER, DOMAIN)
    counts: dict[str, int] = {}
    levels: tuple[Dedupe, ...] = ("template", "text", "none")
    for dedupe in levels:
        found = phrase_examples(pairs, CHECKER, DOMAIN, corpus_words=WORDS, dedupe=dedupe)
        counts[dedupe] = len(list(found))
    assert counts["template"] < counts["text"] < counts["none"]


def test_a_phrase_that_reads_otherwise_alone_is_dropped() -> None:
    class Forgetful:
        """Reads whole references only."""

        def align(self, text: str, mr: MeaningRepresentation | None = None):  # type: ignore[no-untyped-def]
            return CHECKER.align(text if text.endswith(".") else "", mr)

    counts = PhraseCounts()
    found = list(phrase_examples(CORPUS[:20], Forgetful(), DOMAIN, counts=counts))
    assert {phrase.kind for phrase in found} <= {"sentence"}
    assert counts.dropped["reads_otherwise_alone"] > 20


def test_mrs_of_the_test_set_are_held_out() -> None:
    (held_out,) = {p.mr.key() for p in phrases(TWO) if p.references[0] == "a cheap Italian pub"}
    kept = {phrase.references[0] for phrase in phrases(TWO, held_out={held_out})}
    dropped = {phrase.references[0] for phrase in phrases(TWO)} - kept
    assert dropped == {"a cheap Italian pub", "is a cheap Italian pub"}


def test_dialogue_acts_are_the_parents() -> None:
    viggo = load_domain("viggo")
    checker = SlotChecker.for_domain(viggo)
    mr = parse_mr("give_opinion(name[Tetris], release_year[1984])", viggo)
    example = Example("v", mr, ("I love Tetris. It came out in 1984.",))
    pair = correct_examples([example], checker, viggo)[0]
    found = list(phrase_examples([pair], checker, viggo))
    assert found
    assert {phrase.mr.dialogue_act for phrase in found} == {"give_opinion"}


@pytest.fixture(scope="module")
def mined() -> tuple[list[Example], PhraseCounts]:
    counts = PhraseCounts()
    return list(phrase_examples(CORPUS, CHECKER, DOMAIN, counts=counts)), counts


def test_counts_add_up(mined: tuple[list[Example], PhraseCounts]) -> None:
    found, counts = mined
    assert counts.references == len(CORPUS)
    assert counts.spans == sum(counts.kept.values()) + counts.dropped.total()
    assert counts.kept == Counter(phrase.kind for phrase in found)
    report = phrase_report(found[:100], counts)
    assert report["dropped"]["not_selected"] == len(found) - 100
    assert sum(report["kinds"].values()) == sum(report["slots"].values()) == 100
    assert any("not selected" in line for line in report_lines(report))


def test_selection_is_seeded_and_keeps_the_order(mined: tuple[list[Example], PhraseCounts]) -> None:
    found, _ = mined
    chosen = select_phrases(found, limit=50, seed=3)
    assert chosen == select_phrases(found, limit=50, seed=3)
    assert chosen != select_phrases(found, limit=50, seed=4)
    places = [found.index(phrase) for phrase in chosen]
    assert places == sorted(places)
    assert len(chosen) == 50


def test_selection_thins_out_the_usual_plans(mined: tuple[list[Example], PhraseCounts]) -> None:
    found, _ = mined

    def per_plan(phrases: list[Example]) -> Counter[object]:
        return Counter((p.kind, p.plan.names) for p in phrases if p.plan is not None)

    thinned = per_plan(select_phrases(found, max_per_plan=2))
    assert thinned.keys() == per_plan(found).keys()
    assert max(thinned.values()) == 2
    each = Counter(p.id.split(":")[0] for p in select_phrases(found, max_per_reference=3))
    assert max(each.values()) == 3


def test_slips_are_left_out_and_each_kind_keeps_its_share() -> None:
    said = ["Aromi is a cheap pub.", "Zizzi is a pub in the city centre.", "Cotto is a pub."]
    references = [CHECKER.align(text, parse_mr("name[X]", DOMAIN)) for text in said * 4]

    def phrase(text: str, kind: str) -> Example:
        return Example(text, parse_mr("eatType[pub]", DOMAIN), (text,), kind=kind)

    good = phrase("is a pub", "predicate"), phrase("a pub in the city centre", "phrase")
    slips = phrase("pub a a is pub", "predicate"), phrase("the the pub in a in", "phrase")
    given = [slips[0], good[0], good[1], slips[1]]
    scores = phrase_fluency(given, references, CHECKER, DOMAIN)
    assert fluent_phrases(given, scores, 0.5) == [*good]
    assert fluent_phrases(given, scores, 0.0) == given
    alone = phrase_fluency([good[0]], references, CHECKER, DOMAIN)
    assert alone[0] == scores[1], "a score does not depend on its neighbours"
