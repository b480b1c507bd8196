"""The neural planner: a pointer network whose outputs can only be permutations (rule O4.2)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from threadpoolctl import ThreadpoolController

from d2t.errors import BundleError
from d2t.io.atomic import atomic_write_binary, atomic_write_json
from d2t.io.folder_manifest import FORMAT_VERSION, read_versioned
from d2t.io.tensors import tensor_shapes
from d2t.mr.types import Plan
from d2t.plan.base import join_plan, remaining_slots, state_error
from d2t.plan.network import MAX_COUNT, PlanVocabulary, PointerNetwork, parameter_shapes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path
    from random import Random

    from numpy.typing import NDArray

    from d2t.mr.types import MeaningRepresentation, Slot
    from d2t.plan.network import EncodedSlots, Floats

    Doubles = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Key = tuple[str, bytes, bytes, int, tuple[int, ...] | None]


PLANNER = "planner.json"
WEIGHTS = "planner.safetensors"


@dataclass(frozen=True, slots=True)
class Utility:
    """What agreement of two orders is worth: ``tau * Kendall's tau + bigrams * bigram F1``."""

    tau: float = 2.0
    bigrams: float = 1.0


def expected_utility(orders: Ints, weights: Doubles, utility: Utility) -> Doubles:
    """What each order is worth on average over all of them.

    Both parts are sums over pairs of slots, so that the probabilities of pairs suffice:
    ``E[tau] = sum over i before j of (P(i < j) - P(j < i)) / pairs`` and
    ``E[F1] = sum over neighbours i, j of P(ij) / (n + 1)``.

    Args:
        orders: (m, k, n): k permutations of 0..n-1 for each of m sets.
        weights: (m, k): their probabilities, which sum to 1.
        utility: of two orders.

    Returns:
        (m, k).
    """
    m, k, n = orders.shape
    places = np.argsort(orders, axis=2)
    earlier = (places[..., :, None] < places[..., None, :]).reshape(m, k, n * n).astype(np.float64)
    before = (weights[:, None] @ earlier).reshape(m, n, n)
    ends = np.full((m, k, 1), n)
    padded = np.concatenate([ends, orders, ends], axis=2)
    sets = np.arange(m)[:, None, None]
    adjacent = np.zeros((m, n + 1, n + 1))
    np.add.at(adjacent, (sets, padded[..., :-1], padded[..., 1:]), weights[..., None])
    ahead = before - before.transpose(0, 2, 1)
    pairs = max(1.0, n * (n - 1) / 2)
    tau = (earlier @ ahead.reshape(m, n * n, 1))[..., 0] / pairs
    shared = adjacent[sets, padded[..., :-1], padded[..., 1:]].sum(axis=2) / (n + 1)
    worth: Doubles = utility.tau * tau + utility.bigrams * shared
    return worth


Decision = Literal["expected", "mode"]
BEAM = 8
"""Orders kept. More bring little: 64 agree with the development references by 0.3 points more."""
MAX_BEAM = 1024
CACHE = 65_536
"""Plans remembered; MRs that differ in hidden values only share one."""
_SETS = 64
"""MRs planned at once."""


@lru_cache(maxsize=1)
def _one_blas_thread() -> None:
    """From now on, OpenBLAS, which numpy comes with, multiplies in the calling thread.

    The products of a planner are small. OpenBLAS would give a part of each to a thread for every
    core, and on a busy machine these wait for each other and for the workers of the engine: 600
    records took 81 s beside two busy processes, and 3 s so. A limit around each plan costs more
    than it saves, because OpenBLAS starts its threads anew.
    """
    ThreadpoolController().select(internal_api="openblas").limit(limits=1)


