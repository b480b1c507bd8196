"""Quantities: one reading of "£20-25", "less than 20 pounds", "five stars" and "4,5 out of 5".

``quantities`` finds every expression of a quantity in a text, ``parse_quantity`` reads a value that
is one as a whole, and ``says`` compares the two by meaning. The names of currencies and units are
in ``units.json``, which ``tests/support/units_table.py`` writes from babel.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from d2t.mr.amount_clauses import AmountClauses

if TYPE_CHECKING:
    from collections.abc import Iterable

EXACT, BELOW, ABOVE, ABOUT, NOT = "=", "<", ">", "~", "≠"
PERCENT, STAR = "%", "star"


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number or a range with what it counts.

    Attributes:
        low: the number, or the lower end of a range.
        high: the upper end of a range; the number itself elsewhere.
        comparator: ``=``, ``<`` (an upper bound), ``>`` (a lower bound) ``~`` (about)
            or ``≠`` (denied).
        units: what the unit may be, the likeliest first: ISO codes of currencies ("$" may be one
            of many dollars), CLDR's names of units, ``%``, or ``star``; empty where none is told.
        scale: the most there may be ("out of 5"), where it is told.
        signs: the currency sign that is repeated as a grade ("$$" has two of them).
    """

    low: Decimal
    high: Decimal
    comparator: str = EXACT
    units: tuple[str, ...] = ()
    scale: Decimal | None = None
    signs: str = ""


@dataclass(frozen=True, slots=True)
class Measure:
    """The units and the scale of a slot: what its texts need not tell."""

    units: tuple[str, ...] = ()
    scale: Decimal | None = None


class Expression(NamedTuple):
    """``text[start:end]`` says ``quantity``; ``explained``: a clause around it tells so."""

    start: int
    end: int
    quantity: Quantity
    explained: bool = False


def says(said: Quantity, meant: Quantity, measure: Measure = Measure()) -> bool:
    """Whether a text that says ``said`` says the value ``meant`` of a slot with ``measure``.

    A unit or a scale that one of both leaves out is the slot's, where the slot has one. A hedge
    ("about £15" for ``£15``) keeps the number and is allowed; a bound is not.
    """
    if (said.low, said.high, said.signs) != (meant.low, meant.high, meant.signs):
        return False
    if said.comparator != meant.comparator and (said.comparator, meant.comparator) != (
        ABOUT,
        EXACT,
    ):
        return False
    return _same_scale(said, meant, measure) and _same_unit(said, meant, measure)


def is_slip(said: Quantity, meant: Quantity) -> bool:
    """Whether the two differ only as people's slips do: in the bound, an end, or the currency."""
    if said.signs or meant.signs or PERCENT in (*said.units, *meant.units):
        return False
    if said.scale is not None and meant.scale is not None and said.scale != meant.scale:
        return False
    if said.scale is None and (said.low, said.high) == (meant.low, meant.scale):
        return True  # "rated 1-5" for 1 out of 5
    ends = (meant.low, meant.high)
    return said.low in ends and said.high in ends


def fits(said: Quantity, measure: Measure) -> bool:
    """Whether the unit or the scale that ``said`` tells is that of a slot with ``measure``."""
    if said.scale is not None or STAR in said.units:
        return measure.scale is not None and said.scale in (None, measure.scale)
    return bool(said.units) and not set(resolve(said.units, measure.units)).isdisjoint(
        measure.units
    )


def _scale(quantity: Quantity, measure: Measure) -> Decimal | None:
    return measure.scale if quantity.scale is None else quantity.scale


def _same_scale(said: Quantity, meant: Quantity, measure: Measure) -> bool:
    if said.scale is not None and meant.scale is None and measure.scale is None:
        return True  # nothing is known about the slot: "4.5 out of 5" says [4.5]
    return _scale(said, measure) == _scale(meant, measure)


