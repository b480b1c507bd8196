"""`d2t info`: what a bundle is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from d2t.cli.common import JsonOption


def info(
    bundle: Annotated[Path, typer.Argument(help="A bundle: the folder that `d2t train` wrote.")],
    as_json: JsonOption = False,
    verify: Annotated[
        bool, typer.Option("--verify/--no-verify", help="Hash every file, as loading does.")
    ] = True,
) -> None:
    """Say what a bundle is: strategy, domain, model, training facts. Needs no torch.

    Example: d2t info runs/at/bundle
    """
    from d2t.model.describe import describe_bundle

    facts = describe_bundle(bundle, verify=verify)
    if as_json:
        typer.echo(json.dumps(facts, ensure_ascii=False, indent=2))
        return
    typer.echo("\n".join(f"{key:<16} {value}" for key, value in _lines(facts)))


def _lines(facts: dict[str, Any]) -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    for key, value in facts.items():
        if isinstance(value, dict):
            inner = [(name, _short(item)) for name, item in value.items()]
            lines.append((key, ", ".join(f"{name}={item}" for name, item in inner) or "-"))
        else:
            lines.append((key, _short(value)))
    return lines


def _short(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(_short, value))
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:g}" if isinstance(value, float) else str(value)
