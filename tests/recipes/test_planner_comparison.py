"""Planners compared with the orders of references, as a function."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d2t.errors import UsageError
from d2t.plan.training.homes import PlannerSource
from d2t.recipes.planner import compare_planners, train_planner

if TYPE_CHECKING:
    from pathlib import Path


def test_the_oracle_is_nearer_to_people_than_random_orders_are() -> None:
    seen: list[str] = []
    comparison = compare_planners(
        ["random", "oracle"], limit=20, n_resamples=0, advance=lambda n, name: seen.append(name)
    )
    assert seen == ["random", "oracle"]
    assert comparison.n_mrs == 20
    random, oracle = (planner.scores[0].score for planner in comparison.scores)
    assert oracle > random
    table = comparison.as_markdown()
    assert [table.count(f"| {name} ") for name in seen] == [1, 1]
    assert comparison.as_dict()["n_references"] == comparison.n_references


def test_a_bigram_planner_is_never_fitted_on_what_it_is_compared_with(tmp_path: Path) -> None:
    file = tmp_path / "pairs.csv"
    file.write_text('mr,ref\n"name[Aromi], eatType[pub]",Aromi is a pub.\n', encoding="utf-8")
    with pytest.raises(UsageError, match="--model BUNDLE"):
        compare_planners(["bigram"], str(file))
    scores = compare_planners(None, str(file), n_resamples=0).scores
    assert [planner.planner for planner in scores] == ["random", "display", "oracle"]


def test_a_planner_has_one_place_to_go(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not both"):
        train_planner(PlannerSource("mini"), tmp_path / "a", into=tmp_path / "b")
