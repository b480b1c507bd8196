"""What a user gets with no model named: the one that ships, offline, proved, without torch."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

import d2t
from d2t.cli.main import app
from d2t.io.resources import shipped_model

MB = 1_000_000
LARGEST = 12 * MB
ISSUE = "name[Aromi], food[Thai], area[riverside]"


def test_it_is_small_and_its_card_says_what_it_is() -> None:
    files = [path for path in shipped_model().rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < LARGEST
    card = (shipped_model() / "README.md").read_text("utf-8")
    for said in (
        "CC BY-SA 4.0",
        "## Limits",
        "test, greedy, 10 random orders of each MR: SER",
    ):
        assert said in card


def test_one_command_says_a_record() -> None:
    result = CliRunner().invoke(app, ["generate", "--format", "text"], input=ISSUE)
    assert result.exit_code == 0
    for said in ("Aromi", "Thai", "riverside"):
        assert said in result.stdout


def test_neither_torch_nor_transformers_is_imported() -> None:
    script = (
        "import sys, d2t\n"
        f"text = d2t.load()({ISSUE!r}).text\n"
        "assert not {'torch', 'transformers'} & {*sys.modules}\n"
        "print(text)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert "Thai" in done.stdout


INVENTED = "name[Zum Löwen], food[Uyghur], priceRange[about £15], customer rating[4 out of 5]"
MISLEADING = "near[No. 9 3/4], name[The Riverside Thai], eatType[pub], area[city centre]"
CONTRADICTORY = "priceRange[cheap], priceRange[high], name[Aromi], familyFriendly[no]"


@pytest.mark.parametrize(
    ("mr", "plan"),
    [
        (ISSUE, "area,food,name"),
        (INVENTED, None),
        (MISLEADING, "near | name,eatType,area"),
        (CONTRADICTORY, "priceRange[cheap],priceRange[high],name,familyFriendly"),
    ],
)
def test_places_and_orders_that_nobody_has_written_about(mr: str, plan: str | None) -> None:
    said = d2t.load()(mr, plan)
    assert said.status in ("ok", "repaired")
    assert d2t.check(said.text, mr).ok
    assert plan is None or said.order_kept
    for slot in said.mr.slots:
        if slot.name in ("name", "near") or slot.value in ("Uyghur", "about £15", "4 out of 5"):
            assert slot.value in said.text


def test_both_engines_read_the_bundle() -> None:
    torch = d2t.load(engine="torch", verify="off")(ISSUE, "food,name,area")
    fast = d2t.load(engine="ctranslate2", verify="off")(ISSUE, "food,name,area")
    assert torch.status == fast.status == "ok"
    assert torch.score == pytest.approx(fast.score, abs=0.1)


def test_records_of_a_table() -> None:
    table = "Title,Cuisine,Kids,Phone\nAromi,Thai,Y,01223\nZizzi,,0,\n"
    names = "Title=name,Cuisine=food,Kids=familyFriendly"
    result = CliRunner().invoke(app, ["generate", "--map", names, "--ignore", "Phone"], input=table)
    assert result.exit_code == 0
    first, second = map(json.loads, result.stdout.splitlines())
    assert first["status"] in ("ok", "repaired")
    assert first["extra"] == {"Phone": "01223"}
    assert second["mr"] == {"name": "Zizzi", "familyFriendly": "no"}
