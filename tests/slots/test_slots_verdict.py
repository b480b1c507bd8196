from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.mr.types import MeaningRepresentation
from d2t.slots.checker import SlotChecker
from d2t.slots.render import render_report
from d2t.slots.types import Tally

DOMAIN = load_domain("restaurant")
CHECKER = SlotChecker.for_domain(DOMAIN)


def check(mr: str, text: str, **options: bool):
    return CHECKER.check(text, parse_mr(mr, DOMAIN), **options)


def counts(report) -> tuple[int, int, int, int]:
    return len(report.missing), len(report.added), len(report.wrong), len(report.repeated)


@pytest.mark.parametrize(
    ("mr", "text", "expected"),
    [
        ("name[Aromi], eatType[pub]", "Aromi is a pub.", (0, 0, 0, 0)),
        ("name[Aromi], eatType[pub], food[French]", "Aromi is a pub.", (1, 0, 0, 0)),
        ("name[Aromi]", "Aromi is a pub.", (0, 1, 0, 0)),
        ("name[Aromi], eatType[pub]", "Aromi is a coffee shop.", (0, 0, 1, 0)),
        ("name[Aromi], eatType[pub]", "Aromi is a pub and a restaurant.", (0, 1, 0, 0)),
        ("name[Aromi], eatType[pub]", "Aromi is a pub. Aromi!", (0, 0, 0, 1)),
        ("name[Aromi], eatType[pub]", "Aromi, Aromi is a pub, a pub.", (0, 0, 0, 1)),
        ("name[Aromi], near[Burger King]", "Aromi is near Old Oak.", (0, 0, 1, 0)),
        ("area[riverside], area[city centre]", "by the river in the city centre", (0, 0, 0, 0)),
        ("area[riverside], area[city centre]", "by the river", (1, 0, 0, 0)),
        ("name[Aromi]", "", (1, 0, 0, 0)),
    ],
)
def test_counting(mr, text, expected):
    assert counts(check(mr, text)) == expected


def test_a_wrong_value_is_one_error_with_its_span():
    text = "Aromi has a low customer rating."
    (wrong,) = check("name[Aromi], customer rating[high]", text).wrong
    assert str(wrong.expected) == "customer rating[high]"
    assert str(wrong.span.slot) == "customer rating[low]"
    assert text[wrong.span.start : wrong.span.end] == "low customer rating"


def test_synonyms_said_twice_are_repeated_only_when_merged():
    mr, text = "name[Aromi], priceRange[cheap]", "Aromi is cheap. Aromi costs less than £20."
    assert counts(check(mr, text)) == (0, 1, 0, 1)
    assert counts(check(mr, text, merge_synonyms=True)) == (0, 0, 0, 2)


def test_the_report_object():
    report = check("name[Aromi], food[French]", "In the city centre. Aromi is a pub. Aromi!")
    result = json.loads(json.dumps(report.as_dict()))
    keys = ["spans", "plan", "breaks", "missing", "added", "wrong", "repeated", "unsupported"]
    assert list(result) == keys
    assert result["plan"] == ["area", "name", "eatType", "name"]
    assert result["breaks"] == [1, 3]
    assert result["missing"] == [{"slot": "food", "value": "French"}]
    assert result["spans"][1] == {"slot": "name", "value": "Aromi", "start": 20, "end": 25}
    assert result["repeated"] == [{"slot": "name", "value": "Aromi", "start": 36, "end": 41}]


def test_a_report_says_its_rate_and_its_verdict():
    report = check("name[Aromi], food[French]", "Aromi is a pub. Aromi!")
    assert report.ser == 150.0
    assert str(report) == (
        "Aromi is a pub. Aromi!\n"
        "  says: name[Aromi] ('Aromi'), eatType[pub] ('pub'), name[Aromi] ('Aromi')\n"
        "  SER 150.0%: missing food[French]; added eatType[pub]; repeated name[Aromi]"
    )
    assert [span.slot.name for span in report.spans] == ["name", "eatType", "name"]
    assert str(check("name[Aromi], eatType[pub]", "Aromi is a pub.")).endswith("\n  ok")


def test_coloured_text_keeps_every_letter():
    report = check("name[Aromi], food[French]", "Aromi is a pub [sic].")
    stream = io.StringIO()
    Console(file=stream, width=200).print(render_report(report, DOMAIN.slot_names))
    shown = stream.getvalue()
    assert "pub eatType[pub] [sic]." in shown
    assert "missing food[French]; added eatType[pub]" in shown


