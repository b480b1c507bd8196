"""Batches of a few fixed shapes: every new shape costs the CPU backend a compilation."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from d2t.seeding import derived_rng

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


@dataclass(frozen=True, slots=True)
class EncodedPair:
    """One training pair as token ids: source (with EOS) and target (no BOS, with EOS).

    ``given`` of the first target tokens are read and not learnt: they are no labels.
    """

    source: tuple[int, ...]
    target: tuple[int, ...]
    given: int = 0


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """Which pairs make one batch, and the shape it is padded to.

    Attributes:
        rows: indices of pairs; fewer than ``n_rows`` in the last batch of a bucket.
        n_rows: rows of the tensors; missing ones are filled and do not count.
        shared: neighbours with equal sources have one row of source tensors.
    """

    rows: tuple[int, ...]
    n_rows: int
    source_length: int
    target_length: int
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """Tensors of one batch.

    Attributes:
        source_ids: ``(sources, src_len) int64``.
        source_mask: ``(sources, src_len) bool``, True = keep.
        decoder_input: ``(batch, tgt_len) int64``, begins with BOS.
        labels: ``(batch, tgt_len) int64``, PAD where nothing counts.
        n_pairs: rows that count.
        n_tokens: labels that count.
        source_rows: ``(batch,) int64``, the row of each target's source; None: its own, and there
            are as many sources as targets.
    """

    source_ids: Tensor
    source_mask: Tensor
    decoder_input: Tensor
    labels: Tensor
    n_pairs: int
    n_tokens: int
    source_rows: Tensor | None = None

    def to(self, device: torch.device | str) -> Batch:
        """The same batch on ``device``."""
        return Batch(
            self.source_ids.to(device, non_blocking=True),
            self.source_mask.to(device, non_blocking=True),
            self.decoder_input.to(device, non_blocking=True),
            self.labels.to(device, non_blocking=True),
            self.n_pairs,
            self.n_tokens,
            None if self.source_rows is None else self.source_rows.to(device, non_blocking=True),
        )

    def part(self, index: int, n_parts: int) -> Batch:
        """Every ``n_parts``-th row from ``index`` on: the share of one of several workers.

        ``n_pairs`` and ``n_tokens`` stay those of the whole batch, by which the loss is divided.
        """
        if n_parts == 1:
            return self
        rows = slice(index, None, n_parts)
        shared = self.source_rows is not None  # then every worker reads all sources
        return Batch(
            self.source_ids if shared else self.source_ids[rows],
            self.source_mask if shared else self.source_mask[rows],
            self.decoder_input[rows],
            self.labels[rows],
            self.n_pairs,
            self.n_tokens,
            None if self.source_rows is None else self.source_rows[rows],
        )


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """How pairs are grouped (see ``OptimConfig``).

    ``shared``: pairs with equal sources come together, their source is read once (see ``Part``).
    """

    batch_size: int
    batch_tokens: int | None = None
    source_multiple: int = 8
    target_multiple: int = 8
    shared: bool = False

    def rows_of(self, target_length: int) -> int:
        """Rows of a batch whose targets are padded to ``target_length``: constant per shape."""
        if self.batch_tokens is None:
            return self.batch_size
        return max(8, self.batch_tokens // target_length // 8 * 8)


def round_up(length: int, multiple: int) -> int:
    """``length`` rounded up to a multiple, at least one multiple."""
    return max(1, -(-length // multiple)) * multiple


def plan_batches(
    pairs: Sequence[EncodedPair], options: BatchOptions, *, seed: int, epoch: int
) -> list[BatchPlan]:
    """Group one epoch's pairs into batches of similar length, in an order drawn from (seed, epoch).

    Pairs are shuffled, put into buckets by rounded target length, sorted by source length within a
    stretch of a few batches, cut into batches, and the batches are shuffled. Only the last batch
    of a bucket is incomplete; it is padded with rows that do not count, so its shape is no new one.
    Where sources are shared, all pairs of a source go where the longest of them goes, and stay
    neighbours; a border between batches may divide them.
    """
    rng = derived_rng(seed, "order", epoch)
    order = _of_one_source(pairs) if options.shared else [[at] for at in range(len(pairs))]
    rng.shuffle(order)
    buckets: dict[int, list[int]] = defaultdict(list)
    for together in order:
        longest = max(len(pairs[index].target) for index in together)
        buckets[round_up(longest, options.target_multiple)] += together
    plans: list[BatchPlan] = []
    for target_length in sorted(buckets):
        n_rows = options.rows_of(target_length)
        members = buckets[target_length]
        stretch = n_rows * 16
        for begin in range(0, len(members), stretch):
            near = sorted(members[begin : begin + stretch], key=lambda i: len(pairs[i].source))
            for at in range(0, len(near), n_rows):
                rows = tuple(near[at : at + n_rows])
                longest = max(len(pairs[i].source) for i in rows)
                source_length = round_up(longest, options.source_multiple)
                shape = (n_rows, source_length, target_length)
                plans.append(BatchPlan(rows, *shape, options.shared))
    rng.shuffle(plans)
    return plans


def _of_one_source(pairs: Sequence[EncodedPair]) -> list[list[int]]:
    """Places of pairs by source."""
    found: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for at, pair in enumerate(pairs):
        found[pair.source].append(at)
    return list(found.values())


def collate(pairs: Sequence[EncodedPair], plan: BatchPlan, *, pad_id: int, bos_id: int) -> Batch:
    """The tensors of one planned batch; filler rows repeat the first source and have no labels."""
    chosen = [pairs[at] for at in (*plan.rows, *plan.rows[:1] * (plan.n_rows - len(plan.rows)))]
    sources, source_rows = [pair.source for pair in chosen], None
    if plan.shared:
        sources, source_rows = _each_once(sources)
    source = torch.full((len(sources), plan.source_length), pad_id, dtype=torch.int64)
    mask = torch.zeros((len(sources), plan.source_length), dtype=torch.bool)
    for row, ids in enumerate(sources):
        source[row, : len(ids)] = torch.tensor(ids)
        mask[row, : len(ids)] = True
    decoder_input = torch.full((plan.n_rows, plan.target_length), pad_id, dtype=torch.int64)
    labels = torch.full((plan.n_rows, plan.target_length), pad_id, dtype=torch.int64)
    n_tokens = 0
    for row, pair in enumerate(chosen):
        decoder_input[row, 0] = bos_id
        if row < len(plan.rows):
            target = torch.tensor(pair.target)
            decoder_input[row, 1 : len(pair.target)] = target[:-1]
            labels[row, pair.given : len(pair.target)] = target[pair.given :]
            n_tokens += len(pair.target) - pair.given
    return Batch(source, mask, decoder_input, labels, len(plan.rows), n_tokens, source_rows)


def _each_once(sources: Sequence[tuple[int, ...]]) -> tuple[list[tuple[int, ...]], Tensor]:
    """The different sources, and the row of each given one.

    For the sake of few shapes they are filled up to a multiple of 8.
    """
    rows: dict[tuple[int, ...], int] = {}
    places = [rows.setdefault(source, len(rows)) for source in sources]
    once = list(rows)
    return once + once[:1] * (round_up(len(once), 8) - len(once)), torch.tensor(places)
