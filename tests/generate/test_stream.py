"""Windowed streams: order kept, bad records in their place, totals right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from echo_bundle import EchoBundle, answering, echo_bundle
from hypothesis import given, settings
from hypothesis import strategies as st

from d2t.errors import BackendError, DataError, MRParseError
from d2t.generate.pipeline import ModelGenerator
from d2t.generate.requests import request_from_record
from d2t.generate.stream import StreamItem, StreamTotals, generate_stream
from d2t.mr.domain import load_domain
from d2t.mr.reader import Record, error_record, read_fields

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from d2t.generate.types import GenerationRequest, Hypothesis

GOOD = {"mr": "name[Aromi], eatType[pub]"}


@pytest.fixture(scope="module")
def bundle() -> EchoBundle:
    return echo_bundle()


def record(index: int, fields: dict[str, object] | None = None) -> Record:
    fields = GOOD if fields is None else fields
    return read_fields(fields, load_domain("restaurant"), index=index)


def broken(index: int) -> Record:
    error = DataError("broken JSON", line=index + 1, code="broken_json")
    return Record(index, index + 1, str(index), error=error)


def run(
    bundle: EchoBundle, records: Sequence[Record], window: int = 4, strict: bool = False
) -> list[list[StreamItem]]:
    generator = ModelGenerator(bundle, batch_size=2)
    return list(
        generate_stream(
            records,
            answering(generator),
            window=window,
            strict=strict,
        )
    )


@settings(deadline=None, max_examples=30)
@given(st.lists(st.booleans(), max_size=12), st.integers(1, 5))
def test_every_record_is_answered_in_its_place(
    bundle: EchoBundle, good: list[bool], window: int
) -> None:
    records = [record(i) if fine else broken(i) for i, fine in enumerate(good)]
    windows = run(bundle, records, window)
    items = [item for items in windows for item in items]
    assert [item.record.index for item in items] == list(range(len(good)))
    assert [item.error is None for item in items] == good
    assert all((item.hypothesis is None) != (item.error is None) for item in items)
    assert all(len(items) <= window for items in windows)


def test_the_stream_reads_one_window_ahead_and_no_more(bundle: EchoBundle) -> None:
    seen: list[int] = []

    def records() -> Iterator[Record]:
        for i in range(10):
            seen.append(i)
            yield record(i)

    stream = generate_stream(
        records(),
        answering(ModelGenerator(bundle)),
        window=3,
    )
    next(stream)
    assert seen == [0, 1, 2]


def test_strict_yields_what_came_before_and_then_raises(bundle: EchoBundle) -> None:
    stream = generate_stream(
        [record(0), record(1), broken(2), record(3)],
        answering(ModelGenerator(bundle)),
        window=10,
        strict=True,
    )
    assert [item.record.index for item in next(stream)] == [0, 1]
    with pytest.raises(DataError) as caught:
        next(stream)
    assert caught.value.line == 3


class Choosy:
    """Refuses requests that have a food."""

    def __init__(self, inner: ModelGenerator, error: Exception) -> None:
        self.inner, self.error = inner, error

    def generate(self, requests: Sequence[GenerationRequest]) -> list[Hypothesis]:
        if any("food" in request.mr.names for request in requests):
            raise self.error
        return self.inner.generate(requests)


def test_one_bad_request_does_not_take_its_window_along(bundle: EchoBundle) -> None:
    records = [record(0), record(1, {"mr": "food[Italian]"}), record(2)]
    generator = Choosy(ModelGenerator(bundle), DataError("no plan", code="no_plan"))
    [items] = generate_stream(records, answering(generator), window=8)
    assert [item.error is None for item in items] == [True, False, True]
    assert items[1].error is not None
    assert items[1].error.line == 2


def test_an_error_of_the_engine_ends_the_stream(bundle: EchoBundle) -> None:
    generator = Choosy(ModelGenerator(bundle), BackendError("out of memory"))
    stream = generate_stream(
        [record(0, {"mr": "food[Italian]"})],
        answering(generator),
        window=8,
    )
    with pytest.raises(BackendError):
        next(stream)


def test_totals(bundle: EchoBundle) -> None:
    bundle.model.dropped[bundle.tokenizer.encode_target("<val:near>")[0]] = True  # never said
    try:
        [items] = run(
            bundle, [record(0), broken(1), record(2, {"mr": "name[Zizzi], near[Avalon]"})], 9
        )
    finally:
        bundle.model.dropped[bundle.tokenizer.encode_target("<val:near>")[0]] = False
    totals = StreamTotals()
    assert totals.ser == 0.0
    totals.add(items)
    assert (totals.n, totals.ok, totals.failed, totals.bad) == (2, 1, 1, 1)
    assert totals.ser == pytest.approx(100 * 1 / 4)


class TestRequests:
    def test_plan_field_goes_before_the_default(self, bundle: EchoBundle) -> None:
        own = request_from_record(
            record(0, {**GOOD, "plan": ["eatType", "name"]}), bundle.domain, plan="name,eatType"
        )
        assert own.plan is not None
        assert own.plan.names == ("eatType", "name")
        for empty in (None, "", []):
            default = request_from_record(
                record(0, {**GOOD, "plan": empty}), bundle.domain, plan="name,eatType"
            )
            assert default.plan is not None
            assert default.plan.names == ("name", "eatType")
        assert request_from_record(record(0), bundle.domain).plan is None

    @pytest.mark.parametrize("plan", [3, {"a": 1}, ["name", 3], True, "name", "name,eatType,area"])
    def test_a_bad_plan_names_its_line(self, bundle: EchoBundle, plan: object) -> None:
        with pytest.raises(MRParseError) as caught:
            request_from_record(record(6, {**GOOD, "plan": plan}), bundle.domain)
        assert caught.value.line == 7

    def test_the_error_of_a_record_is_raised(self, bundle: EchoBundle) -> None:
        with pytest.raises(DataError, match="broken JSON"):
            request_from_record(broken(3), bundle.domain)


class TestOutput:
    def test_a_hypothesis_as_json(self, bundle: EchoBundle) -> None:
        text = "name[Aromi], eatType[pub], area[riverside]"
        hypothesis = ModelGenerator(bundle).generate_one(text, "area > name | eatType", id="x7")
        out = hypothesis.as_dict()
        assert list(out) == [
            "id", "mr", "plan", "text", "spans", "report", "score", "status", "stage", "order_kept",
            "breaks_kept",
        ]  # fmt: skip
        assert out["id"] == "x7"
        assert out["plan"] == ["area", "name", "|", "eatType"]
        assert out["text"] == "riverside Aromi pub"
        assert out["spans"][0] == {"slot": "area", "value": "riverside", "start": 0, "end": 9}
        assert out["report"]["plan"] == ["area", "name", "eatType"]
        assert out["report"]["missing"] == []
        assert (out["status"], out["order_kept"], out["breaks_kept"]) == ("ok", True, False)
        assert out["mr"]["name"] == "Aromi"

    def test_output_can_be_input(self, bundle: EchoBundle) -> None:
        first = ModelGenerator(bundle).generate_one(GOOD["mr"], "eatType,name")
        out = first.as_dict()
        again = request_from_record(record(0, out), bundle.domain)
        assert again.mr.key() == first.mr.key()
        assert again.plan == first.plan

    def test_an_error_as_json(self) -> None:
        error = MRParseError("no ']'", column=5)
        assert error_record(record(3, {"id": "9"}), error) == {
            "id": "9",
            "error": {"code": "mr_parse", "message": "no ']'", "line": 4, "column": 5},
        }
