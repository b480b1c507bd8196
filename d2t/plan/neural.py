"""The neural planner: a pointer network whose outputs can only be permutations (rule O4.2)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

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
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from random import Random

    from numpy.typing import NDArray

    from d2t.mr.types import MeaningRepresentation, Slot
    from d2t.plan.network import EncodedSlots, Floats

    Doubles = NDArray[np.float64]


PLANNER = "planner.json"
WEIGHTS = "planner.safetensors"


STATES = 64
"""Partial orders kept; partial orders of the same slots with the same last one are one."""


@dataclass(frozen=True, slots=True)
class Utility:
    """What agreement of two orders is worth: ``tau * Kendall's tau + bigrams * bigram F1``."""

    tau: float = 2.0
    bigrams: float = 1.0


class Marginals(NamedTuple):
    """What a distribution over orders of n slots says about pairs.

    Attributes:
        before: (n, n): probability that slot i is said somewhere before slot j.
        adjacent: (n + 1, n + 1): probability that slot j directly follows slot i; n is both ends.
    """

    before: Doubles
    adjacent: Doubles


def pair_marginals(orders: NDArray[np.int64], weights: Doubles) -> Marginals:
    """Marginals of weighted orders, (k, n) permutations of 0..n-1 and (k,) that sum to 1."""
    k, n = orders.shape
    places = np.argsort(orders, axis=1)
    earlier = places[:, :, None] < places[:, None, :]
    before = np.einsum("k,kij->ij", weights, earlier)
    ends = np.full((k, 1), n)
    padded = np.concatenate([ends, orders, ends], axis=1)
    adjacent = np.zeros((n + 1, n + 1))
    np.add.at(adjacent, (padded[:, :-1], padded[:, 1:]), weights[:, None])
    return Marginals(before, adjacent)


def best_order(marginals: Marginals, utility: Utility, prefix: Sequence[int] = ()) -> list[int]:
    """The order with the highest expected utility among those that begin with ``prefix``.

    Both parts are sums over pairs, so the expectation needs the marginals only:
    ``E[tau] = sum over i before j of (P(i < j) - P(j < i)) / pairs`` and
    ``E[F1] = sum over neighbours i, j of P(ij) / (n + 1)``. The search is exact as long as there
    are at most ``STATES`` pairs of (set of slots said, last slot) at each step, else a beam. The
    first of equally good orders wins.
    """
    n = len(marginals.before)
    pairs = max(1.0, n * (n - 1) / 2)
    ahead = utility.tau * (marginals.before - marginals.before.T) / pairs
    follows = utility.bigrams * marginals.adjacent / (n + 1)
    start = tuple(prefix)
    last = start[-1] if start else n
    # What each slot still gains from the slots before it grows with the order: (loss, order, gain).
    states = {(frozenset(start), last): (0.0, start, ahead[list(start)].sum(0))}
    for _ in range(n - len(start)):
        reached: dict[tuple[frozenset[int], int], tuple[float, tuple[int, ...], Doubles]] = {}
        for (said, last), (loss, order, gains) in states.items():
            for slot in range(n):
                if slot in said:
                    continue
                worse = loss - float(gains[slot]) - float(follows[last, slot])
                key = (said | {slot}, slot)
                if key not in reached or (worse, (*order, slot)) < reached[key][:2]:
                    reached[key] = (worse, (*order, slot), gains + ahead[slot])
        kept = sorted(reached.items(), key=lambda item: item[1][:2])[:STATES]
        states = dict(kept)
    ranked = ((loss - float(follows[last, n]), o) for (_, last), (loss, o, _) in states.items())
    return list(min(ranked)[1])


Decision = Literal["expected", "mode"]
BEAM = 64
MAX_BEAM = 1024
CACHE = 4096
"""Plans remembered; MRs that differ in hidden values only share one."""


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
    ``expected`` takes the order with the highest expected agreement with the beam's orders,
    weighted by their probabilities (minimum Bayes risk): references of an MR disagree, and this
    order is the most like all of them. Departures from the sources' second planner: no encoder over
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
        self._cache: dict[object, tuple[list[int], tuple[int, ...] | None]] = {}

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
        breaks = None if prefix is None else prefix.breaks
        names, values = self.vocabulary.rows(slots)
        key = (mr.dialogue_act, names.tobytes(), values.tobytes(), len(fixed), breaks)
        known = self._cache.get(key)
        if known is None:
            if len(self._cache) >= CACHE:
                self._cache.clear()
            encoded = self.network.encode(names, values, self.vocabulary.act_row(mr.dialogue_act))
            order = self._order(encoded, len(fixed))
            planned = self.sentences or breaks is not None
            ends = self._breaks(encoded, order, len(fixed), breaks) if planned else None
            known = self._cache[key] = order, ends
        order, ends = known
        return Plan(tuple(slots[i] for i in order), ends)

    def log_prob(self, plan: Plan, mr: MeaningRepresentation | None = None) -> float:
        """Log-probability of an order in nats; its breaks are not scored.

        Args:
            plan: each slot once.
            mr: gives the dialogue act.
        """
        encoded = self._encode(plan.slots, mr)
        total = 0.0
        states = self.network.begin(encoded)
        left = np.ones((1, len(plan.slots)), dtype=np.bool_)
        for at in range(len(plan.slots)):
            total += float(self.network.log_probs(encoded, states, left)[0, at])
            left[0, at] = False
            states = self.network.advance(encoded, states, np.array([at]))
        return total

    def _encode(self, slots: Sequence[Slot], mr: MeaningRepresentation | None) -> EncodedSlots:
        act = 0 if mr is None else self.vocabulary.act_row(mr.dialogue_act)
        return self.network.encode(*self.vocabulary.rows(slots), act)

    def _order(self, encoded: EncodedSlots, n_fixed: int) -> list[int]:
        """The decided order: indices into the encoded slots, the fixed ones first."""
        orders, scores = self._search(encoded, n_fixed)
        if self.decision == "mode":
            return [int(i) for i in orders[0]]
        weights = np.exp(scores - scores[0])
        marginals = pair_marginals(orders, weights / weights.sum())
        return best_order(marginals, self.utility, range(n_fixed))

    def _search(
        self, encoded: EncodedSlots, n_fixed: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Beam search: orders (k, n), best first, and their log-probabilities (k,)."""
        n = len(encoded.tokens)
        orders = np.zeros((1, 0), dtype=np.int64)
        scores = np.zeros(1)
        left = np.ones((1, n), dtype=np.bool_)
        states = self.network.begin(encoded)
        for step in range(n):
            if step < n_fixed:
                rows, said = np.array([0]), np.array([step])
            else:
                given = self.network.log_probs(encoded, states, left)
                totals = (scores[:, None] + given.astype(np.float64)).ravel()
                best = np.argsort(-totals, kind="stable")[: min(self.beam, int(left.sum()))]
                rows, said = np.divmod(best, n)
                scores = totals[best]
            orders = np.concatenate([orders[rows], said[:, None]], axis=1)
            left = left[rows]
            left[np.arange(len(said)), said] = False
            states = type(states)(*(state[rows] for state in states))
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
            states = self.network.advance(encoded, states, np.array([order[at - 1]]))
            logits = self.network.break_logits(encoded, states, order[at]).astype(np.float64)
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
