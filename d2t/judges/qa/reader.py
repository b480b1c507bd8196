"""The model behind the QA metrics: batched scoring, answering and proposing.

Implements ``d2t.judges.qa.types.QuestionAnswerer``. A context is encoded once, however many
questions are asked of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from d2t.errors import UsageError
from d2t.judges.qa.entities import SYMBOLS
from d2t.judges.qa.model import QAModel
from d2t.judges.qa.questions import questions_from_dict
from d2t.judges.qa.types import ANSWER, PairLogs, QAPair
from d2t.model.device import pick_device
from d2t.search.greedy import Greedy, blocked_tokens, check_settings, pad_sources, walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from torch import Tensor

    from d2t.model.base import Seq2SeqModel
    from d2t.search.backend import SearchResult


MAX_ANSWER = 16
"""Most tokens of an answer, the end included."""
MAX_CONTEXT = 1024
"""Longer contexts are cut (rule F1.2, step 3)."""
MAX_PAIR = 60
"""Most tokens of a proposed pair (rule F1.2)."""


class QAReader:
    """Scores and answers questions with one QAGen network, in fp32 and without dropout.

    Attributes:
        domain: the model's, without listed values that its training has not seen: they are read
            like names and unlisted ones, as symbols, since no model answers with new words.
        questions: of the model.
        model: the network with its tokenizer, and the whole domain.
    """

    def __init__(
        self, model: QAModel, *, device: str = "cpu", n_contexts: int = 64, n_rows: int = 512
    ) -> None:
        """Put a model to work.

        Args:
            model: what reads.
            device: as ``--device``.
            n_contexts: contexts encoded together.
            n_rows: questions or pairs decoded together.
        """
        self.model = model
        self.domain = model.domain.without_values(model.info.get("unseen", {}))
        self.questions = questions_from_dict(model.questions, self.domain)
        self.device = torch.device(pick_device(device))
        self.n_contexts, self.n_rows = n_contexts, n_rows
        self._network = model.network.to(self.device).eval()
        self._separator = model.tokenizer.symbol_ids[ANSWER]
        self._entities = {
            symbol: model.tokenizer.symbol_ids[symbol]
            for symbol in SYMBOLS
            if symbol in model.tokenizer.symbol_ids
        }

    @classmethod
    def load(cls, path: Path, *, device: str = "cpu") -> QAReader:
        """A reader for the model in ``path``; raises ``BundleError`` like ``QAModel.load``."""
        return cls(QAModel.load(path), device=device)

    @property
    def digest(self) -> str:
        """SHA-256 of the weights."""
        return self.model.digest

    def log_probs(
        self, contexts: Sequence[str], rows: Sequence[tuple[int, QAPair]]
    ) -> list[PairLogs]:
        """Teacher-forced log-probabilities of ``question SEP answer EOS`` (rule F1.2, step 3)."""
        encode = self.model.tokenizer.encode_target
        targets = [encode(pair.target) for _, pair in rows]
        found: list[PairLogs | None] = [None] * len(rows)
        with torch.inference_mode():
            for batch, source_ids, mask, own in self._batches(contexts, rows, targets):
                encoded = self._network.encode(source_ids, mask)
                for places in batch:
                    logs = self._forced(encoded, mask, own[places], [targets[p] for p in places])
                    for place, tokens in zip(places, logs, strict=True):
                        n_question = targets[place].index(self._separator) + 1
                        found[place] = PairLogs(tokens, n_question)
        return [logs for logs in found if logs is not None]

    def answers(self, contexts: Sequence[str], rows: Sequence[tuple[int, str]]) -> list[str]:
        """Greedy answers; names that the context does not hold are never given."""
        encode = self.model.tokenizer.encode_target
        prefixes = [encode(f"{question} {ANSWER}")[:-1] for _, question in rows]
        found = [""] * len(rows)
        with torch.inference_mode():
            for batch, source_ids, mask, own in self._batches(contexts, rows, prefixes):
                encoded, blocked = self._network.encode(source_ids, mask), self._blocked(source_ids)
                for places in batch:
                    given = [prefixes[place] for place in places]
                    ids = self._continued(encoded, mask, own[places], blocked, given)
                    for place, tokens in zip(places, ids, strict=True):
                        found[place] = self.model.tokenizer.decode(tokens)
        return found

    def proposals(
        self, contexts: Sequence[str], *, n_groups: int, penalty: float
    ) -> list[list[QAPair]]:
        """Pairs by diverse beam search: exactly one separator, something on both sides of it."""
        sources = [self._context_ids(context) for context in contexts]
        found: list[list[QAPair]] = []
        step = max(1, self.n_rows // n_groups)
        for start in range(0, len(sources), step):
            ids, mask = self._padded(sources[start : start + step])
            searched = diverse_search(
                self._network, ids, mask, n_groups=n_groups, penalty=penalty, max_length=MAX_PAIR
            )
            found += [
                [pair for r in results if r.finished and (pair := self._pair(r.ids)) is not None]
                for results in searched
            ]
        return found

    def _context_ids(self, context: str) -> list[int]:
        ids = self.model.tokenizer.encode_target(context)
        return ids if len(ids) <= MAX_CONTEXT else [*ids[: MAX_CONTEXT - 1], ids[-1]]

    def _pair(self, ids: Sequence[int]) -> QAPair | None:
        parts = [part.strip() for part in self.model.tokenizer.decode(ids).split(ANSWER)]
        return QAPair(parts[0], parts[1]) if len(parts) == 2 and all(parts) else None

    def _batches(
        self,
        contexts: Sequence[str],
        rows: Sequence[tuple[int, Any]],
        targets: Sequence[Sequence[int]],
    ) -> Iterator[tuple[list[list[int]], Tensor, Tensor, _Rows]]:
        """Contexts of like length together, and their rows in batches of like target length.

        Yields:
            Places in ``rows`` by batch, padded contexts with their mask, and what finds the context
            of a place among them.
        """
        used = sorted({at for at, _ in rows})
        encoded = {at: self._context_ids(contexts[at]) for at in used}
        used.sort(key=lambda at: len(encoded[at]))
        by_context: dict[int, list[int]] = {at: [] for at in used}
        for place, (at, _) in enumerate(rows):
            by_context[at].append(place)
        for start in range(0, len(used), self.n_contexts):
            here = used[start : start + self.n_contexts]
            ids, mask = self._padded([encoded[at] for at in here])
            local = {at: row for row, at in enumerate(here)}
            places = [place for at in here for place in by_context[at]]
            places.sort(key=lambda place: len(targets[place]))
            batch = [places[i : i + self.n_rows] for i in range(0, len(places), self.n_rows)]
            yield batch, ids, mask, _Rows(local, rows, self.device)

    def _padded(self, sources: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        return pad_sources(sources, self.model.tokenizer.pad_id, device=self.device)

    def _forced(
        self, encoded: Tensor, mask: Tensor, rows: Tensor, targets: Sequence[Sequence[int]]
    ) -> list[tuple[float, ...]]:
        """Log-probabilities of the tokens of each target; ``rows (n,)``: which context it is of."""
        gold, real = self._padded(targets)
        first = torch.full_like(gold[:, :1], self._network.bos_id)
        hidden = self._network.decode(encoded, mask, torch.cat([first, gold[:, :-1]], dim=1), rows)
        logits = self._network.output(hidden[real]).float()
        logs = torch.log_softmax(logits, dim=-1).gather(1, gold[real][:, None])[:, 0].tolist()
        split, at = [], 0
        for target in targets:
            split.append(tuple(logs[at : at + len(target)]))
            at += len(target)
        return split

    def _continued(
        self,
        encoded: Tensor,
        mask: Tensor,
        contexts: Tensor,
        blocked: Tensor,
        prefixes: Sequence[Sequence[int]],
    ) -> list[list[int]]:
        """The likeliest token after each prefix, again and again until EOS.

        All positions are decoded anew for every token: answers are short, and reading a question
        step by step, as search does, would cost a projection to the vocabulary for each of its
        tokens.
        """
        found: list[list[int]] = [[] for _ in prefixes]
        rows = list(range(len(prefixes)))
        for _ in range(MAX_ANSWER):
            given = [[self._network.bos_id, *prefixes[row], *found[row]] for row in rows]
            ids, _ = self._padded(given)
            here = contexts[torch.tensor(rows, device=self.device)]
            hidden = self._network.decode(encoded, mask, ids, here)
            last = torch.tensor([len(tokens) - 1 for tokens in given], device=self.device)
            logits = self._network.output(hidden[torch.arange(len(rows)), last]).float()
            chosen = logits.masked_fill(blocked[here], -torch.inf).argmax(dim=-1).tolist()
            for row, token in zip(rows, chosen, strict=True):
                found[row].append(token)
            rows = [r for r, t in zip(rows, chosen, strict=True) if t != self._network.eos_id]
            if not rows:
                break
        return found

    def _blocked(self, source_ids: Tensor) -> Tensor:
        """``(contexts, vocab) bool``: names that are not there."""
        blocked = blocked_tokens(self._network, source_ids, None)
        for token in self._entities.values():
            blocked[:, token] |= ~(source_ids == token).any(dim=1)
        return blocked


class _Rows:
    """From places of questions to the rows of the contexts they are about."""

    def __init__(
        self, local: dict[int, int], rows: Sequence[tuple[int, Any]], device: torch.device
    ) -> None:
        self._local, self._rows, self._device = local, rows, device

    def __getitem__(self, places: list[int]) -> Tensor:
        found = [self._local[self._rows[place][0]] for place in places]
        return torch.tensor(found, device=self._device)


def diverse_search(
    model: Seq2SeqModel,
    source_ids: Tensor,
    source_mask: Tensor,
    *,
    n_groups: int,
    penalty: float,
    max_length: int,
) -> list[list[SearchResult]]:
    """``n_groups`` sequences a source; a token costs ``penalty`` for each group that has chosen it.

    The scores of the results are the model's own mean log-probabilities: the penalty chooses and is
    not counted (rule F1.2: in the original it is). fairseq counts the two best candidates of every
    earlier group, we count the token each has chosen.

    Args:
        model: any steppable model, in eval mode.
        source_ids: ``(batch, src_len) int64``.
        source_mask: ``(batch, src_len) bool``, True = keep.
        n_groups: 60 in QUALS.
        penalty: Hamming diversity strength, 0.5 in QUALS.
        max_length: most tokens generated, EOS included.

    Raises:
        UsageError: no group, or ``max_length`` is below 1.
        BackendError: the model returned NaN.
    """
    check_settings(max_length=max_length)
    if n_groups < 1:
        raise UsageError(f"n_groups must be at least 1, was {n_groups}")
    n = source_ids.size(0)
    if n == 0:
        return []
    with torch.inference_mode():
        source = torch.arange(n, device=source_ids.device).repeat_interleave(n_groups)
        state = model.select(model.start(source_ids, source_mask), source)
        blocked = blocked_tokens(model, source_ids, None)[source]
        policy = DiverseGroups(n, n_groups, penalty)
        found = walk(model, state, blocked, policy, max_length=max_length)
    return [found[at * n_groups : (at + 1) * n_groups] for at in range(n)]


class DiverseGroups(Greedy):
    """Greedy in each group, after a penalty on what the groups before it chose at this step."""

    def __init__(self, n_sources: int, n_groups: int, penalty: float) -> None:
        """Row ``r`` of the walk is group ``r % n_groups`` of source ``r // n_groups``."""
        self._n_sources = n_sources
        self._n_groups = n_groups
        self._penalty = penalty

    def choose(self, log_probs: Tensor, rows: Tensor, step: int) -> Tensor:
        """Group after group, for all sources at once."""
        taken = log_probs.new_zeros((self._n_sources, log_probs.size(1)))
        chosen = torch.empty_like(rows)
        group, source = rows % self._n_groups, rows // self._n_groups
        for number in range(self._n_groups):
            here = torch.nonzero(group == number).squeeze(1)
            if not len(here):
                continue
            of = source[here]
            token = (log_probs[here] - self._penalty * taken[of]).argmax(dim=-1)
            taken[of, token] += 1.0
            chosen[here] = token
        return chosen
