"""Layers of a lexicon: a user's file adds to the domain's, takes back, and follows its updates."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import d2t
from d2t.errors import DomainError
from d2t.mr.domain import Domain, LexiconFile, domain_from_dict, load_domain
from d2t.mr.domain_files import load_domain_copy, save_domain
from d2t.slots.checker import SlotChecker

DOMAIN = load_domain("restaurant")
CHEAP = '[[entry]]\nslot = "priceRange"\nvalues = ["cheap"]\nsay = ["for glimps"]\n'


def write(path: Path, text: str) -> Path:
    """A file of one lexicon."""
    path.write_text(text, encoding="utf-8")
    return path


def said(domain: Domain, text: str) -> list[str]:
    """What the text says, without an MR."""
    return [str(span.slot) for span in SlotChecker.for_domain(domain).align(text).spans]


def own_domain(folder: Path, lexicon: str, name: str = "toy") -> Domain:
    """A domain with one closed slot and a lexicon."""
    folder.mkdir(parents=True, exist_ok=True)
    write(
        folder / "domain.toml",
        f'name = "{name}"\n[slots.name]\nkind = "open"\n[slots.priceRange]\nkind = "categorical"\n'
        'values = ["cheap", "high"]\n',
    )
    write(folder / "lexicon.toml", lexicon)
    load_domain.cache_clear()
    return load_domain(str(folder))


def test_a_file_of_one_entry_is_a_layer(tmp_path: Path) -> None:
    mine = write(tmp_path / "mine.toml", CHEAP)
    text, mr = (
        "Aromi is a pub where you eat for glimps.",
        "name[Aromi], eatType[pub], priceRange[cheap]",
    )
    assert not d2t.check(text, mr).ok
    assert d2t.check(text, mr, lexicon=mine).ok
    assert d2t.check(text, mr, lexicon=[str(mine)]).ok


def test_an_entry_may_use_the_macros_and_spellings_below(tmp_path: Path) -> None:
    mine = write(tmp_path / "mine.toml", CHEAP.replace("for glimps", "{price} on a shoestring"))
    layered = d2t.load_domain(lexicon=mine)
    assert said(layered, "prizes on a shoestring") == ["priceRange[cheap]"]


def test_a_macro_may_widen_the_one_below(tmp_path: Path) -> None:
    assert said(DOMAIN, "a place with high tariffs") == []
    mine = write(tmp_path / "mine.toml", '[macros]\nprice = "({price}|tariff[s])"\n')
    layered = d2t.load_domain(lexicon=mine)
    assert said(layered, "a place with high tariffs") == ["priceRange[high]"]
    assert said(layered, "a place with high prices") == ["priceRange[high]"]
    twice = d2t.load_domain(
        lexicon=[mine, write(tmp_path / "more.toml", '[macros]\nprice = "({price}|levy)"\n')]
    )
    for word in ("tariffs", "prices", "levy"):
        assert said(twice, f"a place with high {word}") == ["priceRange[high]"]


def test_the_layer_on_top_wins_a_tie(tmp_path: Path) -> None:
    low = write(tmp_path / "low.toml", CHEAP)
    high = write(tmp_path / "high.toml", CHEAP.replace("cheap", "high"))
    assert said(d2t.load_domain(lexicon=[low, high]), "for glimps") == ["priceRange[high]"]
    assert said(d2t.load_domain(lexicon=[high, low]), "for glimps") == ["priceRange[cheap]"]
    base = own_domain(tmp_path / "toy", '[[ignore]]\nsay = ["for glimps"]\n')
    assert said(d2t.load_domain(base, lexicon=low), "for glimps") == ["priceRange[cheap]"]


def test_a_layer_takes_readings_back_within_words_and_slot(tmp_path: Path) -> None:
    base = own_domain(
        tmp_path / "toy",
        '[[entry]]\nslot = "priceRange"\nvalues = ["cheap", "high"]\nsay = ["a bargain"]\n'
        '[[entry]]\nslot = "name"\nvalues = ["Bargain"]\nsay = ["bargain"]\n',
    )
    assert said(base, "a bargain hunt") == ["priceRange[cheap]"]
    removal = '[[remove]]\nslot = "priceRange"\nsay = ["a bargain hunt"]\n'
    layered = d2t.load_domain(base, lexicon=write(tmp_path / "r.toml", removal))
    assert said(layered, "a bargain hunt") == ["name[Bargain]"]
    assert said(layered, "a bargain") == ["priceRange[cheap]"]
    one = write(tmp_path / "one.toml", removal.replace("say", 'values = ["cheap"]\nsay'))
    assert said(d2t.load_domain(base, lexicon=one), "a bargain hunt") == ["name[Bargain]"]
    other = write(tmp_path / "other.toml", removal.replace("say", 'values = ["free"]\nsay'))
    with pytest.raises(DomainError, match="'free' is no value"):
        said(d2t.load_domain(base, lexicon=other), "a bargain hunt")
    # What a layer says itself is not taken back by it, nor by one below.
    again = write(tmp_path / "again.toml", removal + CHEAP.replace("for glimps", "bargain hunt"))
    assert said(d2t.load_domain(base, lexicon=again), "a bargain hunt") == ["priceRange[cheap]"]


def test_lists_grow_and_other_keys_are_replaced(tmp_path: Path) -> None:
    mine = write(
        tmp_path / "mine.toml",
        '[negation]\nwords = ["sans"]\n[weights]\nlight = ["posh"]\n'
        '[aliases."price range"]\ncheap = ["el cheapo"]\n',
    )
    lexicon = SlotChecker.for_domain(d2t.load_domain(lexicon=mine)).lexicon
    base = SlotChecker.for_domain(DOMAIN).lexicon
    assert lexicon.negation.words == base.negation.words | {"sans"}
    assert lexicon.negation.reach == base.negation.reach
    assert lexicon.light == base.light | {"posh"}
    assert lexicon.aliases["priceRange"] == {"cheap": ("el cheapo",)}
    assert lexicon.aliases["name"] == base.aliases["name"]


def test_negations_add_to_the_usual_ones_where_the_base_lists_none(tmp_path: Path) -> None:
    base = own_domain(tmp_path / "toy", CHEAP + 'negated = ["high"]\n')
    layer = write(tmp_path / "mine.toml", '[negation]\nwords = ["hardly"]\n')
    layered = d2t.load_domain(base, lexicon=layer)
    for word in ("hardly", "not"):
        assert said(layered, f"{word} for glimps") == ["priceRange[high]"]


@pytest.mark.parametrize("base", ["restaurant", "base.toml", "folder"])
def test_a_lexicon_extends_another(tmp_path: Path, base: str) -> None:
    write(tmp_path / "base.toml", CHEAP)
    (tmp_path / "folder").mkdir()
    write(tmp_path / "folder" / "lexicon.toml", CHEAP)
    own = own_domain(
        tmp_path / "own",
        f'extends = "{base if base == "restaurant" else "../" + base}"\n'
        + CHEAP.replace("for glimps", "for a song"),
    )
    assert said(own, "for a song") == ["priceRange[cheap]"]
    known = "an inexpensive place" if base == "restaurant" else "for glimps"
    assert said(own, known) == ["priceRange[cheap]"]
    # What the other domain says of slots and values that this one lacks is left out.
    assert said(own, "a moderately priced pub by the river") == []


def test_a_layer_that_extends_the_domain_it_lies_on_is_only_itself(tmp_path: Path) -> None:
    plain = d2t.load_domain(lexicon=write(tmp_path / "a.toml", CHEAP))
    extending = write(tmp_path / "b.toml", 'extends = "restaurant"\n' + CHEAP)
    told = d2t.load_domain(lexicon=extending)
    digests = [SlotChecker.for_domain(one).lexicon_digest for one in (plain, told)]
    assert digests[0] == digests[1] != SlotChecker.for_domain(DOMAIN).lexicon_digest


def test_the_signature_and_reports_change_with_a_layer_that_changes(tmp_path: Path) -> None:
    mine = write(tmp_path / "mine.toml", CHEAP)
    first = SlotChecker.for_domain(d2t.load_domain(lexicon=mine))
    write(mine, CHEAP.replace("glimps", "a wuffle"))
    second = SlotChecker.for_domain(d2t.load_domain(lexicon=mine))
    assert first.signature() != second.signature()
    assert [span.slot.value for span in second.align("for a wuffle").spans] == ["cheap"]
    assert not first.align("for a wuffle").spans


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (CHEAP.replace("cheap", "cheep"), "line 1: 'cheep' is no value.*did you mean 'cheap'"),
        (CHEAP.replace("cheap", "dear"), "'dear' is no value.*new = true"),
        ("\n" + CHEAP.replace("priceRange", "priceRnge"), "line 2: .*mean 'priceRange'"),
        (CHEAP.replace("for gli", "(for gli"), "line 1: .*is not closed"),
        (CHEAP.replace("for gli", "{prize} gli"), "line 1: .*prize"),
        ('extends = "restaurnt"\n', "nor a file; did you mean 'restaurant'"),
        ("extends = 3\n", "extends must name"),
        ('extends = "mine.toml"\n', "goes in a circle"),
        ('extends = "other.toml"\n', "goes in a circle"),
        ('[[remove]]\nsay = ["x"]\n', "needs the key 'slot'"),
        ("[entries]\n", "mine.toml: unexpected table 'entries'"),
        ("macros = 3\n", "another kind of table"),
        ('[macros]\nprice = "({pricee}|x)"\n', "pricee"),
        ("not toml", "not valid TOML"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_layer_names_its_file_and_cure(
    tmp_path: Path, text: str, message: str
) -> None:
    write(tmp_path / "other.toml", 'extends = "mine.toml"\n')
    mine = write(tmp_path / "mine.toml", text)
    with pytest.raises(DomainError, match=message) as raised:
        SlotChecker.for_domain(d2t.load_domain(lexicon=mine))
    assert "mine.toml" in str(raised.value)


def test_a_missing_layer_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DomainError, match=r"none\.toml: does not exist"):
        d2t.load_domain(lexicon=tmp_path / "none.toml")


def test_an_entry_may_bring_a_new_value(tmp_path: Path) -> None:
    mine = write(tmp_path / "mine.toml", CHEAP.replace("cheap", "dear") + "new = true\n")
    assert said(d2t.load_domain(lexicon=mine), "for glimps") == ["priceRange[dear]"]


def test_the_bottom_layer_refuses_values_that_are_a_letter_away(tmp_path: Path) -> None:
    with pytest.raises(DomainError, match="'cheep' is no value of priceRange; did you mean"):
        said(own_domain(tmp_path / "toy", CHEAP.replace("cheap", "cheep")), "x")
    assert said(own_domain(tmp_path / "b", CHEAP.replace("cheap", "free")), "for glimps")


_TOY = """
[negation]
words = ["not"]
[macros]
price = "(bargain|price[s])"
[[entry]]
slot = "priceRange"
values = ["cheap"]
negated = ["high"]
say = ["a {price}", "posh"]
[[ignore]]
say = ["for glimps", "posh nosh"]
"""
_WORDS = ("for glimps", "a bargain", "posh nosh", "bargain", "not posh")
_TABLES = st.sampled_from(
    [
        *(CHEAP.replace("for glimps", words) for words in _WORDS),
        *(CHEAP.replace("cheap", "high").replace("for glimps", words) for words in _WORDS),
        *(f'[[ignore]]\nsay = ["{words}"]\n' for words in _WORDS),
        *(f'[[ignore]]\nsay = ["{words}"]\nfirm = true\n' for words in _WORDS),
        *(f'[[remove]]\nslot = "priceRange"\nsay = ["{words}"]\n' for words in _WORDS),
        '[macros]\nprice = "({price}|posh)"\n',
        '[macros]\nprice = "(nosh|{price})"\n',
        '[negation]\nwords = ["a"]\n',
        '[weights]\nlight = ["posh"]\n',
    ]
)
_LAYER = st.lists(
    _TABLES, max_size=3, unique_by=lambda table: table[:6] if table[1] != "[" else table
).map("".join)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(layers=st.lists(_LAYER, min_size=1, max_size=3))
def test_the_copy_of_a_layered_domain_reads_as_its_layers(
    tmp_path_factory: pytest.TempPathFactory, layers: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("layers")
    files = [write(folder / f"{at}.toml", text) for at, text in enumerate(layers)]
    base = own_domain(folder / "toy", _TOY)
    layered = d2t.load_domain(base, lexicon=files)
    save_domain(layered, folder / "copy")
    copy = load_domain_copy(folder / "copy")
    checkers = SlotChecker.for_domain(layered), SlotChecker.for_domain(copy)
    assert checkers[0].lexicon_digest == checkers[1].lexicon_digest
    for words in _WORDS:
        text = f"Aromi is {words}, and a price."
        assert checkers[0].align(text) == checkers[1].align(text)


_WORDS_OF_FILES = st.sampled_from(["price", "cheap", "{a}", "a b", "(x", "name", "values", ""])
_ANYTHING = st.recursive(
    st.one_of(_WORDS_OF_FILES, st.integers(-2, 2), st.booleans()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(_WORDS_OF_FILES, inner, max_size=3)
    ),
    max_leaves=6,
)
_NAMES = st.sampled_from(
    [
        "spelling",
        "macros",
        "weights",
        "negation",
        "landmark",
        "aliases",
        "common",
        "equivalents",
        "entry",
        "ignore",
        "remove",
        "apposition",
        "extends",
        "values",
    ]
)
_ENTRY = {"entry": [{"slot": "price", "values": ["cheap"], "say": ["for a song"]}]}
_HOSTILE = st.one_of(
    st.dictionaries(_NAMES, _ANYTHING, max_size=3),
    st.dictionaries(_NAMES, st.lists(st.dictionaries(_WORDS_OF_FILES, _ANYTHING, max_size=3))),
    st.just(_ENTRY),
)


@settings(max_examples=300, deadline=None)
@given(contents=st.lists(_HOSTILE, min_size=1, max_size=3), foreign=st.booleans())
def test_layers_of_any_content_are_read_or_refused(
    contents: list[dict[str, object]], foreign: bool
) -> None:
    slots = {"price": {"kind": "categorical", "values": ["cheap"]}, "name": {"kind": "open"}}
    toy = domain_from_dict({"name": "toy", "slots": slots})
    files = tuple(LexiconFile(str(at), "", foreign, raw) for at, raw in enumerate(contents))
    with suppress(DomainError):
        SlotChecker.for_domain(replace(toy, lexicons=files)).align("a price for a song")


def test_scores_are_of_the_lexicon_with_its_layers(tmp_path: Path) -> None:
    mine = write(tmp_path / "mine.toml", CHEAP)
    outputs = [{"mr": "name[Aromi], priceRange[cheap]", "text": "Eat at Aromi for glimps."}]
    plain = d2t.evaluate(outputs, parts=["slots"], n_resamples=0)
    mended = d2t.evaluate(outputs, parts=["slots"], n_resamples=0, lexicon=mine)
    assert plain.score("slot_error_rate") == 50.0
    assert mended.score("slot_error_rate") == 0.0
    pair = d2t.compare(outputs, outputs, n_resamples=2, lexicon=[mine])
    lexicon = SlotChecker.for_domain(d2t.load_domain(lexicon=mine)).lexicon_digest[:4]
    assert f"lex:{lexicon}" in str(mended)
    assert f"lex:{lexicon}" in str(pair)
