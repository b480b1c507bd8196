"""Labels come from the text; each filter drops exactly its case."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from grammar_writer import CHECKER, DOMAIN, corpus

from d2t.generate.candidates import Candidate
from d2t.language.labels import is_cased, label, read, skeleton
from d2t.language.template import template_text
from d2t.mr.parse import parse_mr
from d2t.mr.plans import parse_plan
from d2t.recipes.self_training.config import FilterConfig, SampleConfig
from d2t.recipes.self_training.filters import (
    NO_LIMIT,
    ClassifierLimit,
    Residue,
    SampleFilter,
    Thresholds,
    confidence_limit,
    repeats_words,
)
from d2t.recipes.self_training.proposals import Proposal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

GOOD = "Aromi is a cheap pub by the river. It serves Italian food."
MR = "name[Aromi], eatType[pub], priceRange[cheap], area[riverside], food[Italian]"


def proposal(mr: str = MR, plan: str | None = None) -> Proposal:
    parsed = parse_mr(mr, DOMAIN)
    order = plan or ",".join(parsed.names)
    return Proposal("p", len(parsed.names), parsed, parse_plan(order, parsed, DOMAIN))


def sample(text: str, mr: str = MR, *, score: float = -0.2, finished: bool = True) -> Candidate:
    template = template_text(text, parse_mr(mr, DOMAIN), CHECKER, DOMAIN)
    return Candidate(template, text, score, finished)


@pytest.fixture(scope="module")
def fitted() -> tuple[Thresholds, Residue]:
    config = FilterConfig(rare_share=0.001, fluency_quantile=0.01, window_quantile=0.01)
    pairs = [read(example, CHECKER, DOMAIN) for example in corpus("train")]
    residue = Residue(config)
    residue.fit(pairs)
    dev = [
        skeleton(read(example, CHECKER, DOMAIN).alignment, DOMAIN) for example in corpus("dev", 60)
    ]
    return Thresholds.fit(
        config, [skeleton(p.alignment, DOMAIN) for p in pairs], dev, -1.0
    ), residue


def filters(fitted: tuple[Thresholds, Residue], **options: object) -> SampleFilter:
    held_out = frozenset({parse_mr("name[Aromi], eatType[pub], food[Thai]", DOMAIN).key()})
    return SampleFilter(
        FilterConfig(**options), SampleConfig(), CHECKER, DOMAIN,  # type: ignore[arg-type]
        thresholds=fitted[0], residue=fitted[1], held_out=held_out,
    )  # fmt: skip


def reason(
    fitted: tuple[Thresholds, Residue], text: str, mr: str = MR, **options: object
) -> str | None:
    judged = filters(fitted, **options).judge("x", proposal(mr), sample(text, mr))
    return judged if isinstance(judged, str) else None


def test_the_label_is_what_the_text_says_not_what_was_proposed() -> None:
    found = label("x", GOOD, parse_mr("name[Aromi], area[city centre]", DOMAIN), CHECKER, DOMAIN)
    assert found is not None
    assert found.example.mr.key() == parse_mr(MR, DOMAIN).key()
    assert found.plan.names == ("name", "priceRange", "eatType", "area", "food")
    assert found.plan.breaks == (4,)
    assert found.example.plan == found.plan
    assert label("x", "Hello there.", parse_mr(MR, DOMAIN), CHECKER, DOMAIN) is None


def test_the_proposal_decides_between_values_that_share_a_wording() -> None:
    text = "Aromi has low prices."
    for value in ("cheap", "less than £20"):
        mr = parse_mr(f"name[Aromi], priceRange[{value}]", DOMAIN)
        found = label("x", text, mr, CHECKER, DOMAIN)
        assert found is not None
        assert found.example.mr.values("priceRange") == (value,)


def test_a_good_sample_is_taken_once(fitted: tuple[Thresholds, Residue]) -> None:
    chain = filters(fitted)
    judged = chain.judge("x", proposal(), sample(GOOD))
    assert not isinstance(judged, str), judged
    assert chain.judge("y", proposal(), sample(GOOD)) == "duplicate"
    renamed = MR.replace("Aromi", "Zizzi")
    text = GOOD.replace("Aromi", "Zizzi")
    assert chain.judge("z", proposal(renamed), sample(text, renamed)) == "duplicate"
    other = GOOD.replace("cheap pub by the river", "cheap riverside pub")
    assert not isinstance(chain.judge("w", proposal(), sample(other)), str)


@pytest.mark.parametrize(
    ("text", "mr", "expected"),
    [
        ("Aromi is a pub.", MR, "size"),
        ("Aromi is a pub by the river. It serves Italian food. It is a pub.", MR, "repetition"),
        (
            "Aromi is a pub that you may go to and it serves Italian food that you may go to "
            "and it is cheap.", MR, "repetition",
        ),
        ("Aromi is a pub by the river. It serves wine and Italian food.", MR, "residue"),
        ("Aromi is a cheap pub. It serves Italian food in the centre of a price.", MR, "residue"),
        ("Is food Italian Aromi it the river by pub cheap.", MR, "fluency"),
        ("Aromi is a cheap pub. it serves Italian food.", MR, "case"),
        ("Aromi is a cheap pub It serves Italian food.", MR, "case"),
        ("Aromi is a pub. It serves Thai food.", "name[Aromi], eatType[pub], food[Thai]",
         "held_out"),
    ],
)  # fmt: skip
def test_each_filter_drops_its_case(
    fitted: tuple[Thresholds, Residue], text: str, mr: str, expected: str
) -> None:
    assert reason(fitted, text, mr) == expected


def test_unfinished_and_unlikely_texts_are_dropped(fitted: tuple[Thresholds, Residue]) -> None:
    chain = filters(fitted)
    assert chain.judge("x", proposal(), sample(GOOD, finished=False)) == "unfinished"
    assert chain.judge("x", proposal(), sample(GOOD, score=-1.01)) == "confidence"
    assert not isinstance(chain.judge("x", proposal(), sample(GOOD, score=-0.99)), str)


def test_a_copied_name_that_is_not_read_as_one_is_dropped(
    fitted: tuple[Thresholds, Residue],
) -> None:
    lost = Candidate("<val:name> is near <val:near>. " + GOOD, GOOD, -0.2)
    assert filters(fitted).judge("x", proposal(), lost) == "unparsed"
    nameless = Candidate("Hello.", "Hello.", -0.2)
    assert filters(fitted).judge("x", proposal(), nameless) == "unparsed"


def test_agreement_with_the_proposal_is_an_option(fitted: tuple[Thresholds, Residue]) -> None:
    said = "name,priceRange,eatType,area | food"
    for plan, agree, breaks, expected in (
        (said, "plan", True, None),
        ("name,priceRange,eatType,area,food", "plan", True, None),  # no sentences asked for
        ("name,priceRange,eatType | area,food", "plan", False, None),
        ("name,priceRange,eatType | area,food", "plan", True, "agreement"),
        ("name,eatType,priceRange,area,food", "mr", False, None),
        ("name,eatType,priceRange,area,food", "plan", False, "agreement"),
    ):
        chain = filters(fitted, agree=agree, agree_breaks=breaks)
        judged = chain.judge("x", proposal(plan=plan), sample(GOOD))
        assert (judged if isinstance(judged, str) else None) == expected, (plan, agree)
    more = MR + ", near[Burger King]"
    assert reason(fitted, GOOD, more) is None
    assert reason(fitted, GOOD, more, agree="mr") == "agreement"


def test_a_second_reader_can_object(fitted: tuple[Thresholds, Residue]) -> None:
    class Objects:
        def agrees(self, labelled: object) -> bool:
            return False

    chain = filters(fitted)
    chain.judges = {"parser": Objects()}
    assert chain.judge("x", proposal(), sample(GOOD)) == "parser"


def test_a_classifier_is_held_to_development_references() -> None:
    class Lengths:
        def scores(self, templates: Sequence[str]) -> NDArray[np.float64]:
            return np.array([float(len(template)) for template in templates])

    limit = ClassifierLimit.fit(Lengths(), ["x" * n for n in range(1, 11)], 0.5)
    assert limit.limit == 5.5
    labelled = label("x", GOOD, parse_mr(MR, DOMAIN), CHECKER, DOMAIN)
    assert labelled is not None
    assert limit.agrees(labelled)
    assert not ClassifierLimit(Lengths(), 1e9).agrees(labelled)


def test_references_of_the_corpus_pass_the_text_filters(
    fitted: tuple[Thresholds, Residue],
) -> None:
    thresholds, residue = fitted
    dev = [read(example, CHECKER, DOMAIN) for example in corpus("dev", 60)]
    assert np.mean([bool(residue.strange(item)) for item in dev]) < 0.1
    assert np.mean([thresholds.is_fluent(skeleton(item.alignment, DOMAIN)) for item in dev]) > 0.95


def test_the_skeleton_keeps_how_a_slot_is_worded() -> None:
    def of(text: str) -> str:
        return skeleton(CHECKER.align(text, parse_mr(MR, DOMAIN)), DOMAIN)

    assert of(GOOD) == (
        "<val:name> is a <val:priceRange> <val:eatType> by the <val:area_river_river>. "
        "It serves <val:food> food."
    )
    assert of("Aromi costs less than £20.") == "<val:name> <val:priceRange_costs_0>."
    assert of("Aromi costs more than £30.") == of("Zizzi costs less than £20.")


def test_capitals_are_for_names_and_sentences() -> None:
    def cased(text: str) -> bool:
        return is_cased(CHECKER.align(text, parse_mr(MR, DOMAIN)))

    assert cased("Aromi is a pub. It serves Italian food.")
    assert not cased("pub Aromi serves Italian food.")
    assert not cased("Aromi serves Italian food It is a pub.")


def test_repeated_words() -> None:
    assert repeats_words(["a", "b", "c", "x", "a", "b", "c"], 3)
    assert not repeats_words(["a", "b", "c", "x", "a", "b"], 3)
    assert not repeats_words(["a", "b"], 3)


def test_no_quantile_no_limit(fitted: tuple[Thresholds, Residue]) -> None:
    free = FilterConfig(confidence_quantile=0, fluency_quantile=0, window_quantile=0)
    assert confidence_limit(free, None, [], 1) == NO_LIMIT  # type: ignore[arg-type]
    limits = Thresholds.fit(free, ["a b", "a b"], ["a b"], NO_LIMIT)
    assert limits.is_fluent("zzz qqq")
    assert limits.as_dict() == {"confidence": None, "fluency": None, "worst": None}
