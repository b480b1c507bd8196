"""``d2t train-lm``: an n-gram language model of a corpus's references, for fluency scores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from d2t.cli.common import CorpusDomainOption, JsonOption, say


def train_lm(
    corpus: Annotated[str, typer.Option(help="Corpus name or file: its training references.")],
    out: Annotated[Path, typer.Option(help="Where to write the model (FILE.npz).")],
    domain: CorpusDomainOption = None,
    order: Annotated[
        int | None,
        typer.Option(
            min=1, max=9, help="Words of the longest n-gram; default: chosen on dev, 5 for a file."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Fit an n-gram language model (modified Kneser-Ney) on references, open values hidden.

    Prints the path of the model on stdout, perplexities on the development references of
    a corpus on stderr.

    Example:  `d2t train-lm --corpus mini --out lm.npz`
    """
    from d2t.corpus.registry import registry
    from d2t.corpus.select import default_domain
    from d2t.errors import UsageError
    from d2t.language.ngram.fluency import DEFAULT_ORDER, NgramLanguageModel, choose_order
    from d2t.mr.domain import load_domain
    from d2t.score.checking import checker_for
    from d2t.score.fluency import SUFFIX, corpus_templates

    if out.suffix != SUFFIX:
        raise UsageError(f"--out {out}: expected a name that ends in {SUFFIX}")
    loaded = load_domain(domain or default_domain(corpus))
    checker = checker_for(loaded)
    train = corpus_templates(corpus, "train", loaded, checker)
    perplexities: dict[int, float] = {}
    if order is None and corpus not in registry():  # no dev split: nothing to choose by
        order = DEFAULT_ORDER
    elif order is None:
        perplexities = choose_order(train, corpus_templates(corpus, "dev", loaded, checker))
        order = next(iter(perplexities))
        note = " (chosen: the lowest order within 1% of the best)"
        for each, perplexity in sorted(perplexities.items()):
            say(f"order {each}: perplexity {perplexity:.3f}{note if each == order else ''}")
    model = NgramLanguageModel.fit(train, order=order)
    model.save(out)
    if not as_json:
        print(out)
        return
    scores = {str(each): round(value, 4) for each, value in sorted(perplexities.items())}
    facts = {"path": str(out), "texts": len(train), "signature": model.signature}
    print(json.dumps({**facts, "dev_perplexity": scores}))
