"""What ``qa.toml`` and the other experiments of question answering metrics may say."""

from __future__ import annotations

from pydantic import Field

from d2t.judges.qa.training.train import QAConfig
from experiments.engine.config import Section
from experiments.faithfulness.judges import System  # noqa: TC001  (pydantic reads it)


class QAExperiment(Section):
    """``qa.toml``.

    Attributes:
        results: folder under ``experiments/results/faithfulness`` and ``runs/faithfulness``.
        corpus: whose training split teaches and whose development split is judged.
        seed: of every draw but the model's.
        utterances: training utterances; 0: all.
        records: development references, each once intact and once in every corruption.
        diverse_records: the first so many of them are also judged with diverse beam search.
        distracted_records: references into each of which a clause is put that is not about its
            subject; 0: none.
        n_wordings: questions a slot in the consistency modes.
        held_out_values: by slot, values whose utterances no training sees.
        invented_values: by slot, values that replace those of text and MR.
        systems: whose texts for development MRs are judged, beside ``--outputs``.
        system_records: so many of each, drawn.
        model: how the model is trained.
    """

    results: str = Field(default="qa", pattern=r"^[a-z0-9-]+$")
    corpus: str
    seed: int
    utterances: int = Field(ge=0)
    records: int = Field(ge=1)
    diverse_records: int = Field(ge=0)
    distracted_records: int = Field(default=0, ge=0)
    n_wordings: int = Field(ge=1)
    held_out_values: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    invented_values: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    systems: tuple[System, ...] = ()
    system_records: int = Field(default=500, ge=1)
    model: QAConfig = QAConfig()
