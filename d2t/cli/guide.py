"""`d2t guide`: the user guides, in the terminal."""

from __future__ import annotations

import sys
from importlib.resources import files
from typing import Annotated

import typer

from d2t.errors import UsageError, did_you_mean

# Name and content of each file in d2t/guides, in the order of the list.
GUIDES = {
    "generate": "write texts from records: order, sentences, verification, large files, engines",
    "files": "what goes into a command: formats, columns, blanks, bad records",
    "check": "find out what a text says, leaves out or adds; extend the lexicon",
    "evaluate": "score and compare systems, with intervals and signatures",
    "train": "train a generator or a planner, or continue a training",
    "augment": "make more training pairs: phrases, self-training, counterfactual pairs",
    "judges": "second opinions: fluency, a learned parser, questions and answers, LAS",
    "domains": "describe your own slots, values and wordings",
    "python": "use d2t from Python",
    "footguns": "limits, guarantees, and mistakes that are easy to make",
    "commands": "every command with all its options",
}


def guide_text(name: str) -> str:
    """The Markdown of a guide.

    Raises:
        UsageError: there is no guide of this name.
    """
    if name not in GUIDES:
        hint = did_you_mean(name, GUIDES)
        raise UsageError(f"there is no guide {name!r}{hint} (guides: {', '.join(GUIDES)})")
    return (files("d2t") / "guides" / f"{name}.md").read_text(encoding="utf-8")


def guide(
    name: Annotated[
        str | None,
        typer.Argument(help="The name of the guide. Without one, the command lists the guides."),
    ] = None,
) -> None:
    """Show a user guide: how to generate, check, evaluate, train, and more.

    In a terminal the guide is formatted. Into a pipe or a file it is written as Markdown.

    Example: d2t guide generate
    """
    if name is None:
        width = max(map(len, GUIDES))
        typer.echo("\n".join(f"{key:<{width}}  {line}" for key, line in GUIDES.items()))
        return
    text = guide_text(name)
    if not sys.stdout.isatty():
        typer.echo(text, nl=False)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console(highlight=False).print(Markdown(text))