def _same_unit(said: Quantity, meant: Quantity, measure: Measure) -> bool:
    if said.scale is not None or meant.scale is not None or measure.scale is not None:
        # "5 stars" is "5 out of 5" on a scale that is known
        ours = [tuple(u for u in q.units if u != STAR) for q in (said, meant)]
    else:
        ours = [said.units, meant.units]
    told, asked = ours
    if not asked and not measure.units:
        return PERCENT not in told  # nothing is known about the slot: "£15" says [15]
    if not told and len(measure.units) != 1:
        return not asked
    return not set(resolve(told, measure.units)).isdisjoint(resolve(asked, measure.units))


def resolve(units: tuple[str, ...], known: tuple[str, ...]) -> tuple[str, ...]:
    """The units that an ambiguous sign ("$") means in a slot with the units ``known``."""
    if not units:
        return known
    return tuple(unit for unit in units if unit in known) or units[:1]


def derive_measure(
    values: Iterable[str], units: tuple[str, ...] = (), scale: Decimal | None = None
) -> Measure:
    """The measure of a slot: as given, else what all its listed quantities have in common."""
    listed = [q for q in map(parse_quantity, values) if q is not None]
    if not units:
        found = [resolve(q.units, ()) for q in listed if q.units and q.units != (STAR,)]
        units = tuple(dict.fromkeys(unit for unit, *_ in found))
    if scale is None:
        scales = {q.scale for q in listed if q.scale is not None}
        scale = scales.pop() if len(scales) == 1 else None
    return Measure(units, scale)


@lru_cache(maxsize=8192)
def parse_quantity(value: str) -> Quantity | None:
    """The quantity that ``value`` is as a whole; None where it is anything else."""
    value = value.strip()
    found = quantities(value)
    if len(found) == 1 and found[0].start == 0 and found[0].end == len(value):
        return found[0].quantity
    return None


def written_like(said: Quantity, model: str) -> str | None:
    """``said`` as ``model``, the value of a quantity of the same unit, is written; None: it cannot.

    "87 percent" is ``87%`` beside ``78%``, and "north of $25" ``over $25`` beside ``under $25``.
    """
    meant = parse_quantity(model)
    if meant is None or said.signs or meant.signs or said.comparator == NOT:
        return None
    if meant.units and said.units and set(said.units).isdisjoint(meant.units):
        return None
    if (PERCENT in said.units) != (PERCENT in meant.units):
        return None
    match = _WRITTEN.fullmatch(model.strip())
    if match is None or (said.scale is None) != (meant.scale is None):
        return None
    words, sign, unit, scale = match["words"], match["sign"], match["unit"], match["scale"]
    if said.comparator != meant.comparator:
        words = _counterpart(words, said.comparator)
    number = _figures(said.low)
    if said.high != said.low:
        number += f"{match['dash'] or '-'}{_figures(said.high)}"
    if said.scale is not None:
        scale = _FIGURES.sub(_figures(said.scale), scale or "")
    return f"{words}{sign}{number}{unit or ''}{scale or ''}"


_WRITTEN = re.compile(
    r"(?P<words>(?:[A-Za-z]+ )*)(?P<sign>[^\w\s-]?)-?\d[\d.,]*"
    r"(?:(?P<dash>-| to )[^\w\s]?\d[\d.,]*)?"
    r"(?P<unit>%| ?(?:percent|per cent|pounds|euros|dollars|stars))?"
    r"(?P<scale> out of \d+| ?/ ?\d+)?"
)
_FIGURES = re.compile(r"\d+")


def _figures(number: Decimal) -> str:
    return f"{number.normalize():f}"


def _counterpart(words: str, sign: str) -> str:
    """The words for ``sign`` in the manner of ``words``: "over " where those are "under "."""
    pairs: list[list[str]] = _WORDS["numbers"]["counterparts"]
    pair = next((pair for pair in pairs if words.strip().lower() in pair), pairs[0])
    told = dict(zip((BELOW, ABOVE, ABOUT), pair, strict=True)).get(sign, "")
    return f"{told} " if told else ""


# ------------------------------------------------------------------------------------ the grammar

