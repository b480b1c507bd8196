"""The neural planner's network in numpy: a set of slots in, scores of what comes next out.

Same parameters, same formulas as the torch module that trains it (``d2t.plan.training.planner``);
a test holds the two equal. Shapes: m sets of slots at once, n slots in each, b partial plans of
each set, d the width.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from d2t.plan.base import hidden_slots, slot_token

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Ints = NDArray[np.int64]
    from collections.abc import Iterable, Sequence

    from d2t.corpus.types import Example
    from d2t.mr.domain import Domain
    from d2t.mr.types import Slot
    from d2t.plan.base import Token


@dataclass(frozen=True)
class PlanVocabulary:
    """Rows of the network's tables; row 0 is whatever is not listed.

    Attributes:
        slots, values, acts: what has a row, from row 1 on. A value is listed with its slot; None is
            any value of a slot whose values are hidden.
        hidden: slots whose values are not seen.
    """

    slots: tuple[str, ...]
    values: tuple[Token, ...]
    acts: tuple[str, ...]
    hidden: frozenset[str]

    def __post_init__(self) -> None:
        for name, entries in (("_slot", self.slots), ("_value", self.values), ("_act", self.acts)):
            rows = {entry: row for row, entry in enumerate(entries, start=1)}
            object.__setattr__(self, name, rows)

    @classmethod
    def fit(cls, examples: Iterable[Example], domain: Domain) -> Self:
        """What occurs in the plans of the examples, sorted."""
        hidden = hidden_slots(domain)
        acts: set[str] = set()
        tokens: set[Token] = set()
        for example in examples:
            if example.plan is not None and example.plan.slots:
                acts.add(example.mr.dialogue_act)
                tokens |= {slot_token(slot, hidden) for slot in example.plan.slots}
        return cls(
            slots=tuple(sorted({name for name, _ in tokens})),
            values=tuple(sorted(tokens, key=lambda token: (token[0], token[1] or ""))),
            acts=tuple(sorted(acts)),
            hidden=hidden,
        )

    def rows(self, slots: Sequence[Slot]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows of the slots' names and of their values."""
        slot_rows: dict[str, int] = self._slot  # type: ignore[attr-defined]
        value_rows: dict[Token, int] = self._value  # type: ignore[attr-defined]
        names = [slot_rows.get(slot.name, 0) for slot in slots]
        values = [value_rows.get(slot_token(slot, self.hidden), 0) for slot in slots]
        return np.array(names, dtype=np.int64), np.array(values, dtype=np.int64)

    def act_row(self, act: str) -> int:
        """Row of a dialogue act."""
        rows: dict[str, int] = self._act  # type: ignore[attr-defined]
        return rows.get(act, 0)

    def state(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "slots": list(self.slots),
            "values": [list(token) for token in self.values],
            "acts": list(self.acts),
            "hidden": sorted(self.hidden),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Restore what ``state`` returned; KeyError, TypeError or ValueError when it is damaged."""
        values = [(str(name), value) for name, value in state["values"]]
        if any(value is not None and not isinstance(value, str) for _, value in values):
            raise ValueError("a value is not a string")
        texts = [state[key] for key in ("slots", "acts", "hidden")]
        if any(not isinstance(text, str) for group in texts for text in group):
            raise ValueError("a name is not a string")
        return cls(tuple(texts[0]), tuple(values), tuple(texts[1]), frozenset(texts[2]))


MAX_COUNT = 8
"""Lengths of sentences, in slots, and numbers of sentences are told apart up to here."""


def parameter_shapes(n_slots: int, n_values: int, n_acts: int, d: int) -> dict[str, list[int]]:
    """Name and shape of every parameter; row 0 of the tables, all zero, is what was never seen."""
    return {
        "slot": [n_slots + 1, d],
        "value": [n_values + 1, d],
        "act": [n_acts + 1, d],
        "member.weight": [d, d],
        "member.bias": [d],
        "first.weight": [d, d],
        "first.bias": [d],
        "start": [d],
        "gru.weight_ih_l0": [3 * d, d],
        "gru.weight_hh_l0": [3 * d, d],
        "gru.bias_ih_l0": [3 * d],
        "gru.bias_hh_l0": [3 * d],
        "query.weight": [d, 3 * d],
        "query.bias": [d],
        "ask.weight": [d, d],
        "key.weight": [d, d],
        "border.weight": [d, 3 * d],
        "border.bias": [d],
        "length": [MAX_COUNT + 1, d],
        "sentence": [MAX_COUNT + 1, d],
        "stop.weight": [1, d],
        "stop.bias": [1],
    }


@dataclass(frozen=True, slots=True)
class EncodedSlots:
    """Sets of slots, all of the same size, as the network sees them: what no state changes.

    Attributes:
        tokens: (m, n, d): what each slot is.
        members: (m, n, d): what each slot adds to its set.
        targets: (m, d, n): what a query is multiplied with for the scores of the slots.
        gates: (m, n, 3d): the part of the GRU's gates that comes from the slot said last.
        asked: (m, n, d): the part of a query that comes from the slot said last.
        open: (m, n, d): the part of a query that comes from a slot that is not yet said.
        first: (m, 1, d): the hidden state before anything is said.
    """

    tokens: Floats
    members: Floats
    targets: Floats
    gates: Floats
    asked: Floats
    open: Floats
    first: Floats

    def __getitem__(self, at: int) -> EncodedSlots:
        """One set alone."""
        parts = (getattr(self, part.name)[at : at + 1] for part in fields(self))
        return EncodedSlots(*parts)


class States(NamedTuple):
    """Partial plans of each set.

    Attributes:
        hidden: (m, b, d): the GRU's state.
        asked: (m, b, d): the part of the next query that comes from the slot said last.
        open: (m, b, d): the part of it that comes from the slots not yet said.
    """

    hidden: Floats
    asked: Floats
    open: Floats


class PointerNetwork:
    """Scores of the next slot and of a sentence break before it.

    With e_i the embedding of slot i (its name's plus its value's), m_i = relu(W_m e_i + b_m),
    r_t the sum of m_i over slots not yet said, and h_t = GRU(e of the slot said last, h_{t-1})::

        h_0      = tanh(W_f r_0 + b_f + a)                 a: the dialogue act
        score_i  = W_a tanh(W_q [h_t; r_t; e_last] + b_q) . W_k e_i / sqrt(d)
        p(i)     = softmax of score over the slots not yet said
        p(break) = sigmoid(w . relu(W_b [h_t; e_next; r_t] + b_b + length + sentence) + b)

    Nothing depends on the order in which slots are given, as an MR has none. What is linear in the
    slots is computed once for each slot of a set. Each set is multiplied on its own, so that its
    scores do not depend, to the last bit, on the sets that are planned with it.
    """

    def __init__(self, weights: Mapping[str, Floats]) -> None:
        self.weights = dict(weights)
        d = len(self.weights["start"])
        parts: list[Floats] = np.split(self.weights["query.weight"].T, 3)
        self._from_hidden, self._from_open, self._from_last = parts
        self._scale: Floats = self.weights["ask.weight"].T / np.float32(np.sqrt(d))

    def encode(self, slots: Ints, values: Ints, acts: Ints) -> EncodedSlots:
        """Encode m sets of n slots by the rows of their names, values (m, n) and acts (m,)."""
        w = self.weights
        tokens = w["slot"][slots] + w["value"][values]
        members: Floats = np.maximum(self._linear("member", tokens), np.float32(0.0))
        total = members.sum(axis=1, keepdims=True)
        keys = tokens @ w["key.weight"].T
        return EncodedSlots(
            tokens=tokens,
            members=members,
            targets=np.matmul(self._scale, keys.transpose(0, 2, 1), dtype=np.float32),
            gates=self._gates(tokens),
            asked=np.matmul(tokens, self._from_last, dtype=np.float32),
            open=np.matmul(members, self._from_open, dtype=np.float32),
            first=np.tanh(self._linear("first", total) + w["act"][acts][:, None]),
        )

    def begin(self, encoded: EncodedSlots) -> States:
        """The one state of each set in which nothing is said yet."""
        start = np.broadcast_to(self.weights["start"], encoded.first.shape)
        hidden = self._gru(self._gates(start), encoded.first)
        return States(hidden, start @ self._from_last, encoded.open.sum(axis=1, keepdims=True))

    def advance(self, encoded: EncodedSlots, states: States, said: Ints) -> States:
        """The states after each has said one more slot, ``said`` (m, b)."""
        hidden = self._gru(_chosen(encoded.gates, said), states.hidden)
        still_open = states.open - _chosen(encoded.open, said)
        return States(hidden, _chosen(encoded.asked, said), still_open)

    def log_probs(self, encoded: EncodedSlots, states: States, left: NDArray[np.bool_]) -> Floats:
        """Log-probability of each slot to come next; -inf where ``left`` is False.

        Args:
            encoded: the sets.
            states: their partial plans.
            left: (m, b, n): what each state may say; at least one slot.

        Returns:
            (m, b, n).
        """
        query: Floats = states.hidden @ self._from_hidden
        query += states.open + states.asked + self.weights["query.bias"]
        scores = np.tanh(query) @ encoded.targets
        scores = np.where(left, scores, np.float32(-np.inf))
        scores -= scores.max(axis=2, keepdims=True)
        log_probs: Floats = scores - np.log(np.exp(scores).sum(axis=2, keepdims=True))
        return log_probs

    def break_logits(self, encoded: EncodedSlots, states: States, left: Sequence[int]) -> Floats:
        """Log-odds of a break before the next slot, for one state of one set.

        Args:
            encoded: the set.
            states: its state.
            left: the slots not yet said; the first of them comes next.

        Returns:
            (MAX_COUNT + 1, MAX_COUNT + 1): by the length of the sentence so far in slots, and the
            number of sentences before it.
        """
        w = self.weights
        remaining = encoded.members[0, list(left)].sum(axis=0)
        seen = np.concatenate([states.hidden[0, 0], encoded.tokens[0, left[0]], remaining])
        base = self._linear("border", seen)
        mixed = np.maximum(base + w["length"][:, None] + w["sentence"][None], 0.0)
        logits: Floats = mixed @ w["stop.weight"][0] + w["stop.bias"][0]
        return logits

    def _linear(self, name: str, x: Floats) -> Floats:
        out: Floats = x @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]
        return out

    def _gates(self, x: Floats) -> Floats:
        out: Floats = x @ self.weights["gru.weight_ih_l0"].T + self.weights["gru.bias_ih_l0"]
        return out

    def _gru(self, given: Floats, hidden: Floats) -> Floats:
        """One step of torch's GRU: n = tanh(W x + b + r (U h + c)), h' = (1 - z) n + z h.

        Args:
            given: W x + b.
            hidden: h.
        """
        w = self.weights
        kept = hidden @ w["gru.weight_hh_l0"].T + w["gru.bias_hh_l0"]
        d = hidden.shape[-1]
        # sigmoid(x) = (1 + tanh(x / 2)) / 2, which cannot overflow
        half, one = np.float32(0.5), np.float32(1.0)
        gates = half + half * np.tanh(half * (given[..., : 2 * d] + kept[..., : 2 * d]))
        reset, update = gates[..., :d], gates[..., d:]
        new = np.tanh(given[..., 2 * d :] + reset * kept[..., 2 * d :])
        out: Floats = (one - update) * new + update * hidden
        return out


def _chosen(rows: Floats, said: Ints) -> Floats:
    """Row ``said[i, j]`` of ``rows[i]``: (m, b, d)."""
    out: Floats = rows[np.arange(len(said))[:, None], said]
    return out
