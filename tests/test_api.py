"""The Python face: what ``import d2t`` gives, by behaviour, with the shipped model."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

import d2t

if TYPE_CHECKING:
    from pathlib import Path

RECORD = "name[Aromi], food[Thai], area[riverside]"
FIELDS = {"name": "Aromi", "food": "Thai", "area": "riverside"}


@pytest.fixture(scope="module")
def gen() -> d2t.Generator:
    return d2t.load()


def test_every_name_is_there_and_documented() -> None:
    assert set(d2t.__all__) <= set(dir(d2t))
    for name in set(d2t.__all__) - {"__version__"}:
        assert getattr(d2t, name).__doc__, name
    assert d2t.__version__[0].isdigit()
    with pytest.raises(AttributeError, match="no attribute 'chek'"):
        d2t.chek  # noqa: B018


def test_an_mr_becomes_a_proved_utterance(gen: d2t.Generator) -> None:
    utterance = gen(RECORD, plan="food,name,area")
    assert str(utterance) == utterance.text
    assert (utterance.status, utterance.stage, utterance.order_kept) == ("ok", "composed", True)
    assert [slot.name for slot in utterance.plan.slots] == ["food", "name", "area"]
    said = {str(span.slot): utterance.text[span.start : span.end] for span in utterance.spans}
    assert said["name[Aromi]"] == "Aromi"
    assert utterance.report.ok
    written = json.loads(json.dumps(utterance.as_dict()))
    assert (written["text"], written["mr"]) == (utterance.text, FIELDS)


LISTED = "name[Zizzi], eatType[pub], food[Italian], area[riverside], near[The Bakers]"


def test_who_writes_first_is_a_choice(gen: d2t.Generator) -> None:
    """The model says what its corpus could hold; frames say new values and orders asked for."""
    assert gen(LISTED).stage is None
    assert gen(LISTED, plan="area,near,name,food,eatType").stage == "composed"
    by_model, by_frames = d2t.load(writer="model"), d2t.load(writer="frames")
    assert by_model(LISTED, plan="name,eatType,food,near,area").stage is None
    assert by_frames(LISTED).stage == "composed"
    assert by_frames(LISTED).status == by_model(LISTED).status == "ok"


def test_several_texts_of_a_record_are_proved_and_different() -> None:
    several = d2t.load(n=5)
    for plan in (None, "area,food,name,eatType,near"):
        first = several(LISTED, plan=plan)
        texts = [first, *first.alternatives]
        assert len({text.text for text in texts}) == len(texts) == 5
        for text in texts:
            assert text.report.ok
            assert not text.report.unsupported
            assert text.order_kept
        if plan is not None:
            assert {text.realised.slots for text in texts} == {first.plan.slots}
        written = first.as_dict()["alternatives"]
        assert [other["text"] for other in written] == [text.text for text in texts[1:]]
    again = d2t.load(n=5)(LISTED)
    assert [other.text for other in again.alternatives] == [
        other.text for other in several(LISTED).alternatives
    ]
    assert not d2t.load()(LISTED).alternatives
    with pytest.raises(d2t.UsageError, match="at least 1"):
        d2t.load(n=0)
    with pytest.raises(d2t.UsageError, match="proved texts"):
        d2t.load(n=2, verify="off")


def test_styles_choose_the_number_of_sentences() -> None:
    record = "name[Zum Anker], eatType[pub], food[fish], priceRange[€15], area[the old port]"
    brief, full = (d2t.load(style=style)(record) for style in ("brief", "full"))
    assert len(brief.realised.sentences) <= len(full.realised.sentences)
    assert len(full.realised.sentences) > 1


def test_all_forms_of_a_record_give_one_text(gen: d2t.Generator) -> None:
    mr = d2t.parse_mr(RECORD)
    forms = [RECORD, FIELDS, {"mr": RECORD, "id": "own"}, mr]
    utterances = gen.generate(forms, plan="area,food,name")
    assert len({utterance.text for utterance in utterances}) == 1
    assert [utterance.id for utterance in utterances] == ["0", "1", "own", "3"]
    own = gen({"mr": RECORD, "plan": "name,area,food"}, plan="food,area,name")
    assert [slot.name for slot in own.plan.slots] == ["name", "area", "food"]


def test_a_bad_record_is_an_error_of_the_family(gen: d2t.Generator) -> None:
    with pytest.raises(d2t.MRParseError) as caught:
        gen.generate([RECORD, "name[Aromi"])
    assert caught.value.line == 2
    with pytest.raises(d2t.DomainError, match="did you mean 'name'"):
        gen("nmae[Aromi]")
    with pytest.raises(d2t.UsageError, match="verify"):
        d2t.load(verify="off", rerank=True)
    with pytest.raises(d2t.BundleError):
        d2t.load("no-such-folder")
    for penalty in (float("nan"), float("inf"), -1.0):
        with pytest.raises(d2t.UsageError, match="length_penalty"):
            d2t.load(length_penalty=penalty)
    assert issubclass(d2t.MissingExtraError, d2t.BackendError)
    assert issubclass(d2t.ConfigError, d2t.D2TError)


def test_texts_are_verified_unless_told_otherwise() -> None:
    hard = "name[The Cricketers], eatType[pub], food[French], priceRange[cheap], area[riverside]"
    plans = ["area,priceRange,food,eatType,name", "priceRange,name,area,food,eatType"]
    strict, off = d2t.load(), d2t.load(verify="off")
    for plan in plans:
        assert strict(hard, plan).status in ("ok", "repaired")
        assert off(hard, plan).status in ("ok", "failed")


def test_eight_threads_get_what_one_gets(gen: d2t.Generator) -> None:
    places = ["riverside", "city centre"]
    foods = ["Thai", "French", "Indian", "Uyghur"]
    records = [
        f"name[Place {i}], food[{food}], area[{place}]"
        for i in range(5)
        for food in foods
        for place in places
    ]
    alone = [gen(record).as_dict() for record in records]
    with ThreadPoolExecutor(8) as pool:
        together = [utterance.as_dict() for utterance in pool.map(gen, records)]
    assert together == alone


def test_threads_share_a_torch_engine_one_after_the_other() -> None:
    one = d2t.load(engine="torch", verify="off", max_length=30)
    records = [f"name[Place {i}], food[Thai]" for i in range(6)]
    alone = [one(record).text for record in records]
    with ThreadPoolExecutor(4) as pool:
        assert [u.text for u in pool.map(one, records)] == alone


def test_a_file_is_generated_resumed_and_judged(gen: d2t.Generator, tmp_path: Path) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.jsonl"
    source.write_text("Restaurant,Cuisine,Phone\nAromi,Thai,1\nZizzi,French,2\n")
    notes: list[str] = []
    summary = gen.generate_file(
        source, target, map={"Restaurant": "name", "Cuisine": "food", "Phone": ""},
        require_ok=True, max_ser=0.0, notify=notes.append,
    )  # fmt: skip
    assert (summary.n_records, summary.ok, summary.bad, summary.ser) == (2, 2, 0, 0.0)
    assert summary.missed_gate is None
    lines = [json.loads(line) for line in target.read_text().splitlines()]
    assert [line["mr"] for line in lines] == [
        {"name": "Aromi", "food": "Thai"},
        {"name": "Zizzi", "food": "French"},
    ]
    assert lines[0]["extra"] == {"Phone": "1"}
    before = target.stat().st_mtime_ns
    again = gen.generate_file(
        source, target, map="Restaurant=name,Cuisine=food,Phone=", notify=notes.append
    )
    assert again.ok == 2
    assert target.stat().st_mtime_ns == before, "a complete file is counted, not made again"


def test_a_missed_gate_is_said(gen: d2t.Generator, tmp_path: Path) -> None:
    source = tmp_path / "in.txt"
    source.write_text(f"{RECORD}\nname[Aromi\n")
    summary = gen.generate_file(source, tmp_path / "out.jsonl", require_ok=True)
    assert (summary.ok, summary.bad) == (1, 1)
    assert "1 records without an ok text" in str(summary.missed_gate)
    assert summary.as_dict()["n_records"] == 2


def test_check_reads_any_form() -> None:
    assert d2t.check("Aromi is a pub.", "name[Aromi], eatType[pub]").ok
    assert d2t.check("Aromi is a pub.", {"name": "Aromi", "eatType": "pub"}).ok
    domain = d2t.load_domain("restaurant")
    mr = d2t.parse_mr({"name": "Aromi", "food": "Thai"}, domain)
    report = d2t.check("Aromi is a pub.", mr, domain)
    assert [str(slot) for slot in report.missing] == ["food[Thai]"]
    assert [str(span.slot) for span in report.added] == ["eatType[pub]"]
    assert (report.ok, report.ser) == (False, 100.0)
    assert str(report).endswith("SER 100.0%: missing food[Thai]; added eatType[pub]")
    assert report.as_dict()["missing"] == [{"slot": "food", "value": "Thai"}]


def test_outputs_are_scored_and_compared(gen: d2t.Generator, tmp_path: Path) -> None:
    good = gen.generate([RECORD, "name[Zizzi], eatType[pub]"])
    report = d2t.evaluate(good, parts=("slots",))
    assert report.score("slot_error_rate") == 0
    assert "| SER" in str(report)
    bad = [{"mr": RECORD, "text": "Aromi."}, {"mr": "name[Zizzi], eatType[pub]", "text": "Zizzi."}]
    assert d2t.evaluate(bad, parts=("slots",)).score("slot_error_rate") == 60
    path = tmp_path / "bad.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in bad))
    assert d2t.evaluate(path, parts=("slots",)).score("slot_error_rate") == 60
    comparison = d2t.compare(good, bad)
    assert comparison.as_dict()["metrics"]["slot_error_rate"]["difference"] == 60
    assert "B - A" in str(comparison)


def test_plans_are_chosen_and_read() -> None:
    plan = d2t.plan(RECORD, "area, ...")
    assert plan.slots[0].name == "area"
    assert sorted(slot.name for slot in plan.slots) == ["area", "food", "name"]
    assert d2t.plan(RECORD, planner="display").labels() == ["name", "food", "area"]
    read = d2t.parse_plan("area > name | food", RECORD)
    assert (read.labels(), read.breaks) == (["area", "name", "food"], (2,))
    assert d2t.render_mr(d2t.parse_mr(FIELDS)) == RECORD


def test_folders_of_the_same_name_stay_importable() -> None:
    import d2t.plan.choose
    import d2t.train.config.options

    assert callable(d2t.plan)
    assert callable(d2t.train)
    assert d2t.plan.choose.make_planner
    assert d2t.train.config.options.TrainConfig


def test_a_generator_is_trained(tmp_path: Path) -> None:
    tiny = {
        "data.limit": 40, "train.max_steps": 2, "model.width": 32, "model.ffn": 32,
        "model.heads": 2, "select.n_mrs": 2, "select.n_pairs": 4, "run.device": "cpu",
    }  # fmt: skip
    bundle = d2t.train(corpus="mini", strategy="at", out=tmp_path / "run", settings=tiny)
    assert bundle == tmp_path / "run" / "bundle"
    assert d2t.load(bundle, max_length=5)("name[Aromi]").status in ("ok", "repaired", "failed")
    with pytest.raises(d2t.ConfigError, match=r"data\.limmit"):
        d2t.train(corpus="mini", settings={"data.limmit": 3})
    with pytest.raises(d2t.DataError, match="finished run"):
        d2t.train(corpus="mini", strategy="at", out=tmp_path / "run", settings=tiny)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda gen: gen([RECORD]), "not .* \\(list\\)"),
        (lambda gen: gen(None), "\\(NoneType\\)"),
        (lambda gen: gen.generate(RECORD), "takes a list of MRs"),
        (lambda gen: gen.generate(FIELDS), "takes a list of MRs"),
        (lambda gen: d2t.check(["a text"], RECORD), "one text as a string, not list"),
        (lambda gen: d2t.check("a text", None), "\\(NoneType\\)"),
    ],
)
def test_arguments_of_a_wrong_type_are_explained(gen: d2t.Generator, call, said: str) -> None:
    with pytest.raises(d2t.UsageError, match=said):
        call(gen)
