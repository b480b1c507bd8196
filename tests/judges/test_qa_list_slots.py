"""Each value of a list slot is a question of its own, for errors, worst questions and QUALS."""

from __future__ import annotations

import pytest
from scripted_answerer import ScriptedAnswerer

from d2t.judges.qa.consistency import consistency
from d2t.judges.qa.contexts import context_pair, said_pairs
from d2t.judges.qa.quals import quals
from d2t.judges.qa.questions import load_questions
from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr

VIGGO = load_domain("viggo")
QUESTIONS = load_questions(VIGGO)
MR = "inform(name[Portal 2], genres[puzzle, platformer, shooter], platforms[PC, Xbox])"


def judged(text: str, says: str, mr: str = MR) -> tuple[dict[str, int], list[str], float, float]:
    """Errors, questions that fail, worst log p, worst QUALS pair; of a model that reads well."""
    pair = context_pair(parse_mr(mr, VIGGO), text, VIGGO, QUESTIONS)
    read = context_pair(parse_mr(says, VIGGO), text, VIGGO, QUESTIONS)
    known = {
        (tag, said.question): said.answer
        for tag, of in (("<txt", read), ("<mr>", pair))
        for said in said_pairs(of, QUESTIONS)
    }
    logs = {(*place, answer): (-0.1, -0.1) for place, answer in known.items()}
    logs |= {  # what is not said is denied as surely
        (tag, question, "none"): (-0.1, -0.1)
        for tag in ("<txt", "<mr>")
        for _, question in known
        if (tag, question) not in known
    }
    sure = ScriptedAnswerer(known, logs, default=(-0.1, -16.0), questions=QUESTIONS)
    sure.domain = VIGGO
    (score,) = consistency([pair], sure, n_wordings=1)
    (sides,) = quals([pair], sure)
    assert sides.worst is not None
    errors = {kind: n for kind, n in score.errors().items() if kind != "ok"}
    return errors, [a.asked.question for a in score.failing()], score.worst_log_p, sides.worst


def test_a_text_that_says_all_has_no_error() -> None:
    errors, failing, _, worst = judged("Portal 2 is all that.", MR)
    assert (errors, failing) == ({}, [])
    assert worst == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        (MR.replace(", shooter", ""), {"missing": 1}),
        (MR.replace("puzzle, ", "").replace(", Xbox", ""), {"missing": 2}),
        (MR.replace("shooter", "shooter, strategy"), {"added": 1}),
        (MR.replace("shooter", "strategy"), {"missing": 1, "added": 1}),
    ],
)
def test_one_value_of_many_is_an_error(says: str, expected: dict[str, int]) -> None:
    errors, failing, worst_log_p, worst = judged("Portal 2 is some of that.", says)
    assert errors == expected
    assert len(failing) == sum(expected.values())
    assert worst_log_p == pytest.approx(-16.0)
    assert worst < -5, "the pair of that value is kept, however many answers are 'yes'"
