"""`d2t export`: the fast engine's model, inside a bundle."""

from __future__ import annotations

import json
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from d2t.cli import options as opt
from d2t.cli.common import say


class Quantization(StrEnum):
    """How weights are stored."""

    INT8 = "int8"
    INT8_FLOAT32 = "int8_float32"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


def export(
    bundle: Annotated[
        Path,
        typer.Argument(
            help="The bundle of a Transformer that was trained from scratch. The command changes "
            "it."
        ),
    ],
    quantization: Annotated[
        Quantization,
        typer.Option(
            help="How weights are stored. int8 needs a quarter of the space of float32 and is the "
            "fastest."
        ),
    ] = Quantization.INT8,
    corpus: Annotated[
        str | None,
        typer.Option(
            help="The corpus on whose development MRs torch and the export are compared. Default: "
            "the corpus on which the bundle was trained."
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, help="The number of development MRs for the comparison.")
    ] = 500,
    max_ser_gain: Annotated[
        float,
        typer.Option(
            min=0,
            help="Refuse the export if its slot error rate (SER) is higher than torch's by more "
            "than this number of points.",
        ),
    ] = 0.1,
    max_bleu_loss: Annotated[
        float,
        typer.Option(
            min=0,
            help="Refuse the export if its BLEU is lower than torch's by more than this number of "
            "points.",
        ),
    ] = 0.5,
    as_json: opt.Json = False,
) -> None:
    """Add a CTranslate2 model to a bundle: generation is then faster and does not need torch.

    The command refuses an export whose log-probabilities in float32 differ from torch's, or which
    says the development MRs worse than torch does. It prints the path of the bundle on standard
    output, and what was measured on standard error.

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
