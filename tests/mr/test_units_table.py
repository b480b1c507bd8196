"""The committed table of currencies and units is what babel has."""

import json

import pytest

pytest.importorskip("babel")

from tests.support.units_table import TABLE, table


def test_the_committed_table_agrees_with_babel():
    assert json.loads(TABLE.read_text(encoding="utf-8")) == table()
