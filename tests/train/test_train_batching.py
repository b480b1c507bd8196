"""Batches: every pair once, few shapes, tensors that say what the pairs say."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from d2t.train.data.batching import BatchOptions, BatchPlan, EncodedPair, collate, plan_batches

PAIRS = st.lists(
    st.tuples(st.integers(1, 40), st.integers(1, 60)).map(
        lambda n: EncodedPair(tuple(range(5, 5 + n[0])), tuple(range(5, 5 + n[1])))
    ),
    min_size=1,
    max_size=120,
)


@settings(deadline=None, max_examples=50)
@given(
    PAIRS,
    st.integers(1, 9),
    st.one_of(st.none(), st.integers(64, 400)),
    st.integers(0, 5),
    st.booleans(),
)
def test_every_pair_is_in_exactly_one_batch_that_fits_it(
    pairs: list[EncodedPair], size: int, tokens: int | None, epoch: int, shared: bool
) -> None:
    options = BatchOptions(size, tokens, shared=shared)
    plans = plan_batches(pairs, options, seed=1, epoch=epoch)
    seen = Counter(row for plan in plans for row in plan.rows)
    assert seen == Counter(range(len(pairs)))
    for plan in plans:
        assert len(plan.rows) <= plan.n_rows == options.rows_of(plan.target_length)
        assert plan.source_length % 8 == plan.target_length % 8 == 0
        assert all(len(pairs[i].source) <= plan.source_length for i in plan.rows)
        assert all(len(pairs[i].target) <= plan.target_length for i in plan.rows)


def test_same_seed_and_epoch_same_batches_other_epoch_others() -> None:
    pairs = [EncodedPair((5,) * (i % 17 + 1), (6,) * (i % 23 + 1)) for i in range(500)]
    options = BatchOptions(16)
    first = plan_batches(pairs, options, seed=1, epoch=0)
    assert first == plan_batches(pairs, options, seed=1, epoch=0)
    assert first != plan_batches(pairs, options, seed=1, epoch=1)
    assert first != plan_batches(pairs, options, seed=2, epoch=0)


def test_shapes_are_few_and_rows_constant() -> None:
    pairs = [EncodedPair((5,) * (i % 30 + 1), (6,) * (i % 40 + 1)) for i in range(5000)]
    plans = plan_batches(pairs, BatchOptions(64), seed=1, epoch=0)
    shapes = {(plan.n_rows, plan.source_length, plan.target_length) for plan in plans}
    assert len(shapes) <= 4 * 5
    assert {rows for rows, _, _ in shapes} == {64}


def test_collate_shifts_the_target_and_marks_what_counts() -> None:
    pairs = [EncodedPair((7, 8, 2), (9, 10, 2)), EncodedPair((7, 2), (11, 2))]
    plan = BatchPlan((1, 0), 3, 4, 5)
    batch = collate(pairs, plan, pad_id=0, bos_id=1)
    assert batch.source_ids.tolist() == [[7, 2, 0, 0], [7, 8, 2, 0], [7, 2, 0, 0]]
    assert batch.source_mask.tolist() == [
        [True, True, False, False],
        [True, True, True, False],
        [True, True, False, False],  # filler: a readable source, so that no attention row is empty
    ]
    assert batch.decoder_input.tolist() == [[1, 11, 0, 0, 0], [1, 9, 10, 0, 0], [1, 0, 0, 0, 0]]
    assert batch.labels.tolist() == [[11, 2, 0, 0, 0], [9, 10, 2, 0, 0], [0, 0, 0, 0, 0]]
    assert (batch.n_pairs, batch.n_tokens) == (2, 5)


def test_pairs_of_one_source_come_together_and_it_is_read_once() -> None:
    pairs = [EncodedPair((7, i % 5 + 9, 2), (6,) * (i % 11 + 1)) for i in range(40)]
    (plan,) = plan_batches(pairs, BatchOptions(40, shared=True), seed=1, epoch=0)
    sources = [pairs[at].source for at in plan.rows]
    changes = sum(a != b for a, b in itertools.pairwise(sources))
    assert changes == 4  # five runs
    batch = collate(pairs, plan, pad_id=0, bos_id=1)
    assert batch.source_ids.shape[0] == 8  # five, and fillers
    assert batch.source_rows is not None
    apart = collate(pairs, dataclasses.replace(plan, shared=False), pad_id=0, bos_id=1)
    assert apart.source_rows is None
    assert batch.source_ids[batch.source_rows].equal(apart.source_ids)
    assert batch.source_mask[batch.source_rows].equal(apart.source_mask)
    assert batch.labels.equal(apart.labels)
    assert batch.decoder_input.equal(apart.decoder_input)
    parts = [batch.part(k, 3) for k in range(3)]
    for k, part in enumerate(parts):
        assert part.source_rows is not None
        assert part.source_ids[part.source_rows].equal(apart.part(k, 3).source_ids)


@pytest.mark.parametrize("workers", [2, 3])
def test_parts_of_a_batch_are_the_batch(workers: int) -> None:
    pairs = [EncodedPair((i, 2), (i, i, 2)) for i in range(4, 11)]
    batch = collate(pairs, BatchPlan(tuple(range(7)), 8, 8, 8), pad_id=0, bos_id=1)
    parts = [batch.part(k, workers) for k in range(workers)]
    rows = torch.cat([part.labels for part in parts]).tolist()
    assert sorted(rows) == sorted(batch.labels.tolist())
    assert {part.n_tokens for part in parts} == {batch.n_tokens}  # the divisor of the loss
