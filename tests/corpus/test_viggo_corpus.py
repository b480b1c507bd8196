"""What English sentences about video games say: one line a phenomenon, in tables."""

from __future__ import annotations

import re

import pytest

from d2t.corpus.correct import correct_examples, require_lexicon
from d2t.corpus.types import Example
from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.slots.checker import SlotChecker

DOMAIN = load_domain("viggo")
CHECKER = SlotChecker.for_domain(DOMAIN)


def said(text: str, mr: str | None = None) -> list[str]:
    given = None if mr is None else parse_mr(mr, DOMAIN)
    return [str(span.slot) for span in CHECKER.align(text, given).spans]


def spoken(text: str, mr: str | None = None) -> list[str]:
    """The words of each span."""
    given = None if mr is None else parse_mr(mr, DOMAIN)
    return [text[span.start : span.end] for span in CHECKER.align(text, given).spans]


def test_the_domain_has_a_lexicon():
    require_lexicon(DOMAIN)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a tense action-adventure", ["action-adventure"]),
        ("plenty of action and adventure", ["action-adventure"]),
        ("an adventure shooter", ["adventure", "shooter"]),
        ("a text-based adventure", ["text adventure"]),
        ("an RTS with RPG elements", ["real-time strategy", "role-playing"]),
        ("a real-time tank strategy", ["real-time strategy"]),
        ("a turn-based fantasy strategy game", ["turn-based strategy"]),
        ("a strategy sim", ["strategy", "simulation"]),
        ("driving and racing", ["driving/racing"]),
        ("a kart racer", ["driving/racing"]),
        ("point-and-click puzzles", ["point-and-click", "puzzle"]),
        ("an online MMORPG", ["MMORPG"]),
        ("a hack and slash title", ["hack-and-slash"]),
        ("vehicle combat", ["vehicular combat"]),
        ("a trivia board game", ["trivia/board game"]),
        ("an indie platforming game", ["indie", "platformer"]),
        ("a tactical sports simulator", ["tactical", "sport", "simulation"]),
    ],
)
def test_genres(text, values):
    slots = CHECKER.align(text).spans
    assert [span.slot.value for span in slots if span.slot.name == "genres"] == values


def test_to_sport_something_is_no_genre():
    assert said("It sports a bird view.") == ["player_perspective[bird view]"]


def test_an_fps_is_seen_in_first_person_and_a_shooter():
    text = "Doom is an FPS."
    assert said(text) == ["player_perspective[first person]", "genres[shooter]"]
    assert spoken(text) == ["FP", "S"]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("first-person", ["first person"]),
        ("seen from the third person", ["third person"]),
        ("in first or third person", ["first person", "third person"]),
        ("third and first person views", ["third person", "first person"]),
        ("a bird's eye view", ["bird view"]),
        ("top-down", ["bird view"]),
        ("a side-scroller", ["side view"]),
        ("a bird and side view", ["bird view", "side view"]),
    ],
)
def test_perspectives(text, values):
    assert said(text) == [f"player_perspective[{value}]" for value in values]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("rated T (for Teen)", "T (for Teen)"),
        ("a T-rated thing", "T (for Teen)"),
        ("suitable for teenagers", "T (for Teen)"),
        ("an M rating", "M (for Mature)"),
        ("rated M by the ESRB", "M (for Mature)"),
        ("for mature audiences only", "M (for Mature)"),
        ("rated E", "E (for Everyone)"),
        ("with an ESRB rating of E (for Everyone)", "E (for Everyone)"),
        ("suitable for everyone", "E (for Everyone)"),
        ("rated E 10+", "E 10+ (for Everyone 10 and Older)"),
        ("rated E10+ (for Everyone 10 and Older)", "E 10+ (for Everyone 10 and Older)"),
        ("for everyone 10 and up", "E 10+ (for Everyone 10 and Older)"),
    ],
)
def test_content_ratings(text, value):
    assert said(text) == [f"esrb[{value}]"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("It has a multiplayer mode.", "yes"),
        ("It offers co-op.", "yes"),
        ("You can play it in multi-player.", "yes"),
        ("both single-player and multiplayer modes", "yes"),
        ("It is single-player only.", "no"),
        ("There is no multiplayer.", "no"),
        ("It doesn't support multiplayer.", "no"),
        ("It comes without any multiplayer mode.", "no"),
        ("It lacks multiplayer.", "no"),
        ("Multiplayer is not included.", "no"),
        ("You can't play it in multiplayer.", "no"),
        ("I wish it had a multiplayer mode.", "no"),
        ("I don't like multiplayer games.", "yes"),
        ("The multiplayer mode isn't great.", "yes"),
        ("It is not only multiplayer.", "yes"),
    ],
)
def test_multiplayer(text, value):
    assert said(text) == [f"has_multiplayer[{value}]"]


