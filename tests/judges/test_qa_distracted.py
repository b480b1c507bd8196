"""QA training on distracted texts: what is said of somebody else is asked, and is no answer."""

from __future__ import annotations

import re
from random import Random

from tiny_qa import CONFIG, DOMAIN, QUESTIONS

from d2t.judges.qa.contexts import context_pair
from d2t.judges.qa.questions import load_questions
from d2t.judges.qa.training.distractor_content import Content, ContentStore
from d2t.judges.qa.training.distractor_frames import frames_from_dict
from d2t.judges.qa.training.distractors import Distractor, Filler
from d2t.judges.qa.training.pairs import Draws, PairDrawer, QARow, Utterance
from d2t.judges.qa.training.train import QAConfig, train_qa
from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.mr.types import Slot
from d2t.train.config.options import OptimConfig

PLAIN = Draws(text=8, answers=0, text_none=8, mr=8, mr_none=8, copied=0.0, beside=0.0)
MILL = Utterance(parse_mr("name[The Mill], eatType[pub]", DOMAIN), "The Mill is a pub.")
AROMI = Utterance(
    parse_mr("name[Aromi], food[Italian], near[Zizzi]", DOMAIN),
    "Aromi has Italian food near Zizzi.",
)
FRAMES = frames_from_dict(
    {
        "subject": "name",
        "kinds": {
            "other": {
                "slots": ["food", "area"],
                "frames": ["{other}, though, {says}."],
                "held_out": ["It is {other} that {says}."],
            },
            "now": {"slots": ["food", "area"], "frames": ["It now {own says}."]},
        },
    },
    DOMAIN,
)
CONTENTS = (
    ("serves French food", Slot("food", "French")),
    ("is by the river", Slot("area", "riverside")),
)
STORE = ContentStore(("says", Content(text, (slot,))) for text, slot in CONTENTS)
DISTRACTOR = Distractor(FRAMES, Filler(FRAMES, STORE, DOMAIN, [parse_mr("name[Cotto]", DOMAIN)]))


def rows(utterances: list[Utterance], draws: Draws = PLAIN) -> list[QARow]:
    return list(PairDrawer(DOMAIN, QUESTIONS, draws, 1).rows(utterances, 0))


def distracted_rows(
    utterances: list[Utterance], *, epoch: int = 0, share: float = 1.0, draws: Draws = PLAIN
) -> list[QARow]:
    draws = draws._replace(distracted=share)
    return list(PairDrawer(DOMAIN, QUESTIONS, draws, 1, DISTRACTOR).rows(utterances, epoch))


def test_what_is_said_elsewhere_is_no_answer_and_what_is_said_of_the_subject_is() -> None:
    wanted = PLAIN._replace(text=0, text_none=0, mr=0, mr_none=0, misread=9)
    drawn = distracted_rows([MILL] * 60, draws=wanted)
    elsewhere = [r for r in drawn if ", though," in r.context]
    own = [r for r in drawn if "it now" in r.context]
    assert len(elsewhere) > 10
    assert len(own) > 10
    assert not any(row.whole for row in drawn)
    assert {r.pair.answer for r in elsewhere} == {"none"}
    assert {(r.pair.slot, r.pair.answer) for r in own} == {
        ("food", "french"), ("area", "riverside"),
    }  # fmt: skip
    assert {r.pair.slot for r in elsewhere} == {"food", "area"}
    said = Utterance(parse_mr("name[The Mill], food[Indian]", DOMAIN), "The Mill has Indian food.")
    kept = [r for r in distracted_rows([said] * 60, draws=wanted) if ", though," in r.context]
    assert {r.pair.answer for r in kept if r.pair.slot == "food"} == {"indian"}


def test_what_a_clause_adds_is_in_the_mr_and_learnt_whole() -> None:
    drawn = [r for r in distracted_rows([MILL] * 40) if r.context.startswith("<mr>")]
    added = [r for r in drawn if "<slot:food>" in r.context or "<slot:area>" in r.context]
    assert added
    assert any(r.whole and r.pair.slot in ("food", "area") for r in added)
    assert not any(", though," in r.context for r in drawn)


def test_other_places_have_symbols_and_no_held_out_frame_is_trained_on() -> None:
    drawn = distracted_rows([MILL, AROMI] * 40)
    texts = {r.context for r in drawn if r.context.startswith("<txt>")}
    assert not any("it is <ent" in text for text in texts)
    named = [text for text in texts if ", though," in text]
    assert all(re.search(r"<ent:\d+>, though,", text) for text in named)


def test_distraction_is_drawn_by_seed_epoch_and_place_and_disturbs_no_other_draw() -> None:
    several = [AROMI, MILL] * 20
    assert distracted_rows(several) == distracted_rows(several)
    assert distracted_rows(several) != distracted_rows(several, epoch=1)
    assert distracted_rows(several, share=0.0) == rows(several)
    some = distracted_rows(several, share=0.5)
    assert sum(", though," in row.context for row in some) >= 10
    assert {r.context for r in some} & {r.context for r in rows(several)}
    beside = PLAIN._replace(beside=1.0)
    assert distracted_rows([AROMI, MILL], draws=beside) == rows([AROMI, MILL], beside)


def test_of_a_list_slot_the_value_that_is_said_elsewhere_is_asked_for() -> None:
    games = load_domain("viggo")
    questions = load_questions(games)
    elsewhere = (Slot("platforms", "Xbox"), Slot("platforms", "PC"))
    mr = parse_mr("inform(name[X], platforms[PC])", games)
    pair = context_pair(mr, "X is for PC.", games, questions, mentioned=elsewhere)
    drawer = PairDrawer(games, questions, PLAIN, 1)
    for seed in range(5):
        found = drawer._unsaid(pair, Random(seed), elsewhere)
        asked = {p.question for p in found if p.slot == "platforms"}
        assert asked
        assert all("xbox" in question for question in asked)


def test_a_model_says_what_it_was_distracted_with() -> None:
    config = QAConfig(network=CONFIG, train=OptimConfig(max_steps=1, batch_size=8), device="cpu")
    model = train_qa([AROMI, MILL], [MILL], DOMAIN, QUESTIONS, config, frames=FRAMES)
    assert model.info["distractors"] == FRAMES.digest
    plain = config.model_copy(update={"draws": Draws(distracted=0.0)})
    again = train_qa([AROMI, MILL], [], DOMAIN, QUESTIONS, plain, frames=FRAMES)
    assert again.info["distractors"] is None
