"""Contrastive decoding: the true MR against a perturbed one, both in one doubled batch.

SCOTT's decoding for its teacher (rule F3.1), on meaning representations (rule F5.5). The
searches are the plain ones: they step a ``ContrastiveModel`` as they step any other model.
``ContrastEngine`` is the torch engine with that model.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

import torch

from d2t.errors import UsageError
from d2t.generate.contrast import PerturbedRequest
from d2t.generate.types import EncodedRequest
from d2t.model.base import DecoderState, Seq2SeqModel
from d2t.search.greedy import IMPOSSIBLE, blocked_tokens, pad_sources
from d2t.search.torch_backend import TorchBackend
from d2t.slots.checker import SlotChecker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from d2t.generate.contrast import ContrastOptions
    from d2t.model.bundle.network import Bundle
    from d2t.search.backend import EncodedSource, SearchBackend

_FLOOR = -1e4
"""Least logit of the perturbed MR, so that what it gives no probability at all stays a number."""
_BLOCKED, _ACTIVE, _ROW, _SAID, _PREFIX = (
    f"contrast_{name}" for name in ("blocked", "active", "row", "said", "prefix")
)


class PerturbedSource(Protocol):
    """What a contrastive model reads beside a source; see ``PerturbedRequest``."""

    options: ContrastOptions
    everything: int

    def ids(self, said: int = 0) -> tuple[int, ...]:
        """Tokens of the source in which all slots but ``said`` are perturbed, EOS included."""
        ...

    def said(self, prefix: Sequence[int]) -> int:
        """Which slots the text that begins with the tokens ``prefix`` has said."""
        ...

    def longest(self) -> int:
        """Tokens that no result of ``ids`` exceeds."""
        ...


def contrast_scores(
    true: Tensor,
    perturbed: Tensor,
    *,
    beta: float,
    plausibility: float,
    eos_id: int,
    blocked: Tensor,
    active: Tensor,
) -> Tensor:
    """Logits ``(rows, vocab)`` whose softmax is the contrasted distribution of the next token.

    ``log p(v | true) - beta * log p(v | perturbed)`` over the tokens with ``p(v | true) >=
    plausibility * max p(. | true)``; all others have -inf. A softmax makes it a distribution again,
    without which sums over a beam would favour long texts. The constants of the two
    log-softmaxes cancel in that, so logits do as well as log-probabilities.

    Stop rule of the source: the contrast never goes on where the true MR's own likeliest token is
    EOS. There is no contrast at such a step: greedy search stops, and beams rank what the mask
    leaves (it holds at every step, in rows that are not ``active``, too) as the plain search does.
    (The source has no beams; to force EOS would end them early and change the search even where
    ``beta`` is 0.)

    Departures from the source, both from the spec: the mask, and softmax after it. With ``beta``
    and ``plausibility`` 0 the result is ``true`` itself, bit for bit.

    Args:
        true: ``(rows, vocab)``, logits given the true MR.
        perturbed: ``(rows, vocab)``, logits given the perturbed one.
        beta: weight of ``perturbed``.
        plausibility: alpha of the mask, from 0 to 1.
        eos_id: the token that ends a text.
        blocked: ``(rows, vocab) bool``, True = never this token; neither likeliest nor kept.
        active: ``(rows,) bool``: rows that have something to contrast with.
    """
    allowed = torch.where(blocked, true + IMPOSSIBLE, true)  # a sum, so that NaN stays and is seen
    best, likeliest = allowed.max(dim=-1, keepdim=True)
    contrasted = active.unsqueeze(1) & (likeliest != eos_id) & (beta > 0)
    difference = allowed - beta * perturbed.clamp(min=_FLOOR)
    scores = torch.where(contrasted, difference, true)
    if plausibility > 0:
        scores = scores.masked_fill(allowed < best + math.log(plausibility), IMPOSSIBLE)
    return scores


def doubled_sources(
    sources: Sequence[Sequence[int]],
    contrasts: Sequence[PerturbedSource],
    pad_id: int,
    *,
    device: torch.device | str = "cpu",
) -> tuple[Tensor, Tensor]:
    """True and perturbed sources ``(batch, 2, src_len) int64`` and their mask (True = keep)."""
    rows = [
        row
        for source, contrast in zip(sources, contrasts, strict=True)
        for row in (source, contrast.ids())
    ]
    width = max((contrast.longest() for contrast in contrasts), default=0)
    ids, mask = pad_sources(rows, pad_id, device=device, width=width)
    n = len(sources)
    return ids.unflatten(0, (n, 2)), mask.unflatten(0, (n, 2))


class ContrastiveModel(Seq2SeqModel):
    """A model on a doubled batch: row ``i`` of its state is (true, perturbed) of source ``i``.

    The second dimension of every tensor of the inner model's state is that pair, so that selecting
    rows, for beams or when texts have ended, reorders both caches together; one inner step serves
    both. Sources are ``(batch, 2, src_len)`` (see ``doubled_sources``), logits ``(batch, vocab)``.

    With dynamic options the slots that a row has said are no longer perturbed: where that changes,
    the new source is encoded, the text so far replayed, and the perturbed half of the row replaced.
    """

    def __init__(
        self,
        model: Seq2SeqModel,
        options: ContrastOptions,
        contrasts: Sequence[PerturbedSource],
        banned: Tensor | None = None,
    ) -> None:
        """Wrap ``model`` for the searches of one batch.

        Args:
            model: any steppable model, in eval mode.
            options: weight, mask, and whether the contrast follows what is said.
            contrasts: of each source of the batch.
            banned: ``(batch, vocab) bool``, as the search has it: what may not be said is neither
                plausible nor likeliest.
        """
        super().__init__()
        self.position_limit = model.position_limit
        self.pad_id, self.bos_id, self.eos_id = model.pad_id, model.bos_id, model.eos_id
        self.vocab_size = model.vocab_size
        self._inner, self._options, self._contrasts = model, options, contrasts
        self._banned = banned
        self._width = 0  # of the sources; every later one fits

    def forward(self, source_ids: Tensor, source_mask: Tensor, target_ids: Tensor) -> Tensor:
        """Teacher-forced contrast, all slots perturbed: ``(batch, tgt_len, vocab)``."""
        pairs = source_ids.flatten(0, 1), source_mask.flatten(0, 1)
        logits = self._inner(*pairs, target_ids.repeat_interleave(2, dim=0))
        own = self._own(source_ids)
        rows = [self._contrast(column, own) for column in logits.unbind(1)]
        return torch.stack(rows, dim=1)

    def start(self, source_ids: Tensor, source_mask: Tensor) -> DecoderState:
        """Encode true and perturbed sources ``(batch, 2, src_len)`` in one batch."""
        self._width = source_ids.size(-1)
        inner = self._inner.start(source_ids.flatten(0, 1), source_mask.flatten(0, 1))
        own = self._own(source_ids)
        if self._options.dynamic:
            rows = own[_ACTIVE].new_tensor(range(len(source_ids)), dtype=torch.int64)
            own |= {
                _ROW: rows,
                _SAID: torch.zeros_like(rows),
                _PREFIX: rows.new_zeros(len(rows), 0),
            }
        return {key: value.unflatten(0, (-1, 2)) for key, value in inner.items()} | own

    def step(self, token_ids: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """One inner step of ``2 * batch`` rows, see ``Seq2SeqModel.step``."""
        own = {key: value for key, value in state.items() if key.startswith("contrast_")}
        pairs = {key: value for key, value in state.items() if key not in own}
        if self._options.dynamic:
            self._follow(token_ids, pairs, own)
        flat = {key: value.flatten(0, 1) for key, value in pairs.items()}
        logits, new = self._inner.step(token_ids.repeat_interleave(2), flat)
        # What no step replaces keeps its tensor: beam search then need not reorder it.
        kept = {
            key: pairs[key] if value is flat.get(key) else value.unflatten(0, (-1, 2))
            for key, value in new.items()
        }
        return self._contrast(logits, own), kept | own

    def _own(self, source_ids: Tensor) -> DecoderState:
        """What the contrast keeps of each row beside the inner model's state."""
        active = [bool(contrast.everything) for contrast in self._contrasts]
        blocked = blocked_tokens(self, source_ids, self._banned)
        return {_BLOCKED: blocked, _ACTIVE: torch.tensor(active, device=source_ids.device)}

    def _contrast(self, logits: Tensor, own: DecoderState) -> Tensor:
        """From the logits ``(2 * rows, vocab)`` of true and perturbed sources in turn."""
        true, perturbed = logits.unflatten(0, (-1, 2)).unbind(1)
        return contrast_scores(
            true,
            perturbed,
            beta=self._options.beta,
            plausibility=self._options.plausibility,
            eos_id=self.eos_id,
            blocked=own[_BLOCKED],
            active=own[_ACTIVE],
        )

    def _follow(self, token_ids: Tensor, pairs: DecoderState, own: DecoderState) -> None:
        """Add a token to the texts, and perturb no longer what they say; changes both states."""
        before = own[_PREFIX]
        own[_PREFIX] = torch.cat([before, token_ids.unsqueeze(1)], dim=1)
        texts = own[_PREFIX][:, 1:].tolist()  # without BOS
        contrasts = [self._contrasts[row] for row in own[_ROW].tolist()]
        said = [contrast.said(text) for contrast, text in zip(contrasts, texts, strict=True)]
        changed = [at for at, known in enumerate(own[_SAID].tolist()) if known != said[at]]
        if not changed:
            return
        own[_SAID] = own[_SAID].new_tensor(said)
        left = [
            known != contrast.everything for known, contrast in zip(said, contrasts, strict=True)
        ]
        own[_ACTIVE] = own[_ACTIVE].new_tensor(left)
        # A row with nothing left to perturb is not contrasted, whatever its perturbed half holds.
        rows = [at for at in changed if left[at]]
        if rows:
            sources = [contrasts[at].ids(said[at]) for at in rows]
            places = before.new_tensor(rows)
            for key, value in self._replay(sources, before[places], pairs).items():
                replaced = pairs[key].clone()
                replaced[places, 1] = value
                pairs[key] = replaced

    def _replay(
        self, sources: Sequence[Sequence[int]], prefix: Tensor, like: DecoderState
    ) -> DecoderState:
        """The inner state of ``sources`` after ``prefix (rows, tokens)``; shapes as in ``like``."""
        ids, mask = pad_sources(sources, self.pad_id, device=prefix.device, width=self._width)
        state = self._inner.start(ids, mask)
        for column in prefix.unbind(dim=1):
            _, state = self._inner.step(column, state)
        return {key: state[key] for key in like}


