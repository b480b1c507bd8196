"""Whole processes and the machine: start-up, memory, growth, and the limit that its rates set.

``python -m experiments.bench.processes THREADS SECONDS SIDE`` prints the machine's best rates.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import mean, median
from typing import TYPE_CHECKING, Any

import torch

from d2t.generate.verified import VerifiedGenerator
from d2t.io.atomic import atomic_write
from d2t.model.bundle.parts import DOMAIN
from d2t.mr.domain import load_domain
from d2t.mr.domain_files import load_domain_copy
from d2t.mr.plans import plan_as_list
from d2t.mr.render import mr_to_json
from d2t.slots.checker import SlotChecker
from experiments.bench.generation import (
    FLOAT32,
    INT8,
    TORCH,
    encoded_sources,
    first_split,
    has_export,
    make_requests,
    token_ids,
)
from experiments.bench.hf import BATCH, hf_system
from experiments.bench.timing import ROOT, Child, rounds, run_child, throughput, timed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from d2t.generate.types import GenerationRequest
    from d2t.model.config import TransformerConfig
    from d2t.mr.domain import Domain
    from experiments.bench.generation import Options, Stage


CHECKER_FLOOR = 5000.0
STARTUP_BUDGET_S = 0.4
_STARTS = 7
_ONE_TEXT = '{"mr": "name[Aromi], eatType[pub]", "text": "Aromi is a pub."}\n'


def bench_checker() -> list[dict[str, Any]]:
    """Check cleaned E2E dev where it is fetched, else the embedded corpus; the best of five rounds.

    Times are of the processor: other jobs on the machine do not count. The first round also builds
    the automaton as phrases occur; it is reported apart.
    """
    domain = load_domain("restaurant")
    data, examples = first_split(("e2e_cleaned", "dev"), ("mini", "train"), domain=domain)
    pairs = [(text, example.mr) for example in examples for text in example.references]
    load_s, checker = timed(SlotChecker.for_domain, domain, clock=time.process_time)

    def check_all() -> None:
        for text, mr in pairs:
            checker.check(text, mr)

    speeds = [len(pairs) / timed(check_all, clock=time.process_time)[0] for _ in range(5)]
    return [{
        "name": "slot checker",
        "value": max(speeds),
        "unit": "utterances/s",
        "floor": CHECKER_FLOOR,
        "ratio": max(speeds) / CHECKER_FLOOR,
        "first_round": speeds[0],
        "load_s": load_s,
        "data": f"{data} ({len(pairs)} utterances)",
        "signature": checker.signature(),
    }]  # fmt: skip


def bench_startup() -> list[dict[str, Any]]:
    """Median wall seconds of two commands from start to exit, each against the budget."""
    commands = {
        "d2t --help": (["-m", "d2t", "--help"], ""),
        "d2t check, one text": (["-m", "d2t", "check"], _ONE_TEXT),
    }
    return [
        {
            "name": f"start-up of {name}",
            "value": (seconds := median(child.wall_s for child in starts)),
            "unit": "s",
            "floor": STARTUP_BUDGET_S,
            "ratio": STARTUP_BUDGET_S / seconds,
            "data": f"median of {_STARTS} processes",
        }
        for name, starts in _in_turn(commands, _STARTS).items()
    ]


def _in_turn(runs: dict[str, tuple[list[str], str]], n: int) -> dict[str, list[Child]]:
    """Fresh processes in ``n`` rounds, by name; given are their arguments and their input."""
    children = rounds(list(runs.values()), lambda run, _: run_child(*run), n)
    return dict(zip(runs, children, strict=True))


def input_lines(requests: Sequence[GenerationRequest], domain: Domain) -> list[str]:
    """What ``d2t generate`` reads: one JSON record a line."""
    return [
        json.dumps({
            "id": request.id,
            "mr": mr_to_json(request.mr, domain),
            "plan": plan_as_list(request.plan) if request.plan else None,
        }) + "\n"
        for request in requests
    ]  # fmt: skip


def bench_processes(stage: Stage, options: Options) -> dict[str, Any]:
    """Wall time of one record from start to exit; peak memory of a thousand."""
    ours, script = "d2t generate", "HF script, same weights"
    threads = ["--threads", str(options.threads)]
    generate = ["-m", "d2t", "generate", "--model", str(options.model), *threads]
    hf = ["-m", "experiments.bench.hf", *threads]
    lines = input_lines(stage.pool.requests[:1024], stage.generators[INT8].domain)
    rows = [json.dumps(ids) + "\n" for ids in token_ids(stage.pool)[:1024]]
    with tempfile.TemporaryDirectory() as folder:
        stage.twin.save_pretrained(folder)
        twin = [*hf, "--folder", folder]
        engines = {ours: generate, f"{ours} --engine torch": [*generate, "--engine", "torch"]}
        cold = {name: (command, lines[0]) for name, command in engines.items()}
        cold[script] = (twin, rows[0])
        starts = _in_turn(cold, options.rounds + 1)  # the first round warms the disk cache
        many = {name: (command, lines) for name, command in engines.items()}
        for search, batch, beams in (("greedy", 64, 1), ("greedy", 128, 1), ("beam 4", 64, 4)):
            command = [*twin, "--batch", str(batch), "--beams", str(beams)]
            many[f"{script}, {search}, batch {batch}"] = (command, rows)
        peaks = [
            {
                "process": name,
                "records": len(records),
                "peak_mb": run_child(command, "".join(records)).peak_mb,
            }
            for name, (command, records) in many.items()
        ]
    batch = 2 if options.quick else BATCH
    rival = run_child([*hf, "--shape", "bart-base", "--batch", str(batch)])
    named = f"HF script, bart-base shape, greedy, batch {batch}"
    return {
        "cold_start": [
            {
                "process": name,
                "wall_s": median(child.wall_s for child in children[1:]),
                "peak_mb": max(child.peak_mb for child in children[1:]),
            }
            for name, children in starts.items()
        ],
        "peak_memory": [*peaks, {"process": named, "records": batch, "peak_mb": rival.peak_mb}],
    }


_DISTINCT = 20_000
"""Records of which longer inputs are made, with ids of their own."""


def bench_growth(options: Options) -> dict[str, Any]:
    """Throughput and peak memory of verified generation, file to file, by number of records.

    A size that would take longer than ``options.growth_s`` is scaled from the largest that was run.
    All in one process, so that sizes compare; then the largest again with one process a core.
    """
    domain = load_domain_copy(options.model / DOMAIN)
    data, requests = make_requests(options, domain, min(_DISTINCT, max(options.growth)))
    lines = input_lines(requests, domain)
    start_s = _generate_file(lines, 1, options, processes=1).wall_s

    def row(n: int, processes: int) -> dict[str, Any]:
        child = _generate_file(lines, n, options, processes=processes)
        speed = n / max(1e-9, child.wall_s - start_s)
        print(f"  {n} records: {speed:.1f}/s, {child.peak_mb:.0f} MB", file=sys.stderr)
        return {
            "records": n, "estimated": False, "sentences_per_s": speed,
            "wall_s": child.wall_s, "peak_mb": child.peak_mb, "processes": processes,
        }  # fmt: skip

    ran, estimates = [row(options.growth[0], 1)], []
    for n in options.growth[1:]:
        last = ran[-1]
        if last["wall_s"] * n / last["records"] <= options.growth_s:
            ran.append(row(n, 1))
        else:
            wall_s = start_s + n / last["sentences_per_s"]
            estimates.append(last | {"records": n, "estimated": True, "wall_s": wall_s})
    first, last = ran[0], ran[-1]
    several = row(last["records"], max(2, options.threads))
    return {
        "data": data,
        "start_s": start_s,
        "sizes": [*ran, *estimates, several],
        "throughput_largest_over_smallest": last["sentences_per_s"] / first["sentences_per_s"],
        "memory_largest_over_smallest": last["peak_mb"] / first["peak_mb"],
    }


def _generate_file(lines: list[str], n: int, options: Options, *, processes: int) -> Child:
    """One command over ``n`` records in a file."""
    with tempfile.TemporaryDirectory() as scratch:
        source, target = Path(scratch) / "in.jsonl", Path(scratch) / "out.jsonl"
        with atomic_write(source) as file:
            for at in range(n):
                copy, place = divmod(at, len(lines))
                file.write(lines[place].replace('{"id": "', f'{{"id": "{copy}-', 1))
        return run_child([
            "-m", "d2t", "generate", str(source), "--output", str(target),
            "--model", str(options.model), "--threads", str(options.threads),
            "--processes", str(processes),
        ])  # fmt: skip


def bench_limits(stage: Stage, options: Options) -> dict[str, Any]:
    """Rates of the machine, the cost of a sentence, and the share of the limit that is reached."""
    rates, how = machine_rates(options)
    measured = throughput(_slices_of_work(stage), stage.pool, options)
    speeds = {row["system"]: row["sentences_per_s"] for row in measured}
    limits = {
        engine: _limit(stage, size, rates) for engine, size in ((INT8, 1), (FLOAT32, 4), (TORCH, 4))
    }
    shares = {
        name: {
            "sentences_per_s": speed,
            "achieved_over_limit": speed / limits[engine]["sentences_per_s"],
        }
        for name, speed in speeds.items()
        if (engine := name.partition(", ")[2]) in limits
    }
    linearized, text, checked, proved = (1000 / speed for speed in list(speeds.values())[:4])
    return {
        "rates": rates,
        "measured_by": how,
        "limits": limits,
        "achieved": shares,
        "parts_per_s": measured,
        "seconds_per_1000": {
            "linearization": linearized,
            "search and text": text - linearized,
            "check": checked - text,
            "repair": proved - checked,
        },
        "believable": all(share["achieved_over_limit"] <= 1 for share in shares.values()),
        "int8_export_of_bundle": has_export(options.model),
    }


def _slices_of_work(stage: Stage) -> list[Any]:
    """The fast engine's work in growing slices, the twin's search, and our greedy systems.

    The slices have one window in work at a time: where a window is searched while another is
    checked, their difference would not be the check.
    """
    pool, alone = stage.pool, stage.generators[INT8].with_beam(1)
    alone.at_a_time = 1
    slices: dict[str, Callable[[list[GenerationRequest]], object]] = {
        "linearization and token ids": partial(encoded_sources, alone),
        f"up to text, {INT8}": lambda requests: alone.with_beam(1).candidates(requests),
        f"up to check, {INT8}": alone.generate,
        f"up to proof, {INT8}": VerifiedGenerator(alone).generate,
    }
    batch, ids = alone.batch_size, token_ids(pool)
    return [
        *(pool.system(name, batch, work) for name, work in slices.items()),
        hf_system(f"HF generate, {TORCH}", stage.twin, ids, batch=BATCH, beams=1),
        *(system for system in stage.ours if system.name.startswith("d2t greedy")),
    ]


def _limit(stage: Stage, weight_size: int, rates: dict[str, float]) -> dict[str, float]:
    """Sentences per second if nothing but products and reading took time, and all at best rates.

    Weights of a model as small as ours stay in the processor's cache, so they are read at its
    rate. Computing and reading may overlap, so the slower of the two is the limit.
    """
    cost = sentence_cost(
        stage.network.config,
        stage.network.vocab_size,
        source=mean(map(len, token_ids(stage.pool))),
        target=mean(stage.pool.n_tokens),
        batch=BATCH,
        weight_size=weight_size,
    )
    fp32 = rates["fp32_ops_per_s"]
    matrix = rates.get("int8_ops_per_s", fp32) if weight_size == 1 else fp32
    compute_s = cost["matrix_ops"] / matrix + cost["attention_ops"] / fp32
    read_s = (cost["weight_bytes"] + cost["cache_bytes"]) / rates["cache_bytes_per_s"]
    times = {"compute_s": compute_s, "read_s": read_s}
    return cost | times | {"sentences_per_s": 1 / max(times.values())}


def sentence_cost(
    config: TransformerConfig,
    vocab_size: int,
    *,
    source: float,
    target: float,
    batch: int,
    weight_size: int,
) -> dict[str, float]:
    """Greedy search with a key-value cache for ``source`` tokens in and ``target`` tokens out.

    Embedding look-ups, norms, softmax and the choice of a token are left out: a bound from below.

    Args:
        config: the model's shape.
        vocab_size: rows of the output matrix.
        source: tokens of a source, EOS included.
        target: tokens of an answer, EOS included.
        batch: sentences that share each reading of the weights.
        weight_size: bytes of a weight.

    Returns:
        Per sentence, a multiply-add being two operations: ``matrix_ops``, products with weights,
        which int8 engines do in int8; ``attention_ops``, products of activations, in fp32 always;
        ``weight_bytes`` that are read, once a decoding step for the whole batch; ``cache_bytes``,
        the keys and values that are read, in fp32 always.
    """
    d, ffn = config.width, config.ffn
    n_encoder, n_decoder = config.encoder_layers, config.decoder_layers
    encoder = n_encoder * (4 * d * d + 2 * d * ffn)  # weights; as many multiply-adds a token
    memory = n_decoder * 2 * d * d  # keys and values of the source, computed once
    decoder = n_decoder * (4 * d * d + 2 * d * d + 2 * d * ffn) + d * vocab_size
    seen = n_decoder * ((target + 1) / 2 + source)  # positions attended to in a step, all layers
    return {
        "matrix_ops": 2 * (source * (encoder + memory) + target * decoder),
        "attention_ops": 4 * d * (n_encoder * source * source + target * seen),
        "weight_bytes": weight_size * (encoder + memory + target * decoder) / batch,
        "cache_bytes": 4 * 2 * d * target * seen,
    }


def machine_rates(options: Options) -> tuple[dict[str, float], dict[str, str]]:
    """The best rate of each kind, and what reached it.

    Measured in a process of its own: some int8 kernels of torch end the process on processors they
    were not written for. A kernel that crashes is left out.
    """
    size = ["0.02", "256"] if options.quick else ["2", "768"]  # products of milliseconds
    command = [sys.executable, "-m", "experiments.bench.processes", str(options.threads), *size]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    rates: dict[str, float] = {}
    how: dict[str, str] = {}
    for name, method, rate in map(json.loads, done.stdout.splitlines()):
        print(f"  {name}, {method}: {rate:.3g}", file=sys.stderr)
        if rate > rates.get(name, 0.0):
            rates[name], how[name] = rate, method
    if done.returncode:
        how["crashed"] = f"the measurement after the last one, with exit code {done.returncode}"
    return rates, how


def _print_rates(threads: int, seconds: float, side: int) -> None:
    """One line of JSON per measurement; the engines that may crash come last."""
    torch.set_num_threads(threads)
    left, right = torch.randn(side, side), torch.randn(side, side)
    operations = 2 * side**3

    def report(name: str, how: str, amount: float, run: Callable[[], Any]) -> None:
        """The best of the repetitions that fit into ``seconds``: a limit, not a mean."""
        run()
        until = time.perf_counter() + seconds
        best = timed(run)[0]
        while time.perf_counter() < until:
            best = min(best, timed(run)[0])
        print(json.dumps([name, how, amount / best]), flush=True)

    with torch.inference_mode():
        report("fp32_ops_per_s", "torch matmul", operations, lambda: left @ right)
        # Larger than any cache; the size of a small model in int8.
        for name, size in (("memory_bytes_per_s", 1 << 28), ("cache_bytes_per_s", 1 << 21)):
            buffer = torch.ones(size // 4)
            report(name, "torch sum", size, buffer.sum)
            copy = partial(torch.empty_like(buffer).copy_, buffer)
            report(name, "torch copy", 2 * size, copy)
        for engine in ("onednn", "fbgemm", "qnnpack"):
            if engine in torch.backends.quantized.supported_engines:
                torch.backends.quantized.engine = engine
                weights = torch.quantize_per_tensor(right, 0.05, 0, torch.qint8)
                packed = torch.ops.quantized.linear_prepack(weights, None)
                values = torch.quantize_per_tensor(left, 0.05, 64, torch.quint8)
                multiply = partial(torch.ops.quantized.linear, values, packed, 0.05, 64)
                report("int8_ops_per_s", f"torch {engine}", operations, multiply)


if __name__ == "__main__":
    _print_rates(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