@pytest.mark.parametrize(
    ("text", "steam", "linux", "mac"),
    [
        ("It is on Steam, Linux and Mac.", "yes", "yes", "yes"),
        ("It is not available on Steam, Linux, or Mac.", "no", "no", "no"),
        ("It is on Steam but not on Linux or Mac.", "yes", "no", "no"),
        ("There are Linux and Mac versions, but you can't get it on Steam.", "no", "yes", "yes"),
        ("It isn't on Steam, it has a Linux release, and no Mac release.", "no", "yes", "no"),
        ("Available on Steam; Linux and Mac are not supported.", "yes", "no", "no"),
        ("Neither Steam nor Linux have it, but Mac does.", "no", "no", "yes"),
        ("It lacks a Linux release, is on Mac, and you won't find it on Steam.", "no", "no", "yes"),
        ("It runs on Mac and Linux, nor is it missing from Steam", None, "yes", "yes"),
        ("There's no Steam release, but both a Mac and a Linux version.", "no", "yes", "yes"),
        ("There is no way to get it on Steam. Mac and Linux users can't play it.",
         "no", "no", "no"),
        ("Linux is not an option, and neither is Mac, but it's on Steam.", "yes", "no", "no"),
        ("Steam has it, a Mac version is unavailable, Linux users are out of luck.",
         "yes", "no", "no"),
    ],
)  # fmt: skip
def test_systems(text, steam, linux, mac):
    found = {span.slot.name: span.slot.value for span in CHECKER.align(text).spans}
    if steam is not None:
        assert found["available_on_steam"] == steam
    assert (found["has_linux_release"], found["has_mac_release"]) == (linux, mac)


def test_the_first_of_several_denied_has_the_negation():
    assert spoken("It is not on Steam or Mac.") == ["not on Steam", "Mac"]


def test_platforms_and_the_switch():
    text = "It is out on PS4, Xbox One, Nintendo Switch, PC and Nintendo."
    assert said(text) == [
        f"platforms[{name}]"
        for name in ("PlayStation", "Xbox", "Nintendo Switch", "PC", "Nintendo")
    ]


@pytest.mark.parametrize(
    ("text", "slots"),
    [
        ("It came out in 2014.", ["release_year[2014]"]),
        ("the 1998 classic", ["release_year[1998]"]),
        ("released back in '09", ["release_year[2009]"]),
        ("due on 3 March 2021", ["exp_release_date[March 3, 2021]"]),
        ("due on March 3rd, 2021", ["exp_release_date[March 3, 2021]"]),
        ("expected on September 7, 2018", ["exp_release_date[September 7, 2018]"]),
        ("with 40 levels", []),
    ],
)
def test_years_and_dates(text, slots):
    assert said(text) == slots


def test_names_with_numbers_are_names():
    assert said("F1 2014 came out in 2014.") == ["name[F1 2014]", "release_year[2014]"]


def test_names_that_are_ordinary_words_need_a_capital():
    assert said("There is no room for a driver.") == []
    assert said("The Room and Driver") == ["name[The Room]", "name[Driver]"]
    assert said("tell me of driver", "inform(name[Driver])") == ["name[Driver]"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("It is an excellent third person shooter.", "excellent"),
        ("It got outstanding reviews.", "excellent"),
        ("It is a good racing game.", "good"),
        ("It has positive ratings.", "good"),
        ("It is an average puzzle game.", "average"),
        ("The reviews were mixed.", "average"),
        ("It is a poor music game.", "poor"),
        ("It was badly reviewed.", "poor"),
    ],
)
def test_ratings_said_in_so_many_words_need_no_mr(text, value):
    found = {span.slot.name: span.slot.value for span in CHECKER.align(text).spans}
    assert found["rating"] == value


