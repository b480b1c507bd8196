"""Whatever comes in, a result or an error of our family comes out, and never anything else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from d2t.errors import D2TError, DomainError
from d2t.mr.domain import Domain, domain_from_dict, load_domain
from d2t.mr.parse import parse_mr
from d2t.mr.plans import parse_plan
from d2t.mr.reader import ReadOptions, RecordReader, read_fields

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from d2t.mr.types import MeaningRepresentation

RESTAURANT = load_domain("restaurant")
VIGGO = load_domain("viggo")
DOMAINS = st.sampled_from([RESTAURANT, VIGGO])
ANY_TEXT = st.text(max_size=80) | st.text(st.characters(categories=("Cs", "Cc", "Lu")), max_size=6)
MR_LIKE = st.lists(
    st.sampled_from(
        ["name", "food", "genres", "inform", "request", "[", "]", "(", ")", ",", " ", "\\", "\n",
         "\0", "yes", "Aromi", "x" * 2001, "👩‍🍳", "{", "}", '"', ":", "null", "\ud800"]
    ),
    max_size=14,
).map("".join)  # fmt: skip
KEYS = (
    st.sampled_from(["name", "food", "mr", "id", "dialogue_act", "plan", "genres", "x"]) | ANY_TEXT
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT | MR_LIKE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)


def well_made(mr: MeaningRepresentation, domain: Domain) -> bool:
    values = [slot.value for slot in mr.slots]
    return (
        bool(mr.slots)
        and len(set(mr.slots)) == len(mr.slots)
        and set(mr.names) <= set(domain.slot_names)
        and mr.dialogue_act in domain.dialogue_acts
        and all(value == value.strip() and len(value) <= 2000 for value in values)
        and (all(values) or mr.dialogue_act in domain.request_acts)
    )


def outcome(read: Callable[..., Any], *args: Any, **options: Any) -> tuple[Any, D2TError | None]:
    """What a reader gives: a result, or an error of our family; anything else fails the test."""
    try:
        return read(*args, **options), None
    except D2TError as error:
        return None, error


@settings(max_examples=400, deadline=None)
@given(ANY_TEXT | MR_LIKE, DOMAINS, st.sampled_from(["auto", "e2e", "viggo", "json"]))
def test_any_text_is_an_mr_or_a_known_error(text: str, domain: Domain, form: str) -> None:
    mr, error = outcome(parse_mr, text, domain, format=form)
    if error is None:
        assert well_made(mr, domain)
        return
    assert str(error)
    assert error.code != "error"
    if error.line is not None and error.column is not None:
        assert 1 <= error.line <= text.count("\n") + 1
        assert 1 <= error.column <= len(text) + 1


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(KEYS, JSON, max_size=5), DOMAINS)
def test_any_record_is_an_mr_or_a_known_error(fields: dict[str, object], domain: Domain) -> None:
    mr, error = outcome(parse_mr, fields, domain)
    assert str(error) if error else well_made(mr, domain)
    record = read_fields(fields, domain)
    if record.error is None:
        assert well_made(record.require_mr(), domain)


PLAN_LIKE = st.lists(
    st.sampled_from(["name", "food", "near", ",", ">", "|", " ", "[", "]", "\\", "Aromi"])
).map("".join)


@settings(max_examples=200, deadline=None)
@given(PLAN_LIKE | ANY_TEXT | st.lists(PLAN_LIKE | ANY_TEXT, max_size=3), st.booleans())
def test_any_plan_is_a_permutation_or_a_known_error(source: str | list[str], partial: bool) -> None:
    mr = parse_mr("name[Aromi], food[Thai], food[Greek], near[a | b]", RESTAURANT)
    plan, error = outcome(parse_plan, source, mr, RESTAURANT, partial=partial)
    if error is None:
        assert sorted(plan.slots) == sorted(mr.slots)
        breaks = plan.breaks or ()
        assert list(breaks) == sorted(set(breaks))
        assert all(0 < at < len(plan) for at in breaks)


SAMPLES = [b'{"mr": "name[Aromi]"}', b"mr,ref", b'"a', b'a"b', b"name[Aromi]", b"\xff\xfe", b"[1"]
LINES = st.lists(
    st.binary(max_size=12)
    | st.sampled_from(SAMPLES)
    | JSON.map(lambda value: json.dumps(value, allow_nan=True).encode()),
    max_size=6,
).map(b"\n".join)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "input"


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    content=LINES | st.binary(max_size=60),
    form=st.sampled_from(["auto", "jsonl", "csv", "lines"]),
)
def test_any_bytes_are_records_or_a_known_error(scratch: Path, content: bytes, form: str) -> None:
    scratch.write_bytes(content)
    options = ReadOptions(format=form)  # type: ignore[arg-type]
    records, error = outcome(lambda: list(RecordReader(str(scratch), RESTAURANT, options)))
    if error is not None:
        assert form in ("auto", "csv") or error.code in ("invalid_utf8", "read_failed", "not_text")
        return
    assert [record.index for record in records] == list(range(len(records)))
    assert [record.line for record in records] == sorted(record.line for record in records)
    for record in records:
        assert (record.mr is None) == (record.error is not None)
        if record.error is not None:
            assert record.error.line == record.line


TABLES = st.dictionaries(KEYS, st.just({"kind": "open"}) | JSON, max_size=4)
OTHER_KEYS = ("dialogue_acts", "default_dialogue_act", "request_acts", "y")


@settings(max_examples=200, deadline=None)
@given(
    st.fixed_dictionaries(
        {"name": st.just("d") | JSON, "slots": TABLES}, optional=dict.fromkeys(OTHER_KEYS, JSON)
    )
)
def test_any_table_is_a_domain_or_a_domain_error(raw: dict[str, Any]) -> None:
    domain, error = outcome(domain_from_dict, raw)
    if error is not None:
        assert isinstance(error, DomainError)
    else:
        assert all(domain.slot(name).name == name for name in domain.slot_names)
