"""Lexicons from anybody: one error that names the place, soon, and in little memory."""

from __future__ import annotations

import time
import tracemalloc

import pytest

from d2t.errors import DomainError
from d2t.mr.domain import load_domain
from d2t.slots.checker import SlotChecker
from d2t.slots.lexicon.lexicon import lexicon_from_dict, load_lexicon
from d2t.slots.lexicon.matcher import locate
from d2t.slots.lexicon.pattern import MAX_DEPTH, parse_pattern
from d2t.slots.lexicon.tokens import Tokenizer

DOMAIN = """
name = "tiny"
[slots.food]
kind = "categorical"
values = ["Thai", "Indian"]
"""
ENTRY = '[[entry]]\nslot = "food"\nvalues = ["Thai"]\nsay = ["thai"]\n\n'
SECONDS = 2.0  # what any file may take; most take a few milliseconds
BYTES = 64 << 20


def load(tmp_path, lexicon: str):
    (tmp_path / "domain.toml").write_text(DOMAIN, encoding="utf-8")
    (tmp_path / "lexicon.toml").write_text(lexicon, encoding="utf-8")
    load_domain.cache_clear()
    return load_lexicon(load_domain(str(tmp_path)))


def refusal(tmp_path, lexicon: str) -> str:
    """The message with which the lexicon is refused, in time and memory."""
    tracemalloc.start()
    try:
        started = time.process_time()
        with pytest.raises(DomainError) as caught:
            load(tmp_path, lexicon)
        # Tracing memory slows Python down several times.
        assert time.process_time() - started < 5 * SECONDS
        assert tracemalloc.get_traced_memory()[1] < BYTES
    finally:
        tracemalloc.stop()
    message = caught.value.message
    assert "lexicon.toml" in message
    assert len(message) < 600
    assert "bug" not in message
    return message


def said(pattern: str) -> str:
    return f'{ENTRY}[[entry]]\nslot = "food"\nvalues = ["Thai"]\nsay = ["ok", "{pattern}"]\n'


DEEP = 2000
EXPLOSIVE = {
    "a wide gap": ("a ..100000000 b", "a gap of more than 20 words"),
    "a gap of too many digits": ("a .." + "9" * 6000 + " b", "a gap of more than 20 words"),
    "a gap in other digits": ("a ..\u0663 b", "is no gap"),
    "a gap without a number": ("a ..b", "is no gap"),
    "many gaps": (" ".join(["a ..20"] * 30), "wider than 40"),
    "deep brackets": ("(" * DEEP + "a" + ")" * DEEP, f"nested more than {MAX_DEPTH} deep"),
    "deep options": ("[a " * DEEP + "]" * DEEP, f"nested more than {MAX_DEPTH} deep"),
    "open brackets": ("(" * 9000, f"nested more than {MAX_DEPTH} deep"),
    "a product": ("(a|b)" * 40, "stands for more than 2,000 words"),
    "many alternatives": ("(" + "|" * 9990 + ")" + "[b]", "stands for more than 2,000 words"),
    "a long pattern": ("a " * 6000, "it has 12,000 characters"),
}


@pytest.mark.parametrize("name", EXPLOSIVE)
def test_an_explosive_pattern_is_refused_where_it_stands(tmp_path, name):
    pattern, reason = EXPLOSIVE[name]
    message = refusal(tmp_path, said(pattern))
    assert reason in message
    assert "line 6: [[entry]] 2 (slot 'food', value 'Thai')" in message


@pytest.mark.parametrize(
    ("macros", "reason"),
    [
        # each macro twice the one before it
        ({f"m{i}": f"{{m{i + 1}}} {{m{i + 1}}}" for i in range(30)} | {"m30": "a"}, "larger than"),
        ({f"m{i}": f"{{m{i + 1}}}|{{m{i + 1}}}" for i in range(30)} | {"m30": "a"}, "larger than"),
        ({f"m{i}": f"{{m{i + 1}}}x" for i in range(3000)} | {"m3000": "a"}, "nested more than"),
        ({f"m{i}": f"({{m{i + 1}}} b)" for i in range(30)} | {"m30": "a"}, "nested more than"),
        ({"m0": "(a|b){m1}", "m1": "(c|d)" * 12}, "stands for more than"),
        ({"m0": "{m1} {m1}", "m1": "a ..10 b ..10 c ..10"}, "wider than"),
        ({"m0": "{m1}", "m1": "{m0}"}, "uses itself"),
    ],
)
def test_explosive_macros_are_refused(tmp_path, macros, reason):
    lines = "\n".join(f'{name} = "{text}"' for name, text in macros.items())
    message = refusal(tmp_path, f"{said('{m0}')}\n[macros]\n{lines}\n")
    assert reason in message
    assert "[[entry]] 2" in message


def test_all_patterns_together_are_bounded(tmp_path):
    big = " ".join("({m}|b)" for _ in range(8))
    patterns = ", ".join([f'"{big}"'] * 200)
    macro = " ".join("abcdefghij"[i % 10] for i in range(2000))
    lexicon = f'[macros]\nm = "{macro}"\n[[entry]]\nslot = "food"\nvalues = []\nsay = [{patterns}]'
    assert "all patterns together" in refusal(tmp_path, lexicon)


