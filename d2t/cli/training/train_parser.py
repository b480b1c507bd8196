"""``d2t train-parser``: a learned parser, text to MR, from a corpus."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from d2t.cli.common import (
    CorpusDomainOption,
    JsonOption,
    LimitOption,
    SeedOption,
    ThreadsOption,
    limit_threads,
    say,
)
from d2t.cli.training.small_training import dev_examples, fraction_shown

if TYPE_CHECKING:
    from d2t.judges.parser.training import LabelSource, ParseScores


def train_parser(
    corpus: Annotated[str, typer.Option(help="Corpus name or file.")],
    out: Annotated[Path, typer.Option(help="The folder to write.")],
    domain: CorpusDomainOption = None,
    labels: Annotated[
        Literal["agreed", "given", "text"],
        typer.Option(
            help="Learn the MRs as given (noisier, but independent of the lexicon), what the rule "
            "checker reads in each text, or only the texts on which both agree."
        ),
    ] = "agreed",
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the texts.")] = None,
    limit: LimitOption = None,
    seed: SeedOption = 1,
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a parser that reads slots and values in texts, beside the rule checker.

    Prints the folder on stdout, scores on the corpus's development split on stderr (a file has
    none).

    Example:  `d2t train-parser --corpus mini --epochs 8 --out runs/parser`
    """
    from d2t.corpus.load import load_split
    from d2t.corpus.select import default_domain
    from d2t.io.atomic import refuse_to_overwrite
    from d2t.judges.parser.classifier import MANIFEST
    from d2t.judges.parser.training import ParserConfig, read_texts, score_parser
    from d2t.judges.parser.training import train_parser as fit
    from d2t.mr.domain import load_domain
    from d2t.slots.checker import SlotChecker

    refuse_to_overwrite(out, MANIFEST)
    limit_threads(threads)
    loaded = load_domain(domain or default_domain(corpus))
    checker = SlotChecker.for_domain(loaded)
    config = ParserConfig(labels=labels, seed=seed)
    if epochs is not None:
        config = config.model_copy(update={"epochs": epochs})
    examples = load_split(corpus, "train", loaded)[:limit]
    dev = dev_examples(corpus, loaded)
    say(f"reading {len(examples)} training and {len(dev)} development texts")
    texts = read_texts(examples, checker, loaded, labels)
    with fraction_shown("training the parser") as show:
        parser = fit(texts, loaded, config, progress=show)
    sources: tuple[LabelSource, ...] = ("given", "text")
    scores: dict[str, ParseScores] = {
        source: score_parser(parser, read_texts(dev, checker, loaded, source))
        for source in sources
        if dev
    }
    parser.info["dev"] = {source: found.as_dict() for source, found in scores.items()}
    parser.save(out)
    _tell(scores)
    print(json.dumps({"path": str(out), **parser.info}) if as_json else out)


def _tell(scores: dict[str, ParseScores]) -> None:
    names = {"given": "the MRs as given", "text": "what the rule checker reads"}
    for source, found in scores.items():
        slots = ", ".join(f"{name} {score.f1:.2f}" for name, score in found.by_slot.items())
        say(
            f"dev against {names[source]}: F1 {found.micro.f1:.2f}, exact {found.exact:.2f}% "
            f"of {found.n} ({slots})"
        )
