"""Columns as people name them: read, carried along, or asked about, never lost in silence."""

from __future__ import annotations

import pytest

from d2t.errors import UsageError
from d2t.mr.columns import ColumnError, Columns, Layout
from d2t.mr.domain import domain_from_dict, load_domain

DOMAIN = load_domain("restaurant")


def layout(*names: str, table: bool = True, need_mr: bool = True, **options: str) -> Layout:
    return Columns.of(DOMAIN, **options).layout(names, table=table, need_mr=need_mr)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["name", "NAME", " name".strip(), "Name"])
def test_slots_in_any_spelling(name: str) -> None:
    assert layout(name, "Customer_Rating").slots == {
        name: "name",
        "Customer_Rating": "customer rating",
    }


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("MR", "mr"), ("Meaning Representation", "mr"), ("meaning_representation", "mr"),
        ("ID", "id"), ("gem_id", "id"), ("Text", "text"), ("output", "text"),
        ("human_reference", "references"), ("target", "references"), ("Refs", "references"),
        ("Plan", "plan"),
    ],
)  # fmt: skip
def test_roles_by_their_usual_names_in_any_case(name: str, role: str) -> None:
    assert layout("name", name).roles == {role: (name,)}


def test_a_slot_may_be_called_like_a_role_or_a_field_of_ours() -> None:
    domain = domain_from_dict(
        {"name": "d", "slots": {"status": {"kind": "open"}, "text": {"kind": "open"}}}
    )
    read = Columns(domain).layout(("id", "status", "text"), table=True)
    assert read.slots == {"status": "status", "text": "text"}


def test_map_id_and_ignore() -> None:
    read = layout(
        "Restaurant", "Cuisine 1", "Cuisine 2", "No.", "Phone", "area",
        map="Restaurant=name, Cuisine 1=food, Cuisine 2=food", id="No.", ignore="Phone",
    )  # fmt: skip
    assert read.slots == {
        "Restaurant": "name", "Cuisine 1": "food", "Cuisine 2": "food", "area": "area"
    }  # fmt: skip
    assert read.roles == {"id": ("No.",)}
    assert (read.extra, read.unused) == (("Phone",), ())


def test_a_map_may_be_a_mapping_and_a_column_with_a_comma_stands_in_quotes() -> None:
    assert layout("Town, area", "a=b", map='"Town, area=area",a=b=name').slots == {
        "Town, area": "area",
        "a=b": "name",
    }
    columns = Columns.of(DOMAIN, map={"Town, area": "area"})
    assert columns.layout(("Town, area",), table=True).slots == {"Town, area": "area"}


@pytest.mark.parametrize("table", [True, False])
def test_what_is_not_understood_is_asked_about(table: bool) -> None:
    with pytest.raises(ColumnError) as caught:
        layout("name", "city", "stars", table=table)
    assert caught.value.exit_code == 2
    assert "'city', 'stars' are no slot" in str(caught.value)
    assert "--ignore 'city,stars'" in str(caught.value)
    assert layout("name", "city", "stars", ignore="*", table=table).unused == ("city", "stars")


@pytest.mark.parametrize("column", ["foods", "Area name", "name_en", "prceRange", "customer ratng"])
def test_what_is_nearly_a_slot_is_not_ignored_by_a_star(column: str) -> None:
    with pytest.raises(ColumnError, match=r"--map '.*='|--map '.*=\w") as caught:
        layout("eatType", column, ignore="*")
    assert caught.value.code == "unknown_slot"
    assert layout("eatType", column, ignore=column).extra == (column,)
    assert layout("eatType", column, map=f"{column}=").extra == (column,)


@pytest.mark.parametrize("index", ["", "Unnamed: 0", "unnamed: 12", "__index_level_0__"])
def test_the_index_of_pandas_is_no_column_to_ask_about(index: str) -> None:
    assert layout(index, "name").slots == {"name": "name"}


def test_an_mr_of_its_own_or_no_need_of_one_leaves_other_columns_alone() -> None:
    read = layout("mr", "foods", "ref")
    assert (read.extra, read.unused, read.slots) == (("foods",), ("foods",), {})
    assert layout("text", "city", need_mr=False).unused == ("city",)


def test_two_candidates_are_a_question() -> None:
    with pytest.raises(ColumnError, match="'text' and 'output' may each be the text") as caught:
        layout("mr", "text", "output")
    assert caught.value.code == "ambiguous_columns"
    assert layout("mr", "text", "output", map="output=text").roles["text"] == ("output",)
    assert layout("mr", "text", "output", ignore="output").roles["text"] == ("text",)
    with pytest.raises(ColumnError, match="'id' and 'gem_id'"):
        layout("id", "gem_id", "mr")
    assert layout("mr", "ref1", "target", "ref_2").roles["references"] == (
        "ref1",
        "target",
        "ref_2",
    )
    with pytest.raises(ColumnError, match="'name' and 'Name' are both the slot 'name'"):
        layout("name", "Name")
    assert set(layout("name", "Name", map="Name=name").slots) == {"name", "Name"}
    assert set(layout("name", "Name", ignore="Name").slots) == {"name"}


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"map": "Cuisine"}, "expected COLUMN=SLOT"),
        ({"map": "=food"}, "expected COLUMN=SLOT"),
        ({"map": "Cuisine=foood"}, "did you mean 'food'"),
        ({"map": "A=food,A=area"}, "named twice"),
        ({"map": "A=food", "id": "A"}, "--id and --map"),
        ({"map": "A=food", "ignore": "A,B"}, "both name column 'A'"),
    ],
)
def test_options_that_cannot_be_meant(options: dict[str, str], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        Columns.of(DOMAIN, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options", [{"map": "Cusine=food"}, {"ignore": "Cusine"}, {"id": "Cusine"}]
)
def test_a_column_that_a_table_lacks_is_named(options: dict[str, str]) -> None:
    with pytest.raises(ColumnError, match="no column 'Cusine'; did you mean 'Cuisine'") as caught:
        layout("name", "Cuisine", **options)
    assert caught.value.code == "no_column"
    assert layout("name", table=False, **options).slots == {"name": "name"}, "objects may lack it"


def test_the_hint_of_a_table_of_very_many_columns_is_found_soon() -> None:
    names = ["name", "foods", *(f"c{i}" for i in range(50_000))]
    with pytest.raises(ColumnError, match="--map 'foods=food'") as caught:
        Columns(DOMAIN).layout(names, table=True)
    assert len(caught.value.message) < 1_000
