"""What a run trains, built from prepared data: strategy, linearizer, planner, tokenizer, model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from d2t.errors import ConfigError
from d2t.language.habits.flaws import FINISHED, ends_finished
from d2t.language.habits.linking import NAMING, Linking
from d2t.language.habits.wording import WORDING, Wording
from d2t.language.symbols import PLAN_SYMBOLS, all_symbols
from d2t.language.template import template_of, template_words
from d2t.linearize.base import make_strategy
from d2t.linearize.source import Inventory, Linearizer
from d2t.model.build import build_model
from d2t.model.bundle.network import Bundle
from d2t.model.config import PretrainedConfig
from d2t.model.tokenizer import Tokenizer
from d2t.plan.bigram import BigramPlanner
from d2t.seeding import derive_seed, seed_everything
from d2t.train.config.load import bundle_of
from d2t.train.data.encode import PairEncoder, tokenizer_texts

if TYPE_CHECKING:
    from d2t.model.base import Seq2SeqModel
    from d2t.plan.neural import NeuralPlanner
    from d2t.train.config.options import TrainConfig
    from d2t.train.data.prepare import PreparedData


@dataclass(frozen=True)
class Assembly:
    """Everything that goes into the bundle, and the encoder of training pairs."""

    linearizer: Linearizer
    tokenizer: Any
    model: Seq2SeqModel
    planner: BigramPlanner | None
    encoder: PairEncoder
    neural_planner: NeuralPlanner | None = None
    _habits: dict[str, Any] = field(default_factory=dict)

    def bundle(self, data: PreparedData, info: dict[str, Any]) -> Bundle:
        """A bundle around the model as it is now (the weights are shared, not copied)."""
        if not self._habits:  # reading them takes seconds, and every evaluation makes a bundle
            self._habits.update(text_habits(data))
        return Bundle(
            domain=data.domain,
            tokenizer=self.tokenizer,
            model=self.model,
            linearizer=self.linearizer,
            planner=self.planner,
            neural_planner=self.neural_planner,
            decode_defaults=dict(self._habits),
            info=info,
        )


def text_habits(data: PreparedData) -> dict[str, Any]:
    """What verified generation holds texts to (``decode_defaults``), read from the references."""
    found: dict[str, Any] = {
        FINISHED: ends_finished(pair.example.references[0] for pair in data.train)
    }
    templates = [template_of(pair.alignment, data.domain) for pair in data.train]
    linking = Linking.fit(templates)
    if linking is not None:
        found[NAMING] = linking.naming
    wording = Wording.fit(map(template_words, templates))
    if wording is not None:
        found[WORDING] = wording.to_dict()
    return found


def assemble(config: TrainConfig, data: PreparedData) -> Assembly:
    """Fit the strategy and its tables on the training pairs, train the tokenizer, build the model.

    Deterministic: the model's first weights depend on the seed alone. Tables are counted on what is
    trained on; the paper counts before it removes pairs that share an MR with the test set (rule
    O2), which would let test MRs weigh in.

    With ``init``, all of them are that bundle's, and nothing is fitted.

    Raises:
        ConfigError: the bundle is not of this domain, strategy or model.
        BundleError: it cannot be read.
    """
    if config.init is not None:
        return _taken_over(config, config.init, data)
    examples = [pair.example for pair in data.train]
    strategy = make_strategy(config.strategy).fit(examples, data.domain)
    inventory = Inventory.fit(examples, data.domain)
    linearizer = Linearizer(data.domain, strategy, inventory, config.plan_first)
    planner = BigramPlanner().fit(examples, data.domain) if linearizer.needs_planner else None
    tokenizer, model = _tokenizer_and_model(config, data, linearizer)
    return Assembly(linearizer, tokenizer, model, planner, _encoder(config, linearizer, tokenizer))


def _taken_over(config: TrainConfig, init: str, data: PreparedData) -> Assembly:
    """What the bundle of ``init`` holds, to be trained on."""
    bundle = Bundle.load(bundle_of(init))
    for what, own, wanted in (
        ("domain", bundle.domain.digest, data.domain.digest),
        ("strategy", bundle.linearizer.strategy.name, config.strategy),
        ("objective", bundle.linearizer.plan_first, config.plan_first),
        ("model", bundle.model.config.model_dump(), config.model.model_dump()),
    ):
        if own != wanted:
            raise ConfigError(
                f"init {init!r} has another {what} than this configuration: {own} there, {wanted} "
                f"here; leave {what} out, or start from random weights"
            )
    encoder = _encoder(config, bundle.linearizer, bundle.tokenizer)
    return Assembly(
        bundle.linearizer, bundle.tokenizer, bundle.model, bundle.planner, encoder,
        bundle.neural_planner,
    )  # fmt: skip


def _encoder(config: TrainConfig, linearizer: Linearizer, tokenizer: Any) -> PairEncoder:
    return PairEncoder(
        linearizer,
        tokenizer,
        mask_share=config.data.mask_share,
        break_share=config.data.break_share,
        seed=config.seed,
    )


def _tokenizer_and_model(
    config: TrainConfig, data: PreparedData, linearizer: Linearizer
) -> tuple[Any, Seq2SeqModel]:
    symbols = [*all_symbols(data.domain), *(PLAN_SYMBOLS if config.plan_first else ())]
    if isinstance(config.model, PretrainedConfig):
        from d2t.model.pretrained import load_pretrained

        seed_everything(derive_seed(config.seed, "init"))  # rows of added tokens are drawn
        return load_pretrained(config.model, symbols)
    texts = tokenizer_texts(data.train, linearizer)
    tokenizer = Tokenizer.train(texts, symbols, config.data.vocab_size)
    seed_everything(derive_seed(config.seed, "init"))
    return tokenizer, build_model(config.model, **tokenizer.ids)


def check_lengths(n_kept: int, n_all: int, max_length: int) -> None:
    """Refuse a run in which most pairs are too long to be trained on.

    Raises:
        ConfigError: fewer than half of the pairs are left.
    """
    if n_kept * 2 < n_all:
        raise ConfigError(
            f"only {n_kept} of {n_all} training pairs are at most train.max_length={max_length} "
            "tokens long; raise train.max_length"
        )
