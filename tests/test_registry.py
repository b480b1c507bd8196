"""Registries: by decorator, by entry point, lazily, and with errors that cure."""

from __future__ import annotations

import sys
import types

import pytest

from d2t.errors import ConfigError, UsageError
from d2t.registry import Registry
from tests.support.plugins import install

GROUP = "d2t.tests"


class Red:
    name = "red"


class Green:
    pass


def colours(**options: object) -> Registry[type]:
    registry: Registry[type] = Registry("colour", GROUP, **options)  # type: ignore[arg-type]
    registry.register("red", "rd")(Red)
    return registry


def test_by_name_by_alias_in_any_spelling():
    registry = colours()
    assert registry.register("sea-green", "sg")(Green) is Green
    assert registry.get("red") is registry.get(" RED ") is registry.get("rd") is Red
    assert registry.get("Sea_Green") is registry.get("sea-green") is registry.get("SG") is Green
    assert registry.resolve("RD") == "red"
    assert registry.names() == ("red", "sea_green")
    assert list(registry) == [Red, Green]
    assert "sg" in registry
    assert "blue" not in registry


def test_an_unknown_name_is_answered_with_near_ones_and_all():
    registry = colours(error=UsageError, code="no_colour")
    registry.register("green")(Green)
    with pytest.raises(UsageError) as caught:
        registry.get("gren")
    assert caught.value.message == (
        "unknown colour 'gren'; did you mean 'green'? (known: red (rd), green)"
    )
    assert caught.value.code == "no_colour"


def test_one_name_is_one_object():
    registry = colours()
    for name, aliases in (("red", ()), ("green", ("red",)), ("rd", ()), ("green", ("rd",))):
        with pytest.raises(ConfigError, match="used twice") as caught:
            registry.register(name, *aliases)(Green)
        assert caught.value.code == "name_taken"
    assert registry.names() == ("red",)
    again = type("Red", (), {"__module__": Red.__module__, "__qualname__": Red.__qualname__})
    registry.register("red", "rd")(again)  # the module was reloaded
    assert registry.get("rd") is again


def test_a_name_of_its_own_is_the_name():
    with pytest.raises(ValueError, match="calls itself 'red'"):
        colours().register("crimson")(Red)


def test_built_in_modules_are_imported_when_asked_for(monkeypatch):
    registry = colours(builtin={"green": "colours_of_a_test"})
    with pytest.raises(ImportError):
        registry.get("green")
    monkeypatch.setitem(sys.modules, "colours_of_a_test", types.ModuleType("colours_of_a_test"))
    with pytest.raises(RuntimeError, match="colours_of_a_test does not register the colour green"):
        registry.get("green")
    assert registry.get("red") is Red  # asks for no other module
    assert registry.names() == ("green", "red")
    registry.register("green")(Green)
    assert registry.get("green") is Green


def test_the_table_of_built_in_modules_may_stand_in_another_module(monkeypatch):
    module = types.ModuleType("colours_of_a_test")
    module.TABLE = {"green": "colours_of_a_test"}
    registry = colours(builtin="colours_of_a_test:TABLE")
    monkeypatch.setitem(sys.modules, "colours_of_a_test", module)
    registry.register("green")(Green)
    assert registry.names() == ("green", "red")
    assert registry.items() == {"green": Green, "red": Red}


def test_entry_points_are_loaded_when_asked_for_and_once(monkeypatch):
    registry = colours()
    blue = type("Blue", (), {"alias": "b"})
    points = install(monkeypatch, GROUP, {"blue": blue, "black": ImportError("no module ink")})
    assert registry.names() == ("red", "blue", "black")
    assert registry.get("red") is Red
    assert points["blue"].loads == 0
    assert registry.get("blue") is registry.get("b") is registry.get("blue") is blue
    assert points["blue"].loads == 1
    with pytest.raises(ConfigError, match=r"black.*other_package:black.*no module ink") as caught:
        registry.get("black")
    assert caught.value.code == "broken_plugin"
    with pytest.raises(ConfigError, match="cannot be loaded"):
        assert "black" in registry


def test_an_entry_point_whose_module_uses_the_decorator(monkeypatch):
    registry = colours()
    points = install(monkeypatch, GROUP, {"green": Green})
    monkeypatch.setattr(points["green"], "load", lambda: registry.register("green", "g")(Green))
    assert registry.get("green") is registry.get("g") is Green
    assert registry.names() == ("red", "green")
