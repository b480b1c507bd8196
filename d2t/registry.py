"""Registries of what can be added to d2t: strategies, planners, metrics, training objectives.

A registry maps names to objects, mostly classes. Something is added in one of two ways:

- with the decorator, where the module is imported anyway: ``@STRATEGIES.register("alphabetical")``;
- from another package, as an entry point of the registry's group, which d2t loads when the name is
  asked for::

      [project.entry-points."d2t.strategies"]
      alphabetical = "my_package.orders:Alphabetical"
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from d2t.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from d2t.errors import D2TError

T = TypeVar("T")
S = TypeVar("S")


class Registry(Generic[T]):
    """Objects of one kind by name, in the order of their names' declaration.

    Names and aliases are compared in lower case, with ``-`` read as ``_``.

    Args:
        kind: the singular noun of error messages, such as ``linearization strategy``.
        group: the entry-point group of other packages, such as ``d2t.strategies``.
        builtin: the module that registers each built-in name, or where such a table stands
            (``package:NAME``). A module is imported when one of its names is asked for, so that a
            registry costs nothing at start-up.
        error: the class of the error about an unknown name.
        code: its code.
    """

    def __init__(
        self,
        kind: str,
        group: str,
        builtin: Mapping[str, str] | str | None = None,
        *,
        error: type[D2TError] = ConfigError,
        code: str | None = None,
    ) -> None:
        self.kind = kind
        self.group = group
        self._builtin = builtin or {}
        self._error = error
        self._code = code
        self._items: dict[str, T] = {}
        self._aliases: dict[str, str] = {}

    @property
    def builtin(self) -> Mapping[str, str]:
        """The module that registers each built-in name."""
        if isinstance(self._builtin, str):
            package, _, name = self._builtin.partition(":")
            self._builtin = cast("Mapping[str, str]", getattr(import_module(package), name))
        return self._builtin

    def register(self, name: str, *aliases: str) -> Callable[[S], S]:
        """A decorator that registers what it decorates and returns it unchanged.

        Raises:
            ConfigError: code ``name_taken``: another object has the name or one of the aliases.
                The same definition may be registered again, as when its module is reloaded.
            ValueError: the object has an attribute ``name``, and that is another name.
        """

        def add(item: S) -> S:  # keeps the type of what is decorated
            self._add(cast("T", item), name, aliases)
            return item

        return add

    def get(self, name_or_alias: str) -> T:
        """The object of this name or alias.

        Raises:
            ConfigError: there is none (or the registry's own error class); the message lists the
                names that there are. Code ``broken_plugin``: the entry point of another package
                cannot be loaded.
        """
        return self._items[self.resolve(name_or_alias)]

    def resolve(self, name_or_alias: str) -> str:
        """The name of the object of this name or alias, once it is loaded; raises as ``get``."""
        name = self._find(name_or_alias)
        if name is None:
            known = [*self.names(), *self._aliases]
            raise self._error(
                f"unknown {self.kind} {name_or_alias!r}"
                f"{did_you_mean(normal_name(name_or_alias), known)} "
                f"(known: {', '.join(map(self.describe, self.names()))})",
                code=self._code,
            )
        return name

    def __contains__(self, name_or_alias: str) -> bool:
        return self._find(name_or_alias) is not None

    def __iter__(self) -> Iterator[T]:
        """The built-in objects, then those that were registered by now."""
        return iter(self.items().values())

    def items(self) -> dict[str, T]:
        """The objects of ``__iter__`` by name."""
        for name in self.builtin:
            self._import(name)
        return {name: self._items[name] for name in self._loaded_names()}

    def names(self) -> tuple[str, ...]:
        """All names: built-in ones first, then registered ones, then those of entry points."""
        plugins = [normal_name(point.name) for point in entry_points(group=self.group)]
        return tuple(dict.fromkeys((*self._loaded_names(), *plugins)))

    def describe(self, name: str) -> str:
        """A name with its aliases, as far as they are known: ``alignment (at)``."""
        aliases = [alias for alias, target in self._aliases.items() if target == name]
        return f"{name} ({', '.join(aliases)})" if aliases else name

    def _find(self, name_or_alias: str) -> str | None:
        wanted = normal_name(name_or_alias)
        if wanted not in self._items and wanted in self.builtin:
            self._import(wanted)
        if wanted not in self._items and wanted not in self._aliases:
            self._load(wanted)
        name = self._aliases.get(wanted, wanted)
        return name if name in self._items else None

    def _loaded_names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.builtin, *self._items)))

    def _import(self, name: str) -> None:
        if name not in self._items:
            import_module(self.builtin[name])
        if name not in self._items:
            raise RuntimeError(f"{self.builtin[name]} does not register the {self.kind} {name}")

    def _load(self, wanted: str) -> None:
        """Load all that ``wanted`` may be a name or an alias of."""
        for name in self.builtin:
            self._import(name)
        for point in entry_points(group=self.group):
            if normal_name(point.name) in self._items:
                continue
            try:
                item: T = point.load()
            except Exception as error:  # whatever goes wrong in another package
                if wanted != normal_name(point.name):
                    continue
                raise ConfigError(
                    f"the {self.kind} {point.name} of another package (entry point {point.value} "
                    f"of group {self.group}) cannot be loaded: {type(error).__name__}: {error}",
                    code="broken_plugin",
                ) from error
            if normal_name(point.name) not in self._items:  # its module may have a decorator
                alias = getattr(item, "alias", None)
                self._add(item, point.name, (alias,) if isinstance(alias, str) else ())

    def _add(self, item: T, name: str, aliases: tuple[str, ...]) -> None:
        own = getattr(item, "name", name)
        if isinstance(own, str) and own != name:
            raise ValueError(f"{item!r} calls itself {own!r} and is registered as {name!r}")
        keys = [normal_name(key) for key in (name, *aliases)]
        for key in keys:
            other = self._items.get(self._aliases.get(key, key))
            if other is not None and not _same_definition(other, item):
                raise ConfigError(
                    f"the name {key!r} is used twice: by the {self.kind} {other!r} and by {item!r}",
                    code="name_taken",
                )
        self._items[keys[0]] = item
        self._aliases.update(dict.fromkeys(keys[1:], keys[0]))


def normal_name(name: str) -> str:
    """A name in the form that registries compare."""
    return name.strip().lower().replace("-", "_")


def _same_definition(a: object, b: object) -> bool:
    where = [
        (getattr(item, "__module__", None), getattr(item, "__qualname__", id(item)))
        for item in (a, b)
    ]
    return where[0] == where[1]
