"""What the card of the shipped model says about it."""

from __future__ import annotations

import json
from typing import Any

from d2t.io.resources import shipped_model
from experiments.shipped import slot_errors


def test_the_worst_slots_come_first_and_those_without_errors_not_at_all() -> None:
    slots = {"near": [0, 0, 0, 0], "area": [2, 1, 0, 0], "eatType": [3, 0, 1, 4]}
    scores: dict[str, Any] = {
        "e2e/own/greedy": {"n_records": 5, "slots": {"near": [9, 9, 9, 9]}},
        "e2e/random/greedy": {"n_records": 18470, "slots": slots},
    }
    found = slot_errors(scores)
    assert list(found)[1:] == ["eatType", "area"]
    assert "18,470" in next(iter(found))
    assert found["eatType"] == "3 missing, 1 wrong, 4 repeated"
    assert found["area"] == "2 missing, 1 added"


def test_the_shipped_card_has_scores() -> None:
    card = (shipped_model() / "README.md").read_text(encoding="utf-8")
    info = json.loads((shipped_model() / "d2t.json").read_text(encoding="utf-8"))["info"]
    assert info["metrics"]
    assert all(str(name).split("|")[0] in card for name in info["metrics"])
