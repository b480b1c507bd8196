"""Whose texts are looked at: models that say the MRs once, and people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from d2t.corpus.group import group_references
from d2t.corpus.load import load_split
from d2t.generate.load import load
from d2t.generate.types import GenerationRequest
from d2t.mr.types import Plan
from d2t.plan.oracle import order_of
from d2t.score.records import EvaluationRecord, read_evaluation_records
from d2t.seeding import derived_rng
from d2t.slots.checker import SlotChecker
from d2t.train.config.init_config import bundle_digest
from experiments.runner.files import existing_bundle, is_current, write_outputs

if TYPE_CHECKING:
    from pathlib import Path

    from d2t.mr.domain import Domain


class System(BaseModel):
    """A model, or people.

    Attributes:
        bundle: a model, which says the MRs greedily in its own orders; or
        references: a corpus, of whose split each MR is given one of its texts of people.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9-]+$")
    label: str
    bundle: str | None = None
    references: str | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.bundle is None) == (self.references is None):
            raise ValueError("give either a bundle or references")
        return self


def records_of(
    system: System,
    corpus: str,
    split: Literal["dev", "test"],
    domain: Domain,
    runs: Path,
    *,
    n_mrs: int | None,
    seed: int,
) -> list[EvaluationRecord]:
    """What the system says, said once; or one text of people for each MR.

    Args:
        system: who speaks.
        corpus: MRs that a model says; people have MRs of their own corpus.
        split: of it.
        domain: of both.
        runs: outputs are kept in a folder of it.
        n_mrs: the first so many; None: all.
        seed: of which text of people an MR is given.

    Raises:
        D2TError: there is no such model, or no such corpus.
    """
    if system.bundle is None:
        checker = SlotChecker.for_domain(domain)
        records = []
        for example in group_references(load_split(str(system.references), split, domain))[:n_mrs]:
            text = derived_rng(seed, "reference", example.id).choice(example.references)
            order = order_of(checker.align(text, example.mr).plan(), example.mr)
            records.append(EvaluationRecord(example.id, example.mr, text, Plan(order.slots)))
        return records
    path = runs / "outputs" / f"{system.name}.jsonl"
    digest = bundle_digest(existing_bundle(system.bundle))
    said = {"bundle": digest, "corpus": corpus, "split": split, "n_mrs": n_mrs}
    if not is_current(path.with_suffix(".json"), said):
        generator = load(system.bundle, engine="torch", beam_size=1)
        groups = group_references(load_split(corpus, split, domain))
        requests = [GenerationRequest(e.id, e.mr) for e in groups[:n_mrs]]
        path.parent.mkdir(parents=True, exist_ok=True)
        write_outputs(lambda: generator.generate(requests), domain, path, said)
    return read_evaluation_records(str(path), domain, strict=True, need_plan=True)[0]