class NeuralPlanner:
    """Orders slots, and if wanted sentences, as the training texts do.

    The network gives a distribution over orders; a slot that was said cannot be said again, so
    every hypothesis of the beam is a permutation. Decision ``mode`` takes the most probable one.
    ``expected`` takes the order of the beam that agrees best with all of them, weighted by their
    probabilities (minimum Bayes risk): references of an MR disagree, and this order is the most
    like all of them. Departures from the sources' second planner: no encoder over
    a fixed input order, a set instead; the beam's scores are not divided by the length, which all
    share.
    """

    name = "neural"

    def __init__(
        self,
        vocabulary: PlanVocabulary,
        weights: Mapping[str, Floats],
        *,
        info: Mapping[str, Any] | None = None,
        beam: int = BEAM,
        decision: Decision = "expected",
        sentences: bool = False,
    ) -> None:
        """Wrap a trained network.

        Args:
            vocabulary: rows of its tables.
            weights: its parameters.
            info: JSON-able facts about its training.
            beam: partial plans kept.
            decision: which order of the distribution is taken.
            sentences: plan where sentences end, too.

        Raises:
            BundleError: the weights do not fit the vocabulary or are not finite.
        """
        self.vocabulary = vocabulary
        self.info = dict(info or {})
        self.beam = beam
        self.decision: Decision = decision
        self.sentences = sentences
        self.utility = Utility()
        self._check(weights)
        _one_blas_thread()
        self.network = PointerNetwork(weights)
        self._cache: dict[Key, tuple[list[int], tuple[int, ...] | None]] = {}

    def plan(
        self,
        mr: MeaningRepresentation,
        *,
        prefix: Plan | None = None,
        rng: Random | None = None,
    ) -> Plan:
        """The planned order; deterministic, ``rng`` is not used.

        Depends on the multiset of slots, the dialogue act and the prefix only. Sentences are
        planned when the planner does or the prefix does.

        Raises:
            MRParseError: code ``plan_mismatch``: the prefix holds what the MR does not.
        """
        fixed = () if prefix is None else prefix.slots
        slots = [*fixed, *remaining_slots(mr, prefix)]
        if len(slots) == len(fixed) and not (self.sentences and slots):
            return join_plan(prefix, ())
        key = self._key(mr, slots, len(fixed), None if prefix is None else prefix.breaks)
        if key not in self._cache:
            self._remember([key])
        order, ends = self._cache[key]
        return Plan(tuple(slots[i] for i in order), ends)

    def prepare(self, mrs: Iterable[MeaningRepresentation]) -> None:
        """Plan many MRs at once and remember the plans, so that ``plan`` answers at once."""
        keys = (self._key(mr, remaining_slots(mr, None), 0, None) for mr in mrs if mr.slots)
        new = [key for key in dict.fromkeys(keys) if key not in self._cache]
        by_size = sorted(new, key=lambda key: len(key[1]))
        for _, group in groupby(by_size, key=lambda key: len(key[1])):
            while sets := list(islice(group, _SETS)):
                self._remember(sets)

    def _key(
        self,
        mr: MeaningRepresentation,
        slots: Sequence[Slot],
        n_fixed: int,
        breaks: tuple[int, ...] | None,
    ) -> Key:
        names, values = self.vocabulary.rows(slots)
        return mr.dialogue_act, names.tobytes(), values.tobytes(), n_fixed, breaks

    def _remember(self, keys: Sequence[Key]) -> None:
        """Plan sets of equally many slots, of which equally many are fixed."""
        if len(self._cache) + len(keys) > CACHE:
            self._cache.clear()
        names = np.stack([np.frombuffer(key[1], dtype=np.int64) for key in keys])
        values = np.stack([np.frombuffer(key[2], dtype=np.int64) for key in keys])
        acts = np.array([self.vocabulary.act_row(key[0]) for key in keys])
        encoded = self.network.encode(names, values, acts)
        n_fixed = keys[0][3]
        for at, (key, order) in enumerate(zip(keys, self._orders(encoded, n_fixed), strict=True)):
            breaks = key[4]
            planned = self.sentences or breaks is not None
            ends = self._breaks(encoded[at], order, n_fixed, breaks) if planned else None
            self._cache[key] = order, ends

    def log_prob(self, plan: Plan, mr: MeaningRepresentation | None = None) -> float:
        """Log-probability of an order in nats; its breaks are not scored.

        Args:
            plan: each slot once.
            mr: gives the dialogue act.
        """
        encoded = self._encode(plan.slots, mr)
        total = 0.0
        states = self.network.begin(encoded)
        left = np.ones((1, 1, len(plan.slots)), dtype=np.bool_)
        for at in range(len(plan.slots)):
            total += float(self.network.log_probs(encoded, states, left)[0, 0, at])
            left[..., at] = False
            states = self.network.advance(encoded, states, np.array([[at]]))
        return total

    def _encode(self, slots: Sequence[Slot], mr: MeaningRepresentation | None) -> EncodedSlots:
        act = 0 if mr is None else self.vocabulary.act_row(mr.dialogue_act)
        names, values = self.vocabulary.rows(slots)
        return self.network.encode(names[None], values[None], np.array([act]))

    def _orders(self, encoded: EncodedSlots, n_fixed: int) -> list[list[int]]:
        """The decided order of each set: indices into its slots, the fixed ones first."""
        orders, scores = self._search(encoded, n_fixed)
        best = np.zeros(len(orders), dtype=np.int64)
        if self.decision == "expected":
            weights = np.exp(scores - scores[:, :1])
            weights /= weights.sum(axis=1, keepdims=True)
            worth = expected_utility(orders, weights, self.utility)
            best = worth.argmax(axis=1)
        return [list(map(int, order)) for order in orders[np.arange(len(orders)), best]]

    def _search(self, encoded: EncodedSlots, n_fixed: int) -> tuple[Ints, Doubles]:
        """Beam search: orders (m, k, n), best first, and their log-probabilities (m, k)."""
        m, n, _ = encoded.tokens.shape
        sets = np.arange(m)[:, None]
        orders = np.zeros((m, 1, 0), dtype=np.int64)
        scores = np.zeros((m, 1))
        left = np.ones((m, 1, n), dtype=np.bool_)
        states = self.network.begin(encoded)
        for step in range(n):
            if step < n_fixed:
                rows = np.zeros((m, 1), dtype=np.int64)
                said = np.full((m, 1), step)
            else:
                given = self.network.log_probs(encoded, states, left)
                totals = (scores[..., None] + given.astype(np.float64)).reshape(m, -1)
                kept = min(self.beam, left.shape[1] * (n - step))
                best = np.argsort(-totals, axis=1, kind="stable")[:, :kept]
                rows, said = np.divmod(best, n)
                scores = np.take_along_axis(totals, best, axis=1)
            orders = np.concatenate([orders[sets, rows], said[..., None]], axis=2)
            left = left[sets, rows]
            np.put_along_axis(left, said[..., None], values=False, axis=2)
            states = type(states)(*(state[sets, rows] for state in states))
            states = self.network.advance(encoded, states, said)
        return orders, scores

    def _breaks(
        self,
        encoded: EncodedSlots,
        order: Sequence[int],
        n_fixed: int,
        given: tuple[int, ...] | None,
    ) -> tuple[int, ...]:
        """The most probable sentence breaks of an order.

        Dynamic programming over (length of the sentence so far, sentences before it). Where the
        prefix plans sentences its breaks stay, and so does their absence inside it.
        """
        n = len(order)
        paths: dict[tuple[int, int], tuple[float, tuple[int, ...]]] = {(1, 0): (0.0, ())}
        states = self.network.begin(encoded)
        for at in range(1, n):
            states = self.network.advance(encoded, states, np.array([[order[at - 1]]]))
            logits = self.network.break_logits(encoded, states, order[at:]).astype(np.float64)
            stays, stops = -np.logaddexp(0.0, logits), -np.logaddexp(0.0, -logits)
            if given is not None and (at < n_fixed or at in given):
                forced = np.full_like(logits, -np.inf)
                stays, stops = (forced, stops) if at in given else (stays, forced)
            reached: dict[tuple[int, int], tuple[float, tuple[int, ...]]] = {}
            for (length, sentence), (loss, breaks) in paths.items():
                cell = min(length, MAX_COUNT), min(sentence, MAX_COUNT)
                for key, more, after in (
                    ((length + 1, sentence), float(stays[cell]), breaks),
                    ((1, sentence + 1), float(stops[cell]), (*breaks, at)),
                ):
                    item = (loss - more, after)
                    if item[0] < np.inf and (key not in reached or item < reached[key]):
                        reached[key] = item
            paths = reached
        return min(paths.values())[1] if paths else ()

    def with_sentences(self) -> NeuralPlanner:
        """The same planner, planning sentence breaks too."""
        return NeuralPlanner(
            self.vocabulary,
            self.network.weights,
            info=self.info,
            beam=self.beam,
            decision=self.decision,
            sentences=True,
        )

    def save(self, folder: Path) -> None:
        """Write ``planner.safetensors``, then ``planner.json``: a folder that has it is complete.

        Raises:
            DataError: the operating system refuses to write.
        """
        from safetensors.numpy import save

        weights = self.network.weights
        arrays = {name: np.ascontiguousarray(w, dtype=np.float32) for name, w in weights.items()}
        with atomic_write_binary(folder / WEIGHTS) as stream:
            stream.write(save(arrays))
        atomic_write_json(folder / PLANNER, {"format_version": FORMAT_VERSION, **self.state()})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote.

        Raises:
            BundleError: a file is missing, damaged, or of another version.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load

        if not (folder / PLANNER).is_file():
            raise BundleError(
                f"no planner at {folder}: it holds no {PLANNER}; train one with `d2t train-planner`"
            )
        state = read_versioned(folder / PLANNER, "planner")
        try:
            tensor_shapes(folder / WEIGHTS)
            weights = load((folder / WEIGHTS).read_bytes())
        except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
            raise BundleError(
                f"{folder / WEIGHTS}: {error}; it is missing or cut short: copy the planner again"
            ) from error
        arrays = {name: np.asarray(w, dtype=np.float32) for name, w in weights.items()}
        return cls.from_state(state, arrays)

    def state(self) -> dict[str, Any]:
        """JSON-able: all but the weights."""
        return {
            "name": self.name,
            "beam": self.beam,
            "decision": self.decision,
            "vocabulary": self.vocabulary.state(),
            "info": self.info,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any], weights: Mapping[str, Floats]) -> Self:
        """Restore what ``state`` returned, with the weights beside it.

        Raises:
            BundleError: an entry is missing or of the wrong type, or the weights do not fit.
        """
        try:
            vocabulary = PlanVocabulary.from_state(state["vocabulary"])
            beam, decision = int(state["beam"]), state["decision"]
            if not 1 <= beam <= MAX_BEAM or decision not in ("expected", "mode"):
                raise ValueError(f"beam {beam}, decision {decision!r}")
            info = dict(state["info"])
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise BundleError(state_error(cls.name, error)) from error
        return cls(vocabulary, weights, info=info, beam=beam, decision=decision)

    def _check(self, weights: Mapping[str, Floats]) -> None:
        known = self.vocabulary
        width = weights["start"].shape[0] if "start" in weights and weights["start"].ndim else 0
        sizes = len(known.slots), len(known.values), len(known.acts)
        wanted = parameter_shapes(*sizes, width)
        shapes = {name: list(w.shape) for name, w in weights.items()}
        wrong = [name for name in {*wanted, *shapes} if wanted.get(name) != shapes.get(name)]
        wrong += [name for name, w in weights.items() if not np.isfinite(w).all()]
        if wrong or not width:
            raise BundleError(
                f"the neural planner's weights do not fit its vocabulary: {sorted(wrong)[0]!r} is "
                "missing, left over, of another shape or not finite; copy or train it again"
                if wrong
                else "the neural planner has no weights; copy or train it again"
            )