def test_the_tally_is_the_slot_error_rate():
    tally = Tally()
    assert (tally.ser, tally.exact) == (0.0, 0.0)
    assert "0 slots: SER - (" in tally.line("sig")  # nothing was judged
    assert (tally.as_dict("sig")["ser"], tally.as_dict("sig")["exact"]) == (None, None)
    tally.add(check("name[Aromi], eatType[pub]", "Aromi is a pub."))
    tally.add(check("name[Aromi], eatType[pub]", "Aromi is a coffee shop. Aromi!"))
    assert (tally.ser, tally.exact) == (50.0, 50.0)
    assert tally.as_dict("sig")["wrong"] == 1
    assert "SER 50.00 %" in tally.line("sig")


def test_the_tally_counts_what_generate_wrote():
    tally = Tally(bad_lines=2)
    mr = {"dialogue_act": "inform", "name": "Aromi", "food": ["Thai", "Lao"]}
    report = {"missing": ["a"], "added": ["b", "c", "d", "e"], "wrong": ["f", "g"]}
    tally.add_record({"mr": mr, "report": {**report, "repeated": ["h", "i", "j"]}})
    none = {"missing": [], "added": [], "wrong": [], "repeated": []}
    tally.add_record({"mr": {"name": "Aromi"}, "report": none})
    assert tally.as_dict("sig") == {
        "utterances": 2,
        "slots": 4,
        "ser": 250.0,
        "exact": 50.0,
        "missing": 1,
        "added": 4,
        "wrong": 2,
        "repeated": 3,
        "unsupported": 0,
        "bad_lines": 2,
        "signature": "sig",
    }
    assert tally.line("sig") == (
        "2 utterances, 4 slots: SER 250.00 % (missing 1, added 4, wrong 2, repeated 3), "
        "exact 50.0 %, unsupported 0; 2 bad lines  sig"
    )


def test_a_report_says_its_slot_error_rate_over_the_slots_of_the_mr():
    mr = "name[Aromi], eatType[pub], food[Thai], area[riverside]"
    text = "Aromi is a cheap pub in the city centre. Aromi is a pub."
    report = check(mr, text)
    assert (len(report.missing), len(report.added), len(report.wrong)) == (1, 1, 1)
    assert len(report.repeated) == 2
    assert report.ser == pytest.approx(100 * 5 / 4)
    assert check(mr, "Aromi.").ser == pytest.approx(75.0)
    assert check("name[Aromi]", "Aromi.").ser == 0.0
    nothing = MeaningRepresentation(())
    assert CHECKER.check("Hello.", nothing).ser == 0.0
    assert CHECKER.check("A cheap pub.", nothing).ser == 100.0


def test_a_report_reads_as_text_spans_and_verdict():
    mr = "name[Aromi], eatType[pub], area[riverside], food[Thai]"
    report = check(mr, "Aromi is a cheap pub in the city centre.")
    assert report.errors() == [
        "missing food[Thai]",
        "added priceRange[cheap]",
        "wrong area[city centre] for area[riverside]",
    ]
    assert str(report) == (
        "Aromi is a cheap pub in the city centre.\n"
        "  says: name[Aromi] ('Aromi'), priceRange[cheap] ('cheap'), eatType[pub] ('pub'), "
        "area[city centre] ('city centre')\n"
        "  SER 75.0%: missing food[Thai]; added priceRange[cheap]; "
        "wrong area[city centre] for area[riverside]"
    )
    assert str(check("name[Aromi]", "Aromi.")).endswith("('Aromi')\n  ok")
    assert "says: no slot\n" in str(check("name[Aromi]", "Hello."))


def test_a_report_as_json_is_the_line_of_d2t_check_without_its_id():
    report = check("name[Aromi], food[Thai]", "Aromi is a cheap pub.")
    line = {"id": "7", **report.as_dict()}
    assert line.pop("id") == "7"
    assert report.as_dict() == line
    keys = ["spans", "plan", "breaks", "missing", "added", "wrong", "repeated", "unsupported"]
    assert list(line) == keys
    assert line["missing"] == [{"slot": "food", "value": "Thai"}]
    assert line["added"][0] == {"slot": "priceRange", "value": "cheap", "start": 11, "end": 16}
