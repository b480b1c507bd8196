"""Reading outputs: fields, bad lines, references from a corpus, generation tasks."""

from __future__ import annotations

import json

import pytest

from d2t.corpus.types import Example
from d2t.errors import DataError, DomainError, MRParseError
from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.mr.reader import RecordReader, read_fields
from d2t.mr.types import Plan
from d2t.plan.untrained import display_plan
from d2t.score.records import evaluation_record, join_references, read_evaluation_records
from d2t.score.tasks import generation_tasks
from d2t.slots.checker import SlotChecker

MR = "name[Aromi], eatType[pub], area[riverside]"


@pytest.fixture(scope="module")
def domain():
    return load_domain("restaurant")


def read(tmp_path, domain, lines, name="out.jsonl", **options):
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return read_evaluation_records(RecordReader(str(path), domain), domain, **options)


def record_from_fields(fields, domain, **options):
    return evaluation_record(read_fields(fields, domain), domain, **options)


def test_fields_of_a_record(domain):
    record = record_from_fields(
        {"mr": MR, "text": "Aromi.", "plan": ["area", "name", "eatType"], "references": ["x", " "]},
        domain,
    )
    assert record.plan is not None
    assert record.plan.names == ("area", "name", "eatType")
    assert record.references == ("x",)


@pytest.mark.parametrize("name", ["text", "hypothesis", "output", "utterance", "prediction"])
def test_names_of_the_text_field(domain, name):
    assert record_from_fields({"mr": MR, name: "Aromi."}, domain).text == "Aromi."


def test_a_single_reference_is_one_reference_not_its_letters(domain):
    assert record_from_fields({"mr": MR, "text": "", "ref": "A pub."}, domain).references == (
        "A pub.",
    )


@pytest.mark.parametrize(
    ("fields", "error", "what"),
    [
        ({"mr": MR}, DataError, "no text to score"),
        ({"mr": MR, "text": None}, DataError, "no text to score"),
        ({"mr": MR, "text": 3}, DataError, "was int"),
        ({"mr": "name[", "text": ""}, MRParseError, "not closed"),
        ({"mr": "nam[Aromi]", "text": ""}, DomainError, "did you mean 'name'"),
        ({"mr": MR, "text": "", "plan": ["name"]}, MRParseError, "missing"),
        ({"mr": MR, "text": "", "plan": 5}, MRParseError, "'plan' must be a string"),
        ({"mr": MR, "text": "", "plan": {"area": 1}}, MRParseError, "'plan' must be a string"),
        ({"mr": MR, "text": "", "references": [["x"]]}, DataError, "list of strings"),
        ({"mr": MR, "text": "", "references": {"x": 1}}, DataError, "list of strings"),
        ({"id": "3", "error": {"code": "mr_parse"}}, DataError, "error object"),
    ],
)
def test_bad_records_say_what_is_wrong(domain, fields, error, what):
    with pytest.raises(error, match=what):
        record_from_fields(fields, domain)


def test_order_needs_plans(domain):
    with pytest.raises(DataError, match="no field 'plan'"):
        record_from_fields({"mr": MR, "text": ""}, domain, need_plan=True)


def test_a_bad_line_does_not_stop_the_rest(tmp_path, domain):
    lines = [
        json.dumps({"id": "a", "mr": MR, "text": "Aromi"}),
        "{broken",
        json.dumps({"id": "c", "mr": "name[", "text": ""}),
        "",
        json.dumps({"id": "d", "mr": MR, "text": ""}),
    ]
    good, bad = read(tmp_path, domain, lines)
    assert [record.id for record in good] == ["a", "d"]
    assert [(item.id, item.line, item.error.line) for item in bad] == [("1", 2, 2), ("c", 3, 3)]
    assert bad[0].as_dict()["error"]["code"]
    with pytest.raises(DataError):
        read(tmp_path, domain, lines, strict=True)


def test_csv(tmp_path, domain):
    lines = ["mr,text,plan", f'"{MR}",Aromi is a pub.,"eatType,name,area"']
    (record,), bad = read(tmp_path, domain, lines, name="out.csv")
    assert not bad
    assert record.id == "0"
    assert record.text == "Aromi is a pub."
    assert record.plan is not None
    assert record.plan.names == ("eatType", "name", "area")


def test_an_empty_file_is_an_error(tmp_path, domain):
    with pytest.raises(DataError, match="no records"):
        read(tmp_path, domain, [""])


def test_references_are_joined_by_mr_in_any_slot_order(domain):
    def example(id, mr, *refs):
        return Example(id, parse_mr(mr, domain), refs)

    corpus = [
        example("1", "name[Aromi], eatType[pub]", "one"),
        example("2", "eatType[pub], name[Aromi]", "two", "one"),
    ]
    mine = record_from_fields({"mr": "eatType[pub], name[Aromi]", "text": ""}, domain)
    own = record_from_fields({"mr": "name[Aromi]", "text": "", "ref": "own"}, domain)
    other = record_from_fields({"mr": "name[Zizzi]", "text": ""}, domain)
    joined = join_references([mine, own, other], corpus)
    assert [record.references for record in joined] == [("one", "two"), ("own",), ()]


