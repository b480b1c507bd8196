"""``d2t export``: a bundle's Transformer as a CTranslate2 model inside the bundle, guarded twice.

A conversion can be wrong without a sign: before anything is written, the float32
export must give forced targets torch's log-probabilities, and the quantised one must say the
development MRs as well as torch does. Greedy strings are not compared: near-ties fall either way.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from d2t.errors import BackendError, BundleError
from d2t.generate.pipeline import ModelGenerator
from d2t.generate.types import GenerationRequest
from d2t.io.atomic import atomic_folder, atomic_write_json
from d2t.model.bundle.manifest import MANIFEST, Manifest, bundle_files
from d2t.model.bundle.network import Bundle
from d2t.model.config import EXPORTED_POSITIONS
from d2t.model.layers import sinusoidal_positions
from d2t.model.transformer import TransformerModel
from d2t.score.text import corpus_bleu
from d2t.search.ct2_backend import (
    FOLDER,
    CTranslate2Backend,
    Parallelism,
    require_no_prefix,
)
from d2t.slots.types import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor, nn

    from d2t.corpus.types import Example
    from d2t.generate.types import Hypothesis
    from d2t.model.tokenizer import Tokenizer

Quantization = Literal["int8", "int8_float32", "float32", "bfloat16"]
REPORT = "export.json"


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What an export may change.

    Attributes:
        log_prob: nats per token of a forced target, float32 export against torch.
        ser: slot error rate on development MRs, in points, more than torch's.
        bleu: points of BLEU on them, less than torch's.
    """

    log_prob: float = 1e-3
    ser: float = 0.1
    bleu: float = 0.5


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was measured; written beside the model.

    Attributes:
        log_prob_gap: the largest difference of a forced token's log-probability (nats), float32.
        forced_tokens: how many were compared.
        n_mrs: development MRs that both engines said, greedily and in the strategy's own order.
        same_texts: how many of them alike.
        ser, bleu: of the export, and ``torch_ser``, ``torch_bleu`` of torch.
        megabytes: size of the engine's model.
    """

    quantization: str
    log_prob_gap: float
    forced_tokens: int
    n_mrs: int
    same_texts: int
    ser: float
    bleu: float
    torch_ser: float
    torch_bleu: float
    megabytes: float


def export_bundle(
    path: Path,
    quantization: Quantization,
    dev: Sequence[Example],
    *,
    tolerance: Tolerance | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> ExportReport:
    """Write the engine's model into the bundle at ``path``, which is replaced as a whole.

    Args:
        path: a bundle of a Transformer trained from scratch; an older export in it is replaced.
        quantization: how weights are stored.
        dev: MRs with references, grouped; both engines say them.
        tolerance: see ``Tolerance``.
        say: is told what is being done.

    Raises:
        BundleError: not such a bundle, or one whose decoder is given the plan.
        BackendError: ctranslate2 is not installed, or the export is not good enough.
    """
    allowed = tolerance or Tolerance()
    bundle = Bundle.load(path)
    require_no_prefix(bundle, path)
    if not isinstance(bundle.model, TransformerModel):
        raise BundleError(f"{path}: only Transformers trained from scratch can be exported")
    tokenizer = cast("Tokenizer", bundle.tokenizer)  # a Transformer of ours has no other
    pieces = tokenizer.pieces(range(tokenizer.vocab_size))
    requests = [GenerationRequest(example.id, example.mr) for example in dev]
    say(f"saying {len(requests)} development MRs with torch")
    reference = ModelGenerator(bundle).generate(requests)
    with tempfile.TemporaryDirectory() as scratch:
        exact, wanted = Path(scratch) / "float32", Path(scratch) / "wanted"
        transformer_spec(bundle.model, pieces).save(str(_made(exact)))
        gap, n_forced = _largest_gap(bundle, exact, pieces, reference)
        if not gap <= allowed.log_prob:
            raise BackendError(
                f"export refused: log-probabilities of forced targets differ by up to {gap:.4f} "
                f"nats from torch's (allowed: {allowed.log_prob:g}); this is a fault of d2t or of "
                "ctranslate2, please report it with both versions"
            )
        spec = transformer_spec(bundle.model, pieces)
        spec.optimize(quantization=quantization)
        spec.save(str(_made(wanted)))
        say(f"saying them with the {quantization} export")
        backend = CTranslate2Backend(bundle, wanted, parallelism=Parallelism())
        exported = ModelGenerator(bundle, backend=backend).generate(requests)
        report = _report(quantization, gap, n_forced, dev, reference, exported, wanted)
        _judge(report, allowed)
        _attach(path, wanted, report)
    return report


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _largest_gap(
    bundle: Bundle, folder: Path, pieces: Sequence[str], said: Sequence[Hypothesis]
) -> tuple[float, int]:
    """Over the tokens of torch's own answers: the largest |log p| difference, and their number."""
    import ctranslate2
    import torch

    engine: Any = ctranslate2.Translator(str(folder), device="cpu", compute_type="float32")
    tokenizer, model = bundle.tokenizer, bundle.model
    sources = [
        tokenizer.encode_source(bundle.linearizer.linearize(h.mr, h.plan).pieces) for h in said
    ]
    targets = [tokenizer.encode_target(h.text) for h in said]
    scored = engine.score_batch(
        [[pieces[i] for i in ids] for ids in sources],
        [[pieces[i] for i in ids[:-1]] for ids in targets],
        max_batch_size=64,
        max_input_length=0,
    )
    gap, n = 0.0, 0
    for source, target, result in zip(sources, targets, scored, strict=True):
        ids = torch.tensor([source])
        forced = torch.tensor([[tokenizer.bos_id, *target[:-1]]])
        with torch.inference_mode():
            logits = model(ids, torch.ones_like(ids, dtype=torch.bool), forced)
        gold = torch.tensor(target)
        ours = logits[0].log_softmax(-1)[torch.arange(len(gold)), gold]
        gap = max(gap, float((torch.tensor(result.log_probs) - ours).abs().max()))
        n += len(target)
    return gap, n


