"""What the commands of ``d2t augment`` share: the training data that they read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from d2t.train.config.options import DataConfig

CorpusOption = Annotated[
    str, typer.Option(help="A registered corpus, or a file of training pairs.")
]
OutOption = Annotated[
    Path, typer.Option("--out", "-o", help="JSONL file to write; '-' is standard output.")
]
DomainOption = Annotated[
    str | None, typer.Option(help="A domain or its folder (default: the corpus's).")
]
TestOption = Annotated[
    str | None, typer.Option(help="Leave out MRs of this test set (default: the corpus's).")
]
ShareOption = Annotated[
    float, typer.Option(min=0.0, max=1.0, help="Read this part of the training MRs only.")
]
ShareSeedOption = Annotated[int, typer.Option(min=0, help="Which MRs these are.")]


def data_config(
    corpus: str, domain: str | None, test: str | None, share: float, share_seed: int
) -> DataConfig:
    """The training data as `d2t train` would read it; a file is its own development set.

    Raises:
        UsageError: no share of the corpus is asked for.
    """
    from d2t.corpus.registry import registry
    from d2t.corpus.select import default_domain, has_lexicon
    from d2t.errors import UsageError
    from d2t.mr.domain import load_domain
    from d2t.train.config.options import DataConfig

    if not share:
        raise UsageError("--share 0 leaves no MRs to make pairs from; give a part above 0, up to 1")
    domain = domain or default_domain(corpus)
    own = corpus not in registry()
    options = {
        **({"train": corpus, "dev": corpus} if own else {"corpus": corpus}),
        "test": test,
        "domain": domain,
        "correct": has_lexicon(load_domain(domain)),
        "share": share,
        "share_seed": share_seed,
    }
    return DataConfig.model_validate(options)


def refuse_shared_stdout(out: Path, *, as_json: bool) -> None:
    """Raise ``UsageError`` where a report and the pairs would both go to standard output."""
    from d2t.errors import UsageError

    if as_json and str(out) == "-":
        raise UsageError("--json prints the report on stdout: give a file for the pairs (--out)")
