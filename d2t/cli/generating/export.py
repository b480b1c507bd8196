"""`d2t export`: the fast engine's model, inside a bundle."""

from __future__ import annotations

import json
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from d2t.cli.common import JsonOption, say


class Quantization(StrEnum):
    """How weights are stored."""

    INT8 = "int8"
    INT8_FLOAT32 = "int8_float32"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


def export(
    bundle: Annotated[Path, typer.Argument(help="A bundle of a Transformer, which is changed.")],
    quantization: Annotated[
        Quantization, typer.Option(help="Weights; int8 is a quarter of the size, and fastest.")
    ] = Quantization.INT8,
    corpus: Annotated[
        str | None,
        typer.Option(help="Development MRs that both engines must say as well (default: its own)."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Say this many of them.")] = 500,
    max_ser_gain: Annotated[
        float, typer.Option(min=0, help="Points of SER that the export may be worse.")
    ] = 0.1,
    max_bleu_loss: Annotated[
        float, typer.Option(min=0, help="Points of BLEU that the export may be worse.")
    ] = 0.5,
    as_json: JsonOption = False,
) -> None:
    """Add a CTranslate2 model to a bundle: generation then needs no torch, and is faster.

    Refuses where the float32 export does not give torch's log-probabilities, or the export says the
    development MRs worse than torch does. Prints the bundle's path on stdout, what was measured on
    stderr.

    Example: `d2t export runs/e2e-at/bundle --quantization int8`
    """
    from d2t.model.bundle.manifest import Manifest

    manifest = Manifest.read(bundle)  # a missing bundle is cheaper to find than torch to import
    from d2t.corpus.group import group_references
    from d2t.corpus.load import load_split
    from d2t.generate.export import Tolerance, export_bundle
    from d2t.mr.domain_files import load_domain_copy

    name = corpus or str(manifest.info.get("corpus", "mini"))
    dev = group_references(load_split(name, "dev", load_domain_copy(bundle / "domain")))[:limit]
    allowed = Tolerance(ser=max_ser_gain, bleu=max_bleu_loss)
    report = export_bundle(bundle, quantization.value, dev, tolerance=allowed, say=say)
    facts = asdict(report)
    say(
        f"log-probabilities of {report.forced_tokens} forced tokens: within "
        f"{report.log_prob_gap:.1e} of torch's; {report.n_mrs} MRs of {name}: SER {report.ser:.2f} "
        f"(torch {report.torch_ser:.2f}), BLEU {report.bleu:.2f} ({report.torch_bleu:.2f}), "
        f"{report.same_texts} texts alike; {report.megabytes:.1f} MB"
    )
    print(json.dumps({"path": str(bundle), **facts}) if as_json else bundle)
