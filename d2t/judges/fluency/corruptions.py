"""Corruptions that turn good sentences into bad ones, from which a classifier of fluency learns.

A corruption is general: it knows where slots are said, a few English function words and the
punctuation, and no word of any domain. What it makes may still be good English by accident;
``FrameInventory`` tells the cases whose frame references have.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from d2t.language.template import HIDDEN_KINDS, STOPS, split_after, template_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from random import Random

    from d2t.mr.domain import Domain
    from d2t.slots.types import Alignment, Span

AUXILIARIES = frozenset(
    {
        "is", "are", "was", "were", "be", "been", "being", "am", "has", "have", "had", "having",
        "do", "does", "did", "can", "could", "will", "would", "shall", "should", "may", "might",
        "must",
    }
)  # fmt: skip
SILENT_JOINTS = frozenset((",", ";", ":", "-", "and", "but"))
"""Joints that leave two parts glued together when they are left out."""
JOINTS = SILENT_JOINTS | {"or", "that", "which", "who", "where", "with", "while", "as"}
"""Words at which a clause or phrase begins."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One word that says no slot, or all words of one mention of ``slot``."""

    words: tuple[str, ...]
    slot: str | None = None


if TYPE_CHECKING:
    Sentence = Sequence[Piece]
    Corruption = Callable[[Sentence, Sentence, Random], "list[Piece] | None"]

STOP = Piece((".",))
COMMA = Piece((",",))


def sentences_of(alignment: Alignment, domain: Domain) -> list[list[Piece]]:
    """The sentences of a text in pieces; their words are those of its template."""
    pieces: list[Piece] = []
    position = 0
    for span in alignment.spans:
        pieces += _outside(alignment.text[position : span.start])
        pieces.append(_mention(alignment.text[span.start : span.end], span, domain, pieces))
        position = span.end
    pieces += _outside(alignment.text[position:])
    return split_after(pieces, lambda piece: piece.slot is None and piece.words[0] in STOPS)


def words_of(sentence: Iterable[Piece]) -> tuple[str, ...]:
    """The words of all pieces."""
    return tuple(chain.from_iterable(piece.words for piece in sentence))


def _outside(text: str) -> list[Piece]:
    return [Piece((word,)) for word in template_words(text)]


def _mention(said: str, span: Span, domain: Domain, before: list[Piece]) -> Piece:
    """The piece of a span; an article of an open value that stands before it is taken back."""
    words = template_words(said) or ["'"]
    if not span.slot.value or domain.slot(span.slot.name).kind not in HIDDEN_KINDS:
        return Piece(tuple(words), span.slot.name)
    if before and before[-1].words == ("the",) and span.slot.value[:4].casefold() == "the ":
        before.pop()
    possessive = said[-2:] in ("'s", "’s") and span.slot.value[-2:] not in ("'s", "’s")
    ending = ("'", "s") if possessive else ()
    return Piece((f"<val:{span.slot.name}>", *ending), span.slot.name)


# --- what the corruptions share -------------------------------------------------------------------


def _body(sentence: Sentence) -> list[Piece]:
    """The sentence without its final stops."""
    body = list(sentence)
    while body and body[-1].slot is None and body[-1].words[0] in STOPS:
        body.pop()
    return body


def _cuts(body: Sentence, *, ends: bool) -> list[int]:
    """Places inside ``body`` at which a slot has just been said or a joint begins.

    ``ends`` keeps those after which a left part can end: not right behind a joint or "the".
    """
    cuts = [
        at
        for at in range(1, len(body))
        if body[at - 1].slot is not None or (body[at].slot is None and _is(body[at], JOINTS))
    ]
    return [at for at in cuts if not ends or not _is(body[at - 1], JOINTS)]


def _is(piece: Piece, words: frozenset[str]) -> bool:
    return piece.slot is None and piece.words[0] in words


def _trim(part: Sentence) -> list[Piece]:
    """``part`` without the joints that begin it and the commas that end it."""
    pieces = list(part)
    while pieces and _is(pieces[0], SILENT_JOINTS):
        del pieces[0]
    while pieces and _is(pieces[-1], SILENT_JOINTS):
        del pieces[-1]
    return pieces


def _chunks(body: Sentence) -> list[list[Piece]]:
    """Each mention with the words before it, back to the mention before; then what is left."""
    chunks = split_after(body, lambda piece: piece.slot is not None)
    return [list(chunk) for chunk in chunks]


def _mentions(body: Sentence) -> list[int]:
    return [at for at, piece in enumerate(body) if piece.slot is not None]


def _close(body: Sentence) -> list[Piece]:
    return [*body, STOP]


