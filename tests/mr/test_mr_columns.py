"""Columns as people name them: read, carried along, or refused, never lost in silence."""

from __future__ import annotations

from typing import Any

import pytest

from d2t.errors import D2TError, UsageError
from d2t.io.csv_rows import CsvRow
from d2t.mr.columns import ColumnMap
from d2t.mr.domain import load_domain
from d2t.mr.records import mr_from_fields

DOMAIN = load_domain("restaurant")


def read(text: str | None, fields: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The MR of a record under a map, and what is carried along."""
    columns = ColumnMap.parse(text, DOMAIN)
    mr = mr_from_fields(columns.slots(fields), DOMAIN)
    return ", ".join(map(str, mr.slots)), columns.extra(fields)


def test_named_columns_are_slots_and_unknown_ones_are_carried_along() -> None:
    row = CsvRow({"Restaurant": "Aromi", "Cuisine": "Thai", "Phone": "01223", "area": "riverside"})
    mr, extra = read("Restaurant=name, Cuisine=food", row)
    assert mr == "name[Aromi], food[Thai], area[riverside]"
    assert extra == {"Phone": "01223"}


def test_without_a_map_csv_has_extra_columns_and_json_has_unknown_slots() -> None:
    mr, extra = read(None, CsvRow({"name": "Aromi", "Telephone": "01223", "Opened": "1999"}))
    assert (mr, extra) == ("name[Aromi]", {"Telephone": "01223", "Opened": "1999"})
    with pytest.raises(D2TError, match="unknown slot 'Telephone'"):
        read(None, {"name": "Aromi", "Telephone": "01223"})
    mr, extra = read("Title=name", {"Title": "Aromi", "Telephone": 1223})
    assert (mr, extra) == ("name[Aromi]", {"Telephone": 1223})


@pytest.mark.parametrize("column", ["foods", "Area name", "name_en", "prceRange", "customer ratng"])
def test_a_column_that_is_nearly_a_slot_is_refused_until_the_map_says(column: str) -> None:
    row = CsvRow({"eatType": "pub", column: "x"})
    with pytest.raises(D2TError, match="resembles") as caught:
        read(None, row)
    assert caught.value.code == "unknown_slot"
    assert f"--map '{column}=" in caught.value.message
    assert read(f"{column}=", row) == ("eatType[pub]", {column: "x"})


@pytest.mark.parametrize("column", ["year", "postcode", "id2", "Website", "Owner", "rank"])
def test_columns_of_other_things_are_not(column: str) -> None:
    assert read(None, CsvRow({"name": "Aromi", column: "x"})) == ("name[Aromi]", {column: "x"})


def test_several_columns_of_one_slot_are_its_values() -> None:
    row = CsvRow({"Title": "Aromi", "Cuisine 1": "Thai", "Cuisine 2": "Indian", "Cuisine 3": ""})
    names = "Title=name,Cuisine 1=food,Cuisine 2=food,Cuisine 3=food"
    assert read(names, row)[0] == "name[Aromi], food[Thai], food[Indian]"
    fields = {"Title": "Aromi", "A": "Thai", "B": ["Indian", "Thai"], "C": None}
    assert (
        read("Title=name,A=food,B=food,C=food", fields)[0]
        == "name[Aromi], food[Thai], food[Indian]"
    )
    same = CsvRow({"name": "Aromi", "A": "Thai", "B": "Thai"})
    assert read("A=food,B=food", same)[0] == "name[Aromi], food[Thai]"


@pytest.mark.parametrize("blank", ["", "  ", "N/A", "n/a", "NULL", "#N/A"])
def test_blank_cells_are_absent_slots(blank: str) -> None:
    assert read(None, CsvRow({"name": "Aromi", "food": blank}))[0] == "name[Aromi]"


@pytest.mark.parametrize(
    ("cell", "value"),
    [("true", "yes"), ("False", "no"), ("1", "yes"), ("0", "no"), ("Y", "yes"), ("n", "no")],
)
def test_booleans_as_people_write_them(cell: str, value: str) -> None:
    mr, _ = read("Kids welcome=familyFriendly", CsvRow({"name": "Aromi", "Kids welcome": cell}))
    assert mr == f"name[Aromi], familyFriendly[{value}]"


def test_a_record_with_an_mr_keeps_its_other_columns_as_they_are() -> None:
    row = CsvRow({"mr": "name[Aromi]", "foods": "Thai", "ref": "It is Aromi."})
    assert read(None, row) == ("name[Aromi]", {"foods": "Thai"})


def test_id_mr_and_plan_can_be_named() -> None:
    columns = ColumnMap.parse("No.=id,Facts=mr,Order=plan", DOMAIN)
    row = CsvRow({"No.": "7", "Facts": "name[Aromi]", "Order": "name"})
    assert columns.slots(row) == {"id": "7", "mr": "name[Aromi]", "plan": "name"}
    assert columns.extra(row) == {}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Cuisine", "expected COLUMN=SLOT"),
        ("=food", "expected COLUMN=SLOT"),
        ("Cuisine=foood", "did you mean 'food'"),
        ("A=food,A=area", "named twice"),
    ],
)
def test_a_map_that_cannot_be_meant(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        ColumnMap.parse(text, DOMAIN)


def test_a_column_that_a_file_lacks_is_named() -> None:
    with pytest.raises(D2TError, match="no column 'Cusine'; did you mean 'Cuisine'") as caught:
        read("Cusine=food", CsvRow({"name": "Aromi", "Cuisine": "Thai"}))
    assert caught.value.code == "no_column"


def test_a_column_with_a_comma_stands_in_quotes() -> None:
    row = CsvRow({"Town, area": "riverside", "a=b": "Aromi"})
    assert read('"Town, area=area",a=b=name', row)[0] == "area[riverside], name[Aromi]"