class ContrastEngine(TorchBackend):
    """The torch engine whose greedy and beam search contrast each request with a perturbed one.

    Scores are of the contrasted distribution. Samples are drawn without a contrast, from the model
    given the true MR.
    """

    def __init__(self, bundle: Bundle, options: ContrastOptions, *, seed: int) -> None:
        """Run the model of ``bundle``; ``seed`` is of wrong values."""
        super().__init__(bundle)
        self._bundle, self._options, self._seed = bundle, options, seed
        self._checker = SlotChecker.for_domain(bundle.domain)

    def searched(
        self, sources: Sequence[EncodedSource]
    ) -> tuple[Seq2SeqModel, Tensor, Tensor, Tensor]:
        """The contrastive model, pairs of sources ``(batch, 2, src_len)``, mask, banned tokens.

        The sources are ``EncodedRequest``s.
        """
        contrasts = []
        for source in sources:
            if not isinstance(source, EncodedRequest):
                raise TypeError("contrastive decoding needs the request behind each source")
            contrasts.append(
                PerturbedRequest(
                    self._options, source, self._bundle, self._checker, seed=self._seed
                )
            )
        model, ids, _, banned = self.batch(sources)
        pairs, mask = doubled_sources(
            [source.ids for source in sources], contrasts, model.pad_id, device=ids.device
        )
        return ContrastiveModel(model, self._options, contrasts, banned), pairs, mask, banned


def contrast_engine(bundle: Bundle, options: ContrastOptions, *, seed: int = 0) -> SearchBackend:
    """The torch engine with contrastive decoding; without it where the plain search does as well.

    Args:
        bundle: whose model is run.
        options: what is contrasted, and how strongly.
        seed: decides, with the request's id, which values are wrong.

    Raises:
        UsageError: the model's decoder is given the plan, which holds what the perturbed input has
            lost.
    """
    if options.is_plain:
        return TorchBackend(bundle)
    if bundle.linearizer.plan_first is not None:
        raise UsageError(
            "this model's decoder reads the plan with its values, so that a perturbed input takes "
            "nothing from it; contrastive decoding needs a model trained without --objective "
            "counterfactual"
        )
    return ContrastEngine(bundle, options, seed=seed)