# --- the corruptions ------------------------------------------------------------------------------


def cut_right(sentence: Sentence, donor: Sentence, rng: Random) -> list[Piece] | None:
    """Keep the left part: "Near X."."""
    body = _body(sentence)
    cuts = _cuts(body, ends=True)
    return _close(_trim(body[: rng.choice(cuts)])) if cuts else None


def cut_left(sentence: Sentence, donor: Sentence, rng: Random) -> list[Piece] | None:
    """Keep the right part: "With a moderate price range."."""
    body = _body(sentence)
    cuts = _cuts(body, ends=False)
    return _close(_trim(body[rng.choice(cuts) :])) if cuts else None


def drop_auxiliary(sentence: Sentence, donor: Sentence, rng: Random) -> list[Piece] | None:
    """Leave out one auxiliary verb, such as "is" or "has"."""
    places = [at for at, piece in enumerate(sentence) if _is(piece, AUXILIARIES)]
    return _without(sentence, rng.choice(places)) if places else None


def drop_word(sentence: Sentence, donor: Sentence, rng: Random) -> list[Piece] | None:
    """Leave out any word that says no slot."""
    body = _body(sentence)
    places = [at for at, piece in enumerate(body) if piece.slot is None]
    return _without(sentence, rng.choice(places)) if places else None


def drop_joint(sentence: Sentence, donor: Sentence, rng: Random) -> list[Piece] | None:
    """Leave out a comma or an "and"."""
    places = [at for at, piece in enumerate(_body(sentence)) if _is(piece, SILENT_JOINTS)]
    return _without(sentence, rng.choice(places)) if places else None


def drop_subject(sentence: Sentence, donor: Sentence, rng: Random) -> list[Piece] | None:
    """Leave out what stands before the first auxiliary."""
    places = [at for at, piece in enumerate(sentence) if _is(piece, AUXILIARIES)]
    return list(sentence[places[0] :]) if places and places[0] else None


def drop_mention(sentence: Sentence, donor: Sentence, rng: Random) -> list[Piece] | None:
    """Leave out the words of one slot and keep those around: "It is a near X."."""
    mentions = _mentions(sentence)
    return _without(sentence, rng.choice(mentions)) if mentions else None


def glue(sentence: Sentence, donor: Sentence, rng: Random) -> list[Piece] | None:
    """Join the head of this sentence and the tail of another one."""
    head, tail = _body(sentence), _body(donor)
    heads, tails = _cuts(head, ends=True), _cuts(tail, ends=False)
    if not heads or not tails:
        return None
    return _close([*_trim(head[: rng.choice(heads)]), *tail[rng.choice(tails) :]])


def splice(sentence: Sentence, donor: Sentence, rng: Random) -> list[Piece] | None:
    """Append the tail of another sentence, with a comma or without."""
    tail = _body(donor)
    cuts = _cuts(tail, ends=False)
    if not cuts:
        return None
    comma = [COMMA] if rng.random() < 0.5 else []
    return _close([*_body(sentence), *comma, *_trim(tail[rng.choice(cuts) :])])


def join(sentence: Sentence, donor: Sentence, rng: Random) -> list[Piece] | None:
    """Join two sentences with a comma or nothing between them."""
    comma = [COMMA] if rng.random() < 0.5 else []
    body = _body(sentence)
    return _close([*body, *comma, *_body(donor)]) if body and _body(donor) else None


def swap_mentions(sentence: Sentence, donor: Sentence, rng: Random) -> list[Piece] | None:
    """Exchange the words of two slots and keep the words around them."""
    mentions = _mentions(sentence)
    if len(mentions) < 2:
        return None
    first, second = rng.sample(mentions, 2)
    pieces = list(sentence)
    pieces[first], pieces[second] = pieces[second], pieces[first]
    return pieces


def swap_chunks(sentence: Sentence, donor: Sentence, rng: Random) -> list[Piece] | None:
    """Exchange two slots together with the words before them."""
    chunks = _chunks(_body(sentence))
    if len(chunks) < 3:
        return None
    at = rng.randrange(len(chunks) - 1)
    chunks[at], chunks[at + 1] = chunks[at + 1], chunks[at]
    return _close(list(chain.from_iterable(chunks)))


def duplicate(sentence: Sentence, donor: Sentence, rng: Random) -> list[Piece] | None:
    """Repeat a chunk at a later place."""
    chunks = _chunks(_body(sentence))
    if len(chunks) < 2:
        return None
    at = rng.randrange(1, len(chunks))
    chunks.insert(rng.randrange(at + 1, len(chunks) + 1), chunks[at])
    return _close(list(chain.from_iterable(chunks)))


