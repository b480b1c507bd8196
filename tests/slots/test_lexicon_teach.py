"""Teaching a lexicon: wordings from texts whose right MR is known."""

import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import d2t
from d2t.cli.main import app
from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.slots.checker import SlotChecker
from d2t.slots.mending.teach import Lesson, n_right, teach, with_blocks
from d2t.slots.mending.wordings import Block

DOMAIN = load_domain("restaurant")
FILE = Path(__file__).parent / "cases" / "house_style.jsonl"
"""120 texts of an imagined agency, composed of idioms that come back (70% of the facts) and plain
wordings in varying sentences; a script composed them when a draft of the command was there."""


def half(number: int) -> list[dict[str, str]]:
    """One half of the texts, by a hash of their ids."""
    records = [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]
    return [r for r in records if int(sha256(r["id"].encode()).hexdigest(), 16) % 2 == number]


def lessons(records: Sequence[dict[str, str]]) -> list[Lesson]:
    """The records as lessons."""
    return [Lesson(r["text"], parse_mr(r["gold"], DOMAIN)) for r in records]


@pytest.mark.parametrize("number", [0, 1])
def test_half_of_the_texts_teaches_and_the_other_half_improves(number: int) -> None:
    taught, other = lessons(half(number)), lessons(half(1 - number))
    proposals = teach(taught, DOMAIN)
    after = with_blocks(DOMAIN, [one.block for one in proposals])
    assert n_right(other, after) > max(0.6 * len(other), n_right(other, DOMAIN))
    checkers = SlotChecker.for_domain(DOMAIN), SlotChecker.for_domain(after)
    for lesson in other:
        errors = [len(one.check(lesson.text, lesson.right).errors()) for one in checkers]
        assert errors[1] <= errors[0], lesson.text


def test_the_texts_that_teach_are_never_read_worse() -> None:
    taught = lessons(half(0))
    for min_count in (1, 3):
        proposals = teach(taught, DOMAIN, min_count=min_count)
        assert all(one.precision == 1.0 for one in proposals)
        after = with_blocks(DOMAIN, [one.block for one in proposals])
        checkers = SlotChecker.for_domain(DOMAIN), SlotChecker.for_domain(after)
        for lesson in taught:
            errors = [len(one.check(lesson.text, lesson.right).errors()) for one in checkers]
            assert errors[1] <= errors[0], lesson.text


def test_words_with_which_the_mr_disagrees_are_not_proposed() -> None:
    mr = "name[Aromi], eatType[pub], priceRange[cheap]"
    texts = [
        ("Aromi is a pub, wuffles stay plump here.", mr),
        ("A pub is Aromi and wuffles stay plump.", mr),
        ("Aromi is a pub with hats on hooks.", mr),
        ("Aromi, a pub, hats on hooks.", mr),
        ("Aromi is a dear pub with hats on hooks.", "name[Aromi], eatType[pub]"),
    ]
    found = teach([Lesson(text, parse_mr(right, DOMAIN)) for text, right in texts], DOMAIN)
    assert [one.block.say for one in found] == [("wuffles stay plump",)]
    assert (found[0].count, found[0].seen) == (2, 2)
    assert found[0].block.weak  # two texts are little evidence
    assert found[0].examples == (texts[0][0], texts[1][0])


def test_readings_that_are_wrong_again_and_again_are_taken_back() -> None:
    base = Block("priceRange", "cheap", ("glimpy",)).on(DOMAIN)
    mr = parse_mr("name[Aromi], eatType[pub]", DOMAIN)
    texts = ["Aromi is a pub, glimpy minds.", "A pub: Aromi, glimpy hats.", "Aromi pub."]
    found = teach([Lesson(text, mr) for text in texts], base)
    assert [(one.block.removes, one.block.say) for one in found] == [(True, ("glimpy",))]
    after = with_blocks(base, [found[0].block])
    assert n_right([Lesson(text, mr) for text in texts], after) == 3


def test_a_value_that_nobody_lists_is_learnt_as_new() -> None:
    texts = ["Aromi is a pub with wuffle on the boil.", "Aromi, a pub, wuffle on the boil."] * 2
    right = parse_mr("name[Aromi], eatType[pub], food[Atlantean]", DOMAIN)
    found = teach([Lesson(text, right) for text in texts], DOMAIN)
    assert [one.block.new for one in found] == [True]


def run(*words: str | Path, answers: str = "") -> Result:
    """Run ``d2t lexicon teach``."""
    return CliRunner().invoke(app, ["lexicon", "teach", *map(str, words)], input=answers)


@pytest.fixture
def corrected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The first half as a file, in a working directory of its own."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "corrected.jsonl"
    file.write_text("".join(json.dumps(record) + "\n" for record in half(0)))
    return file


def test_the_command_writes_what_is_taken(corrected: Path, tmp_path: Path) -> None:
    mine = tmp_path / "my-lexicon.toml"
    shown = run(corrected, "--dry-run")
    assert shown.exit_code == 0
    assert "says" in shown.stdout
    assert not mine.exists()
    silent = run(corrected)
    assert "--yes" in silent.stderr
    assert not mine.exists()
    told = run(corrected, "--yes", "--json")
    assert len(json.loads(told.stdout)) > 5
    assert f"use it with --lexicon {mine.name}" in told.stderr
    taught = d2t.load_domain(lexicon=mine)
    assert n_right(lessons(half(0)), taught) > n_right(lessons(half(0)), DOMAIN)
    again = run(corrected, "--dry-run")  # what the file says already is not proposed again
    assert len(again.stdout) < len(shown.stdout) / 2


def test_a_person_chooses_and_edits(
    corrected: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import d2t.cli.evaluating.lexicon as command

    monkeypatch.setattr(command, "_is_terminal", lambda: True)
    result = run(corrected, answers="y\nn\ne\nsome other words\ny\nw\nq\n")
    assert result.exit_code == 0, result.output
    written = (tmp_path / "my-lexicon.toml").read_text()
    assert written.count("[[entry]]") == 3
    assert "some other words" in written
    assert "weak = true" in written


def test_bad_records_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "bad.jsonl"
    file.write_text('{"text": "x"}\n{"text": "Aromi", "mr": "name[Aromi]"}\n')
    result = run(file)
    assert result.exit_code == 3
    assert "line 1" in result.stderr
    assert run(file, "--yes", "--dry-run").exit_code == 2