_FIGURE = (
    r"(?:\d{1,3}(?:[,'\u2019\u00a0\u202f]\d{3})+(?:\.\d+)?"  # 30,000 and 1'000.50
    r"|\d{1,3}(?:\.\d{3}){2,}(?:,\d+)?"  # 1.000.000
    r"|\d+(?:\.\d+| \. \d\d(?!\d)|,\d{1,2}(?!\d))?)"  # 20, 4.5, 4,5, and spaced: 30 . 99
)
_LEX = re.compile(
    rf"(?P<figure>{_FIGURE})(?P<half>[½¼¾])?"
    r"|(?P<fraction>[½¼¾])"
    r"|(?P<sign>[A-Z]{0,2}[$£€¥₹₩₪₫₱]|[%‰°²³★⭐✩])"
    r"|(?P<word>[^\W\d_]+(?:['’][^\W\d_]+)*)"
    r"|(?P<dash>[-‐‑–—−])"
    r"|(?P<other>\S)"
)
_FRACTIONS = {"½": Decimal("0.5"), "¼": Decimal("0.25"), "¾": Decimal("0.75")}
_WORDS = tomllib.loads(Path(__file__).with_name("quantity.toml").read_text(encoding="utf-8"))
_SIGNS = {"below": BELOW, "above": ABOVE, "about": ABOUT}
_ONES = {word: Decimal(at) for at, word in enumerate(_WORDS["numbers"]["ones"])}
_TENS = {word: Decimal(10 * at) for at, word in enumerate(_WORDS["numbers"]["tens"], 2)}
_HUNDRED = Decimal(100)
_MAGNITUDES = {word: Decimal(size) for word, size in _WORDS["magnitudes"].items()}
_NEEDS_MONEY = frozenset({"m", "mio"})
_NUMBER_WORDS = (*_ONES, *_TENS, "hundred")
_FIGURE_OR_SIGN = re.compile(r"[\d½¼¾$£€¥₹₩₪₫₱★⭐]")
_NUMBER_WORD = re.compile(r"\b(?:" + "|".join(_NUMBER_WORDS) + r")\b")


_BEGINNINGS = frozenset({*_ONES, *_TENS, "minus", "a", "gbp", "usd", "eur"})


def _by_words(table: dict[str, list[str]]) -> dict[tuple[str, ...], str]:
    return {
        tuple(words.split()): sign for name, sign in _SIGNS.items() for words in table.get(name, ())
    }


_COMPARATORS = _by_words(_WORDS["before"])
_LONGEST = max(map(len, _COMPARATORS))
_FILLERS = frozenset(_WORDS["before"]["between"])
_AFTER_OR = _by_words(_WORDS["after_or"])
_AFTER = _by_words(_WORDS["after"])
_BEFORE_LAST = frozenset(words[-1] for words in _COMPARATORS)
_AFTER_FIRST = frozenset(words[0] for words in _AFTER)
_NEGATIONS = frozenset(_WORDS["negation"]["words"])
_PASSED = frozenset(_WORDS["negation"]["between"])
_SPENDING = frozenset(_WORDS["negation"]["spending"])
_HANDING = frozenset(_WORDS["negation"]["handing"])
_NEGATED = {EXACT: NOT, BELOW: ABOVE, ABOVE: BELOW}
_REACH = 8
_STARS = ("star", "stars")
_NO_GRADES = frozenset("%‰°²³")
_STAR_SIGNS = ("★", "⭐")
_TO = frozenset(_WORDS["numbers"]["range"])


class _Lexeme(NamedTuple):
    start: int
    end: int
    kind: str
    text: str  # in lower case
    raw: str


class _Number(NamedTuple):
    value: Decimal
    next: int  # the lexeme after it
    worded: bool


class _Amount(NamedTuple):
    """A number with the unit around it, from lexeme ``first`` to before ``next``."""

    first: int
    next: int
    value: Decimal
    units: tuple[str, ...]
    magnified: bool
    bare: Decimal  # without its magnitude


