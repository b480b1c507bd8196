"""What the contrastive decoding experiment is: MRs, arms, judges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from d2t.decode.contrast_options import ContrastOptions
from d2t.mr.perturb import Perturbation  # noqa: TC001 - pydantic reads it at run time
from experiments.runner.toml_file import read_toml

if TYPE_CHECKING:
    from pathlib import Path


class Arm(NamedTuple):
    """One way of decoding.

    Attributes:
        name: of its row and file.
        settings: of ``ModelGenerator``.
        passes: decoder rows a source and step, which is what is held equal (a beam of k is k, a
            contrast doubles it; a dynamic one replays texts beside that).
    """

    name: str
    settings: dict[str, Any]
    passes: int


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
                2 * beam,
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
        training: corpus whose train split says which pairs of values have occurred.
        pair: two slots; MRs whose values of both never occurred together are the shortcut set.
        n_mrs: of either set, drawn by ``seed``; None: all.
        parser: folder of a learned parser, the judge that decoding knows nothing of.
        beams: plain beams, each also reranked by the checker.
        grids: the contrasts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    bundle: str
    results: str = Field(pattern=r"^[a-z0-9-]+$")
    corpus: str
    split: Literal["dev", "test"] = "dev"
    training: str
    pair: tuple[str, str]
    n_mrs: int | None = Field(default=None, ge=1)
    seed: int = 1
    batch_size: int = Field(default=64, ge=1)
    max_length: int = Field(default=100, ge=1)
    parser: str | None = None
    beams: tuple[int, ...] = ()
    grids: dict[str, Grid]

    def arms(self) -> list[Arm]:
        """Greedy first, which all others are compared with."""
        arms = [Arm("greedy", {"beam_size": 1}, 1)]
        for beam in self.beams:
            arms.append(Arm(f"beam{beam}", {"beam_size": beam}, beam))
            arms.append(Arm(f"rerank{beam}", {"beam_size": beam, "rerank": True}, beam))
        arms += [arm for grid in self.grids.values() for arm in grid.arms()]
        return list({arm.name: arm for arm in arms}.values())


def load_experiment(path: Path) -> ContrastExperiment:
    """Read the TOML file.

    Raises:
        ConfigError: unknown keys or impossible values, with their place.
    """
    return read_toml(path, ContrastExperiment)
