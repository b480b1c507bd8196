"""Verified generation: never an unproved text under a good name, and each stage when it is due."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from echo_bundle import EchoBundle, echo_bundle
from hypothesis import given
from hypothesis import strategies as st
from scripted_backend import ScriptedBackend

from d2t.generate.pipeline import ModelGenerator
from d2t.generate.requests import make_request
from d2t.generate.segments import _cuts, _Part, joined_candidates
from d2t.generate.types import GenerationRequest
from d2t.generate.verified import VerifiedGenerator, VerifyOptions
from d2t.language.habits.flaws import FINISHED, ends_finished, is_finished
from d2t.language.habits.linking import NAMING
from d2t.language.habits.wording import WORDING, Wording
from d2t.mr.parse import parse_mr
from d2t.mr.plans import parse_plan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scripted_backend import Script

    from d2t.generate.types import Hypothesis

MR = "name[Aromi], eatType[pub], area[riverside]"
PLAN = "area,name,eatType"
GOOD = "At the riverside, <val:name> is a pub."
NO_AREA = "<val:name> is a pub."
OTHER_ORDER = "<val:name> is a pub at the riverside."
TWO_SENTENCES = "At the riverside there is <val:name>. It is a pub."
TEXTS = (GOOD, NO_AREA, OTHER_ORDER, TWO_SENTENCES, "Nothing.", "<val:name> is a cheap pub.")


@pytest.fixture(scope="module")
def bundle() -> EchoBundle:
    return echo_bundle()


def always(*templates: str) -> Script:
    return lambda _: templates


def verified(
    bundle: EchoBundle, scripts: dict[str, Script], options: VerifyOptions | None = None
) -> tuple[VerifiedGenerator, ScriptedBackend]:
    backend = ScriptedBackend(bundle.tokenizer, scripts)
    options = replace(options or VerifyOptions(), composed=0)  # what the model says is tested here
    return VerifiedGenerator(ModelGenerator(bundle, backend=backend), options), backend


def say(bundle: EchoBundle, plan: str | None = PLAN, **scripts: Script) -> Hypothesis:
    generator, _ = verified(bundle, scripts)
    return generator.generate_one(MR, plan)


def test_a_proved_text_is_ok_and_costs_one_search(bundle: EchoBundle) -> None:
    generator, backend = verified(bundle, {"greedy": always(GOOD)})
    found = generator.generate_one(MR, PLAN)
    assert (found.text, found.status, found.stage) == (
        "At the riverside, Aromi is a pub.", "ok", None,
    )  # fmt: skip
    assert backend.log == ["greedy"]


def test_equal_sources_are_searched_once(bundle: EchoBundle) -> None:
    """Names are placeholders in a source, so that records which differ in a name share one."""
    generator, backend = verified(bundle, {"greedy": always(GOOD)})
    other = MR.replace("Aromi", "Alba")
    assert other != MR
    first, second = (
        make_request(mr, PLAN, generator.generator.domain, None, id=id)
        for id, mr in (("a", MR), ("b", other))
    )
    texts = [text.text for text in generator.generate([first, second, first])]
    names = ("Aromi", "Alba", "Aromi")
    assert texts == [f"At the riverside, {name} is a pub." for name in names]
    assert backend.log == ["greedy"]
    generator.generate([second])
    assert backend.log == ["greedy"]


def test_searches_are_forgotten_when_they_are_too_many(bundle: EchoBundle) -> None:
    def searches(kept: int) -> int:
        backend = ScriptedBackend(bundle.tokenizer, {"greedy": always(GOOD)})
        generator = ModelGenerator(bundle, backend=backend, searches_kept=kept)
        for plan in (PLAN, PLAN, "name > area > eatType", "eatType > area > name", PLAN):
            generator.generate_one(MR, plan)
        return len(backend.log)

    assert searches(0) == 5
    assert searches(1) == 4, "the third source is one too many, so that the first is forgotten"
    assert searches(9) == 3


def test_a_word_that_is_written_like_a_name_is_not_the_name(bundle: EchoBundle) -> None:
    other, both = "A place to eat is <val:name:2>.", "<val:name> is also called <val:name:2>."
    generator, _ = verified(bundle, {"greedy": always(other), "beams": always(other, both)})
    found = generator.generate_one("name[A], name[B]")
    assert (found.text, found.status) == ("A is also called B.", "repaired")
    assert generator.generator.generate_one("name[A], name[B]").status == "failed"
    empty, _ = verified(bundle, {"greedy": always("<val:name> is near <val:near>.")})
    assert empty.generator.generate_one("name[Aromi]").status == "failed"


def test_what_stands_twice_in_a_row_is_not_proved(bundle: EchoBundle) -> None:
    twice = "At the riverside, <val:name> is a pub. It is a pub. It is a pub."
    generator, _ = verified(bundle, {"greedy": always(twice), "beams": always(twice, GOOD)})
    found = generator.generate_one(MR, PLAN)
    assert (found.text, found.status) == ("At the riverside, Aromi is a pub.", "repaired")
    plain = generator.generator.generate_one(MR, PLAN)
    assert (plain.status, len(plain.report.repeated)) == ("failed", 2)
    assert say(bundle, greedy=always(twice)).status == "failed"


def test_a_vague_word_that_may_say_something_else_is_not_proved(bundle: EchoBundle) -> None:
    rated = "name[Aromi], eatType[pub], customer rating[5 out of 5]"
    vague = "<val:name> is an average pub with a customer rating of 5 out of 5."
    plain = "<val:name> is a pub with a customer rating of 5 out of 5."
    generator, _ = verified(bundle, {"greedy": always(vague), "beams": always(vague, plain)})
    found = generator.generate_one(rated)
    assert (found.text, found.status) == (
        "Aromi is a pub with a customer rating of 5 out of 5.", "repaired",
    )  # fmt: skip
    greedy = generator.generator.generate_one(rated)
    assert greedy.status == "ok", "people write so: the checker counts no error"
    assert [span.slot.value for span in greedy.alignment.faint] == ["average"]
    only, _ = verified(bundle, dict.fromkeys(("greedy", "beams", "samples", "wide"), always(vague)))
    assert only.generate_one(rated).status == "failed"


def test_ways_to_cut_a_long_plan_are_not_all_looked_at() -> None:
    n = 60
    spans = [(i, j) for i in range(n) for j in range(i + 1, n + 1)]
    parts = {(i, j): _Part("some words", -1.0 / (j - i)) for i, j in spans}
    cuts = _cuts(n, parts)
    assert (len(cuts), cuts[0]) == (64, [(0, n)])
    few = _cuts(4, {span: part for span, part in parts.items() if span[1] <= 4})
    assert len(few) == len({tuple(cut) for cut in few}) == 2**3
    costs = [sum(-2 * parts[span].score for span in cut) for cut in few]
    assert costs == sorted(costs)


def test_each_stage_repairs_what_those_before_it_could_not(bundle: EchoBundle) -> None:
    beam = say(bundle, greedy=always(NO_AREA), beams=always(NO_AREA, OTHER_ORDER, GOOD))
    assert (beam.status, beam.stage) == ("repaired", "reranked")
    assert beam.text == "At the riverside, Aromi is a pub."

    def when_told_of_sentences(source: str) -> list[str]:
        return [TWO_SENTENCES if "<break>" in source else NO_AREA]

    other = say(bundle, greedy=when_told_of_sentences)
    assert (other.status, other.stage) == ("repaired", "replanned")
    assert (other.order_kept, other.breaks_kept) == (True, None)
    sampled = say(bundle, samples=always(NO_AREA, GOOD))
    assert (sampled.status, sampled.stage) == ("repaired", "sampled")
    last = say(bundle, wide=always(NO_AREA, GOOD))
    assert (last.status, last.stage) == ("repaired", "resampled")


def part(source: str) -> list[str]:
    """What a model that learned sentences says of a part of the plan."""
    names = [name for name in ("name", "eatType", "area") if f"<slot:{name}>" in source]
    later = "<kind:sentence>" in source
    return {
        ("area",): ["It is at the riverside." if later else "There is a place at the riverside"],
        ("name",): ["It is called <val:name>"],
        ("eatType",): ["It is a pub"],
        ("name", "eatType"): ["<val:name> is a pub at the riverside.", "<val:name> is a pub."],
    }.get(tuple(names), ["Nothing."])


def test_parts_that_are_proved_are_joined_as_sentences(bundle: EchoBundle) -> None:
    found = say(bundle, beams=part)
    assert (found.status, found.stage, found.order_kept) == ("repaired", "segments", True)
    assert found.text == "It is at the riverside. Aromi is a pub."


def test_a_model_without_phrases_says_the_first_part_as_a_whole(bundle: EchoBundle) -> None:
    def without_kinds(source: str) -> list[str]:
        first = "<slot:area>" in source or "<slot:name>" in source
        return part(source) if first and "<kind:" not in source else ["Nothing."]

    found = say(bundle, "area | name,eatType", beams=without_kinds)
    assert found.status == "failed", "a later part has to be a sentence of an utterance"
    both = say(
        bundle,
        "area | name,eatType",
        beams=lambda source: without_kinds(source) if "<slot:area>" in source else part(source),
    )
    assert both.text == "There is a place at the riverside. Aromi is a pub."


def test_several_joined_texts_are_candidates_for_self_training(bundle: EchoBundle) -> None:
    """The likeliest words first; only texts that say all, in the order asked for."""
    generator, _ = verified(bundle, {"greedy": part, "beams": part})
    mr = parse_mr(MR, bundle.domain)
    requests = [
        GenerationRequest(plan, mr, parse_plan(plan, mr, bundle.domain))
        for plan in (PLAN, "name,eatType,area")
    ]
    two, other = joined_candidates(generator.generator.with_beam(4), requests, 5)
    assert [candidate.text for candidate in two] == [
        "It is at the riverside. Aromi is a pub.",
        "It is at the riverside. It is called Aromi. It is a pub.",
    ]
    assert two[0].template == "It is at the riverside. <val:name> is a pub."
    assert [candidate.text for candidate in other] == [
        "Aromi is a pub. It is at the riverside.",
        "It is called Aromi. It is a pub. It is at the riverside.",
    ]
    kept = joined_candidates(generator.generator.with_beam(4), requests, 1)
    assert [len(found) for found in kept] == [1, 1]


def test_planned_sentences_are_not_cut(bundle: EchoBundle) -> None:
    found = say(bundle, "area | name | eatType", beams=part)
    assert found.text == "It is at the riverside. It is called Aromi. It is a pub."
    assert (found.status, found.stage, found.breaks_kept) == ("repaired", "segments", True)


def test_what_nothing_repairs_is_failed_and_the_closest_text_is_shown(bundle: EchoBundle) -> None:
    found = say(bundle, greedy=always("Nothing."), beams=always(NO_AREA), wide=always(OTHER_ORDER))
    assert found.status == "failed"
    assert found.text == "Aromi is a pub at the riverside."
    assert not found.order_kept
    assert found.report.ok, "all is said, in another order than was asked for"


def test_where_no_order_is_asked_for_none_is_demanded(bundle: EchoBundle) -> None:
    planned = say(bundle, None, greedy=always(GOOD))
    assert planned.status == "ok"
    reordered = say(bundle, None, greedy=lambda s: [GOOD if s.index("area") < 9 else NO_AREA])
    assert (reordered.status, reordered.stage) == ("repaired", "replanned")


def test_a_strategy_that_follows_no_orders_is_not_held_to_one() -> None:
    found = say(echo_bundle("if"), greedy=always(OTHER_ORDER))
    assert (found.status, found.order_kept) == ("ok", False)


def test_how_far_a_record_goes_before_it_is_failed(bundle: EchoBundle) -> None:
    """The effort of the defaults: fewer texts would leave more records failed."""
    generator, backend = verified(bundle, {"greedy": always(NO_AREA)})
    four = "name[Aromi], eatType[pub], area[riverside], food[Thai]"
    assert generator.generate_one(four, "area,name,eatType,food").status == "failed"
    # The first text, then one for each of six of the seven ways to cut four slots into sentences.
    assert backend.log.count("greedy") == 1 + 6
    assert backend.drawn == {"samples": 32, "wide": 64}
    assert backend.widths["beams"][0] == 5
    assert set(backend.widths["beams"][1:]) == {2}, "the parts of the plan"


def test_stages_can_be_left_out(bundle: EchoBundle) -> None:
    nothing = VerifyOptions(beam_size=0, variants=0, samples=0, segment_beam=0, last_samples=0)
    generator, backend = verified(bundle, {"greedy": always(NO_AREA)}, nothing)
    assert generator.generate_one(MR, PLAN).status == "failed"
    assert backend.log == ["greedy"]
    beam = replace(nothing, beam_size=4)
    generator, backend = verified(bundle, {"beams": always(GOOD)}, beam)
    assert generator.generate_one(MR, PLAN).stage == "reranked"


BROKEN_OFF = "At the riverside, <val:name> is a pub and is"


@pytest.fixture
def finishing(bundle: EchoBundle) -> Iterator[EchoBundle]:
    bundle.decode_defaults[FINISHED] = True
    yield bundle
    del bundle.decode_defaults[FINISHED]


def test_a_text_that_breaks_off_is_said_again(finishing: EchoBundle) -> None:
    found = say(finishing, greedy=always(BROKEN_OFF), beams=always(BROKEN_OFF, GOOD))
    assert (found.status, found.stage) == ("repaired", "reranked")
    assert found.text == "At the riverside, Aromi is a pub."


def test_where_no_text_is_finished_what_says_all_stays_ok(finishing: EchoBundle) -> None:
    generator, backend = verified(finishing, {"greedy": always(BROKEN_OFF)})
    found = generator.generate_one(MR, PLAN)
    assert (found.status, found.stage) == ("ok", None)
    assert not [stage for stage in backend.log if stage in ("samples", "wide")], (
        "not worth a sample"
    )
    found = say(finishing, greedy=always(NO_AREA), beams=always(BROKEN_OFF))
    assert (found.status, found.stage) == ("repaired", "reranked")


def test_a_finished_text_of_a_later_stage_beats_one_that_breaks_off(finishing: EchoBundle) -> None:
    found = say(finishing, greedy=always(NO_AREA), beams=lambda s: [BROKEN_OFF, *part(s)])
    assert (found.status, found.stage) == ("repaired", "segments")
    assert found.text == "It is at the riverside. It is called Aromi. It is a pub."


def test_a_model_of_unfinished_texts_is_not_asked_for_full_stops(bundle: EchoBundle) -> None:
    assert say(bundle, greedy=always(BROKEN_OFF), beams=always(GOOD)).stage is None


ANOTHER = "At the riverside there is a place. <val:name> is a pub."


@pytest.fixture
def naming(bundle: EchoBundle) -> Iterator[EchoBundle]:
    bundle.decode_defaults[NAMING] = "It is called <val:name>."
    yield bundle
    del bundle.decode_defaults[NAMING]


def test_a_text_that_begins_to_speak_of_another_place_is_said_again(naming: EchoBundle) -> None:
    found = say(naming, greedy=always(ANOTHER), beams=always(ANOTHER, GOOD))
    assert (found.status, found.stage) == ("repaired", "reranked")
    assert found.text == "At the riverside, Aromi is a pub."
    alone = say(naming, greedy=always(ANOTHER))
    assert (alone.status, alone.stage) == ("ok", None), "what nothing better is found for stays"


def test_a_text_that_gives_a_name_an_article_is_said_again(bundle: EchoBundle) -> None:
    bundle.decode_defaults[WORDING] = Wording("<val:name>", {}, {}, frozenset()).to_dict()
    odd = "At the riverside there is a <val:name> pub."
    found = say(bundle, greedy=always(odd), beams=always(odd, GOOD))
    alone = say(bundle, greedy=always(odd))
    del bundle.decode_defaults[WORDING]
    assert (found.status, found.stage) == ("repaired", "reranked")
    assert found.text == "At the riverside, Aromi is a pub."
    assert (alone.status, alone.stage) == ("ok", None), "what nothing better is found for stays"


def test_a_sample_that_reads_oddly_is_no_answer(bundle: EchoBundle) -> None:
    """Odd words may be what the checker took for a slot."""
    bundle.decode_defaults[WORDING] = Wording("<val:name>", {}, {}, frozenset()).to_dict()
    odd = "At the riverside, a <val:name> is a pub."
    drawn = say(bundle, greedy=always(NO_AREA), samples=always(odd))
    searched = say(bundle, greedy=always(NO_AREA), beams=always(odd))
    del bundle.decode_defaults[WORDING]
    assert drawn.status == "failed"
    assert (searched.status, searched.stage) == ("repaired", "reranked")


def test_joined_parts_speak_of_one_place(naming: EchoBundle) -> None:
    """The likeliest join, "... at the riverside. Aromi is a pub.", is no longer one."""
    found = say(naming, beams=part)
    assert (found.status, found.stage) == ("repaired", "segments")
    assert found.text == "It is at the riverside. It is called Aromi. It is a pub."


def test_the_subject_is_named_in_a_sentence_of_its_own(naming: EchoBundle) -> None:
    def without_name(source: str) -> list[str]:
        return ["Nothing."] if "<slot:name>" in source else part(source)

    found = say(naming, beams=without_name)
    assert found.text == "It is at the riverside. It is called Aromi. It is a pub."
    assert say(naming, "name,eatType,area", beams=without_name).status == "failed", (
        "a first sentence does not follow others"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is a pub.", True), ("Have you played it?", True), ('They say "it is cheap."', True),
        ("(It is a pub.) ", True), ("This restaurant is a", False), ("cheap, and", False),
        ("", False), ("...'", True), ("It has 4.5", False),
    ],
)  # fmt: skip
def test_what_is_finished(text: str, expected: bool) -> None:
    assert is_finished(text) is expected


def test_most_references_decide() -> None:
    assert ends_finished(["A pub.", "A pub.", "A pub"])
    assert not ends_finished(["A pub", "A pub."])
    assert not ends_finished([])


texts = st.lists(st.sampled_from(TEXTS), min_size=1, max_size=4)


@given(
    greedy=texts,
    beams=texts,
    samples=texts,
    plan=st.sampled_from([PLAN, None, "area|name,eatType"]),
)
def test_no_unproved_text_has_a_good_name(
    bundle: EchoBundle, greedy: list[str], beams: list[str], samples: list[str], plan: str | None
) -> None:
    scripts = {
        kind: always(*said)
        for kind, said in (("greedy", greedy), ("beams", beams), ("samples", samples))
    }
    generator, _ = verified(bundle, scripts)
    mr = parse_mr(MR, bundle.domain)
    asked = None if plan is None else parse_plan(plan, mr, bundle.domain)
    requests = [GenerationRequest("a", mr, asked), GenerationRequest("b", mr, asked)]
    found = generator.generate(requests)
    assert [h.id for h in found] == ["a", "b"]
    for hypothesis in found:
        report = generator.generator.checker.check(hypothesis.text, mr)
        realised = report.alignment.plan()
        kept = asked is None or realised.slots == asked.slots
        if asked is not None and asked.breaks is not None and hypothesis.status != "failed":
            assert hypothesis.breaks_kept
        assert (hypothesis.status != "failed") <= (report.ok and kept)
        assert (hypothesis.status == "repaired") == (hypothesis.stage is not None)
