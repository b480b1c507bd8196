"""The benchmarks count, pair and report what they should; nothing is timed here."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from torch import nn

from d2t.generate.requests import make_request
from d2t.model.config import TransformerConfig
from d2t.model.transformer import TransformerModel
from d2t.mr.domain import load_domain
from experiments.bench.__main__ import RESULTS, main
from experiments.bench.generation import QUICK, VERIFIED, Options, Pool, make_requests
from experiments.bench.hf import BART_BEAM, GREEDY_1, GREEDY_64
from experiments.bench.processes import input_lines, sentence_cost
from experiments.bench.table import as_markdown, goals
from experiments.bench.timing import (
    System,
    percentile,
    rounds,
    run_child,
    single_requests,
    throughput,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

QUICKLY = Options(model=Path("somewhere") / "bundle", threads=1, **QUICK)


def test_the_cost_of_one_token_is_one_look_at_every_weight_of_a_product() -> None:
    config = TransformerConfig(width=32, ffn=48, heads=4, encoder_layers=2, decoder_layers=3)
    model = TransformerModel(config, vocab_size=61, pad_id=0, bos_id=1, eos_id=2)
    n = sum(m.weight.numel() for m in model.modules() if isinstance(m, nn.Linear))
    cost = sentence_cost(config, 61, source=1, target=1, batch=1, weight_size=4)
    assert cost["matrix_ops"] == 2 * n
    assert cost["weight_bytes"] == 4 * n
    shared = sentence_cost(config, 61, source=1, target=1, batch=8, weight_size=1)
    assert shared["weight_bytes"] == n / 8
    assert shared["matrix_ops"] == cost["matrix_ops"]
    longer = sentence_cost(config, 61, source=10, target=20, batch=1, weight_size=4)
    assert longer["cache_bytes"] == 4 * 2 * 32 * 20 * 3 * (10.5 + 10)


def test_percentiles_are_values_that_occurred() -> None:
    values = [float(n) for n in range(20, 0, -1)]
    assert percentile(values, 50) == 10
    assert percentile(values, 95) == 19
    assert percentile([7.0], 95) == 7


def test_runs_are_interleaved_and_every_other_round_goes_backwards() -> None:
    seen: list[str] = []

    def run(name: str, number: int) -> str | None:
        seen.append(f"{name}{number}")
        return None if seen[-1] == "a1" else seen[-1]

    results = rounds("abc", run, 3)
    assert seen == ["a0", "b0", "c0", "c1", "b1", "a1", "a2", "b2", "c2"]
    assert results == [["a0", "a2"], ["b0", "b1", "b2"], ["c0", "c1", "c2"]]


def pool() -> Pool:
    _, requests = make_requests(QUICKLY, load_domain("restaurant"), 16)
    return Pool("mini", requests, [], [2] * len(requests))


def test_requests_are_distinct_and_the_same_every_time() -> None:
    name, requests = make_requests(QUICKLY, load_domain("restaurant"), 50)
    assert name.startswith("mini dev")
    assert len({(r.id, r.plan) for r in requests}) == len(requests) == 50
    assert requests == make_requests(QUICKLY, load_domain("restaurant"), 50)[1]


def test_records_are_read_back_by_the_command_as_they_were_written() -> None:
    domain = load_domain("restaurant")
    _, requests = make_requests(QUICKLY, domain, 20)
    for line, request in zip(input_lines(requests, domain), requests, strict=True):
        record = json.loads(line)
        read = make_request(record["mr"], record["plan"], domain, None, id=record["id"])
        assert read.mr.key() == request.mr.key()
        assert read.plan == request.plan


def test_all_systems_say_the_same_records_in_each_turn() -> None:
    records, asked = pool(), {"a": [], "b": []}  # type: ignore[var-annotated]

    def system(name: str) -> System:
        def say(places: Sequence[int]) -> int:
            asked[name].append(list(places))
            return sum(records.n_tokens[at] for at in places)

        return System(name, 8, say, {"note": name})

    rows = throughput([system("a"), system("b")], records, QUICKLY)
    assert [row["system"] for row in rows] == ["a", "b"]
    assert [row["note"] for row in rows] == ["a", "b"]
    shorter, longer = sorted((asked["a"][-1], asked["b"][-1]), key=len)
    assert longer[: len(shorter)] == shorter
    for row in rows:
        assert row["tokens_per_s"] == pytest.approx(2 * row["sentences_per_s"])
    singles = single_requests([system("a"), system("b")], records, QUICKLY)
    assert all(row["requests"] == QUICKLY.singles for row in singles)


def test_a_batch_that_is_named_is_filled() -> None:
    records = pool()
    slow = replace(QUICKLY, quick=False, seconds=1e-9)
    named = System("named", 8, len, whole=True)
    assert [row["batch"] for row in throughput([named], records, slow)] == [8]
    assert throughput([replace(named, whole=False)], records, slow)[0]["records"] == 1


def parts(scale: float) -> dict[str, Any]:
    speeds = {VERIFIED: 1000.0 * scale, GREEDY_64: 90.0, BART_BEAM: 5.0}
    waits = {VERIFIED: 2.0 / scale, GREEDY_1: 12.0}
    common = {"batch": 1, "records": 1, "lowest": 1.0, "highest": 2.0}
    return {
        "generation": {
            "data": "mini",
            "mean_tokens": 20.0,
            "unavailable": {"t5-small": "RuntimeError('no')"},
            "systems": [
                {"system": name, "sentences_per_s": speed, "tokens_per_s": speed, **common}
                for name, speed in speeds.items()
            ],
        },
        "latency": {
            "systems": [
                {"system": name, "requests": 3, "p50_ms": wait, "p95_ms": wait}
                for name, wait in waits.items()
            ],
        },
        "training": {
            "data": "mini", "steps": 2, "loss_steps": 3, "rounds": [[1, 1]], "batch_size": 8,
            "pairs_per_s": 300.0 * scale,
            "plain_pairs_per_s": 100.0, "ratio": 3.0 * scale, "dev_loss": 2.0,
            "averaged_dev_loss": 2.1, "encode_ms_per_pair": 0.5,
            "plain_dev_loss": 1.99 if scale == 1 else 1.5,
        },
    }  # fmt: skip


def test_goals_are_met_or_missed() -> None:
    assert [(g["met"], round(g["ratio"], 3)) for g in goals(parts(1.0))] == [
        (True, 11.111),
        (True, 200.0),
        (True, 6.0),
        (True, 3.0),
    ]
    assert [goal["met"] for goal in goals(parts(0.1))] == [False] * 4
    assert [goal["met"] for goal in goals(parts(0.6))][-1] is False, "the loss is not equal"
    assert goals({}) == []
    times = {"seconds_per_1000": {"search and text": 3.0, "check": 1.0}}
    missed = goals({**parts(0.1), "limits": times})
    assert missed[0]["holds_back"].startswith("search and text takes 75%")
    assert "the higher one" in missed[-1]["holds_back"]


def test_the_table_shows_every_part_and_names_what_could_not_be_measured() -> None:
    results = {
        "machine": "a processor",
        "threads": 1,
        "results": [],
        "goals": goals(parts(1.0)),
        "parts": parts(1.0),
    }
    table = as_markdown(results)
    assert f"| {VERIFIED} | 1 | 1 | 1,000 |" in table
    assert "Not measured, t5-small: RuntimeError('no')" in table
    assert "| 10 x | 11.11 x | met |" in table


def test_a_share_above_the_limit_is_doubted_aloud() -> None:
    part = {
        "rates": {"fp32_ops_per_s": 1e9},
        "measured_by": {"fp32_ops_per_s": "torch matmul"},
        "limits": {"torch": dict.fromkeys(
            ("matrix_ops", "attention_ops", "weight_bytes", "cache_bytes", "sentences_per_s"), 1.0
        )},
        "achieved": {"d2t greedy, torch": {"sentences_per_s": 2.0, "achieved_over_limit": 2.0}},
        "seconds_per_1000": {"check": 1.0},
        "believable": False,
    }  # fmt: skip
    results = {"machine": "m", "threads": 1, "results": [], "goals": [], "parts": {"limits": part}}
    assert "none of the shares below can be believed" in as_markdown(results)
    part["believable"] = True
    assert "believed" not in as_markdown(results)


def test_a_child_is_measured_and_its_failure_is_told() -> None:
    child = run_child(["-c", "import sys; print(sys.stdin.read() * 2)"], "ab")
    assert child.stdout == "abab\n"
    assert child.peak_mb > 1
    assert child.wall_s > 0
    with pytest.raises(RuntimeError, match="no such thing"):
        run_child(["-c", "raise SystemExit('no such thing')"])


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_the_memory_of_a_command_is_that_of_all_its_processes() -> None:
    hold = "x = bytearray(60_000_000); import time; time.sleep(1)"
    begin = f"[subprocess.Popen([sys.executable, '-c', {hold!r}]) for _ in range(2)]"
    both = run_child(["-c", f"import subprocess, sys; [one.wait() for one in {begin}]"])
    assert both.peak_mb > 120


def test_what_is_written_holds_no_path_of_the_machine() -> None:
    assert QUICKLY.as_dict()["model"] == "bundle"
    json.dumps(QUICKLY.as_dict())


def test_an_unknown_part_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "checker,speed"]) == 2
    assert "'speed'" in capsys.readouterr().err


def keys(value: Any) -> Any:
    """The names of all figures; of a list those of its first entry."""
    if isinstance(value, dict):
        return {name: keys(inner) for name, inner in value.items()}
    return [keys(value[0])] if isinstance(value, list) and value else None


@pytest.mark.slow
def test_every_part_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from echo_bundle import save_random_bundle

    bundle = save_random_bundle(tmp_path / "bundle")
    chosen = "generation,latency,processes,limits,growth,training"
    out = tmp_path / "out"
    arguments = ["--quick", "--model", str(bundle), "--only", chosen, "--out", str(out)]
    assert main([*arguments, "--threads", "1"]) == 0
    results = json.loads(capsys.readouterr().out)
    assert set(results["parts"]) == set(chosen.split(","))
    assert results["parts"]["generation"]["unavailable"] == {}
    assert len(results["goals"]) == 4
    committed = json.loads((RESULTS / "bench.json").read_text(encoding="utf-8"))["metrics"]["parts"]
    for part in chosen.split(","):
        ours, theirs = results["parts"][part], committed[part]
        if part in ("generation", "latency"):
            names = [[row["system"] for row in rows["systems"]] for rows in (ours, theirs)]
            assert names[0] == names[1]
        for machines_own in ("rates", "measured_by"):
            ours.pop(machines_own, None), theirs.pop(machines_own, None)
        assert keys(ours) == keys(theirs), part
    assert str(tmp_path) not in (out / "bench.json").read_text(encoding="utf-8")
    assert "## Growth" in (out / "table.md").read_text(encoding="utf-8")
