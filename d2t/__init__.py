"""d2t: data-to-text generation whose content is proved and whose order can be chosen.

Example: ``d2t.load()("name[Aromi], food[Thai]", plan="food,name").text``
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from d2t._version import __version__ as __version__
    from d2t.api import Generator as Generator
    from d2t.api import check as check
    from d2t.api import compare as compare
    from d2t.api import evaluate as evaluate
    from d2t.api import load as load
    from d2t.api import load_domain as load_domain
    from d2t.api import parse_mr as parse_mr
    from d2t.api import parse_plan as parse_plan
    from d2t.api import plan as plan
    from d2t.api import render_mr as render_mr
    from d2t.api import train as train
    from d2t.errors import BackendError as BackendError
    from d2t.errors import BundleError as BundleError
    from d2t.errors import ConfigError as ConfigError
    from d2t.errors import D2TError as D2TError
    from d2t.errors import DataError as DataError
    from d2t.errors import DomainError as DomainError
    from d2t.errors import MRParseError as MRParseError
    from d2t.errors import UsageError as UsageError
    from d2t.extras import MissingExtraError as MissingExtraError
    from d2t.generate.contrast import ContrastOptions as ContrastOptions
    from d2t.generate.files import GenerationSummary as GenerationSummary
    from d2t.generate.types import Hypothesis as Utterance
    from d2t.mr.columns import ColumnError as ColumnError
    from d2t.mr.domain import Domain as Domain
    from d2t.mr.reader import ReadOptions as ReadOptions
    from d2t.mr.reader import ReadReport as ReadReport
    from d2t.mr.types import MeaningRepresentation as MeaningRepresentation
    from d2t.mr.types import Plan as Plan
    from d2t.mr.types import Slot as Slot
    from d2t.score.records import EvaluationRecord as EvaluationRecord
    from d2t.score.report.compare import Comparison as Comparison
    from d2t.score.report.report import EvaluationReport as EvaluationReport
    from d2t.slots.types import SlotReport as SlotReport
    from d2t.slots.types import Span as Span

# A name is imported when it is first asked for: `import d2t` costs nothing.
_MODULES = {
    "d2t._version": ["__version__"],
    "d2t.api": [
        "Generator", "check", "compare", "evaluate", "load", "load_domain", "parse_mr",
        "parse_plan", "plan", "render_mr", "train",
    ],
    "d2t.errors": [
        "BackendError", "BundleError", "ConfigError", "D2TError", "DataError", "DomainError",
        "MRParseError", "UsageError",
    ],
    "d2t.extras": ["MissingExtraError"],
    "d2t.generate.contrast": ["ContrastOptions"],
    "d2t.generate.files": ["GenerationSummary"],
    "d2t.generate.types": ["Hypothesis"],
    "d2t.mr.columns": ["ColumnError"],
    "d2t.mr.domain": ["Domain"],
    "d2t.mr.reader": ["ReadOptions", "ReadReport"],
    "d2t.mr.types": ["MeaningRepresentation", "Plan", "Slot"],
    "d2t.score.records": ["EvaluationRecord"],
    "d2t.score.report.compare": ["Comparison"],
    "d2t.score.report.report": ["EvaluationReport"],
    "d2t.slots.types": ["SlotReport", "Span"],
}  # fmt: skip
_HOMES = {name: module for module, names in _MODULES.items() for name in names}
__all__ = [
    "BackendError", "BundleError", "ColumnError", "Comparison", "ConfigError", "ContrastOptions",
    "D2TError", "DataError", "Domain", "DomainError", "EvaluationRecord", "EvaluationReport",
    "GenerationSummary", "Generator", "MRParseError", "MeaningRepresentation", "MissingExtraError",
    "Plan", "ReadOptions", "ReadReport", "Slot", "SlotReport", "Span", "UsageError", "Utterance",
    "__version__", "check", "compare", "evaluate", "load", "load_domain", "parse_mr", "parse_plan",
    "plan", "render_mr", "train",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    home = "Hypothesis" if name == "Utterance" else name
    if home not in _HOMES or name == "Hypothesis":
        raise AttributeError(f"module 'd2t' has no attribute {name!r}")
    return getattr(import_module(_HOMES[home]), home)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _CallableRoom(ModuleType):
    """``d2t.plan`` and ``d2t.train`` are folders and functions; the folder can be called, too."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The function of that name in ``d2t.api``."""
        name = self.__name__.rpartition(".")[2]
        return getattr(import_module("d2t.api"), name)(*args, **kwargs)


class _Root(ModuleType):
    def __setattr__(self, name: str, value: Any) -> None:
        """Python binds a folder here when a module of it is first imported."""
        if name in ("plan", "train") and isinstance(value, ModuleType):
            value.__class__ = _CallableRoom
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Root
