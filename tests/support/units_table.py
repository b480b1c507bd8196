"""Writes ``d2t/mr/units.json``: how English names currencies and units, from babel's copy of CLDR.

Run ``PYTHONPATH=. python tests/support/units_table.py``. The table is committed because importing
babel costs every start of d2t 50 ms; ``tests/mr/test_units_table.py`` compares it with babel.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

from babel import Locale
from babel.numbers import get_currency_symbol

TABLE = Path(__file__).parents[2] / "d2t" / "mr" / "units.json"

# Names that CLDR does not have, and which currency a bare symbol or name means first.
_COLLOQUIAL = {
    "quid": "GBP", "sterling": "GBP", "pounds sterling": "GBP", "bucks": "$", "buck": "$",
    "cent": "cent", "cents": "cent",
    "rmb": "CNY", "per cent": "%", "percent": "%", "pct": "%", "stars": "star", "star": "star",
    "hrs": "duration-hour", "hr": "duration-hour", "mins": "duration-minute",
    "kms": "length-kilometer", "kilo": "mass-kilogram", "kilos": "mass-kilogram",
}  # fmt: skip
_FIRST = ("USD", "EUR", "GBP", "JPY", "CHF", "INR", "SEK", "MXN", "CNY", "KRW", "PHP", "TRY")
# Short forms that are English words, or letters with other meanings.
_WORDS = frozenset(
    (  # noqa: SIM905
        "in bar c d pt pts ms at to st m h g l w q y b f fl em dot person item drop pinch cup c. "
        "stone grain jigger point points pts. dram quarter quarters score night nights value unit "
        "units gold light mark marks second chain chains rod rods slug slugs s t k j pm am ch fun "
        "sun sec au part parts"
    ).split()
)
_KEPT_SHORT = frozenset({"m", "h", "g", "l"})  # read directly after a figure only
_KINDS = ("length", "mass", "duration", "volume", "area", "speed", "digital", "power",
          "temperature", "frequency", "graphics", "energy")  # fmt: skip


def _forms(patterns: object) -> list[str]:
    kept = []
    for key in ("one", "other"):
        pattern = patterns.get(key) if hasattr(patterns, "get") else None  # type: ignore[attr-defined]
        if isinstance(pattern, str) and "{0}" in pattern:
            kept.append(" ".join(pattern.replace("{0}", " ").split()))
    return [form for form in kept if form]


def _ordered(codes: set[str]) -> list[str]:
    return sorted(codes, key=lambda c: (_FIRST.index(c) if c in _FIRST else len(_FIRST), c))


def table() -> dict[str, dict[str, list[str]]]:
    """``symbols`` (written as they are), ``names`` (any case) and ``codes`` of currencies."""
    symbols: dict[str, set[str]] = defaultdict(set)
    names: dict[str, set[str]] = defaultdict(set)
    codes: dict[str, set[str]] = defaultdict(set)
    last: dict[str, set[str]] = defaultdict(set)
    english = Locale("en")
    for code in sorted(english.currencies):
        name = english.currencies[code]
        if "(" in name or (code.startswith("X") and code not in ("XAF", "XOF", "XPF", "XCD")):
            continue  # of the past, or no money
        codes[code].add(code)
        for symbol in (get_currency_symbol(code, "en"), english.currency_symbols.get(code, code)):
            if symbol != code and not symbol.isalpha():
                symbols[symbol].add(code)
        plural = english._data["currency_names_plural"].get(code, {})
        for form in {name, *(plural[key] for key in ("one", "other") if key in plural)}:
            names[form.casefold()].add(code)
            if len(form.split()) > 1:
                last[form.casefold().split()[-1]].add(code)
    for word, holders in last.items():
        names[word] |= holders
    symbols["$"] |= last["dollars"]
    symbols["¥"] |= {"JPY", "CNY"}
    for locale in (english, Locale("en_GB")):
        for unit, widths in locale._data["unit_patterns"].items():
            if unit.split("-")[0] not in _KINDS or "person" in unit:
                continue
            for form in _forms(widths.get("long", {})):
                if form.casefold() not in _WORDS:
                    names[form.casefold()].add(unit)
            for form in _forms(widths.get("short", {})):
                if "[" not in form and (form.casefold() not in _WORDS or form in _KEPT_SHORT):
                    symbols[form].add(unit)
    for name, meaning in _COLLOQUIAL.items():
        names[name] = set(symbols["$"]) if meaning == "$" else {meaning}
    symbols["%"] = {"%"}
    for symbol, code in {"US$": "USD", "C$": "CAD", "AU$": "AUD", "S$": "SGD"}.items():
        symbols[symbol] = {code}
    for symbol in ("kr", "kr."):
        symbols[symbol] = {"SEK", "NOK", "DKK", "ISK"}
    symbols["zł"], symbols["Kč"], symbols["Rs"] = {"PLN"}, {"CZK"}, {"INR", "PKR", "LKR"}
    for star in "★⭐✩":
        symbols[star] = {"star"}
    symbols["m"], symbols["g"] = {"length-meter"}, {"mass-gram"}
    symbols["h"], symbols["l"] = {"duration-hour"}, {"volume-liter"}
    for symbol in ("$", "£", "€", "¥", "₹", "₩"):
        symbols.setdefault(symbol, set())
    return {
        kind: {key: _ordered(held) for key, held in sorted(found.items()) if held}
        for kind, found in (("symbols", symbols), ("names", names), ("codes", codes))
    }


if __name__ == "__main__":
    rows = table()
    text = ",\n".join(
        f'"{kind}": {{\n' + ",\n".join(
            f"{json.dumps(k, ensure_ascii=False)}: {json.dumps(v)}" for k, v in rows[kind].items()
        ) + "\n}"
        for kind in rows
    )  # fmt: skip
    TABLE.write_text("{\n" + text + "\n}\n", encoding="utf-8")