def _report(
    quantization: str,
    gap: float,
    n_forced: int,
    dev: Sequence[Example],
    reference: Sequence[Hypothesis],
    exported: Sequence[Hypothesis],
    folder: Path,
) -> ExportReport:
    return ExportReport(
        quantization=quantization,
        log_prob_gap=round(gap, 6),
        forced_tokens=n_forced,
        n_mrs=len(dev),
        same_texts=sum(a.text == b.text for a, b in zip(reference, exported, strict=True)),
        ser=_ser(exported),
        bleu=_bleu(exported, dev),
        torch_ser=_ser(reference),
        torch_bleu=_bleu(reference, dev),
        megabytes=round(sum(f.stat().st_size for f in folder.iterdir()) / 1e6, 2),
    )


def _ser(said: Sequence[Hypothesis]) -> float:
    tally = Tally()
    for hypothesis in said:
        tally.add(hypothesis.report)
    return round(tally.ser, 4)


def _bleu(said: Sequence[Hypothesis], dev: Sequence[Example]) -> float:
    return round(corpus_bleu([h.text for h in said], [e.references for e in dev]), 4)


def _judge(report: ExportReport, allowed: Tolerance) -> None:
    worse = report.ser - report.torch_ser
    less = report.torch_bleu - report.bleu
    if worse > allowed.ser or less > allowed.bleu:
        raise BackendError(
            f"export refused: with {report.quantization} weights the development SER is "
            f"{report.ser:.2f} (torch: {report.torch_ser:.2f}) and BLEU {report.bleu:.2f} (torch: "
            f"{report.torch_bleu:.2f}); allowed are {allowed.ser:g} and {allowed.bleu:g} points; "
            "use --quantization float32, or allow more"
        )


