"""A reproduction of four rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.reproduction.config import Table

if TYPE_CHECKING:
    from pathlib import Path

SMALL = """
title = "t"
results = "t"
[settings.own]
title = "own"
plans = "own"
stages = ["greedy", "beam"]
[settings.neural]
title = "neural"
plans = "planner"
alignment_only = true
[train]
seed = 1
[[rows]]
name = "late"
label = "Late"
priority = 9
stages = ["greedy"]
train.strategy = "random"
[[rows]]
name = "base"
label = "Base"
priority = 5
[[rows]]
name = "st"
label = "ST"
priority = 2
recipe = "self_training"
base = "base"
[[rows]]
name = "phrases"
label = "Phrases"
priority = 3
recipe = "phrases"
[[rows]]
name = "both"
label = "Both"
priority = 3
recipe = "self_training"
base = "phrases"
"""


def small(tmp_path: Path, text: str = SMALL) -> Table:
    path = tmp_path / "table.toml"
    path.write_text(text, encoding="utf-8")
    return Table.read(path)
