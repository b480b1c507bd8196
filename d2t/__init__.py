"""d2t: data-to-text generation whose content is proved and whose order can be chosen.

Example: ``d2t.check("Aromi is a pub.", "name[Aromi], eatType[pub]").ok``
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from d2t.generate.load import load as load
    from d2t.mr.domain import Domain as Domain
    from d2t.mr.domain import load_domain as load_domain
    from d2t.mr.parse import parse_mr as parse_mr
    from d2t.mr.plans import parse_plan as parse_plan
    from d2t.mr.render import render_mr as render_mr
    from d2t.mr.types import MeaningRepresentation as MeaningRepresentation
    from d2t.mr.types import Plan as Plan
    from d2t.mr.types import Slot as Slot
    from d2t.score.report.report import evaluate_records as evaluate_records
    from d2t.slots.types import SlotReport

    __version__: str

# Imported when first asked for: `import d2t` costs nothing, `d2t.load` costs torch.
_HOMES = {
    "Domain": "d2t.mr.domain",
    "MeaningRepresentation": "d2t.mr.types",
    "Plan": "d2t.mr.types",
    "Slot": "d2t.mr.types",
    "evaluate_records": "d2t.score.report.report",
    "load": "d2t.generate.load",
    "load_domain": "d2t.mr.domain",
    "parse_mr": "d2t.mr.parse",
    "parse_plan": "d2t.mr.plans",
    "render_mr": "d2t.mr.render",
}
__all__ = [
    "Domain",
    "MeaningRepresentation",
    "Plan",
    "Slot",
    "__version__",
    "check",
    "evaluate_records",
    "load",
    "load_domain",
    "parse_mr",
    "parse_plan",
    "render_mr",
]


def check(
    text: str,
    mr: str | Mapping[str, Any] | MeaningRepresentation,
    domain: str | Domain = "restaurant",
) -> SlotReport:
    """Say which slots of ``mr`` the text misses, adds, gets wrong or repeats, span by span.

    Args:
        text: anybody's utterance.
        mr: what it should say: a text in any written form, or a JSON object as a dict.
        domain: a shipped domain's name, a folder that holds a ``domain.toml``, or a ``Domain``.

    Raises:
        MRParseError: the MR is malformed.
        DomainError: the domain, a slot or a dialogue act is unknown.
    """
    from d2t.mr.domain import load_domain
    from d2t.mr.parse import parse_mr
    from d2t.mr.types import MeaningRepresentation
    from d2t.slots.checker import SlotChecker

    known = load_domain(domain) if isinstance(domain, str) else domain
    wanted = mr if isinstance(mr, MeaningRepresentation) else parse_mr(mr, known)
    return SlotChecker.for_domain(known).check(text, wanted)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return _version()
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'd2t' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _version() -> str:
    """The installed version; ``0+unknown`` in a checkout that was never installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("d2t")
    except PackageNotFoundError:
        return "0+unknown"
