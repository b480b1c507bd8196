"""The reference of all commands (d2t/guides/commands.md), made from the functions behind them.

``make docs`` runs this file. It reads signatures, which are the same for every version of typer.
"""

from __future__ import annotations

import inspect
import re
import types
import typing
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from typer.models import ArgumentInfo, OptionInfo

from d2t.cli.main import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Callable

TARGET = Path(__file__).resolve().parents[2] / "d2t" / "guides" / "commands.md"
HEAD = """\
# Commands

This reference is generated from the help texts by `make docs`; do not edit it.
`d2t COMMAND --help` shows the same.
Global options stand before the command, for example `d2t -q generate ...`.

| option | meaning |
|---|---|
| `-v`, `--verbose` | Show more log lines. `-vv` also shows tracebacks. |
| `-q`, `--quiet` | Print nothing but errors on standard error. |
| `--version` | Print the version and exit. |

Exit codes: 0 success; 1 failure; 2 wrong usage; 3 finished, but some input lines were bad;
4 a gate was missed; 130 interrupted; 141 the reader of the output closed the pipe.
"""
_KINDS = {int: "INTEGER", float: "NUMBER", str: "TEXT", Path: "PATH"}


def reference() -> str:
    """The whole reference as Markdown."""
    sections = [HEAD]
    for name, place in COMMANDS.items():
        module, attribute = place.split(":")
        sections += _sections(f"d2t {name}", getattr(import_module(f"d2t.cli.{module}"), attribute))
    return "\n".join(sections)


def _sections(path: str, command: Any) -> list[str]:
    if not isinstance(command, typer.Typer):
        return [_section(path, command)]
    parts = [f"## {path}\n\n{_prose(command.info.help)}\n"]
    for info in command.registered_commands:
        function = info.callback
        assert function is not None
        name = info.name or function.__name__.replace("_", "-")
        parts.append(_section(f"{path} {name}", function, info.help))
    return parts


def _section(path: str, function: Callable[..., Any], text: str | None = None) -> str:
    hints = typing.get_type_hints(function, include_extras=True)
    usage, rows = [path], []
    for name, parameter in inspect.signature(function).parameters.items():
        if typing.get_origin(hints[name]) is not typing.Annotated:
            continue  # typer's own: the context
        kind, info = typing.get_args(hints[name])[:2]
        if isinstance(info, ArgumentInfo):
            shown = (info.metavar or name.upper()).strip("{}")
            usage.append(shown if parameter.default is inspect.Parameter.empty else f"[{shown}]")
            label = f"`{shown}`"
        else:
            label = _label(name, kind, info)
        rows.append(f"| {label} | {_cell(info.help or '')}{_default(parameter, info)} |")
    lines = [f"## {path}", "", f"`{' '.join(usage)}`", "", _prose(text or function.__doc__), ""]
    return "\n".join([*lines, "| argument or option | meaning |", "|---|---|", *rows]) + "\n"


def _label(name: str, kind: Any, info: OptionInfo) -> str:
    first = [info.default] if isinstance(info.default, str) else []  # Option("--out") in Annotated
    declared = [*first, *(info.param_decls or ())]
    names = [part for text in declared for part in text.split("/") if part.startswith("-")]
    if not any(option.startswith("--") for option in names):
        names.insert(0, f"--{name.replace('_', '-')}")
    label = ", ".join(f"`{option}`" for option in names)
    values = _values(kind)
    return label if values is None else f"{label} `{_cell(info.metavar or values)}`"


def _values(kind: Any) -> str | None:
    """What an option takes: ``TEXT``, ``int8|float32``; None for a flag."""
    if isinstance(kind, types.UnionType) or typing.get_origin(kind) in (typing.Union, list):
        inner = [part for part in typing.get_args(kind) if part is not type(None)]
        return _values(inner[0])
    if typing.get_origin(kind) is typing.Literal:
        return "|".join(map(str, typing.get_args(kind)))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "|".join(str(member.value) for member in kind)
    return None if kind is bool else _KINDS.get(kind, "TEXT")


def _default(parameter: inspect.Parameter, info: Any) -> str:
    value = parameter.default
    if value is inspect.Parameter.empty:
        return " Required."
    if isinstance(info.show_default, str):
        return f" Default: {info.show_default}."
    value = value.value if isinstance(value, Enum) else value
    shown = isinstance(value, str | int | float) and not isinstance(value, bool)
    return f" Default: `{value}`." if shown else ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _prose(text: str | None) -> str:
    return re.sub(r"\n{3,}", "\n\n", inspect.cleandoc(text or ""))


if __name__ == "__main__":
    TARGET.write_text(reference(), encoding="utf-8")
