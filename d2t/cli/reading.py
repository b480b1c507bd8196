"""The options by which every command that reads records reads them in the same way."""

from __future__ import annotations

import inspect
from functools import wraps
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated, Any, cast, get_type_hints

import typer

from d2t.cli import options as opt

if TYPE_CHECKING:
    from collections.abc import Callable

    from d2t.mr.reader import Reading, ReadOptions

_PANEL = "Reading"

Map = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="COLUMN=SLOT,...",
        help="Which column or key is which slot: 'Restaurant name=name,Cuisine=food'. Several "
        "columns for one slot give several values. A target may also be id, mr, plan, text or "
        "references. 'Phone=' leaves Phone out. The option may be repeated.",
        rich_help_panel=_PANEL,
    ),
]
Id = Annotated[
    str | None,
    typer.Option("--id", metavar="COLUMN", help="The column of the ids.", rich_help_panel=_PANEL),
]
Ignore = Annotated[
    list[str] | None,
    typer.Option(
        "--ignore",
        metavar="COLUMN,...",
        help="Columns that are not slots; '*' stands for all columns that d2t does not "
        "understand. `d2t generate` copies them to `extra`. The option may be repeated.",
        rich_help_panel=_PANEL,
    ),
]
Blank = Annotated[
    list[str] | None,
    typer.Option(
        "--blank",
        metavar="WORD",
        help="A cell with this word has no value, as cells with NaN, None, N/A, #REF! or ? have "
        "none. The option may be repeated.",
        rich_help_panel=_PANEL,
    ),
]
Delimiter = Annotated[
    str | None,
    typer.Option(
        "--delimiter",
        metavar="CHARACTER",
        help="What stands between the cells of a CSV file; 'tab' for a tab. Default: what the "
        "header shows.",
        rich_help_panel=_PANEL,
    ),
]
Sheet = Annotated[
    str | None,
    typer.Option(
        "--sheet",
        metavar="NAME",
        help="The sheet of an Excel workbook. Default: the first one.",
        rich_help_panel=_PANEL,
    ),
]
SkipBad = Annotated[
    bool,
    typer.Option(
        "--skip-bad",
        help="Leave bad records out. Each is named on standard error, and they do not change the "
        "exit code.",
        rich_help_panel=_PANEL,
    ),
]
_OPTIONS: dict[str, tuple[Any, Any]] = {
    "map": (Map, None),
    "id": (Id, None),
    "ignore": (Ignore, None),
    "blank": (Blank, None),
    "delimiter": (Delimiter, None),
    "sheet": (Sheet, None),
    "skip_bad": (SkipBad, False),
    "limit": (opt.Limit, None),
}


def reads_records(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of reading; it gets them as ``reading``, a ``ReadOptions``.

    Typer takes the options of a command from its signature, so the signature is extended. An
    option of the command's own with one of these names is left alone and reaches the command.
    """
    signature = inspect.signature(command)
    own = [item for item in signature.parameters.values() if item.name != "reading"]
    added = {name: option for name, option in _OPTIONS.items() if name not in signature.parameters}
    known = {name: text for name, text in command.__annotations__.items() if name != "reading"}
    hints = get_type_hints(
        SimpleNamespace(__annotations__=known), globalns=command.__globals__, include_extras=True
    )

    @wraps(command)
    def reading_command(**values: Any) -> None:
        """Collect the options of reading and run the command."""
        reading = read_options(**{name: values.pop(name) for name in added})
        command(**values, reading=reading)

    hints |= {name: annotation for name, (annotation, _) in added.items()}
    defaults = {item.name: item.default for item in own}
    defaults |= {name: default for name, (_, default) in added.items()}
    parameters = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hints[name]
        )
        for name, default in defaults.items()
    ]
    reading_command.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=parameters
    )
    reading_command.__annotations__ = hints
    return reading_command


def read_options(
    *,
    map: list[str] | None = None,
    ignore: list[str] | None = None,
    blank: list[str] | None = None,
    **others: Any,
) -> ReadOptions:
    """The options as the library takes them."""
    from d2t.mr.reader import ReadOptions

    return ReadOptions(
        map=",".join(map) if map else None,
        ignore=",".join(ignore) if ignore else None,
        blank=tuple(blank or ()),
        **others,
    )


def reading_of(options: ReadOptions) -> Reading:
    """The options as keyword arguments of the Python calls."""
    from dataclasses import fields

    names = [item.name for item in fields(options) if item.name != "format"]
    return cast("Reading", {name: getattr(options, name) for name in names})