def test_a_million_entries_are_refused_by_the_size_of_the_file(tmp_path):
    assert "larger than 4 MiB" in refusal(tmp_path, ENTRY * 1_000_000)


def test_what_fits_into_the_size_loads_in_time(tmp_path):
    lexicon = ENTRY * 8_000
    started = time.process_time()
    assert len(load(tmp_path, lexicon).entries) == 8_000
    assert time.process_time() - started < 5 * SECONDS


@pytest.mark.parametrize(
    ("lexicon", "reason"),
    [
        ("x = " + "[" * 100_000, "nesting is too deep"),
        ("x = " + "{a=" * 100_000, "nesting is too deep"),
        (".".join(["a"] * 500_000) + " = 1", "more than 32 parts"),
        ("[" + ".".join(['"a"'] * 500_000) + "]", "more than 32 parts"),
        ("x = " + "9" * 100_000, "not valid TOML"),
        ("[weights]\nlight = 0x" + "f" * 100_000, "more than 64 bits"),
        ("spelling = 1", "unexpected table 'spelling'"),
        ("[spelling]\nx = 1", "[spelling]: 'x' must be a string"),
        ("[macros]\nx = ['a']", "[macros]: 'x' must be a string"),
        ("[weights]\nlight = 'a'", "[weights]: light: expected a list of strings"),
        ("[equivalents]\nx = 'a'", "[equivalents]: 'x': expected a list of strings"),
        ("[negation]\nwords = 1", "[negation]: words: expected a list of strings"),
        ("[negation]\nreach = 'x'", "reach must be a number"),
        ("[negation]\nreach = 1e999", "reach must be a number"),
        ("[negation]\nshared = 1", "shared must be true or false"),
        ("[negation]\nslots = ['nope']", "unknown slot 'nope'"),
        ("[common]\nfood = 1", "[common]: 'food' must be a list of strings"),
        ("[common]\nfood = [1]", "[common]: expected a list of strings"),
        ("[aliases]\nfood = 1", "[aliases]: 'food' must be a table"),
        ("[aliases.food]\nx = 1", "[aliases]: 'x': expected a list of strings"),
        ("[landmark]\nslot = 1\nname_slot = 2", "line 1: [landmark]: a slot must be named by"),
        ("entry = [1]", "[[entry]] 1 must be a table"),
        ("[[entry]]\nslot = []\nvalues = []\nsay = []", "a slot must be named by a string"),
        ("[[entry]]\nslot = 'food'\nvalues = 'Thai'\nsay = []", "values: expected a list"),
        ("[[entry]]\nslot = 'food'\nvalues = []\nsay = 'cheap'", "say: expected a list"),
        ("[[entry]]\nslot = 'food'\nvalues = []\nsay = [1]", "say: expected a list"),
        ("[[entry]]\nslot = 'food'\nvalues = []\nsay = []\nweak = 'no'", "weak must be true"),
        ("[[entry]]\nslot = '" + "x" * 50_000 + "'\nvalues = []\nsay = []", "unknown slot"),
        ("[[apposition]]\nslot = 'food'\nwords = 1\nbetween = []", "words: expected a list"),
        ("[[ignore]]\nsay = ['(']", "line 1: [[ignore]] 1: lexicon pattern '(': '(' is not"),
    ],
)
def test_wrong_types_and_wild_toml(tmp_path, lexicon, reason):
    assert reason in refusal(tmp_path, lexicon)


def test_a_lexicon_that_is_no_text(tmp_path):
    (tmp_path / "domain.toml").write_text(DOMAIN, encoding="utf-8")
    (tmp_path / "lexicon.toml").write_bytes(b"\xff\xfe\x00x")
    load_domain.cache_clear()
    with pytest.raises(DomainError, match="not UTF-8"):
        load_lexicon(load_domain(str(tmp_path)))


def test_many_ways_to_match_are_one():
    """Thirty choices between two equal words are 2**30 ways; each place is looked at once."""
    words = ["a"] * 30
    node = parse_pattern(" ".join(["(a|a)"] * 30) + " >> [b]", Tokenizer().words, {})
    started = time.process_time()
    assert locate(node, words, 0, 30, frozenset()) is not None
    gaps = parse_pattern(" ".join(["..4"] * 10) + " a", Tokenizer().words, {})
    assert locate(gaps, words, 0, 30, frozenset()) is not None
    assert time.process_time() - started < SECONDS


def test_a_check_with_a_wide_lexicon_ends(tmp_path):
    """The bounds hold for what matching costs, too: a long text of the words of the pattern."""
    lexicon = said("a ..20 a ..20 >> (a|a b)")
    loaded = load(tmp_path, lexicon)
    checker = SlotChecker(load_domain(str(tmp_path)), loaded)
    started = time.process_time()
    checker.align("a " * 40)
    assert time.process_time() - started < SECONDS


def test_an_error_of_a_lexicon_given_as_a_table_names_the_entry():
    domain = load_domain("restaurant")
    raw = {"entry": [{"slot": "food", "values": ["Thai"], "say": ["(a"]}]}
    with pytest.raises(
        DomainError, match=r"^lexicon: \[\[entry\]\] 1 \(slot 'food', value 'Thai'\)"
    ):
        lexicon_from_dict(raw, domain)