@lru_cache(maxsize=1)
def _units() -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]], int]:
    """Units by sign, short form or code as written, and by name; the words of the longest name."""
    raw = json.loads(Path(__file__).with_name("units.json").read_text(encoding="utf-8"))
    written = {key: tuple(held) for kind in ("codes", "symbols") for key, held in raw[kind].items()}
    for code in ("GBP", "USD", "EUR", "JPY", "AUD", "CAD", "CHF", "INR", "CNY"):
        written[code.lower()] = (code,)
    names = {key: tuple(held) for key, held in raw["names"].items()}
    return written, names, max(len(name.split()) for name in names)


@lru_cache(maxsize=1)
def known_units() -> frozenset[str]:
    """Every currency code and unit that ``Quantity.units`` may hold."""
    written, names, _ = _units()
    return frozenset(unit for table in (written, names) for held in table.values() for unit in held)


@lru_cache(maxsize=2048)
def quantities(text: str) -> tuple[Expression, ...]:
    """Every quantity in ``text``, in order, none overlapping, each as long as possible."""
    if not _may_hold_one(text):
        return ()
    return tuple(_explained(text, list(_Scanner(text).expressions())))


def _explained(text: str, found: list[Expression]) -> Iterable[Expression]:
    """The expressions as the clauses around them leave them, and two bounds as one range."""
    for at, one in enumerate(found):
        if not _may_be_explained(one.quantity):
            continue
        following = found[at + 1].start if at + 1 < len(found) else len(text)
        first = _figure_start(text, one)
        told = one.quantity.comparator in (BELOW, ABOVE)
        sign = _clauses().comparator(text, first, one.end, following, told=told)
        if sign is not None:
            told_so = replace(one.quantity, comparator=sign)
            found[at] = one._replace(quantity=told_so, explained=True)
    last: Expression | None = None
    for one in found:
        if last is not None and (both := _as_range(text, last, one)) is not None:
            last = both
            continue
        if last is not None:
            yield last
        last = one
    if last is not None:
        yield last


def _may_be_explained(quantity: Quantity) -> bool:
    return (
        quantity.low == quantity.high
        and bool(quantity.units)
        and quantity.scale is None
        and not quantity.signs
        and set(quantity.units).isdisjoint((STAR, PERCENT))
    )


def _figure_start(text: str, one: Expression) -> int:
    """Where the figure of an expression begins, or its sign."""
    said = text[one.start : one.end].lower()
    match = _FIGURE_OR_SIGN.search(said) or _NUMBER_WORD.search(said)
    return one.start + (match.start() if match else 0)


def _as_range(text: str, low: Expression, high: Expression) -> Expression | None:
    """Two bounds beside each other as the range between them."""
    below, above = high.quantity, low.quantity
    if (above.comparator, below.comparator) not in ((ABOVE, BELOW), (ABOVE, EXACT)):
        return None
    if above.low != above.high or below.low != below.high or above.low >= below.low:
        return None
    if not above.units and not below.units:
        return None
    if above.units and below.units and set(above.units).isdisjoint(below.units):
        return None
    between = text[low.end : high.start].casefold()
    if not _clauses().range.fullmatch(between):
        return None
    if below.comparator == EXACT and not _clauses().ends.search(between):
        return None
    units = _both(above.units, below.units) if above.units else below.units
    quantity = Quantity(above.low, below.low, units=units)
    return Expression(low.start, high.end, quantity)


@lru_cache(maxsize=1)
def _clauses() -> AmountClauses:
    return AmountClauses(_WORDS["clauses"], ABOVE, BELOW)


def _may_hold_one(text: str) -> bool:
    """A quick look for anything that a quantity has; most texts have nothing."""
    if _FIGURE_OR_SIGN.search(text) is not None:
        return True
    lower = text.lower()
    return any(word in lower for word in _NUMBER_WORDS) and bool(_NUMBER_WORD.search(lower))


