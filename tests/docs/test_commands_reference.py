"""d2t/guides/commands.md is what the help texts say today."""

from __future__ import annotations

import re

from command_reference import TARGET, reference

from d2t.cli.main import COMMANDS


def test_the_command_reference_is_current() -> None:
    assert TARGET.read_text(encoding="utf-8") == reference(), "run `make docs`"


def test_every_command_is_in_the_reference() -> None:
    headings = re.findall(r"^## d2t ([a-z-]+)", reference(), re.M)
    assert set(headings) == set(COMMANDS)
    assert "`--plan`" in reference()
