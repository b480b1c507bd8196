"""The sources that a generator reads, under each of the strategies (``d2t linearize``)."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from d2t.corpus.correct import (
    align_examples,
    correct_examples,
    restrict_plan,
    split_references,
)
from d2t.corpus.load import load_split
from d2t.corpus.registry import default_domain
from d2t.generate.requests import choose_orders, request_from_record
from d2t.linearize.base import make_strategy
from d2t.linearize.source import Inventory, Linearizer
from d2t.model.bundle.manifest import Manifest
from d2t.mr.domain import load_domain
from d2t.mr.domain_files import load_domain_copy
from d2t.mr.lexicon_layers import has_lexicon
from d2t.mr.plans import plan_as_list
from d2t.mr.render import mr_to_json
from d2t.plan.bigram import BigramPlanner
from d2t.slots.checker import SlotChecker

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from d2t.mr.domain import Domain
    from d2t.mr.reader import Record

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SourceWriter:
    """Fitted tables that turn records into sources.

    Attributes:
        linearizer: with its strategy.
        planner: orders records without a plan; None where the strategy has an order of its own.
        domain: of the records.
    """

    linearizer: Linearizer
    planner: BigramPlanner | None
    domain: Domain

    @classmethod
    def of_bundle(cls, path: Path) -> SourceWriter:
        """The tables of a bundle, read without its weights and without torch.

        Raises:
            BundleError: there is no bundle.
        """
        manifest, domain = Manifest.read(path), load_domain_copy(path / "domain")
        planner = BigramPlanner.from_state(manifest.planner) if manifest.planner else None
        return cls(Linearizer.from_state(manifest.linearizer, domain), planner, domain)

    @classmethod
    def of_corpus(
        cls,
        strategy: str = "at",
        corpus: str | None = None,
        domain: str | None = None,
        *,
        notify: Callable[[str], None] = logger.info,
    ) -> SourceWriter:
        """Tables of the corrected and aligned training split, as training fits them.

        Args:
            strategy: its name or alias.
            corpus: a registered corpus or a file; None: ``mini``.
            domain: name or folder; None: that of the corpus.
            notify: is told what takes time.

        Raises:
            ConfigError, DataError, DomainError: there is no such strategy, corpus or domain.
        """
        unfitted, name = make_strategy(strategy), corpus or "mini"
        loaded = load_domain(domain or default_domain(name))
        raw = load_split(name, "train", loaded)
        if corpus:  # the embedded corpus takes no time worth a line
            notify(f"fitting {unfitted.name} on {len(raw)} training pairs of {corpus}")
        checker = SlotChecker.for_domain(loaded)
        if has_lexicon(loaded):
            examples = correct_examples(raw, checker, loaded)
        else:  # as in training: MRs are not replaced by what a checker without wordings finds
            examples = align_examples(split_references(raw), checker)
        fitted = unfitted.fit(examples, loaded)
        planner = BigramPlanner().fit(examples, loaded) if fitted.needs_planner else None
        return cls(Linearizer(loaded, fitted, Inventory.fit(examples, loaded)), planner, loaded)

    def write(
        self, record: Record, *, plan: str | None = None, align: bool = False, seed: int = 0
    ) -> dict[str, Any]:
        """``{id, mr, plan, source, bindings}`` of a record, JSON-able.

        Args:
            record: with an MR, and perhaps a plan.
            plan: the order, if the record has none.
            align: take the order from the record's own text instead.
            seed: of strategies and planners that draw.

        Raises:
            MRParseError, DomainError, DataError: the record or the plan is malformed.
        """
        request = request_from_record(
            record, self.domain, plan=plan, planner=self.planner, seed=seed
        )
        if align:
            text = record.references[0] if record.references else record.require_text()
            said = SlotChecker.for_domain(self.domain).align(text, request.mr).plan()
            request = replace(request, plan=restrict_plan(said, request.mr))
        orders = choose_orders(request, self.linearizer.strategy, self.planner, seed=seed)
        written = self.linearizer.linearize(request.mr, orders.read)
        return {
            "id": request.id,
            "mr": mr_to_json(request.mr, self.domain),
            "plan": plan_as_list(orders.read),
            "source": str(written),
            "bindings": dict(written.bindings),
        }