@pytest.mark.parametrize(
    ("text", "value", "others"),
    [
        ("I hated Driver.", "poor", ("average", "good", "excellent")),
        ("Driver bored me to death.", "poor", ("average", "good", "excellent")),
        ("I didn't like Driver.", "poor", ("good", "excellent")),
        ("You were not that impressed with Driver.", "average", ("good", "excellent")),
        ("You felt indifferent towards Driver.", "average", ("poor", "good", "excellent")),
        ("I found Driver to be okay.", "average", ("poor", "good", "excellent")),
        ("I enjoyed Driver.", "good", ("poor",)),
        ("You said Driver was pretty fun.", "good", ("poor", "average")),
        ("I absolutely love Driver.", "excellent", ("poor", "average")),
        ("Driver is one of your favorites.", "excellent", ("poor", "average")),
    ],
)
def test_opinions_count_for_the_rating_that_they_fit(text, value, others):
    assert f"rating[{value}]" in said(text, f"give_opinion(name[Driver], rating[{value}])")
    for other in others:
        assert f"rating[{other}]" not in said(text, f"give_opinion(name[Driver], rating[{other}])")


def test_opinions_add_nothing_to_an_mr_without_rating():
    text = "I know you love shooters, have you tried Crysis?"
    report = CHECKER.check(text, parse_mr("recommend(name[Crysis], genres[shooter])", DOMAIN))
    assert report.ok


@pytest.mark.parametrize(
    ("text", "mr"),
    [
        ("Do you like multiplayer games?", "request_attribute(has_multiplayer[])"),
        ("Does it matter to you if a game is on Steam?", "request_attribute(available_on_steam[])"),
        ("Do you ever game on Linux?", "request_attribute(has_linux_release[])"),
        ("Are you a Mac gamer?", "request_attribute(has_mac_release[])"),
        ("What is your favorite genre?", "request_attribute(genres[])"),
        ("Which platform do you play on?", "request_attribute(platforms[])"),
        ("Who is the best developer?", "request_attribute(developer[])"),
        ("Which year had the best games?", "request_attribute(release_year[])"),
        ("Do you look at the ESRB rating?", "request_attribute(esrb[])"),
        ("Is there a perspective you prefer?", "request_attribute(player_perspective[])"),
        ("What is the most challenging game?", "request(specifier[challenging])"),
    ],
)
def test_questions_ask_for_an_empty_slot(text, mr):
    assert CHECKER.check(text, parse_mr(mr, DOMAIN)).ok


def test_correction_keeps_a_rating_that_no_wording_shows():
    given = parse_mr("give_opinion(name[Crysis], rating[poor], platforms[Xbox])", DOMAIN)
    silent = Example("a", given, ("What were they thinking when they made Crysis on Xbox?",))
    (kept,) = correct_examples([silent], CHECKER, DOMAIN)
    assert kept.mr.key() == given.key()
    assert kept.plan is not None
    assert kept.plan.names == ("rating", "name", "platforms")
    contrary = Example("b", given, ("Crysis on Xbox is an excellent game.",))
    (changed,) = correct_examples([contrary], CHECKER, DOMAIN)
    assert changed.mr.values("rating") == ("excellent",)


@pytest.mark.parametrize(
    "text",
    [
        "Crysis (2007) is an M-rated, third-person action-adventure by Crytek Frankfurt.",
        "It's on PlayStation, Xbox and PC, but there's no Steam, Linux or Mac release.",
        "You didn't really like F1 2014, did you? It's a first- and third-person sports sim.",
        "Half-Life 2 isn't multiplayer; it's a single-player FPS rated M (for Mature).",
    ],
)
@pytest.mark.parametrize(
    "change",
    [
        str.lower,
        lambda text: re.sub(r"([.,;:?()'-])", r" \1 ", text),
        lambda text: re.sub(r"(?<=\w)-(?=\w)", " ", text),
    ],
    ids=["lower case", "spaced punctuation", "no hyphens"],
)
def test_case_and_spacing_change_nothing(text, change):
    assert said(change(text)) == said(text)
    assert said(text)
