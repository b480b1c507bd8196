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
        help="Contrastive decoding: prefer tokens that the MR makes likelier than a changed MR "
        "does, whose slots are dropped, have a wrong value, or a null one. It needs the torch "
        "engine and takes about twice the time of a search.",
        rich_help_panel=CONTRAST_PANEL,
    ),
]
BetaOption = Annotated[
    float | None,
    typer.Option(
        "--contrast-beta",
        min=0,
        help="Weight of the log-probabilities under the changed MR [default: 0.25].",
        rich_help_panel=CONTRAST_PANEL,
    ),
]
PlausibilityOption = Annotated[
    float | None,
    typer.Option(
        "--plausibility",
        min=0,
        max=1,
        help="Exclude tokens with less than this share of the likeliest token's probability under "
        "the MR itself [default: 0.1].",
        rich_help_panel=CONTRAST_PANEL,
    ),
]
DynamicOption = Annotated[
    bool,
    typer.Option(
        "--contrast-dynamic",
        help="Change only the slots that the text has not said yet. This is a few times slower.",
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
