"""Windows in threads: answers in order, errors in their turn, never more at a time than allowed."""

from __future__ import annotations

from threading import Event, Lock
from typing import TYPE_CHECKING

import pytest
from echo_bundle import answering, echo_bundle
from hypothesis import given
from hypothesis import strategies as st

from d2t.errors import BackendError, DataError
from d2t.generate.pipeline import ModelGenerator
from d2t.generate.stream import generate_stream, in_turn, in_windows
from d2t.mr.domain import load_domain
from d2t.mr.reader import Record, read_fields

if TYPE_CHECKING:
    from collections.abc import Iterator


@given(st.lists(st.integers(), max_size=30), st.integers(1, 4), st.integers(1, 7))
def test_answers_come_in_order(items: list[int], at_a_time: int, window: int) -> None:
    assert list(in_turn(str, items, at_a_time=at_a_time)) == [str(item) for item in items]
    found = in_windows(
        lambda some: [str(item) for item in some], items, window=window, at_a_time=at_a_time
    )
    assert found == [str(item) for item in items]


def test_two_windows_are_in_work_together_and_never_three() -> None:
    lock, met = Lock(), Event()
    inside, most = 0, 0

    def work(item: int) -> int:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
            if inside == 2:
                met.set()
        assert met.wait(timeout=30), "the second window never began while the first was in work"
        with lock:
            inside -= 1
        return item

    assert list(in_turn(work, range(8), at_a_time=2)) == list(range(8))
    assert most == 2


def test_what_a_window_raises_comes_in_its_turn_and_ends_the_work() -> None:
    begun: list[int] = []

    def work(item: int) -> int:
        begun.append(item)
        if item == 2:
            raise BackendError("the third")
        return item

    answers = in_turn(work, range(100), at_a_time=2)
    found = [next(answers), next(answers)]
    with pytest.raises(BackendError, match="the third"):
        next(answers)
    assert found == [0, 1]
    assert max(begun) <= 4


@pytest.mark.parametrize("at_a_time", [1, 2, 3])
def test_what_was_read_before_reading_failed_is_answered(at_a_time: int) -> None:
    def windows() -> Iterator[int]:
        yield from range(4)
        raise DataError("the disk is gone")

    found: list[int] = []
    with pytest.raises(DataError, match="the disk is gone"):
        found.extend(in_turn(lambda item: item, windows(), at_a_time=at_a_time))
    assert found == [0, 1, 2, 3]


def test_windows_are_read_as_they_are_needed() -> None:
    read: list[int] = []

    def windows() -> Iterator[int]:
        for number in range(10):
            read.append(number)
            yield number

    answers = in_turn(lambda item: item, windows(), at_a_time=2)
    assert next(answers) == 0
    assert read == [0, 1]


def test_none_asks_for_what_is_begun() -> None:
    """A process at the other end of a pipe may wait for the answers before it says more."""
    read: list[int | None] = []

    def windows() -> Iterator[int | None]:
        for number in (0, None, 1, 2, None, None, 3):
            read.append(number)
            yield number

    answers = in_turn(lambda item: item, windows(), at_a_time=3)
    assert next(answers) == 0
    assert read == [0, None]
    assert (next(answers), next(answers)) == (1, 2)
    assert read == [0, None, 1, 2, None]
    assert list(answers) == [3]


def test_a_stream_says_the_same_with_windows_in_threads() -> None:
    bundle = echo_bundle()
    error = DataError("broken JSON", line=3, code="broken_json")
    records = [
        Record(i, i + 1, str(i), error=error)
        if i % 5 == 2
        else read_fields(f"name[Place {i}], eatType[pub]", load_domain("restaurant"), index=i)
        for i in range(23)
    ]
    found = [
        list(
            generate_stream(
                records,
                answering(ModelGenerator(bundle, batch_size=2)),
                window=4,
                at_a_time=at_a_time,
            )
        )
        for at_a_time in (1, 2)
    ]
    assert found[0] == found[1]
    assert [len(items) for items in found[0]] == [4, 4, 4, 4, 4, 3]
