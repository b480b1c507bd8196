"""Domains from anybody: one error that says what to change, soon, and in little memory."""

from __future__ import annotations

import time
import tracemalloc

import pytest

from d2t.errors import BundleError, DomainError
from d2t.judges.qa.questions import load_questions
from d2t.mr.domain import load_domain
from d2t.mr.domain_files import load_domain_copy

SECONDS = 10.0  # tracing memory slows Python down several times
BYTES = 64 << 20
HEAD = 'name = "x"\n'
FOOD = '[slots.food]\nkind = "categorical"\n'
ESC = "\\u001b[31m"

REFUSED = {
    "a million values": (FOOD + "values = [" + '"abcdefgh", ' * 1_000_000 + "]", "larger than"),
    "a million slots": ("".join(f'slots.s{i}.kind = "open"\n' for i in range(300_000)), "larger"),
    "thousands of slots": ("".join(f'slots.s{i}.kind = "open"\n' for i in range(2000)), "at most"),
    "deep arrays": ("x = " + "[" * 200_000, "nesting is too deep"),
    "deep tables": ("x = " + "{a = " * 200_000, "nesting is too deep"),
    "not very deep": (FOOD + "values = " + "[" * 90 + "]" * 90, "nesting is too deep"),
    "a long key": (".".join(["a"] * 500_000) + " = 1", "line 2: a key has more than 32 parts"),
    "a long number": (FOOD + "values = 0x" + "f" * 100_000, "more than 64 bits"),
    "a long name": (f'[slots.{"x" * 10_000}]\nkind = "open"', "has 10,000 characters, more than"),
    "a long alias": (f'{FOOD}aliases = ["{"x" * 10_000}"]', "has 10,000 characters, more than"),
    "a long act": (f'dialogue_acts = ["{"x" * 10_000}"]\n{FOOD}', "has 10,000 characters"),
    "a long value": (f'{FOOD}values = ["{"x" * 10_000}"]', "has 10,000 characters, more than"),
    "a long text": (f'description = "{"x" * 10_000}"\n{FOOD}', "has 10,000 characters"),
    "an escape": (f'[slots."{ESC}"]\nkind = "open"', "holds the control character U+001B"),
    "an escape of 8 bits": ('[slots."\\u009b31m"]\nkind = "open"', "control character U+009B"),
    "text turned around": ('[slots."\\u202efood"]\nkind = "open"', "control character U+202E"),
    "an escaped alias": (f'{FOOD}aliases = ["{ESC}"]', "holds the control character U+001B"),
    "an escaped act": (f'dialogue_acts = ["{ESC}"]\n{FOOD}', "control character U+001B"),
    "a zero byte": ('[slots."a\\u0000b"]\nkind = "open"', "control character U+0000"),
    "brackets": ('[slots."food[x]"]\nkind = "open"', "may not be called 'food[x]'"),
    "markup": ('[slots."<b>food</b>"]\nkind = "open"', "may not be called '<b>food</b>'"),
    "slots no table": ("slots = 3", "at least one table"),
    "slots a list": ("slots = [1]", "at least one table"),
    "a slot no table": ("slots.food = 3", "must be a table"),
    "no kind": ("[slots.food]", "kind is None"),
    "kind a list": ("[slots.food]\nkind = []", "kind is []"),
    "kind a table": ("[slots.food]\nkind = {a = 1}", "kind is {'a': 1}"),
    "values a number": (FOOD + "values = 3", "must be a list of strings"),
    "values numbers": (FOOD + "values = [1, 2]", "must be a list of strings"),
    "synonyms a string": (FOOD + "synonyms = 'ab'", "must be a list of lists"),
    "synonyms strings": (FOOD + "synonyms = ['ab']", "must be a list of strings"),
    "implicit a string": (FOOD + "implicit = 'no'", "expected true or false"),
    "separator a number": (FOOD + "separator = 3", "expected a string"),
    "aliases a date": (FOOD + "aliases = 2020-01-01", "must be a list of strings"),
    "acts a string": ("dialogue_acts = 'inform'\n" + FOOD, "must be a list of strings"),
    "no acts": ("dialogue_acts = []\n" + FOOD, "is not among the dialogue_acts"),
    "act a list": ("default_dialogue_act = []\n" + FOOD, "is not among the dialogue_acts"),
    "description a list": ("description = [1]\n" + FOOD, "description must be a string"),
    "not text": ("\udcff", "not UTF-8"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_one_sentence(tmp_path, name):
    content, reason = REFUSED[name]
    path = tmp_path / "domain.toml"
    path.write_bytes((HEAD + content).encode("utf-8", "surrogateescape"))
    for load, kind in ((load_domain, DomainError), (load_domain_copy, BundleError)):
        load_domain.cache_clear()
        tracemalloc.start()
        try:
            started = time.process_time()
            with pytest.raises(kind) as caught:
                load(str(tmp_path) if load is load_domain else tmp_path)
            assert time.process_time() - started < SECONDS
            assert tracemalloc.get_traced_memory()[1] < BYTES
        finally:
            tracemalloc.stop()
        message = caught.value.message
        assert reason in message
        assert str(path) in message
        assert len(message) < 600
        assert message.isprintable()


def test_many_synonyms_take_no_square_of_time(tmp_path):
    values = ", ".join(f'"v{i}"' for i in range(60_000))
    text = f"{HEAD}{FOOD}values = [{values}]\nsynonyms = [[{values}]]"
    (tmp_path / "domain.toml").write_text(text, encoding="utf-8")
    started = time.process_time()
    assert len(load_domain(str(tmp_path)).slot("food").values) == 60_000
    assert time.process_time() - started < 3


def test_a_pipe_or_folder_in_the_place_of_a_file_is_not_waited_for(tmp_path):
    import os

    (tmp_path / "domain.toml").write_text(HEAD + FOOD, encoding="utf-8")
    os.mkfifo(tmp_path / "questions.toml")
    (tmp_path / "lexicon.toml").mkdir()
    domain = load_domain(str(tmp_path))
    with pytest.raises(DomainError, match="has no questions"):
        load_questions(domain)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("x = " + "[" * 200_000, "nesting is too deep"),
        ("none = 'no'\nslots = 3", "expected a string 'none'"),
        ("none = 'no'\nsubject = [1]\nslots.food = 3", "is no slot of domain"),
        ("none = 'no'\nslots.food = 3", "must be a table"),
        ("none = 'no'\n[slots.food]\nask = 3\nheld_out = []", "must be a list of strings"),
    ],
)
def test_questions_are_read_the_same_way(tmp_path, content, reason):
    (tmp_path / "domain.toml").write_text(HEAD + FOOD, encoding="utf-8")
    (tmp_path / "questions.toml").write_text(content, encoding="utf-8")
    load_domain.cache_clear()
    with pytest.raises(DomainError, match=reason):
        load_questions(load_domain(str(tmp_path)))
