"""The words around a name: do they make it a longer name, and do capitals tell names in this text?

``The Old Mill Tavern`` is not ``Old Mill``. ``Visit Old Mill`` and ``Old Mill Restaurant`` are: a
neighbour belongs to the name if it has a capital and is no word that texts of the domain have
beside names.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from d2t.slots.lexicon.tokens import SENTENCE_END

if TYPE_CHECKING:
    from collections.abc import Container

    from d2t.slots.lexicon.tokens import Tokens


# English words that stand beside a name without being part of it. They may have a capital at the
# beginning of a sentence, or in a text whose writer is careless.
_BESIDE = """
a about above across address after again against ah all allows along alongside also although
always am among an and another any are around as ask at based be because been before behind
being believe below beneath beside besides between beyond boasts book both bring but by call
called can caters check cheers choose close come consider cost costs could dear despite
details did dine discover do does dont down drink during each eat either enjoy establishment
even every except experience fancy features few find for found friday from get give gives go
had has have having he head hello hence her here hey hi his how however i if im in info
information inside into introducing is isnt it its just know known less let lets lies like
located location look looking love loved make many may maybe me meet menu might monday more
most much must my name named near nearby nearest need neither never next no nor not now of off
offer offering offers often oh ok okay omg on once only onto opened opens opposite or other
our out outside over past per perhaps place please plus pop presenting priced provide provides
providing quite rated really recommend recommended review reviews said same saturday say see
sell selling sells serve served serves serving set shall she should since sits situated so
some sorry specialises specializes spot stands still stop such sunday sure take than thanks
that thats the their them then there therefore theres these they think this those though
through thursday thus titled to today tonight too try tuesday under unlike until up upon us
venue very via visit want was we wednesday welcome welcomes well were what whats when where
which while whilst who why will with within without would wow yeah yes yet you your
"""
ENGLISH = frozenset(_BESIDE.split())
_FORCED = (".", "!", "?", ":", ";", ",")
_ORDINALS = frozenset({"st", "nd", "rd", "th"})
_ADVERB_ENDS = ("ly", "ing")


def begins_sentence(tokens: Tokens, at: int) -> bool:
    """Whether a capital at ``at`` may be that of a sentence, a line or a quotation."""
    if at == 0 or tokens.words[at - 1] in _FORCED:
        return True
    gap = tokens.text[tokens.ends[at - 1] : tokens.starts[at]]
    return bool(gap.strip()) or "\n" in gap


def has_capital(tokens: Tokens, start: int, end: int) -> bool:
    """Whether some word of ``start:end`` begins with a capital."""
    text, starts = tokens.text, tokens.starts
    return any(text[starts[at]].isupper() for at in range(start, end))


def ordinal_ends(tokens: Tokens, at: int) -> int:
    """After the ordinal number that begins at ``at`` before a capital ("40th Street"), else 0."""
    if not tokens.words[at].isdigit() or at + 2 >= len(tokens):
        return 0
    if tokens.words[at + 1] not in _ORDINALS or tokens.starts[at + 1] != tokens.ends[at]:
        return 0
    return at + 2 if tokens.text[tokens.starts[at + 2]].isupper() else 0


def capitals_tell(tokens: Tokens) -> bool:
    """Whether names can be told by their capitals: not in capitals alone, nor Like A Headline."""
    text = tokens.text
    if text == text.lower() or text == text.upper():
        return False
    words, starts = tokens.words, tokens.starts
    letters = [at for at, word in enumerate(words) if word[0].isalpha()]
    upper = [at for at in letters if text[starts[at]].isupper()]
    lower = len(letters) - len(upper)
    if 2 * lower >= len(upper):
        return True
    return not any(words[at] in ENGLISH and not begins_sentence(tokens, at) for at in upper)


def labelled_line(tokens: Tokens, at: int) -> int:
    """The token that begins the line of ``at`` if a label does ("Near: X"); else 0."""
    line = tokens.text.rfind("\n", 0, tokens.starts[at])
    if line < 0:
        return 0
    first = bisect_left(tokens.starts, line)
    return first if ":" in tokens.words[first:at] else 0


def longer_name(
    tokens: Tokens, start: int, end: int, taken: Container[int], beside: Container[str]
) -> tuple[int, int]:
    """The tokens of the name that ``start:end`` is part of.

    Args:
        tokens: the text, in which capitals tell names.
        start: first token of the known name.
        end: after its last token.
        taken: tokens of other names.
        beside: further words that may stand beside a name.
    """
    first, last = start, end
    while True:
        if _joined(tokens, last) and _is_part(tokens, last, taken, beside):
            last += 1
        elif _is_ampersand(tokens, last) and _is_part(tokens, last + 1, taken, beside):
            last += 2
        else:
            break
    if tokens.words[start] != "the":
        while _joined(tokens, first) and _is_part(tokens, first - 1, taken, beside):
            if begins_sentence(tokens, first - 1) and (
                tokens.words[first - 1].endswith(_ADVERB_ENDS)
            ):
                break
            first -= 1
        if (
            first > 1
            and tokens.words[first - 1] == "of"
            and _is_part(tokens, first - 2, taken, beside)
            and not begins_sentence(tokens, first - 2)
        ):
            first -= 2
    if (first, last) != (start, end) and _joined(tokens, first):
        before = first - 1
        if tokens.words[before] == "the" and tokens.text[tokens.starts[before]].isupper():
            first = before
    return first, last


def _joined(tokens: Tokens, at: int) -> bool:
    """Whether only a space or a hyphen stands before token ``at``."""
    if not 0 < at < len(tokens):
        return False
    gap = tokens.text[tokens.ends[at - 1] : tokens.starts[at]]
    return "\n" not in gap and gap.strip(" \t\u00a0") in ("", "-", "‑") and gap not in ("", " - ")


def _is_ampersand(tokens: Tokens, at: int) -> bool:
    """Whether token ``at`` is the sign in ``Mill & Sons``, and something follows."""
    if not 0 < at < len(tokens) - 1 or tokens.text[tokens.starts[at]] != "&":
        return False
    around = (tokens.text[tokens.ends[i] : tokens.starts[i + 1]] for i in (at - 1, at))
    return all(gap in ("", " ") for gap in around)


def _is_part(tokens: Tokens, at: int, taken: Container[int], beside: Container[str]) -> bool:
    if at in taken:
        return False
    word = tokens.words[at]
    if word in ENGLISH or word in beside or word in SENTENCE_END:
        return False
    return tokens.text[tokens.starts[at]].isupper()