def front(sentence: Sentence, donor: Sentence, rng: Random) -> list[Piece] | None:
    """Move a chunk or the words of one slot to the front: "Fast food, X is located ..."."""
    body = _body(sentence)
    cuts = _mentions(body)[1:]
    if not cuts:
        return None
    end = rng.choice(cuts) + 1
    start = end - 1
    if rng.random() < 0.5:
        while start > 1 and body[start - 1].slot is None:
            start -= 1
    comma = [COMMA] if rng.random() < 0.5 else []
    return _close([*_trim(body[start:end]), *comma, *body[:start], *body[end:]])


def end(sentence: Sentence, donor: Sentence, rng: Random) -> list[Piece] | None:
    """Move the words of one slot to the end: "..., is not family-friendly, X."."""
    body = _body(sentence)
    mentions = [at for at in _mentions(body) if at + 1 < len(body)]
    if not mentions:
        return None
    at = rng.choice(mentions)
    comma = [COMMA] if rng.random() < 0.7 else []
    return _close([*_trim([*body[:at], *body[at + 1 :]]), *comma, body[at]])


def substitute(sentence: Sentence, donor: Sentence, rng: Random) -> list[Piece] | None:
    """Put the words of one slot where another was: "X is a city centre"."""
    mentions = _mentions(sentence)
    if not mentions:
        return None
    at = rng.choice(mentions)
    others = [piece for piece in donor if piece.slot not in (None, sentence[at].slot)]
    if not others:
        return None
    return [*sentence[:at], rng.choice(others), *sentence[at + 1 :]]


def insert(sentence: Sentence, donor: Sentence, rng: Random) -> list[Piece] | None:
    """Insert the words of a slot of another sentence: "It is an expensive, three star, located"."""
    body = _body(sentence)
    others = [piece for piece in donor if piece.slot is not None]
    if not others or len(body) < 2:
        return None
    at = rng.randrange(1, len(body) + 1)
    around = rng.choice([(), (COMMA,)])
    return _close([*body[:at], *around, rng.choice(others), *around, *body[at:]])


def insert_chunk(sentence: Sentence, donor: Sentence, rng: Random) -> list[Piece] | None:
    """Insert a slot of another sentence with the words before it: "With X and is Y, Z serves"."""
    body = _body(sentence)
    cuts = _cuts(body, ends=True)
    chunks = _chunks(_body(donor))[1:]
    if not cuts or not chunks:
        return None
    at = rng.choice(cuts)
    return _close([*body[:at], *rng.choice(chunks), *body[at:]])


def _without(sentence: Sentence, at: int) -> list[Piece]:
    return [*sentence[:at], *sentence[at + 1 :]]


CORRUPTIONS: dict[str, Corruption] = {
    function.__name__: function
    for function in (
        cut_right, cut_left, drop_auxiliary, drop_word, drop_joint, drop_subject, drop_mention,
        glue, splice, join, swap_mentions, swap_chunks, duplicate, front, end, substitute, insert,
        insert_chunk,
    )
}  # fmt: skip


def corrupt(kind: str, sentence: Sentence, donor: Sentence, rng: Random) -> list[Piece] | None:
    """``sentence`` with one corruption, or None where it does not apply or changes nothing.

    Args:
        kind: a key of ``CORRUPTIONS``.
        sentence: in pieces, not changed.
        donor: another sentence, from which parts may come.
        rng: decides where.
    """
    corrupted = CORRUPTIONS[kind](sentence, donor, rng)
    if corrupted is None or len(corrupted) < 2 or words_of(corrupted) == words_of(sentence):
        return None
    return corrupted


class FrameInventory:
    """The sentences of references, and their frames, in which all wordings of a slot are equal.

    Args:
        sentences: of the references.
        min_count: a frame must occur this often to vouch for another sentence: references hold
            bad English too, but rarely the same.
    """

    def __init__(self, sentences: Iterable[Sentence], min_count: int = 5) -> None:
        listed = list(sentences)
        counts = Counter(map(frame_of, listed))
        self._exact = {words_of(sentence) for sentence in listed}
        self._frames = {frame for frame, count in counts.items() if count >= min_count}

    def knows(self, sentence: Sentence) -> bool:
        """Whether a reference has this sentence, or several have its frame."""
        return words_of(sentence) in self._exact or frame_of(sentence) in self._frames


def frame_of(sentence: Sentence) -> tuple[str, ...]:
    """Slot names for mentions, words for the rest; "an" is "a", final stops are one."""
    frame = [f"<{piece.slot}>" if piece.slot else piece.words[0] for piece in _body(sentence)]
    return tuple("a" if word == "an" else word for word in frame)
