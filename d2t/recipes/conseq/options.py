"""``[objective]`` of CONSEQ: which texts a model learns, and which it learns not to write."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from d2t.train.loop.objective import Objective

Selector = Literal["ser", "overlap", "quals", "quals2", "random"]
"""What texts are chosen by; for all of them more is better."""
QA_SELECTORS: tuple[Selector, ...] = ("quals", "quals2")
"""Those that ask a question-answering model."""


class ConseqOptions(Objective):
    """Contrastive training (CONSEQ, ACL 2021; rules F2, F5.4).

    The model that training starts from (``init``) samples texts for each training MR; samples and
    references are scored; good references are S+ (likelihood), bad samples S- (unlikelihood).

    Selectors: ``ser``: minus the number of slot errors by the rule checker; ``overlap``: mean of
    sentence BLEU and ROUGE-L against the MR's references, a reference against the others (the
    source's control has ROUGE-1, -2 and -L); ``quals``: QUALS from the text's side, the original;
    ``quals2``: both sides added up; ``random``: a draw, which says nothing of the text.

    Attributes:
        positives: what S+ is chosen by.
        negatives: what S- is chosen by; ``none``: there is no S-, training is likelihood on S+.
        rule: ``absolute``: S+ has at least the score ``positive_at``, S- at most ``negative_at``;
            ``rank``: MRs are ranked by their best reference and by their worst sample, and shares
            of both rankings are taken, as in the source.
        positive_at, negative_at: None is no error and one error for ``ser``; the others need
            numbers. ``random`` has no limit.
        positive_share, negative_share: of the MRs (the source's script has 0.3 for both).
        intersect: only MRs that are in both sets, as in the source; each gives as many texts to
            S+ as to S-.
        per_mr: texts of one MR in either set, at most; the source has 1 (and one reference an
            input).
        weight: of the unlikelihood of S-; the source has 1. With 0 texts are chosen as ever and S-
            is not unlearnt: the control with an arm's own S+ (``negatives = "none"`` does not
            intersect, and leaves more of them).
        n_samples: drawn per training MR; equal ones count once.
        top_k: sample among so many likeliest tokens; 0 is all.
        temperature: of the draws.
        n_mrs: training MRs to sample for, drawn by the seed; None: all.
        block: MRs sampled and scored together; an interrupted round goes on after the last block.
        round: folder of a finished round to take the samples from; None makes one in the run's
            folder. A finished round holds every score, so that many runs can choose from it.
        qa: folder written by ``d2t train-qa``, for ``quals`` and ``quals2``.
    """

    name: Literal["conseq"]
    positives: Selector = "ser"
    negatives: Selector | Literal["none"] = "ser"
    rule: Literal["absolute", "rank"] = "absolute"
    positive_at: float | None = None
    negative_at: float | None = None
    positive_share: float = Field(default=0.3, gt=0, le=1)
    negative_share: float = Field(default=0.3, gt=0, le=1)
    intersect: bool = True
    per_mr: int = Field(default=1, ge=1)
    weight: float = Field(default=1.0, ge=0)
    n_samples: int = Field(default=6, ge=1)
    top_k: int = Field(default=50, ge=0)
    temperature: float = Field(default=1.0, gt=0)
    n_mrs: int | None = Field(default=None, ge=1)
    block: int = Field(default=64, ge=1)
    round: str | None = None
    qa: str | None = None

    @property
    def positive_limit(self) -> float | None:
        """The least score of S+ under the absolute rule; None: no limit."""
        return 0.0 if self.positive_at is None and self.positives == "ser" else self.positive_at

    @property
    def negative_limit(self) -> float | None:
        """The greatest score of S- under the absolute rule; None: no limit."""
        return -1.0 if self.negative_at is None and self.negatives == "ser" else self.negative_at

    def require(self, strategy: str, architecture: str, init: str | None) -> None:
        """Raise ``ValueError`` where the rest of the configuration does not go with it."""
        if init is None:
            raise ValueError(
                "contrastive training begins where another training ended: give init (--init), "
                "a finished run or a bundle"
            )

    @field_validator("negatives", mode="before")
    @classmethod
    def _none_is_none(cls, value: object) -> object:
        """``--set objective.negatives=none`` is no value, and means the same."""
        return "none" if value is None else value

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.rule == "absolute":
            for side, by, limit in (
                ("positive", self.positives, self.positive_limit),
                ("negative", self.negatives, self.negative_limit),
            ):
                if by in ("overlap", *QA_SELECTORS) and limit is None:
                    raise ValueError(
                        f'rule = "absolute" needs {side}_at for {by!r}; or take rule = "rank"'
                    )
        if self.qa is None and self.round is None:
            for by in (self.positives, self.negatives):
                if by in QA_SELECTORS:
                    raise ValueError(f"{by!r} needs qa, a folder written by `d2t train-qa`")
        return self
