"""What a QAGen model is trained on: context -> question SEP answer, drawn anew each epoch.

Rule F5.3: a context is a tagged utterance or a linearized MR, more utterance pairs than MR pairs.
A share of the pairs about slots that are said is learnt whole, so that the likelihood of a question
says whether its slot is there (rule F5.3, lesson 2). Pairs about slots that are not said have the
answer ``none``, and only the answer is learnt: the model can be asked anything (rule F5.2), and its
own questions stay those that the context answers. Into a share of the texts a clause is put that is
not about their subject (``d2t.judges.qa.training.distractors``):
references never show that one has to notice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from d2t.judges.qa.contexts import context_pair, said_pairs
from d2t.judges.qa.entities import SYMBOLS, fold_value
from d2t.judges.qa.questions import fill
from d2t.judges.qa.types import ANSWER, MR_TAG, TEXT_TAG, QAPair
from d2t.language.symbols import slot_symbol
from d2t.seeding import derived_rng
from d2t.train.data.batching import EncodedPair

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from random import Random

    from d2t.judges.qa.questions import QuestionSet
    from d2t.judges.qa.training.distractors import DistractedText, Distractor
    from d2t.judges.qa.types import ContextPair
    from d2t.model.tokenizer import Tokenizer
    from d2t.mr.domain import Domain
    from d2t.mr.types import MeaningRepresentation, Slot


class Utterance(NamedTuple):
    """One text and what it says."""

    mr: MeaningRepresentation
    text: str


class Draws(NamedTuple):
    """How many pairs of each kind an utterance gives in an epoch; a fraction is a chance.

    Attributes:
        text: slots asked of the text that says them, learnt whole.
        answers: of the same text, the answer alone: questions are many tokens and soon known.
        text_none: of the text that does not.
        mr: of the MR that holds them.
        mr_none: of the MR that does not.
        copied: chance that a listed value which stands in the text is a symbol, so that unlisted
            ones can be copied.
        beside: chance that the text of another record stands beside this one's; only questions
            that name their subject are then asked, so that the model learns whose slot it is.
        distracted: chance that an utterance with none beside it gets a clause that is not, or not
            only, about its subject; needs a ``Distractor``.
        misread: of a distracted text, slots that its clause is about, the answer alone.
    """

    text: float = 1.0
    answers: float = 2.0
    text_none: float = 1.5
    mr: float = 1.0
    mr_none: float = 0.5
    copied: float = 0.15
    beside: float = 0.15
    distracted: float = 0.3
    misread: float = 2.0


class QARow(NamedTuple):
    """One training pair as strings; ``whole``: the question is learnt too."""

    context: str
    pair: QAPair
    whole: bool


def qa_symbols(domain: Domain) -> list[str]:
    """What the tokenizer never splits."""
    slots = [slot_symbol(name) for name in domain.slot_names]
    return [TEXT_TAG, MR_TAG, ANSWER, *SYMBOLS, *slots]


class QAPairEncoder:
    """Training pairs of utterances as token ids, drawn anew each epoch."""

    def __init__(self, drawer: PairDrawer, tokenizer: Tokenizer) -> None:
        self.drawer, self.tokenizer = drawer, tokenizer

    def encode_epoch(self, utterances: Sequence[Utterance], epoch: int | str) -> list[EncodedPair]:
        """The pairs of one epoch; the tokens of a question that is not learnt are ``given``."""
        encode = self.tokenizer.encode_target
        sources: dict[str, tuple[int, ...]] = {}
        found = []
        for row in self.drawer.rows(utterances, epoch):
            source = sources.get(row.context)
            if source is None:
                source = sources[row.context] = tuple(encode(row.context))
            given = 0 if row.whole else len(encode(f"{row.pair.question} {ANSWER}")) - 1
            found.append(EncodedPair(source, tuple(encode(row.pair.target)), given))
        return found


class PairDrawer:
    """Draws training pairs of utterances; what is drawn depends on (seed, epoch, index) alone.

    Without a ``distractor`` no text is distracted.
    """

    def __init__(
        self,
        domain: Domain,
        questions: QuestionSet,
        draws: Draws,
        seed: int,
        distractor: Distractor | None = None,
    ) -> None:
        self.domain, self.questions, self.draws, self.seed = domain, questions, draws, seed
        self.distractor = distractor

    def rows(self, utterances: Sequence[Utterance], epoch: int | str) -> Iterator[QARow]:
        """The pairs of one epoch as strings."""
        for index, utterance in enumerate(utterances):
            rng = derived_rng(self.seed, "qa", epoch, index)
            beside = self._other(utterance, utterances, rng)
            made = None if beside else self._distracted(utterance, epoch, index)
            mr, said = (made.mr, made.text) if made else utterance
            mentioned = made.mentioned if made else ()
            text = fold_value(said)
            also = [
                slot.value
                for slot in (*mr.slots, *mentioned)
                if slot.value
                and self.domain.slot(slot.name).kind != "boolean"
                and fold_value(slot.value) in text
                and rng.random() < self.draws.copied
            ]
            pair = context_pair(
                mr, said, self.domain, self.questions,
                also=also, beside=beside, mentioned=mentioned, rng=rng,
            )  # fmt: skip
            yield from self._of(pair, rng, named=beside is not None, made=made)

    def _distracted(
        self, utterance: Utterance, epoch: int | str, index: int
    ) -> DistractedText | None:
        """The utterance with a clause put in, in a share of them; other draws do not notice."""
        rng = derived_rng(self.seed, "distracted", epoch, index)
        if self.distractor is None or rng.random() >= self.draws.distracted:
            return None
        return self.distractor.draw(*utterance, rng)

    def _other(
        self, utterance: Utterance, utterances: Sequence[Utterance], rng: Random
    ) -> Utterance | None:
        """An utterance about something else, to stand beside this one."""
        subject = self.questions.subject
        if subject is None or rng.random() >= self.draws.beside:
            return None
        other = rng.choice(utterances)
        ours, theirs = utterance.mr.values(subject), other.mr.values(subject)
        different = (
            ours and theirs and not set(map(fold_value, ours)) & set(map(fold_value, theirs))
        )
        return other if different else None

    def _of(
        self, pair: ContextPair, rng: Random, *, named: bool, made: DistractedText | None
    ) -> Iterator[QARow]:
        said = said_pairs(pair, self.questions)
        in_text = [p for p in said if _answered_in(p.answer, pair.text)]
        none = self._unsaid(pair, rng, made.elsewhere if made else ())
        draws = self.draws
        misread = [p for p in (*in_text, *none) if made and p.slot in made.about]
        for context, pairs, n, whole in (
            (pair.text, in_text, draws.text, not named),
            (pair.text, in_text, draws.answers, False),
            (pair.text, none, draws.text_none, False),
            (pair.text, misread, draws.misread, False),
            (pair.data, said, draws.mr, True),
            (pair.data, none, draws.mr_none, False),
        ):
            if named and context == pair.text:
                pairs = [p for p in pairs if pair.subject and pair.subject in p.question]
            for chosen in _drawn(pairs, n, rng):
                yield QARow(context, chosen, whole)

    def _unsaid(self, pair: ContextPair, rng: Random, elsewhere: Sequence[Slot]) -> list[QAPair]:
        """Every question that the MR answers with ``none``.

        Of a list slot, about one value: one that is said ``elsewhere``, if there is such.
        """
        found = []
        for name, asking in self.questions.slots.items():
            values = pair.mr.values(name)
            value = None
            if asking.by_value:
                left = [v for v in self.domain.slot(name).values if v not in values]
                if not left or (values and not all(values)):
                    continue
                near = [
                    slot.value for slot in elsewhere if slot.name == name and slot.value in left
                ]
                value = rng.choice(near or left).lower()
            elif values:
                continue
            for wording in asking.usable(subject=pair.subject is not None):
                question = fill(wording, subject=pair.subject, value=value).lower()
                found.append(QAPair(question, self.questions.none, name))
        return found


def _answered_in(answer: str, context: str) -> bool:
    """A name that the text spells in its own way cannot be copied from it."""
    return answer not in SYMBOLS or answer in context


def _drawn(pairs: Sequence[QAPair], n: float, rng: Random) -> Iterator[QAPair]:
    """About ``n`` pairs about different slots, each in a wording drawn at random."""
    by_slot: dict[tuple[str | None, str], list[QAPair]] = {}
    for pair in pairs:
        by_slot.setdefault((pair.slot, pair.answer), []).append(pair)
    keys = list(by_slot)
    rng.shuffle(keys)
    for key in keys[: int(n) + (rng.random() < n % 1)]:
        yield rng.choice(by_slot[key])
