"""How near generation comes to what the machine could do: the cost of a sentence and its limit."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from d2t.generate.verified import VerifiedGenerator
from d2t.search.ct2_backend import FOLDER
from experiments.bench.generation import FLOAT32, INT8, TORCH, network_of
from experiments.bench.hf import say_with_hf
from experiments.bench.options import encoded_sources
from experiments.bench.processes import ROOT
from experiments.bench.turns import System, throughput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.model.config import TransformerConfig
    from experiments.bench.generation import Stage
    from experiments.bench.options import Options


_BATCH = 64


def bench_limits(stage: Stage, options: Options) -> dict[str, Any]:
    """Rates of the machine, the cost of a sentence, and the share of the limit that is reached."""
    rates, how = machine_rates(options)
    weight_sizes = {INT8: 1, FLOAT32: 4, TORCH: 4}
    measured = throughput(_stages_of_work(stage), stage.pool, options)
    found = {row["system"]: row["sentences_per_s"] for row in measured}
    limits = {engine: _limit(stage, size, rates) for engine, size in weight_sizes.items()}
    shares = {
        name: {
            "sentences_per_s": speed,
            "achieved_over_limit": speed / limits[_engine(name)]["sentences_per_s"],
        }
        for name, speed in found.items()
        if _engine(name) in limits
    }
    return {
        "rates": rates,
        "measured_by": how,
        "limits": limits,
        "achieved": shares,
        "parts_per_s": measured,
        "seconds_per_1000": _where_time_goes(found),
        "believable": all(share["achieved_over_limit"] <= 1 for share in shares.values()),
        "int8_export_of_bundle": (options.model / FOLDER / "model.bin").is_file(),
    }


def machine_rates(options: Options) -> tuple[dict[str, float], dict[str, str]]:
    """The best rate of each kind, and what reached it; a kernel that crashes is left out."""
    size = ["0.02", "256"] if options.quick else ["2", "768"]  # products of milliseconds
    done = subprocess.run(
        [sys.executable, "-m", "experiments.bench.rates", str(options.threads), *size],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    rates: dict[str, float] = {}
    how: dict[str, str] = {}
    for line in done.stdout.splitlines():
        found = json.loads(line)
        print(f"  {found['name']}, {found['how']}: {found['rate']:.3g}", file=sys.stderr)
        if found["rate"] > rates.get(found["name"], 0.0):
            rates[found["name"]], how[found["name"]] = found["rate"], found["how"]
    if done.returncode:
        how["crashed"] = f"the measurement after the last one, with exit code {done.returncode}"
    return rates, how


def _limit(stage: Stage, weight_size: int, rates: dict[str, float]) -> dict[str, float]:
    """Sentences per second if nothing but products and reading took time, and all at best rates.

    Weights of a model as small as ours stay in the processor's cache, so they are read at its
    rate; computing and reading may overlap, so the slower of the two is the limit.
    """
    network = network_of(stage.generators[TORCH])
    cost = sentence_cost(
        network.config,
        network.vocab_size,
        source=stage.pool.mean_source,
        target=stage.pool.mean_tokens,
        batch=_BATCH,
        weight_size=weight_size,
    )
    fp32 = rates["fp32_ops_per_s"]
    matrix = rates.get("int8_ops_per_s", fp32) if weight_size == 1 else fp32
    compute_s = cost.matrix_ops / matrix + cost.attention_ops / fp32
    read_s = (cost.weight_bytes + cost.cache_bytes) / rates["cache_bytes_per_s"]
    return {
        "matrix_ops": cost.matrix_ops,
        "attention_ops": cost.attention_ops,
        "weight_bytes": cost.weight_bytes,
        "cache_bytes": cost.cache_bytes,
        "compute_s": compute_s,
        "read_s": read_s,
        "sentences_per_s": 1 / max(compute_s, read_s),
    }


def _engine(name: str) -> str:
    return name.partition(", ")[2]


def _stages_of_work(stage: Stage) -> list[System]:
    """The fast engine's work in growing slices, the other engines' searches, and the twin's.

    The slices have one window in work at a time: where a window is searched while another is
    checked, their difference would not be the check.
    """
    pool, fast = stage.pool, stage.alone
    verified = VerifiedGenerator(fast)
    batch = fast.batch_size

    def tokens(places: Sequence[int]) -> int:
        return sum(pool.n_tokens[at] for at in places)

    def linearize(places: Sequence[int]) -> int:
        encoded_sources(fast, [pool.requests[at] for at in places])
        return tokens(places)

    def text(places: Sequence[int]) -> int:
        fast.with_beam(1).candidates([pool.requests[at] for at in places])
        return tokens(places)

    def greedy(places: Sequence[int]) -> int:
        fast.generate([pool.requests[at] for at in places])
        return tokens(places)

    def proved(places: Sequence[int]) -> int:
        verified.generate([pool.requests[at] for at in places])
        return tokens(places)

    def twin(places: Sequence[int]) -> int:
        sources = [pool.sources[at].ids for at in places]
        return say_with_hf(stage.twin, sources, batch=_BATCH, beams=1, new_tokens=None)[1]

    return [
        System("linearization and token ids", batch, linearize),
        System(f"up to text, {INT8}", batch, text),
        System(f"up to check, {INT8}", batch, greedy),
        System(f"up to proof, {INT8}", batch, proved),
        System(f"HF generate, {TORCH}", _BATCH, twin),
        *(system for system in stage.ours if system.name.startswith("d2t greedy")),
    ]


def _where_time_goes(found: dict[str, float]) -> dict[str, float]:
    """Seconds per thousand sentences of each slice of verified int8 generation."""
    names = [
        "linearization and token ids", f"up to text, {INT8}", f"up to check, {INT8}",
        f"up to proof, {INT8}",
    ]  # fmt: skip
    linearized, text, checked, proved = (1000 / found[name] for name in names)
    return {
        "linearization": linearized,
        "search and text": text - linearized,
        "check": checked - text,
        "repair": proved - checked,
    }


_FLOAT = 4  # bytes; activations and caches are float32 in every engine


@dataclass(frozen=True, slots=True)
class Cost:
    """Per sentence, a multiply-add being two operations.

    Attributes:
        matrix_ops: products with weights, which int8 engines do in int8.
        attention_ops: products of activations with each other, in fp32 everywhere.
        weight_bytes: weights that are read, each once a decoding step for the whole batch.
        cache_bytes: keys and values that are read.
    """

    matrix_ops: float
    attention_ops: float
    weight_bytes: float
    cache_bytes: float


def sentence_cost(
    config: TransformerConfig,
    vocab_size: int,
    *,
    source: float,
    target: float,
    batch: int,
    weight_size: int,
) -> Cost:
    """Greedy search with a key–value cache for ``source`` tokens in and ``target`` tokens out.

    Embedding look-ups, norms, softmax and the choice of a token are left out: a bound from below.

    Args:
        config: the model's shape.
        vocab_size: rows of the output matrix.
        source: tokens of a source, EOS included.
        target: tokens of an answer, EOS included.
        batch: sentences that share each reading of the weights.
        weight_size: bytes of a weight.
    """
    d, ffn = config.width, config.ffn
    n_encoder, n_decoder = config.encoder_layers, config.decoder_layers
    encoder = n_encoder * (4 * d * d + 2 * d * ffn)  # weights; as many multiply-adds a token
    memory = n_decoder * 2 * d * d  # keys and values of the source, computed once
    decoder = n_decoder * (4 * d * d + 2 * d * d + 2 * d * ffn) + d * vocab_size
    seen = n_decoder * ((target + 1) / 2 + source)  # positions attended to in a step, all layers
    return Cost(
        matrix_ops=2 * (source * (encoder + memory) + target * decoder),
        attention_ops=4 * d * (n_encoder * source * source + target * seen),
        weight_bytes=weight_size * (encoder + memory + target * decoder) / batch,
        cache_bytes=_FLOAT * 2 * d * target * seen,
    )
