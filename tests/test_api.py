"""The names that `import d2t` gives."""

from __future__ import annotations

import pytest

import d2t


def test_every_name_is_there() -> None:
    assert set(d2t.__all__) <= set(dir(d2t))
    for name in set(d2t.__all__) - {"load"}:  # which costs torch; the pipeline's tests call it
        assert getattr(d2t, name) is not None


def test_names_are_the_ones_of_their_modules() -> None:
    from d2t.mr.parse import parse_mr

    assert d2t.parse_mr is parse_mr
    assert d2t.__version__[0].isdigit()
    with pytest.raises(AttributeError, match="no attribute 'chek'"):
        d2t.chek  # noqa: B018


def test_check_reads_any_form() -> None:
    assert d2t.check("Aromi is a pub.", "name[Aromi], eatType[pub]").ok
    assert d2t.check("Aromi is a pub.", {"name": "Aromi", "eatType": "pub"}).ok
    domain = d2t.load_domain("restaurant")
    mr = d2t.parse_mr({"name": "Aromi", "food": "Thai"}, domain)
    report = d2t.check("Aromi is a pub.", mr, domain)
    assert [str(slot) for slot in report.missing] == ["food[Thai]"]
    assert [str(span.slot) for span in report.added] == ["eatType[pub]"]
