"""Distractor frames as data: the shipped file, what is refused, and the shapes of clauses."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from d2t.errors import DomainError
from d2t.judges.qa.training.distractor_content import forms, kind_of
from d2t.judges.qa.training.distractor_frames import FILE_NAME, PART, frames_from_dict, load_frames
from d2t.mr.domain import load_domain

if TYPE_CHECKING:
    from pathlib import Path

DOMAIN = load_domain("restaurant")


def test_the_shipped_frames_are_many_and_some_of_each_kind_are_held_out() -> None:
    frames = load_frames(DOMAIN)
    assert frames is not None
    assert len(frames.kinds) >= 6
    assert sum(len(kind.frames) + len(kind.held_out) for kind in frames.kinds.values()) >= 40
    assert all(kind.held_out for kind in frames.kinds.values())
    places = {f.place for kind in frames.kinds.values() for f in (*kind.frames, *kind.held_out)}
    assert places == {"sentence", "tail", "head", "aside"}
    own = [kind.name for kind in frames.kinds.values() if all(f.own for f in kind.frames)]
    assert own, "without frames that are true of the subject, every clause would mean none"


def test_a_domain_without_the_file_has_no_frames(tmp_path: Path) -> None:
    assert load_frames(DOMAIN, tmp_path) is None


def test_a_file_that_is_no_toml_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("subject = ")
    with pytest.raises(DomainError, match="not valid TOML"):
        load_frames(DOMAIN, tmp_path)


def raw(frame: str = "{other} {says}.", **kind: Any) -> dict[str, Any]:
    return {"subject": "name", "landmark": "near", "kinds": {"k": {"frames": [frame], **kind}}}


def test_a_frame_knows_its_fields_and_its_place() -> None:
    for text, place, said, own in (
        ("{other} {says}.", "sentence", "says", None),
        ("If only it were {thing}!", "sentence", "thing", None),
        (", while {other} {says}", "tail", "says", None),
        ("Unlike {other}, which {says},", "head", "says", None),
        ("(which {says})", "aside", "says", None),
        ("It {denies} but {own says}.", "sentence", "denies", "says"),
    ):
        kind = frames_from_dict(raw(text), DOMAIN).kinds["k"]
        assert (kind.frames[0].place, kind.frames[0].said, kind.frames[0].own) == (place, said, own)
        assert "name" not in kind.slots
        assert len(kind.slots) == len(DOMAIN.slot_names) - 1


def test_a_part_is_spelt_in_one_of_its_wordings_each_time() -> None:
    file = {**raw("<who> <claim> that {other} {says}; <who> <claim> it."), "parts": PARTS}
    frames = frames_from_dict(file, DOMAIN)
    frame = frames.kinds["k"].frames[0]
    assert frame.said == "says"
    texts = {frame.spelt(frames.parts, Random(at)).text for at in range(60)}
    assert texts == {
        f"{one} say that {{other}} {{says}}; {two} say it."
        for one in PARTS["who"]
        for two in PARTS["who"]
    }
    assert {f.fields for f in (frame.spelt(frames.parts, Random(at)) for at in range(60))} == {
        ("other", "says"), ("other", "says", "stranger"), ("stranger", "other", "says"),
        ("stranger", "other", "says", "stranger"),
    }  # fmt: skip


def test_every_wording_of_a_shipped_part_stands_in_some_frame_and_every_phrase_has_forms() -> None:
    frames = load_frames(DOMAIN)
    assert frames is not None
    used = {
        part
        for kind in frames.kinds.values()
        for frame in (*kind.frames, *kind.held_out)
        for part in PART.findall(frame.text)
    }
    assert used == set(frames.parts)
    listed = {(name, value) for name in DOMAIN.slot_names for value in DOMAIN.slot(name).values}
    for slot, phrases in frames.written.items():
        assert (slot.name, slot.value) in listed
        for phrase in phrases:
            assert dict(forms(kind_of(phrase), phrase)), phrase


PARTS = {"who": ["people", "fans of {stranger}"], "claim": ["say"]}


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (raw("<who> say that {other} {says}."), "unknown part <who>"),
        ({**raw("<wo> say that {other} {says}."), "parts": PARTS}, "did you mean 'who'"),
        ({**raw(), "parts": {"who": []}}, "no wordings"),
        ({**raw(), "parts": {"who": ["{says}"]}}, "no other parts"),
        ({**raw(), "parts": {"who": ["<claim>"]}}, "no other parts"),
        ({**raw(), "parts": ["who"]}, "table of lists"),
        ({**raw(), "content": {"food": ["Thai"]}}, "VALUE"),
        ({**raw(), "content": {"foods": {"Thai": ["serves Thai"]}}}, "no slot"),
        ({**raw(), "content": {"food": {"Thai": "serves Thai"}}}, "list of strings"),
        ({"subject": "name"}, "table"),
        ({**raw(), "subject": "names"}, "did you mean"),
        ({**raw(), "landmark": "nearby"}, "no slot"),
        ({**raw(), "frames": []}, "unknown key"),
        (raw("{other} {sais}."), "unknown field"),
        ({**raw("{landmark} {says}."), "landmark": None}, "unknown field"),
        (raw("{other} {says}"), "must end a sentence"),
        (raw("{other} is here."), "one field of content"),
        (raw("{other} {says} and {thing}."), "one field of content"),
        (raw("{other} {says}.", about=["near"]), "one field of content"),
        (raw(slots=["foods"]), "no slot"),
        (raw(max_slots=0), "max_slots"),
        (raw(frames=[]), "no frames to train on"),
        (raw(held_out=["{other} {SAYS}.".lower()]), "there twice"),
        (raw(without="not a list"), "list of strings"),
        (raw(colour="red"), "unknown key"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(file: dict[str, Any], message: str) -> None:
    with pytest.raises(DomainError, match=message):
        frames_from_dict(file, DOMAIN)
