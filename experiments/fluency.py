"""``python -m experiments.fluency FOLDER``: a fluency classifier against 300 samples read by hand.

The samples are what self-training accepted before there was such a classifier, one per random plan
(``experiments/fluency_reading.csv``); broken is what a fluent speaker calls ungrammatical or a
fragment. The set ``choose`` is for choosing a threshold, ``confirm`` for saying how good it is.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from d2t.corpus.load import load_split
from d2t.judges.fluency.classifier import FluencyClassifier
from d2t.judges.fluency.training import auc, detection_scores, marked_texts
from d2t.language.template import template_text
from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.score.fluency import language_model
from d2t.slots.checker import SlotChecker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from d2t.mr.domain import Domain

    FloatArray = NDArray[np.float64]

READING = Path(__file__).parent / "fluency_reading.csv"
QUANTILES = (0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
WINDOW_QUANTILE = 0.1
"""Of the window in the rows that use both, as in self-training."""


def read(domain: Domain, checker: SlotChecker) -> tuple[list[str], list[bool], list[str]]:
    """Templates of the samples, whether each is good, and its set."""
    with READING.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    templates = [
        template_text(row["text"], parse_mr(row["mr"], domain), checker, domain) for row in rows
    ]
    return templates, [row["label"] == "good" for row in rows], [row["set"] for row in rows]


def quantiles_of(dev: FloatArray, scores: FloatArray) -> FloatArray:
    """The share of development references that score below each of ``scores``."""
    return np.searchsorted(np.sort(dev), scores, side="left") / len(dev)


def report(name: str, places: dict[str, FloatArray], good: NDArray[np.bool_]) -> None:
    """Areas under the curve, and what each threshold accepts and leaves broken."""
    print(f"\n{name}: {len(good)} samples, {100 * (1 - good.mean()):.1f}% broken")
    areas = {kind: auc(at[good], at[~good]) for kind, at in places.items()}
    areas["mean of both ranks"] = auc(
        *((places["classifier"] + places["window"])[chosen] for chosen in (good, ~good))
    )
    print("AUC: " + ", ".join(f"{kind} {area:.3f}" for kind, area in areas.items()))
    print("quantile  classifier accepts/broken   window accepts/broken   both accept/broken")
    for q in QUANTILES:
        classifier, window = places["classifier"] >= q, places["window"] >= q
        kept = [classifier, window, classifier & (places["window"] >= WINDOW_QUANTILE)]
        cells = [f"{100 * k.mean():5.1f}% {100 * (~good[k]).mean():5.1f}%" for k in kept]
        print(f"{q:8.2f}  " + "          ".join(cells))


def main() -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("classifier", type=Path)
    parser.add_argument("--corpus", default="e2e_cleaned")
    parser.add_argument("--corruptions", action="store_true", help="AUC of each, on dev, too")
    arguments = parser.parse_args()
    domain = load_domain("restaurant")
    checker = SlotChecker.for_domain(domain)
    classifier = FluencyClassifier.load(arguments.classifier)
    dev = marked_texts(load_split(arguments.corpus, "dev", domain), checker, domain)
    model = language_model(arguments.corpus, domain, checker)
    scorers: dict[str, Callable[[Sequence[str]], FloatArray]] = {
        "classifier": classifier.scores,
        "mean": model.scores,
        "window": model.worst_windows,
    }
    templates, labels, sets = read(domain, checker)
    references = [text.template for text in dev]
    places = {
        name: quantiles_of(score(references), score(templates)) for name, score in scorers.items()
    }
    good = np.array(labels)
    for name in ("choose", "confirm"):
        here = np.array([each == name for each in sets])
        report(name, {kind: at[here] for kind, at in places.items()}, good[here])
    if arguments.corruptions:
        for name, score in scorers.items():
            found = detection_scores(score, dev)
            print(f"\n{name}: " + ", ".join(f"{kind} {area:.3f}" for kind, area in found.items()))


if __name__ == "__main__":
    main()
