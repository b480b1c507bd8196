"""What the contrastive decoding experiment is: MRs, arms, judges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from d2t.errors import DataError
from d2t.generate.contrast import ContrastOptions
from d2t.mr.perturb import Perturbation  # noqa: TC001 - pydantic reads it at run time
from experiments.faithfulness.parser_judge import Parser  # noqa: TC001 - as above
from experiments.runner.toml_file import read_toml

if TYPE_CHECKING:
    from pathlib import Path


SOURCE_BETA = 0.5
"""Of the source's rule, which has no mask (rule F3.1)."""


class Arm(NamedTuple):
    """One way of decoding.

    Attributes:
        name: of its row and file.
        settings: of ``ModelGenerator``.
        passes: decoder rows a source and step, which is what is held equal (a beam of k is k, a
            contrast doubles it; ``+``: it replays texts beside that, and asks the slot checker).
    """

    name: str
    settings: dict[str, Any]
    passes: str

    @property
    def reranks(self) -> bool:
        """Whether it is a rival that all others are tested against, too: n-best reranking."""
        return bool(self.settings.get("rerank"))

    @property
    def eligible(self) -> bool:
        """Whether it may be chosen: a greedy contrast, which looks at no judge of the table."""
        contrast = self.settings.get("contrast")
        return contrast is not None and not contrast.dynamic and self.settings["beam_size"] == 1


class Grid(BaseModel):
    """Contrasts: every combination of these."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    contrasts: tuple[Perturbation, ...]
    betas: tuple[float, ...]
    plausibilities: tuple[float, ...]
    dynamic: tuple[bool, ...] = (False,)
    beams: tuple[int, ...] = (1,)

    def arms(self) -> list[Arm]:
        """The arms of this grid."""
        return [
            Arm(
                f"{kind}{'-dynamic' if dynamic else ''}-b{beta:g}-a{alpha:g}-beam{beam}",
                {
                    "beam_size": beam,
                    "contrast": ContrastOptions(kind, beta, alpha, dynamic),
                },
                f"{2 * beam}{'+' if dynamic else ''}",
            )
            for kind in self.contrasts
            for dynamic in self.dynamic
            for beta in self.betas
            for alpha in self.plausibilities
            for beam in self.beams
        ]


class ContrastExperiment(BaseModel):
    """The whole experiment.

    Attributes:
        title: heading of the table.
        bundle: the model.
        results: folder under ``experiments/results``.
        corpus, split: MRs that are said and their references; tune on ``dev``, report on ``test``.
        report: MRs that the rivals, the source's rule and what ``split`` chose say too; None: none.
        most_bleu_loss: how much less BLEU than greedy search's what is chosen may have; where no
            arm keeps that, the one that loses least is taken.
        training: corpus whose train split says which pairs of values have occurred.
        pairs: of slots; MRs whose values of both never occurred together are a shortcut set.
        n_mrs: of each set, drawn by ``seed``; None: all.
        parser: the judge that decoding knows nothing of; None: there is none.
        beams: plain beams, each also reranked by the checker.
        grids: the contrasts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    bundle: str
    results: str = Field(pattern=r"^[a-z0-9-]+$")
    corpus: str
    split: Literal["dev", "test"] = "dev"
    report: Literal["test"] | None = None
    most_bleu_loss: float = Field(default=1.0, ge=0)
    training: str
    pairs: tuple[tuple[str, str], ...] = ()
    n_mrs: int | None = Field(default=None, ge=1)
    seed: int = 1
    batch_size: int = Field(default=64, ge=1)
    max_length: int = Field(default=100, ge=1)
    parser: Parser | None = None
    beams: tuple[int, ...] = ()
    grids: dict[str, Grid]

    def arms(self) -> list[Arm]:
        """Greedy first, which all others are compared with."""
        arms = [*self._rivals(), *(arm for grid in self.grids.values() for arm in grid.arms())]
        return list({arm.name: arm for arm in arms}.values())

    def reported_arms(self, chosen: str) -> list[Arm]:
        """What says ``report``: the rivals, the source's rule, and the arm that was chosen."""
        kinds = tuple(dict.fromkeys(k for grid in self.grids.values() for k in grid.contrasts))
        literal = Grid(contrasts=kinds, betas=(SOURCE_BETA,), plausibilities=(0.0,)).arms()
        found = [arm for arm in self.arms() if arm.name == chosen]
        return list({a.name: a for a in (*self._rivals(), *literal, *found)}.values())

    def _rivals(self) -> list[Arm]:
        arms = [Arm("greedy", {"beam_size": 1}, "1")]
        for beam in self.beams:
            arms.append(Arm(f"beam{beam}", {"beam_size": beam}, str(beam)))
            arms.append(Arm(f"rerank{beam}", {"beam_size": beam, "rerank": True}, str(beam)))
        return arms

    def chosen(self, found: dict[str, Any]) -> str:
        """The static greedy contrast with the lowest SER among those that keep BLEU, by all MRs.

        Args:
            found: by arm, what was measured.

        Raises:
            DataError: no contrast has been measured.
        """
        scores = {
            arm.name: found[arm.name]["all"]
            for arm in self.arms()
            if arm.eligible and arm.name in found
        }
        if not scores or "greedy" not in found:
            raise DataError(f"no contrast of {self.results} is measured; run that part first")
        least = found["greedy"]["all"]["bleu"] - self.most_bleu_loss
        kept = [name for name, s in scores.items() if s["bleu"] >= least]
        if not kept:
            kept = [max(scores, key=lambda name: scores[name]["bleu"])]
        return min(kept, key=lambda name: (scores[name]["ser"], -scores[name]["bleu"]))


def load_experiment(path: Path) -> ContrastExperiment:
    """Read the TOML file.

    Raises:
        ConfigError: unknown keys or impossible values, with their place.
    """
    return read_toml(path, ContrastExperiment)
