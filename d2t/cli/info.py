"""`d2t info`: what a bundle is, and which one is the default."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from d2t.cli import options as opt
from d2t.printable import one_line

_SHOWN = 12
"""Longer lists are counted; ``--json`` has them."""


def info(
    bundle: Annotated[
        Path | None,
        typer.Argument(
            help="A bundle, which is the folder that `d2t train` wrote. Without one, the command "
            "describes the default model, which ships with d2t."
        ),
    ] = None,
    as_json: opt.Json = False,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify/--no-verify", help="Compare the checksum of every file, as loading does."
        ),
    ] = True,
) -> None:
    """Say what a bundle is: its strategy, domain, model and training, and which model is default.

    The command does not need torch. The last line names the default model, which `d2t generate`
    uses without --model.

    Example: d2t info runs/at/bundle
    """
    from d2t.io.resources import shipped_model
    from d2t.model.bundle.describe import describe_bundle

    facts = describe_bundle(bundle or shipped_model(), verify=verify)
    facts["default_model"] = str(shipped_model())
    if as_json:
        typer.echo(json.dumps(facts, ensure_ascii=False, indent=2))
        return
    lines = (one_line(f"{key:<16} {value}") for key, value in _lines(facts))
    typer.echo("\n".join(lines))


def _lines(facts: dict[str, Any], above: str = "") -> list[tuple[str, str]]:
    """Name and text of each line; what is nested deeper has lines of its own."""
    lines: list[tuple[str, str]] = []
    for key, value in facts.items():
        name = f"{above}{key}"
        if isinstance(value, dict):
            deeper = {inner: item for inner, item in value.items() if isinstance(item, dict)}
            flat = [f"{k}={_short(item)}" for k, item in value.items() if k not in deeper]
            if flat or not deeper:
                lines.append((name, ", ".join(flat) or "-"))
            lines += _lines(deeper, f"{name}.")
        else:
            lines.append((name, _short(value)))
    return lines


def _short(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(_short, value)) if len(value) <= _SHOWN else f"({len(value)} items)"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:g}" if isinstance(value, float) else str(value)