def _attach(path: Path, model: Path, report: ExportReport) -> None:
    with atomic_folder(path, marker=MANIFEST) as folder:
        shutil.copytree(path, folder, dirs_exist_ok=True)
        shutil.rmtree(folder / FOLDER, ignore_errors=True)
        shutil.copytree(model, folder / FOLDER)
        atomic_write_json(folder / FOLDER / REPORT, asdict(report))
        complete = Manifest.read(path).model_copy(update={"files": bundle_files(folder)})
        atomic_write_json(folder / MANIFEST, complete.model_dump(mode="json"))


def transformer_spec(model: TransformerModel, pieces: Sequence[str]) -> Any:
    """A validated ``TransformerSpec``; ``spec.save(folder)`` writes the engine's model.

    Positions are exported as a table, so that nothing rests on the engine's own sinusoids.

    Args:
        model: the weights, on any device.
        pieces: the vocabulary in id order, ``tokenizer.pieces(range(tokenizer.vocab_size))``; the
            engine's source ends with ``</s>`` as ours does, and its decoder starts with ``<s>``.

    Raises:
        BackendError: ctranslate2 is not installed.
    """
    try:
        from ctranslate2.specs import TransformerSpec
        from ctranslate2.specs.common_spec import Activation
    except ImportError as error:
        raise BackendError("ctranslate2 is missing; pip install ctranslate2") from error
    config = model.config
    spec = TransformerSpec.from_config(
        (config.encoder_layers, config.decoder_layers),
        config.heads,
        pre_norm=True,
        activation=Activation.RELU if config.activation == "relu" else Activation.GELU,
    )
    positions = sinusoidal_positions(EXPORTED_POSITIONS, config.width).numpy()
    spec.encoder.embeddings[0].weight = _array(model.embedding.weight)
    spec.decoder.embeddings.weight = _array(model.embedding.weight)
    for half, norm in ((spec.encoder, model.encoder_norm), (spec.decoder, model.decoder_norm)):
        half.position_encodings.encodings = positions
        _norm(half.layer_norm, norm)
    encoder_layers: list[Any] = list(model.encoder)
    decoder_layers: list[Any] = list(model.decoder)
    for target, layer in zip(spec.encoder.layer, encoder_layers, strict=True):
        _self_attention_and_ffn(target, layer)
    for target, layer in zip(spec.decoder.layer, decoder_layers, strict=True):
        _self_attention_and_ffn(target, layer)
        _norm(target.attention.layer_norm, layer.cross_norm)
        cross = layer.cross
        for place, linear in enumerate((cross.query, cross.kv, cross.out)):
            _linear(target.attention.linear[place], linear)
    _linear(spec.decoder.projection, model.output)
    spec.config.layer_norm_epsilon = model.encoder_norm.eps
    spec.config.decoder_start_token = pieces[model.bos_id]
    spec.config.bos_token = pieces[model.bos_id]
    spec.config.eos_token = pieces[model.eos_id]
    spec.register_source_vocabulary(list(pieces))
    spec.register_target_vocabulary(list(pieces))
    spec.validate()
    return spec


def _self_attention_and_ffn(target: Any, layer: Any) -> None:
    _norm(target.self_attention.layer_norm, layer.attention_norm)
    _linear(target.self_attention.linear[0], layer.attention.qkv)
    _linear(target.self_attention.linear[1], layer.attention.out)
    _norm(target.ffn.layer_norm, layer.ffn_norm)
    _linear(target.ffn.linear_0, layer.ffn.inner)
    _linear(target.ffn.linear_1, layer.ffn.outer)


def _norm(target: Any, norm: nn.LayerNorm) -> None:
    target.gamma, target.beta = _array(norm.weight), _array(norm.bias)


def _linear(target: Any, linear: nn.Linear) -> None:
    target.weight, target.bias = _array(linear.weight), _array(linear.bias)


def _array(tensor: Tensor) -> Any:
    return tensor.detach().cpu().float().numpy()
