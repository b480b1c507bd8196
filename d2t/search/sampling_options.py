"""How candidates are sampled, and which random numbers each sample owns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from d2t.errors import UsageError
from d2t.seeding import derive_seed

Method = Literal["noise", "ancestral"]


class SampleKey(NamedTuple):
    """Which random numbers a row uses: the request's key and the number of the sample."""

    request: int
    sample: int


def request_key(seed: int, request_id: str) -> int:
    """The request's part of its samples' keys; equal requests under other ids sample otherwise."""
    return derive_seed(seed, "sample", request_id)


@dataclass(frozen=True, slots=True)
class SamplingOptions:
    """How candidates are sampled. Rule O7.3 takes 200 samples with noise of 1.0 and keeps 20.

    Attributes:
        method: ``noise``: Gaussian noise on the decoder state, likeliest token; ``ancestral``:
            tokens drawn from the model's distribution.
        n_samples: samples per request.
        keep: best distinct texts that are returned.
        std: s0 of the noise: its standard deviation at step t is ``std / t``, in the unit that the
            model's ``perturb`` states; 0 is greedy search. 1.0 is the paper's, for GRUs; with our
            Transformers 2 to 3 give different texts (experiments/LOG.md).
        temperature: ancestral only; divides the log-probabilities.
        top_p: ancestral only; draw from the likeliest tokens that hold this probability together.
        top_k: ancestral only; draw from so many likeliest tokens (ties included); 0 is all.
        seed: with the request's id and the sample's number it fixes every draw.
    """

    method: Method = "noise"
    n_samples: int = 200
    keep: int = 20
    std: float = 1.0
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int = 0
    top_k: int = 0

    def __post_init__(self) -> None:
        """Raise ``UsageError`` for options that cannot be run."""
        if self.method not in ("noise", "ancestral"):
            raise UsageError(f"method must be noise or ancestral, was {self.method!r}")
        for name in ("n_samples", "keep"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, was {getattr(self, name)}")
        if not 0 <= self.std < float("inf"):
            raise UsageError(f"std must be 0 or more, was {self.std}")
        if not 0 < self.temperature < float("inf"):
            raise UsageError(f"temperature must be above 0, was {self.temperature}")
        if not 0 < self.top_p <= 1:
            raise UsageError(f"top_p must be above 0 and at most 1, was {self.top_p}")
        if self.top_k < 0:
            raise UsageError(f"top_k must be 0 or more, was {self.top_k}")
