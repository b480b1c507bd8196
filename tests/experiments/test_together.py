"""Everything together: rows, what they are compared with, ties, verdicts, and that it goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from echo_bundle import echo_bundle, save_random_bundle
from tiny_qa import tiny_model

from d2t.errors import ConfigError, DataError
from d2t.generate.pipeline import ModelGenerator
from d2t.generate.types import GenerationRequest
from d2t.mr.parse import parse_mr
from d2t.mr.plans import parse_plan
from d2t.search.backend import SearchResult
from experiments.faithfulness import contrast, together
from experiments.faithfulness.together import (
    Row,
    TieBreaker,
    TogetherExperiment,
    best,
    worth,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.generate.types import Hypothesis

FOLDER = Path(together.__file__).parent


@pytest.mark.parametrize("name", ["together.toml", "together_pilot.toml"])
def test_the_shipped_files_have_every_part_and_every_row_something_to_compare(name: str) -> None:
    experiment = TogetherExperiment.read(FOLDER / name)
    singles = {row.name for row in experiment.rows}
    assert any(row.decoding == ("rerank", "qa-ties") for row in experiment.rows)
    assert any("contrast" in row.decoding for row in experiment.rows)
    assert any("verified" in row.decoding for row in experiment.rows)
    assert {"at", "splus", "conseq-ser", "counterfactual"} <= singles
    for row in experiment.rows:
        assert experiment.without(row) or row.parts in (("at",), ("plan",))  # they stand on nothing
    arms = experiment.conseq
    assert arms is not None
    assert arms.drawer() is not None
    assert contrast.ContrastExperiment.read(FOLDER / str(experiment.contrast.of)).split == "dev"  # type: ignore[union-attr]


def test_the_full_table_has_the_controls_of_conseq() -> None:
    experiment = TogetherExperiment.read(FOLDER / "together.toml")
    for name in ("conseq-ser", "conseq-quals2"):
        others = [other.name for _, other in experiment.without(Row(parts=(name,)))]
        assert others == ["both", "continued", "splus", "splus-quals2"]
    assert experiment.split == "test"
    assert experiment.seeds == (1, 2)


def small(bundle: str, **changes: Any) -> dict[str, Any]:
    return {
        "title": "T", "results": "t", "corpus": "mini", "split": "dev", "n_mrs": 3,
        "seeds": [1, 2], "beam": 2, "qa_of": "conseq_pilot.toml",
        "models": {
            "at": {"title": "AT", "bundles": [bundle, bundle]},
            "st": {"title": "ST", "on": "at", "bundles": [bundle]},
            "gone": {"title": "gone", "on": "at", "bundles": ["nowhere/bundle"]},
        },
        "rows": [{"parts": p} for p in (["at"], ["st"], ["gone"], ["at", "rerank"],
                 ["at", "rerank", "qa-ties"], ["st", "rerank"])],
        **changes,
    }  # fmt: skip


def test_a_row_is_compared_with_those_that_lack_one_part() -> None:
    arms = {"on": "st", "controls": ["more"], "arms": [
        {"name": "more", "label": "More", "kind": "continued"}, {"name": "ser", "label": "SER"},
    ]}  # fmt: skip
    rows = [["at"], ["st"], ["more"], ["ser"], ["st", "rerank"], ["ser", "rerank"],
            ["st", "rerank", "verified"]]  # fmt: skip
    raw = small("b", conseq=arms, rows=[{"parts": p} for p in rows])
    experiment = TogetherExperiment.model_validate(raw)
    found = {
        row.name: [(part, other.name) for part, other in experiment.without(row)]
        for row in experiment.rows
    }
    assert found == {
        "at": [],
        "st": [("st", "at")],
        "more": [("more", "st")],
        "ser": [("ser", "st"), ("ser", "more")],
        "st+rerank": [("rerank", "st")],
        "ser+rerank": [("ser", "st+rerank"), ("rerank", "ser")],
        "st+rerank+verified": [("verified", "st+rerank")],
    }
    assert experiment.label(Row(parts=("ser", "rerank"))) == "AT + ST + SER + n-best reranking"


@pytest.mark.parametrize(
    ("parts", "named"),
    [
        (["rerank"], "begins with no model"),
        (["at", "magic"], "no such part"),
        (["at", "qa-ties"], "'qa-ties' needs 'rerank'"),
        (["at", "verified", "rerank"], "in this order"),
        (["at", "contrast"], r"no \[contrast\]"),
        (["st"], "two rows"),
    ],
)
def test_rows_that_make_no_sense(parts: list[str], named: str, tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text(
        'title = "T"\nresults = "t"\ncorpus = "mini"\nseeds = [1]\nqa_of = "conseq_pilot.toml"\n'
        'models.at = {title = "AT", bundles = ["b"]}\n'
        'models.st = {title = "ST", on = "at", bundles = ["b"]}\n'
        f'rows = [{{parts = ["st"]}}, {{parts = {json.dumps(parts)}}}]\n'
    )
    with pytest.raises(ConfigError, match=named):
        TogetherExperiment.read(path)


def test_dev_chooses_the_contrast_with_the_fewest_errors_that_keeps_bleu() -> None:
    raw = {
        "title": "T", "bundle": "b", "results": "t", "corpus": "mini", "training": "mini",
        "grids": {"x": {"contrasts": ["null"], "betas": [0.1, 0.5], "plausibilities": [0.1],
                        "beams": [1, 2]}},
    }  # fmt: skip
    experiment = contrast.ContrastExperiment.model_validate(raw)

    def chosen(mild: tuple[float, float], strong: tuple[float, float]) -> str:
        scores = {"greedy": (5.0, 40.0), "null-b0.1-a0.1-beam1": mild,
                  "null-b0.5-a0.1-beam1": strong, "null-b0.1-a0.1-beam2": (0.0, 50.0)}  # fmt: skip
        found = {name: {"all": {"ser": ser, "bleu": bleu}} for name, (ser, bleu) in scores.items()}
        return experiment.chosen(found)

    assert chosen((4.0, 39.5), (1.0, 30.0)) == "null-b0.1-a0.1-beam1"
    assert chosen((4.0, 39.5), (3.0, 39.0)) == "null-b0.5-a0.1-beam1"
    assert chosen((4.0, 35.0), (1.0, 30.0)) == "null-b0.1-a0.1-beam1"  # none keeps it: the closest
    with pytest.raises(DataError, match="no contrast"):
        experiment.chosen({"greedy": {}})


GOOD = "At the riverside is Aromi, a pub."
ALSO_GOOD = "Near the river is Aromi. It is a pub."
OTHER_ORDER = "Aromi is a pub at the riverside."
NO_AREA = "Aromi is a pub."
TWICE = "Aromi, a pub, is a pub."


@pytest.mark.parametrize(
    ("beams", "scores", "best"),
    [
        ([GOOD, ALSO_GOOD], {ALSO_GOOD: 1.0}, ALSO_GOOD),
        ([GOOD, ALSO_GOOD], {}, GOOD),  # equal scores: the model's ranking
        ([NO_AREA, GOOD, ALSO_GOOD], {NO_AREA: 9.0, ALSO_GOOD: 1.0}, ALSO_GOOD),  # never an error
        ([GOOD, OTHER_ORDER], {OTHER_ORDER: 9.0}, GOOD),  # nor another order
        ([NO_AREA, "Aromi is another pub."], {"Aromi is another pub.": 9.0}, NO_AREA),
    ],
)
def test_questions_break_ties_among_perfect_texts_alone(
    beams: list[str], scores: dict[str, float], best: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = echo_bundle()
    generator = TieBreaker(bundle, None, beam_size=8)  # type: ignore[arg-type]
    encode = bundle.tokenizer.encode_target
    templates = [text.replace("Aromi", "<val:name>") for text in beams]
    results = [SearchResult(tuple(encode(t)[:-1]), -1.0 - i, True) for i, t in enumerate(templates)]
    asked: list[str] = []

    def score(texts: Sequence[Hypothesis]) -> list[float]:
        asked.extend(text.text for text in texts)
        return [scores.get(text.text, 0.0) for text in texts]

    monkeypatch.setattr(generator, "_beams", lambda batch: [results] * len(batch))
    monkeypatch.setattr(generator, "_scores", score)
    mr = parse_mr("name[Aromi], eatType[pub], area[riverside]", bundle.domain)
    plan = parse_plan("area,name,eatType", mr, bundle.domain)
    [found] = generator.generate([GenerationRequest("0", mr, plan)])
    assert found.text == best
    assert not set(asked) & {NO_AREA, OTHER_ORDER}
    plain = ModelGenerator(bundle, beam_size=8, rerank=True)
    monkeypatch.setattr(plain, "_beams", lambda batch: [results] * len(batch))
    [reranked] = plain.generate([GenerationRequest("0", mr, plan)])
    if not scores:
        assert found == reranked


def item(**differences: tuple[float, float, float]) -> dict[str, Any]:
    found = {
        metric: {"difference": d, "low": low, "high": high, "p": 0.5}
        for metric, (d, low, high) in differences.items()
    }
    return {"title": "the part", "label": "AT", "seeds": 2, "difference": {"own": found}}


def test_what_a_part_is_worth_in_words() -> None:
    zero = (0.1, -0.1, 0.2)
    assert (
        worth(item(ser=zero, bleu=zero)) == "**the part** (over AT, 2 seeds): own orders: nothing."
    )
    assert worth(item(ser=(-1.0, -2.0, 0.0))).endswith("own orders: nothing.")  # holds 0
    said = worth(item(ser=(-1.0, -2.0, -0.5), bleu=(-3.0, -4.0, -2.0), order=zero))
    assert said.endswith(
        "own orders: better SER -1.00 [-2.00, -0.50], worse BLEU -3.00 [-4.00, -2.00], "
        "nothing on order."
    )
    assert "better BLEU" in worth(item(bleu=(1.0, 0.5, 2.0)))
    assert "worse parser missing" in worth(item(parser_missing=(1.0, 0.5, 2.0)))


def test_the_best_row_of_each_measure_and_ties() -> None:
    rows = {
        name: {"label": name, "scores": {"own": {"ser": ser, "bleu": bleu}}}
        for name, ser, bleu in (
            ("a", [1.0, 3.0], [40.0]),
            ("b", [2.0], [41.0]),
            ("c", [4.0], [1.0]),
        )
    }
    assert best(rows, "own") == "Best by each measure: SER 2.00: a = b; BLEU 41.00: b."


def test_a_run_is_kept_and_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle, qa = save_random_bundle(tmp_path / "bundle"), tmp_path / "qa"
    tiny_model().save(qa)
    monkeypatch.setattr(together, "qa_model", lambda models, folder, role: qa)
    path, out, runs = tmp_path / "x.toml", tmp_path / "out", tmp_path / "runs"
    path.write_text(as_toml(small(str(bundle))))
    arguments = ["--config", str(path), "--out", str(out), "--runs", str(runs)]
    assert together.main([*arguments, "--report"]) == 1
    assert "no results yet" in capsys.readouterr().err
    assert together.main(arguments) == 1  # a model is not there, the other rows are
    assert "gone, seed 1: nowhere/bundle holds no bundle" in capsys.readouterr().err
    results = json.loads((out / "results.json").read_text("utf-8"))["metrics"]
    assert list(results["rows"]) == ["at", "st", "at+rerank", "at+rerank+qa-ties", "st+rerank"]
    assert [len(row["seconds"]["own"]) for row in results["rows"].values()] == [2, 1, 2, 2, 1]
    [over] = results["rows"]["st"]["without"]
    assert (over["row"], over["seeds"]) == ("at", 1)
    assert over["difference"]["random"]["ser"]["p"] == 1.0  # one model by two names
    scores = results["rows"]["at"]["scores"]["random"]
    assert {"ser", "order", "qa_f1", "bleu"} <= set(scores)
    text = (out / "table.md").read_text("utf-8")
    assert "- **ST** (over AT, 1 seed): own orders: nothing; random plans: nothing." in text
    assert "## Not made" in text
    files = sorted([*runs.rglob("*.json*"), *(out / "rows").iterdir()])
    assert len(files) == 3 * 2 * 8 + 8
    times = [file.stat().st_mtime_ns for file in files]
    assert together.main(arguments) == 1
    assert [file.stat().st_mtime_ns for file in files] == times
    experiment = TogetherExperiment.read(path)
    steps = together.COMMAND.steps(experiment, together.COMMAND.places(
        experiment, path, out=out, runs=runs))  # fmt: skip
    assert [step.is_file() for step in steps].count(False) == 1
    assert together.main([*arguments[:-1], str(tmp_path / "another machine")]) == 1
    again = json.loads((out / "results.json").read_text("utf-8"))["metrics"]
    assert again["rows"] == results["rows"], "what is kept is not made again"
    (out / "table.md").unlink()
    assert together.main([*arguments, "--report"]) == 0
    assert (out / "table.md").read_text("utf-8") == text


def as_toml(raw: dict[str, Any]) -> str:
    """TOML of scalars, lists and tables of them."""

    def value(part: Any) -> str:
        if isinstance(part, dict):
            return "{" + ", ".join(f"{k} = {value(v)}" for k, v in part.items()) + "}"
        if isinstance(part, list):
            return "[" + ", ".join(map(value, part)) + "]"
        return json.dumps(part)

    return "".join(f"{name} = {value(part)}\n" for name, part in raw.items())
