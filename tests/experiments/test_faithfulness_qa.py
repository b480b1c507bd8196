"""The QA evaluation without a model: corruptions are what they say, reports add up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tiny_qa import tiny_model

from d2t.corpus.load import load_split
from d2t.errors import ConfigError, UsageError
from d2t.judges.qa.reader import QAReader
from d2t.judges.qa.training.distractor_frames import load_frames
from d2t.judges.qa.training.pairs import Utterance
from d2t.judges.qa.training.train import distractor_of, utterances_of
from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.seeding import derived_rng
from d2t.slots.checker import SlotChecker
from experiments.faithfulness.hard_cases import HardCase
from experiments.faithfulness.qa import (
    QAExperiment,
    conditions,
    judge,
    said_by_systems,
    systems,
    with_invented,
)
from experiments.faithfulness.qa_corruptions import (
    CONTROL,
    FAITHFUL,
    KNOWN,
    MISREAD,
    MR_SIDE,
    TEXT_SIDE,
    Corruptor,
    JudgedRecord,
    drawn,
    moved,
)
from experiments.faithfulness.qa_report import (
    SCORES,
    _floors,
    as_markdown,
    best_threshold,
    report,
)

FOLDER = Path(__file__).resolve().parents[2] / "experiments" / "faithfulness"
DOMAIN = load_domain("restaurant")
CHECKER = SlotChecker.for_domain(DOMAIN)


@pytest.fixture(scope="module")
def utterances() -> list[Utterance]:
    found = utterances_of(load_split("mini", "dev", DOMAIN), CHECKER, DOMAIN, "agreed")
    assert len(found) > 100
    return found


@pytest.mark.parametrize("name", ["qa.toml", "qa_pilot.toml", "qa_undistracted.toml"])
def test_the_shipped_configurations_are_valid(name: str) -> None:
    experiment = QAExperiment.read(FOLDER / name)
    for values in (experiment.held_out_values, experiment.invented_values):
        for slot in values:
            assert DOMAIN.has_slot(slot)
    for slot, held in experiment.held_out_values.items():
        assert set(held) <= set(DOMAIN.slot(slot).values)
    for slot, invented in experiment.invented_values.items():
        assert not set(invented) & set(DOMAIN.slot(slot).values)


def test_the_arm_without_distractors_differs_in_nothing_else_that_trains() -> None:
    with_them, without = (
        QAExperiment.read(FOLDER / f"{n}.toml") for n in ("qa", "qa_undistracted")
    )
    assert with_them.model.draws.distracted > 0
    draws = with_them.model.draws._replace(distracted=0.0)
    same = with_them.model_copy(
        update={
            "model": with_them.model.model_copy(update={"draws": draws}),
            **{n: getattr(without, n) for n in ("results", "diverse_records", "systems")},
        }
    )
    assert same == without


def test_a_broken_configuration_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text('corpus = "mini"\nepochs = 3\n')
    with pytest.raises(ConfigError, match=r"x\.toml"):
        QAExperiment.read(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        QAExperiment.read(tmp_path / "none.toml")


def errors(kind: str, corruptor: Corruptor, utterances: list[Utterance]) -> dict[str, float]:
    """Shares of the drawn records in which the checker sees each kind of error."""
    drawn = [
        record
        for at, u in enumerate(utterances)
        if (record := corruptor.draw(kind, at, u, derived_rng(1, kind, at))) is not None
    ]
    assert len(drawn) > 20, kind
    reports = [CHECKER.check(record.text, record.mr, merge_synonyms=True) for record in drawn]
    return {
        name: sum(bool(getattr(r, name)) for r in reports) / len(reports)
        for name in ("missing", "added", "wrong")
    }


def test_corruptions_are_what_they_are_called(utterances: list[Utterance]) -> None:
    """The texts are such as the checker reads well, so it can be the witness here."""
    corruptor = Corruptor(utterances, DOMAIN, CHECKER)
    found = {kind: errors(kind, corruptor, utterances) for kind in (*MR_SIDE, *TEXT_SIDE, CONTROL)}
    for side in ("mr", "text"):
        assert found[f"{side}_omission"]["missing"] > 0.9
        assert found[f"{side}_hallucination"]["added"] > 0.85
        swap = found[f"{side}_swap"]
        assert swap["wrong"] + swap["missing"] > 0.85
    assert max(found[CONTROL].values()) < 0.15


def test_conditions_are_drawn_by_the_seed_and_hold_unseen_values(
    utterances: list[Utterance],
) -> None:
    experiment = QAExperiment(
        corpus="mini",
        seed=1,
        utterances=0,
        records=40,
        diverse_records=0,
        n_wordings=1,
        held_out_values={"food": ("Japanese",)},
        invented_values={"food": ("Peruvian",)},
    )
    found = conditions(experiment, utterances, DOMAIN, CHECKER)
    assert found == conditions(experiment, utterances, DOMAIN, CHECKER)
    assert len(found["intact"]) == 40
    assert all("Japanese" not in record.text for record in found["intact"])
    assert all("Peruvian" in record.text for record in found["invented_value_intact"])
    assert {r.mr.values("food") for r in found["held_out_value_intact"]} == {("Japanese",)}
    assert all("Japanese" not in r.mr.values("food") for r in found["held_out_value_swap"])
    assert with_invented(Utterance(parse_mr("name[A]", DOMAIN), "A"), experiment, 0) is None


def test_distracted_texts_are_one_text_under_two_mrs(utterances: list[Utterance]) -> None:
    frames = load_frames(DOMAIN)
    assert frames is not None
    frames = replace(frames, written={})  # words that the lexicon may lack
    distractor = distractor_of(utterances[:100], frames, DOMAIN)
    sound = [u for u in utterances[:90] if not CHECKER.check(u.text, u.mr).n_errors]
    made = drawn(sound, distractor, 1, held_out=True)
    assert made == drawn(sound, distractor, 1, held_out=True)
    assert len({right.kind for right, _ in made}) >= 8
    for right, wrong in made:
        assert right.text == wrong.text
        assert (right.kind, right.slot) == (wrong.kind, "")
        changed = set(right.mr.slots) ^ set(wrong.mr.slots)
        assert wrong.slot in {slot.name for slot in changed}
    # Of some clauses the checker takes what they say of another place as said: it prefers the wrong
    # MR. Others it sees through.
    rivals = [pair for pair in made if pair[0].kind in ("rival", "unlike")]
    errors = [[CHECKER.check(r.text, r.mr).n_errors for r in pair] for pair in rivals]
    assert sum(right > wrong for right, wrong in errors) >= 4
    assert sum(right < wrong for right, wrong in errors) <= 3
    elsewhere = moved(utterances[:90], distractor, Corruptor(utterances, DOMAIN, CHECKER), 1)
    assert elsewhere
    for record in elsewhere:
        (before,) = (u for at, u in enumerate(utterances[:90]) if record.id.endswith(f"d-{at}"))
        assert set(before.mr.slots) <= set(record.mr.slots)
        assert {s.name for s in set(record.mr.slots) - set(before.mr.slots)} <= {"near"}
        assert record.text != before.text


def test_outputs_of_systems_are_named(tmp_path: Path) -> None:
    path = tmp_path / "o.jsonl"
    path.write_text('{"mr": "name[Aromi]", "text": "Aromi."}\n')
    found = systems([f"ours={path}"], DOMAIN, 10)
    assert [record.text for record in found["system:ours"]] == ["Aromi."]
    with pytest.raises(UsageError, match="NAME=FILE"):
        systems([str(path)], DOMAIN, 10)


def test_four_systems_are_judged_and_one_that_is_not_trained_is_named(tmp_path: Path) -> None:
    experiment = QAExperiment.read(FOLDER / "qa.toml")
    assert sum(system.bundle is not None for system in experiment.systems) >= 4
    raw = experiment.model_dump() | {
        "corpus": "mini", "system_records": 3,
        "systems": [
            {"name": "people", "label": "People", "references": "mini"},
            {"name": "model", "label": "Model", "bundle": str(tmp_path / "gone")},
        ],
    }  # fmt: skip
    found, failed = said_by_systems(QAExperiment.model_validate(raw), DOMAIN, tmp_path)
    assert {name: len(records) for name, records in found.items()} == {"system:people": 3}
    assert [line.partition(":")[0] for line in failed] == ["model"]


def test_quals_and_qags_are_timed_from_the_same_side(tmp_path: Path) -> None:
    record = JudgedRecord("0", parse_mr("name[Aromi], eatType[pub]", DOMAIN), "Aromi is a pub.")
    reader = QAReader(tiny_model())
    made = judge([record], reader, CHECKER, tmp_path / "x.json", n_wordings=1, diverse=True)
    assert set(made["seconds"]) >= {"quals_diverse", "qags", "quals_diverse_recall"}
    both = {"intact": judged([0.0]), "hard": judged([0.0, -1.0]), "diverse:intact": made}
    both |= {kind: judged([-2.0]) for kind in (*MR_SIDE, *TEXT_SIDE, CONTROL)}
    cases = [HardCase(str(at), record.mr, "x", at < 1, "k", "n") for at in range(2)]
    found = report(both, cases)
    spent = made["seconds"]
    assert found["qags_to_quals"] == pytest.approx(spent["qags"] / spent["quals_diverse"], abs=0.1)


def test_a_floor_is_met_or_it_is_said_by_how_much_not() -> None:
    areas = {s: dict.fromkeys((*MR_SIDE, *TEXT_SIDE), 0.95) for s in SCORES}
    found = _floors(areas)["quals_sum"]
    assert found["mr_swap"] == "0.950 short of 0.97"
    assert found["text_omission"] == found["mr_hallucination"] == "0.950 met"


def test_the_threshold_separates_best() -> None:
    assert best_threshold([-1.0, -2.0, -3.0], [-4.0, -5.0, -2.1, -2.2]) == -2.0
    assert best_threshold([0.0], [-1.0]) == 0.0


def judged(values: list[float | None]) -> dict[str, Any]:
    rows = [
        {**dict.fromkeys(SCORES, value), "n_slots": float(at)} for at, value in enumerate(values)
    ]
    return {"n": len(values), "seconds": {"quals": 0.5 * len(values)}, "rows": rows}


def test_a_judged_condition_is_found_again_and_knows_the_kinds(tmp_path: Path) -> None:
    mr = parse_mr("name[Aromi], eatType[pub]", DOMAIN)
    records = [
        JudgedRecord("0", mr, "Aromi is a pub.", kind="rival"),
        JudgedRecord("1", mr, "Aromi."),
    ]
    reader, path = QAReader(tiny_model()), tmp_path / "judged.json"
    made = judge(records, reader, CHECKER, path, n_wordings=1)
    assert made["kinds"] == ["rival", ""]
    assert [row["checker"] for row in made["rows"]] == [0.0, -1.0]
    assert judge(records, reader, CHECKER, path, n_wordings=1) == made  # its seconds too: read


def test_a_report_says_areas_hard_cases_systems_and_costs() -> None:
    mr = parse_mr("name[Aromi]", DOMAIN)
    cases = [HardCase(str(at), mr, "x", at < 2, "k", "n") for at in range(4)]
    everything = {
        "intact": judged([0.0, 0.0, -1.0]),
        **{kind: judged([-2.0, None, -3.0]) for kind in (*MR_SIDE, *TEXT_SIDE)},
        CONTROL: judged([0.0, 0.0, -1.0]),
        "hard": judged([0.0, -5.0, -5.0, -5.0]),
        "system:ours": judged([0.0, -4.0]),
    }
    found = report(everything, cases)
    assert found["auc"]["quals_sum"]["mr_swap"] == 1.0  # no pair at all is the worst score
    assert found["auc"]["quals_sum"][CONTROL] == 0.5
    assert found["hard"]["auc"]["checker"] == {"k": 0.75, "all": 0.75}
    assert found["hard"]["threshold"] == -1.0
    assert [wrong["all"] for wrong in found["hard"]["wrong"].values()] == [1, 1]
    assert found["systems"]["ours"]["judge_exact"] == 50.0
    assert found["cost_ms_per_record"] == {"quals": 500.0}
    assert found["qags_to_quals"] is None
    assert found["floors"]["intact"]["quals_worst"]["mr_swap"] == "1.000 met"
    text = as_markdown(found)
    assert "| quals_sum | 1.000 |" in text
    assert "ours" in text
    assert found["distractors"] == {"auc": {}, "right": {}}


def test_a_report_says_how_clauses_about_others_are_judged() -> None:
    good = {**judged([0.0, 0.0, -3.0, 0.0]), "kinds": ["a", "a", "b", "b"]}
    bad = {**judged([-3.0, 0.0, -3.0, -3.0]), "kinds": ["a", "a", "b", "c"]}
    everything = {
        "intact": judged([0.0, 0.0]),
        **{kind: judged([-2.0]) for kind in (*MR_SIDE, *TEXT_SIDE, CONTROL)},
        "hard": judged([0.0, -1.0]),
        f"{FAITHFUL}{KNOWN}": good,
        f"{MISREAD}{KNOWN}": bad,
        FAITHFUL: good,
    }
    mr = parse_mr("name[Aromi]", DOMAIN)
    cases = [HardCase(str(at), mr, "x", at < 1, "k", "n") for at in range(2)]
    found = report(everything, cases)
    assert list(found["distractors"]["auc"]) == ["known frames"]
    areas = found["distractors"]["auc"]["known frames"]["quals_sum"]
    assert areas == {"all": round(8.5 / 12, 4), "a": 0.75, "b": 0.75}
    right = found["distractors"]["right"]
    assert right[f"{FAITHFUL}{KNOWN}: checker"] == {"all": 75.0, "a": 100.0, "b": 50.0}
    assert right[f"{MISREAD}{KNOWN}: checker"] == {"all": 75.0, "a": 50.0, "b": 100.0, "c": 100.0}
    assert "| all | 75.000 | 75.000 |" in as_markdown(found)
