"""The options of contrastive decoding, as commands that generate share them."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from d2t.generate.contrast import ContrastOptions

CONTRAST_PANEL = "Contrast"


class Contrast(StrEnum):
    """What the true MR is contrasted with."""

    DROPPED = "dropped"
    WRONG = "wrong"
    NULL = "null"


ContrastOption = Annotated[
    Contrast | None,
    typer.Option(
        "--contrast",
        help="Prefer what the MR makes likelier than another MR does, whose slots are dropped, "
        "have a wrong value or none. Needs the torch engine; about twice the work of a search.",
        rich_help_panel=CONTRAST_PANEL,
    ),
]
BetaOption = Annotated[
    float | None,
    typer.Option(
        "--contrast-beta",
        min=0,
        help="Weight of the other MR's log-probabilities [default: 0.25].",
        rich_help_panel=CONTRAST_PANEL,
    ),
]
PlausibilityOption = Annotated[
    float | None,
    typer.Option(
        "--plausibility",
        min=0,
        max=1,
        help="Never say a token that is less likely than this share of the likeliest one under "
        "the MR itself [default: 0.1].",
        rich_help_panel=CONTRAST_PANEL,
    ),
]
DynamicOption = Annotated[
    bool,
    typer.Option(
        "--contrast-dynamic",
        help="Contrast only what the text has not said yet; a few times slower.",
        rich_help_panel=CONTRAST_PANEL,
    ),
]


def contrast_options(
    contrast: Contrast | None, beta: float | None, plausibility: float | None, dynamic: bool
) -> ContrastOptions | None:
    """The contrast that the options ask for, if any.

    Raises:
        UsageError: settings of a contrast that is not asked for, or out of range.
    """
    from d2t.errors import UsageError
    from d2t.generate.contrast import ContrastOptions

    given = {"--contrast-beta": beta, "--plausibility": plausibility}
    settings = {name: value for name, value in given.items() if value is not None}
    if contrast is None:
        names = [*settings, *(["--contrast-dynamic"] if dynamic else [])]
        if names:
            raise UsageError(
                f"{names[0]} has an effect only with --contrast; add --contrast dropped, wrong "
                "or null"
            )
        return None
    default = ContrastOptions()
    return ContrastOptions(
        contrast.value,
        settings.get("--contrast-beta", default.beta),
        settings.get("--plausibility", default.plausibility),
        dynamic,
    )