class TestGenerationTasks:
    MR1 = "name[Aromi], eatType[pub], area[riverside], food[Italian]"

    def examples(self, domain):
        return [
            Example("x-1", parse_mr(self.MR1, domain), ("In the riverside area, Aromi is a pub.",)),
            Example("x-2", parse_mr(self.MR1, domain), ("Aromi is an Italian pub by the river.",)),
            Example("x-3", parse_mr("name[Zizzi]", domain), ("It is Zizzi.",)),
        ]

    def test_own_order_asks_for_nothing(self, domain):
        tasks = generation_tasks(self.examples(domain), domain, "own")
        assert [task.id for task in tasks] == ["x-1", "x-3"]
        assert [task.plan for task in tasks] == [None, None]
        assert len(tasks[0].references) == 2

    def test_display_order(self, domain):
        tasks = generation_tasks(self.examples(domain), domain, "display", limit=1)
        assert [task.plan for task in tasks] == [display_plan(tasks[0].mr, domain)]

    def test_random_orders_are_distinct_permutations_and_depend_on_the_seed_only(self, domain):
        tasks = generation_tasks(
            self.examples(domain), domain, "random", n_permutations=3, seed=5, limit=1
        )
        assert [task.id for task in tasks] == ["x-1#1", "x-1#2", "x-1#3"]
        plans = [task.plan for task in tasks]
        assert len(set(plans)) == 3
        for plan in plans:
            assert plan is not None
            assert sorted(plan.slots) == sorted(tasks[0].mr.slots)
        again = generation_tasks(self.examples(domain), domain, "random", seed=5)
        assert [task.plan for task in again[:3]] == plans
        other = generation_tasks(self.examples(domain), domain, "random", seed=6)
        assert [task.plan for task in other[:3]] != plans

    def test_oracle_order_is_that_of_a_reference_completed(self, domain):
        checker = SlotChecker.for_domain(domain)
        tasks = generation_tasks(self.examples(domain), domain, "oracle", checker=checker)
        plan = tasks[0].plan
        assert isinstance(plan, Plan)
        assert sorted(plan.slots) == sorted(tasks[0].mr.slots)
        assert plan.names in {
            ("area", "name", "eatType", "food"),
            ("name", "food", "eatType", "area"),
        }

    def test_sentences_of_the_references_hold_every_slot_of_the_plan_once(self, domain):
        checker = SlotChecker.for_domain(domain)
        asked = {"checker": checker}
        orders = generation_tasks(self.examples(domain), domain, "oracle", **asked)
        tasks = generation_tasks(self.examples(domain), domain, "oracle_sentences", **asked)
        assert orders
        for order, task in zip(orders, tasks, strict=True):
            assert order.plan.breaks is None
            assert task.plan.breaks is not None
            assert task.plan.slots == order.plan.slots
            assert all(task.plan.sentences), "a sentence that says nothing"

    def test_random_sentences_break_random_orders_and_depend_on_the_seed_only(self, domain):
        asked = {"n_permutations": 10, "seed": 5}
        orders = generation_tasks(self.examples(domain), domain, "random", **asked)
        tasks = generation_tasks(self.examples(domain), domain, "random_sentences", **asked)
        assert [t.plan.slots for t in tasks] == [t.plan.slots for t in orders]
        assert all(order.plan.breaks is None for order in orders)
        assert len({task.plan.breaks for task in tasks}) > 2
        again = generation_tasks(self.examples(domain), domain, "random_sentences", **asked)
        assert [task.plan for task in again] == [task.plan for task in tasks]

    def test_a_planner_makes_the_plans(self, domain):
        class Backwards:
            def plan(self, mr):
                return Plan(tuple(reversed(mr.slots)), (1,))

        tasks = generation_tasks(self.examples(domain), domain, "planner", planner=Backwards())
        assert tasks[0].plan == Plan(tuple(reversed(tasks[0].mr.slots)), (1,))

    def test_errors(self, domain):
        with pytest.raises(DataError, match="need a checker"):
            generation_tasks(self.examples(domain), domain, "oracle")
        with pytest.raises(DataError, match="need a checker"):
            generation_tasks(self.examples(domain), domain, "oracle_sentences")
        with pytest.raises(DataError, match="need the planner"):
            generation_tasks(self.examples(domain), domain, "planner")
        with pytest.raises(DataError, match="no example"):
            generation_tasks([], domain, "own")


def test_columns_that_are_slots_make_a_csv_header(tmp_path, domain):
    lines = ["name,eatType,prediction", "Aromi,pub,Aromi is a pub."]
    (record,), bad = read(tmp_path, domain, lines, name="outputs")
    assert not bad
    assert record.mr == parse_mr("name[Aromi], eatType[pub]", domain)
    assert record.text == "Aromi is a pub."
