"""Where sentences begin, on cased, lower-cased and tokenised text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d2t.slots.lexicon.tokens import SENTENCE_END

if TYPE_CHECKING:
    from d2t.slots.lexicon.tokens import Tokens

_ABBREVIATIONS = frozenset({"st", "mr", "mrs", "ms", "dr", "approx", "ave", "vs", "etc", "no"})


def sentence_starts(tokens: Tokens) -> tuple[int, ...]:
    """Character offsets at which sentences begin; the first is always 0.

    A sentence ends at ``.``, ``!`` or ``?`` (runs of them are one), not after an abbreviation or a
    single letter (``e.g.``, ``St. John``), nor inside a number (``4.5``), and at a line break.
    """
    words, starts, ends, text = tokens.words, tokens.starts, tokens.ends, tokens.text
    found = [0]
    for at, start in enumerate(starts):
        if at == 0:
            continue
        previous = words[at - 1]
        if previous in SENTENCE_END:
            if words[at] in SENTENCE_END or words[at] in ",;:":
                continue
            before = words[at - 2] if at > 1 else ""
            if previous == "." and before and _is_abbreviation(before, tokens, at):
                continue
            found.append(start)
        elif "\n" in text[ends[at - 1] : start]:
            found.append(start)
    return tuple(dict.fromkeys(found))


def _is_abbreviation(before: str, tokens: Tokens, at: int) -> bool:
    glued = tokens.starts[at - 1] == tokens.ends[at - 2]
    if not glued:
        return False
    if before == "no":  # "No. 5" abbreviates, "no." at the end of a sentence does not
        return tokens.words[at][0].isdigit()
    return before in _ABBREVIATIONS or (len(before) == 1 and before.isalpha())