class _Scanner:
    """Reads the quantities of one text from its lexemes."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lexemes = [_lexeme(match) for match in _LEX.finditer(text)]

    def expressions(self) -> Iterable[Expression]:
        at = 0
        while at < len(self.lexemes):
            if self.lexemes[at].kind in ("word", "other") and not self.may_begin(at):
                at += 1
                continue
            found = self.graded(at) or self.amounts(at)
            if found is None:
                at += 1
                continue
            expression, at = found
            yield expression

    def may_begin(self, at: int) -> bool:
        """Whether a word may begin an amount: a number word, "minus", "a" or a currency code."""
        _, _, kind, text, raw = self.lexemes[at]
        if kind != "word":
            return False
        return text in _BEGINNINGS or (len(raw) <= 3 and raw.isupper())

    def word(self, at: int) -> str:
        return self.lexemes[at].text if 0 <= at < len(self.lexemes) else ""

    def kind(self, at: int) -> str:
        return self.lexemes[at].kind if 0 <= at < len(self.lexemes) else ""

    def glued(self, at: int) -> bool:
        """Whether nothing stands between lexeme ``at`` and the one before it."""
        return 0 < at < len(self.lexemes) and self.lexemes[at].start == self.lexemes[at - 1].end

    # -- "$$"

    def graded(self, at: int) -> tuple[Expression, int] | None:
        """A run of two or more equal currency signs, or a single one that stands alone."""
        sign = self.word(at)
        if self.kind(at) != "sign" or sign in _NO_GRADES:
            return None
        end = at + 1
        while self.word(end) == sign and self.glued(end):
            end += 1
        if self.number(end) is not None or (end - at == 1 and self.number(at - 1) is not None):
            return None
        if end - at == 1 and (self.glued(at) or self.glued(end) or self.kind(end) == "dash"):
            return None
        count = Decimal(end - at)
        if sign in _STAR_SIGNS:
            first, full = at, end
            while self.word(end) in ("☆", "✩") and self.glued(end):
                end += 1
            scale = Decimal(end - first) if end > full else None
            quantity = Quantity(count, count, units=(STAR,), scale=scale)
            return Expression(self.lexemes[at].start, self.lexemes[end - 1].end, quantity), end
        quantity = Quantity(count, count, signs=sign)
        return Expression(self.lexemes[at].start, self.lexemes[end - 1].end, quantity), end

    # -- numbers

    def number(self, at: int) -> _Number | None:
        """The number in figures or words that begins at lexeme ``at``, without its magnitude."""
        kind = self.kind(at)
        if kind == "figure":
            lexeme = self.lexemes[at]
            value = _decimal(lexeme.text)
            if lexeme.raw[-1] in _FRACTIONS:
                value += _FRACTIONS[lexeme.raw[-1]]
            return _Number(*self.half(value, at + 1), False)
        if kind == "fraction":
            return _Number(_FRACTIONS[self.word(at)], at + 1, False)
        return self.worded(at) if kind == "word" else None

    def half(self, value: Decimal, at: int) -> tuple[Decimal, int]:
        """``value``, and a half where "and a half" follows."""
        if [self.word(at + step) for step in range(3)] == ["and", "a", "half"]:
            return value + Decimal("0.5"), at + 3
        return value, at

    def worded(self, at: int) -> _Number | None:
        """A number in words: "four point five", "twenty-five", "a hundred and twenty"."""
        start = at
        if self.word(at) == "a" and self.word(at + 1) in ("hundred", "thousand", "million"):
            value, at = Decimal(1), at + 1
            if self.word(at) != "hundred":
                return _Number(value, at, True)
        else:
            small = self.small(at)
            if small is None:
                return None
            value, at = small
        if self.word(at) == "hundred":
            value, at = value * _HUNDRED, at + 1
            rest = self.small(at + 1) if self.word(at) == "and" else self.small(at)
            if rest is not None and value >= _HUNDRED:
                value, at = value + rest[0], rest[1]
        if self.word(at) == "point":
            digits = ""
            step = at + 1
            while (digit := _ONES.get(self.word(step))) is not None and digit < 10:
                digits, step = digits + str(digit), step + 1
            if digits:
                value, at = value + Decimal("0." + digits), step
        value, at = self.half(value, at)
        return _Number(value, at, True) if at > start else None

    def small(self, at: int) -> tuple[Decimal, int] | None:
        """A number in words below a hundred."""
        word = self.word(at)
        if word in _ONES:
            return _ONES[word], at + 1
        if word not in _TENS:
            return None
        value = _TENS[word]
        after = at + 2 if self.kind(at + 1) == "dash" else at + 1
        one = _ONES.get(self.word(after))
        if one is not None and 0 < one < 10:
            return value + one, after + 1
        return value, at + 1

    # -- numbers with units

    def unit_at(self, at: int) -> tuple[tuple[str, ...], int] | None:
        """The unit named at lexeme ``at``, and the lexeme after it."""
        if at >= len(self.lexemes):
            return None
        written, names, longest = _units()
        last = min(len(self.lexemes), at + longest)
        for end in range(last, at, -1):
            span = self.lexemes[at:end]
            name = " ".join(lexeme.text for lexeme in span)
            if (units := names.get(name)) is not None:
                return units, end
            if end - at <= 2:
                raw = self.text[span[0].start : span[-1].end]
                if (units := written.get(raw) or written.get(raw.rstrip("."))) is not None:
                    return units, end
        if (self.word(at) == "p" and self.glued(at)) or self.word(at) in ("pence", "penny"):
            return ("pence",), at + 1
        return None

    def amount(self, at: int) -> _Amount | None:
        """A number with its sign, magnitude and unit, whose first lexeme is ``at``."""
        first, negative = at, False
        units: tuple[str, ...] = ()
        if self.word(at) == "minus" or self.is_minus(at):
            negative, at = True, at + 1
        if (before := self.currency_at(at)) is not None:
            units, at = before
            if self.is_minus(at, inside=True):
                negative, at = True, at + 1
        number = self.number(at)
        if number is None:
            return None
        bare, at = number.value, number.next
        value, magnified = bare, False
        while (size := self.magnitude(at, units)) is not None:
            value, at, magnified = value * size, at + 1, True
        after = at + 1 if self.kind(at) == "dash" and self.kind(at + 1) == "word" else at
        if (unit := self.unit_at(after)) is not None and (
            not units or self.may_follow(unit[0], units)
        ):
            units, at = unit[0] if not units else _both(units, unit[0]), unit[1]
            if self.word(at) in ("sterling",):
                at += 1
        elif self.kind(at) == "word" and self.word(at + 1) in _STARS and not units:
            units, at = (STAR,), at + 2  # "one lousy star"
        if not units and self.word(first - 1) == ":" and self.word(first - 2) in _STARS:
            units = (STAR,)
        if units == ("pence",):
            value, bare, units = value / _HUNDRED, bare / _HUNDRED, ("GBP",)
        if negative:
            value, bare = -value, -bare
        return _Amount(first, at, value, units, magnified, bare)

    def is_minus(self, at: int, *, inside: bool = False) -> bool:
        """Whether a dash is a sign: before a figure, and after a space or nothing."""
        if self.kind(at) != "dash" or not self.glued(at + 1):
            return False
        if self.kind(at + 1) not in ("figure", "fraction", "sign"):
            return False
        return inside or at == 0 or not self.glued(at) or self.word(at - 1) in ("(", "[", '"', "=")

    def currency_at(self, at: int) -> tuple[tuple[str, ...], int] | None:
        """A currency sign or code before a number."""
        if at >= len(self.lexemes):
            return None
        written, _, _ = _units()
        raw = self.lexemes[at].raw
        if self.kind(at) == "sign" and raw != PERCENT:
            units = written.get(raw) or written.get(raw[-1])
        elif self.kind(at) == "word" and len(raw) <= 3 and raw.upper() == raw:
            units = written.get(raw)
            units = units if units and len(units[0]) == 3 else None
            if units is not None and self.kind(at + 1) == "sign":  # "US $20"
                return units, at + 2
        else:
            return None
        return (units, at + 1) if units else None

    def magnitude(self, at: int, units: tuple[str, ...]) -> Decimal | None:
        """The thousand or million after a number."""
        word = self.word(at)
        if word not in _MAGNITUDES or (len(word) == 1 and not self.glued(at)):
            return None
        return _MAGNITUDES[word] if units or word not in _NEEDS_MONEY else None

    def may_follow(self, after: tuple[str, ...], before: tuple[str, ...]) -> bool:
        """Whether a unit after a number repeats the currency before it ("£20 GBP", "$5 USD")."""
        return not set(after).isdisjoint(before)

    # -- whole expressions

    def amounts(self, at: int) -> tuple[Expression, int] | None:
        """One amount or a range, with comparators and scale."""
        one = self.amount(at)
        if one is None:
            return None
        quantity, end, end_is_range = self.joined(one)
        first, comparator = self.compared(one.first, is_range=end_is_range)
        if comparator is None:
            comparator, end = self.compared_after(end)
        if comparator == ABOUT and end_is_range:
            comparator = EXACT
        quantity, end = self.scaled(quantity, end)
        quantity = replace(quantity, comparator=comparator or EXACT)
        return Expression(self.lexemes[first].start, self.lexemes[end - 1].end, quantity), end

    def joined(self, one: _Amount) -> tuple[Quantity, int, bool]:
        """``one``, or the range that begins with it."""
        at = one.next
        word, kind = self.word(at), self.kind(at)
        joins = word in _TO or kind == "dash"
        if word == "and":
            joins = any(self.word(one.first - step) in ("between", "betwixt") for step in (1, 2))
        other = self.amount(at + 1) if joins else None
        if other is None and word == "and" and not joins and one.units:
            cues = {self.word(one.first - step) for step in range(1, 4)}
            if cues & {"from", "range", "ranges", "ranging"}:
                other = self.amount(at + 1)
        if other is None or (other.value <= one.value and not other.magnified):
            return Quantity(one.value, one.value, units=one.units), at, False
        if one.units and other.units and set(one.units).isdisjoint(other.units):
            return Quantity(one.value, one.value, units=one.units), at, False
        low = one.value
        if other.magnified and not one.magnified:  # "20-25 thousand", "£20 to 25k"
            low = low * (other.value / other.bare)
        units = _both(one.units, other.units) if one.units else other.units
        return Quantity(low, other.value, units=units), other.next, True

    def compared(self, first: int, *, is_range: bool) -> tuple[int, str | None]:
        """The comparator before a number, and where it begins."""
        start, sign, words = self.comparator(first, is_range=is_range)
        negation, spends = self.negation(start)
        if negation is None:
            return start, sign
        if words[:1] == ("as",) or (sign is None and spends):
            return negation, BELOW
        return negation, _NEGATED.get(sign or EXACT, sign)

    def comparator(self, first: int, *, is_range: bool) -> tuple[int, str | None, tuple[str, ...]]:
        """The comparator before a number without its negation: where it begins, sign, words."""
        at = first
        for _ in range(3):
            longest = min(_LONGEST, at) if self.word(at - 1) in _BEFORE_LAST else 0
            for size in range(longest, 0, -1):
                words = tuple(self.word(step) for step in range(at - size, at))
                sign = _COMPARATORS.get(words) or _COMPARATORS.get(
                    ("n't" if _is_not(words[0]) else words[0], *words[1:])
                )
                if sign is None or (words == ("over",) and self.word(at - 2) in _HANDING):
                    continue
                if is_range and words in (("from",), ("some",)):
                    return at - size, None, words
                if sign == ABOUT:
                    further = self.comparator(at - size, is_range=is_range)
                    if further[1] is not None:
                        return further
                return at - size, sign, words
            if not at or self.word(at - 1) not in _FILLERS:
                break
            at -= 1
        if is_range and self.word(first - 1) in ("between", "betwixt"):
            first -= 1
        return first, None, ()

    def negation(self, start: int) -> tuple[int | None, bool]:
        """Where the word is that denies what begins at ``start``; whether it tells of spending."""
        spends = False
        for at in range(start - 1, max(-1, start - 1 - _REACH), -1):
            _, _, kind, word, raw = self.lexemes[at]
            if kind != "word":
                break
            if word in _NEGATIONS or _is_not(word):
                exempt = self.word(at - 1) == "why" or self.word(at + 1) in ("only", "just")
                return (None if exempt else at), spends
            if word not in _PASSED and not raw[0].isupper():
                break
            spends = spends or word in _SPENDING
        return None, spends

    def compared_after(self, end: int) -> tuple[str | None, int]:
        """The comparator after a number ("£20 or less", "30 plus")."""
        word = self.word(end)
        if word in ("or", "and") or (word == "," and self.word(end + 1) == "or"):
            at = end + 1 if word != "," else end + 2
            if (sign := _AFTER_OR.get((self.word(at),))) is not None:
                return sign, at + 1
        for size in range(_LONGEST if word in _AFTER_FIRST else 0, 0, -1):
            words = tuple(self.word(end + step) for step in range(size))
            if (sign := _AFTER.get(words)) is not None:
                if word in ("min", "plus") and self.kind(end + 1) == "figure":
                    continue
                return sign, end + size
        if self.kind(end) == "dash" and self.word(end + 1) == "plus":
            return ABOVE, end + 2
        return None, end

    def scaled(self, quantity: Quantity, end: int) -> tuple[Quantity, int]:
        """``quantity`` with the scale that follows it: "out of 5", "/5", "on a scale of ten"."""
        at = end
        while self.kind(at) == "dash":
            at += 1
        slash = self.word(at) == "/"
        if slash:
            at += 1
        elif [self.word(at), self.word(at + 1)] == ["on", "a"] and self.word(at + 2) == "scale":
            at += 3
            if [self.word(at + step) for step in range(4)] in (
                ["from", "1", "to", self.word(at + 3)],
                ["of", "1", "to", self.word(at + 3)],
            ):
                at += 3
            else:
                at += 1
        elif self.word(at) == "outta":
            at += 1
        elif self.word(at) == "out":
            at += 1
            while self.kind(at) == "dash":
                at += 1
            if self.word(at) == "of":  # people write "3 out 5" too
                at += 1
            while self.kind(at) == "dash":
                at += 1
        elif (
            self.word(at) == "of"
            and (number := self.number(at + 1))
            and number.value in (5, 10, 100)
        ):
            at += 1
        else:
            return quantity, end
        while self.word(at) in ("a", "the", "possible", "maximum", "total", "of"):
            at += 1
        number = self.number(at)
        if number is None or (slash and number.value < quantity.high):  # open 24/7
            return quantity, end
        at = number.next
        while self.magnitude(at, ()) is not None:
            return quantity, end
        after = at + 1 if self.kind(at) == "dash" else at
        if self.word(after) in _STARS:
            at = after + 1
        return replace(quantity, scale=number.value), at


def _lexeme(match: re.Match[str]) -> _Lexeme:
    kind = match.lastgroup or "other"
    raw = match.group()
    start, end = match.span()
    if kind == "word":
        return _Lexeme(start, end, kind, raw.casefold(), raw)
    if kind in ("figure", "half"):
        return _Lexeme(start, end, "figure", match["figure"], raw)
    return _Lexeme(start, end, kind, raw, raw)


def _is_not(word: str) -> bool:
    return word.endswith(("n't", "n’t"))


def _decimal(figure: str) -> Decimal:
    """The number that figures write."""
    figure = re.sub(r"['\u2019\u00a0\u202f]", "", figure).replace(" ", "")
    if figure.count(".") > 1:  # 1.000.000,5
        return Decimal(figure.replace(".", "").replace(",", "."))
    if re.fullmatch(r"\d+,\d{1,2}", figure):
        return Decimal(figure.replace(",", "."))
    return Decimal(figure.replace(",", ""))


def _both(units: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...]:
    """The units that both may be; the second ones where they exclude each other."""
    return tuple(unit for unit in others if unit in units) or others or units
