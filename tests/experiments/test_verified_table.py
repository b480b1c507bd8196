"""The measurement of verified generation: what it asks for, and that it counts what it says."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from echo_bundle import EchoBundle, echo_bundle
from scripted_backend import ScriptedBackend

from d2t.generate.load import load
from d2t.generate.pipeline import ModelGenerator
from d2t.generate.types import GenerationRequest
from d2t.io.atomic import atomic_write_json
from d2t.io.hashing import sha256_file
from d2t.io.resources import shipped_model
from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr, unseen_values
from d2t.mr.plans import parse_plan
from experiments.verified.__main__ import Measurement, invented_requests, measure

DOMAIN = load_domain("restaurant")


@pytest.fixture(scope="module")
def bundle() -> EchoBundle:
    return echo_bundle()


def test_invented_requests_are_new_and_reproducible() -> None:
    requests = invented_requests(DOMAIN, 200, 7)
    assert requests == invented_requests(DOMAIN, 200, 7)
    assert requests != invented_requests(DOMAIN, 200, 8)
    assert len({request.mr.key() for request in requests}) > 190
    known = {slot.name: set(slot.values) for slot in DOMAIN.slots}
    for request in requests:
        assert 3 <= len(request.mr.slots) <= len(DOMAIN.slots)
        assert request.plan is not None
        assert sorted(request.plan.slots) == sorted(request.mr.slots)
        for slot in request.mr.slots:
            if DOMAIN.slot(slot.name).kind == "open":
                assert slot.value not in known[slot.name]
    unseen = {s.name for request in requests for s in unseen_values(request.mr, DOMAIN)}
    assert unseen == {"food", "customer rating", "priceRange", "area", "eatType"}


def test_what_becomes_of_each_request_is_counted(
    bundle: EchoBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Said at once, repaired by a beam, failed; and a name whose letters are changed."""
    monkeypatch.setattr("d2t.generate.verified.load_frames", lambda domain: None)
    mr = parse_mr("name[Aromi], food[Uyghur]", bundle.domain)
    plans = ("name,food", "food,name")
    requests = [GenerationRequest(p, mr, parse_plan(p, mr, bundle.domain)) for p in plans]

    def greedy(source: str) -> list[str]:
        return ["<val:name> serves <val:food> food."] if source.startswith("<slot:name>") else ["?"]

    def beams(source: str) -> list[str]:
        return ["<val:food> food is served at <val:name>."]

    scripts = {"greedy": greedy, "beams": beams}
    found = measure(
        ModelGenerator(bundle, backend=ScriptedBackend(bundle.tokenizer, scripts)), requests
    )
    counts = found.as_dict()
    assert (counts["requests"], counts["greedy_ok"]) == (2, 50.0)
    assert counts["by_stage"] == {"ok": 1, "reranked": 1}
    assert (counts["ok_or_repaired"], counts["ser_of_returned"]) == (100.0, 0.0)
    assert (counts["out_of_order"], counts["not_letter_for_letter"]) == (0, 0)

    mute = ScriptedBackend(bundle.tokenizer, {"greedy": lambda _: ["?"]})
    none = measure(ModelGenerator(bundle, backend=mute), requests).as_dict()
    assert none["by_stage"] == {"failed": 2}
    assert none["ok_or_repaired"] == 0.0
    assert len(none["failed"]) == 2


COMMITTED = Path(__file__).resolve().parents[2] / "experiments/results/verified/ctranslate2.json"
TIMES = ("greedy_s", "verified_s", "ratio", "verified_per_s")


def test_the_committed_file_is_written_again_byte_for_byte(tmp_path: Path) -> None:
    """Of its counts alone: shares, the order of the stages and the form of the file."""
    content: dict[str, Any] = json.loads(COMMITTED.read_text(encoding="utf-8"))
    for name, counts in content["metrics"].items():
        n = counts["requests"]
        found = Measurement(
            n=n,
            greedy_ok=round(n * counts["greedy_ok"] / 100),
            greedy_s=1.0,
            verified_s=1.0,
            by_stage=Counter(counts["by_stage"]),
        ).as_dict()
        shares = {key: found[key] for key in ("greedy_ok", "ok_or_repaired", "by_stage")}
        content["metrics"][name] = {**counts, **shares}
    atomic_write_json(tmp_path / "again.json", content)
    assert (tmp_path / "again.json").read_bytes() == COMMITTED.read_bytes()


def test_the_committed_counts_of_invented_values_are_measured_again() -> None:
    """The shipped model says the same today; the times are those of the machine."""
    pytest.importorskip("ctranslate2")
    content: dict[str, Any] = json.loads(COMMITTED.read_text(encoding="utf-8"))
    digest = sha256_file(shipped_model() / "d2t.json")
    assert content["data_sha256"] == {"d2t.json": digest}
    generator = load(shipped_model(), engine="ctranslate2", threads=1)
    n, seed = (int(content["config"][key]) for key in ("invented", "seed"))
    found = measure(generator, invented_requests(generator.domain, n, seed)).as_dict()
    committed = content["metrics"]["invented values"]
    again = {**found, **{key: committed[key] for key in TIMES}}
    assert json.loads(json.dumps(again)) == committed
    assert json.dumps(again, ensure_ascii=False) == json.dumps(committed, ensure_ascii=False)


def test_the_page_of_results_quotes_the_committed_numbers() -> None:
    metrics = json.loads(COMMITTED.read_text(encoding="utf-8"))["metrics"]
    page = (COMMITTED.parents[1] / "README.md").read_text(encoding="utf-8")
    plans, invented = metrics["random plans"], metrics["invented values"]
    cells = [f"| {plans['greedy_ok']:.2f}% | {invented['greedy_ok']}% |"]
    for stage in ("composed", "ok", "reranked", "replanned", "segments"):
        n = plans["by_stage"][stage]
        share = 100 * n / plans["requests"]
        cells.append(f"| {n:,} ({share:.2f}%) | {invented['by_stage'].get(stage, 0)} |")
    times = [
        f"{one['greedy_s']} s and {one['verified_s']} s ({one['ratio']:.2f} times)"
        for one in (plans, invented)
    ]
    cells += [f"| {times[0]} | {times[1]} |"]
    assert [cell for cell in cells if cell not in page] == []
