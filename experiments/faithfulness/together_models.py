"""The models of the rows and the judges of their texts: trained here, or made by other parts."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

from d2t.errors import DataError
from d2t.judges.qa.model import QAModel
from d2t.judges.qa.reader import QAReader
from d2t.slots.checker import SlotChecker
from d2t.train.config.config_file import merged, validate
from d2t.train.config.init_config import bundle_digest
from experiments.faithfulness import conseq_config, contrast_config
from experiments.faithfulness.command import HERE, RUNS
from experiments.faithfulness.conseq import arm_bundle, qa_model, trained
from experiments.faithfulness.judges import Judges
from experiments.faithfulness.parser_judge import parser_judge
from experiments.runner.files import existing_bundle

if TYPE_CHECKING:
    from pathlib import Path

    from d2t.generate.contrast import ContrastOptions
    from d2t.mr.domain import Domain
    from experiments.faithfulness.command import Places
    from experiments.faithfulness.conseq_config import QAModels
    from experiments.faithfulness.together_config import Model, Row, TogetherExperiment


class Models:
    """Bundles by name and seed, the QA model that chooses, and the contrast that dev chose.

    Attributes:
        places: of this experiment; those of the others are beside them.
    """

    def __init__(self, experiment: TogetherExperiment, places: Places) -> None:
        self.experiment, self.places = experiment, places
        self._qa = conseq_config.load_experiment(HERE / experiment.qa_of)

    def seeds(self, name: str) -> tuple[int, ...]:
        """Those that a model or arm has."""
        model = self.experiment.models.get(name)
        if model is not None and model.bundles:
            return self.experiment.seeds[: len(model.bundles)]
        below = self.experiment.below(name)
        return self.experiment.seeds if below is None else self.seeds(below)

    def bundle(self, name: str, seed: int) -> Path:
        """The folder; what is not trained yet is trained.

        Raises:
            DataError: it should have been trained elsewhere.
            D2TError: as the training.
        """
        model = self.experiment.models.get(name)
        if model is None:
            return self._arm(name, seed)
        if model.bundles:
            return existing_bundle(model.bundles[self.experiment.seeds.index(seed)])
        raw = merged(self._config_below(model, seed), {**model.train, "seed": seed})
        return trained(validate(raw, f"model {name}"), self._folder(seed) / name)

    def identity(self, row: Row, seed: int) -> dict[str, Any]:
        """What decides a row's numbers; of a model that others train, its path.

        Of one that is committed, its content, too, which another shipping changes.

        Raises:
            DataError: the row is contrasted, and dev has not chosen how.
        """
        asked = {"corpus", "split", "n_mrs", "plan_seed", "parser"}
        experiment, arms = self.experiment, self.experiment.conseq
        decided: dict[str, Any] = {
            **experiment.model_dump(mode="json", include=asked),
            "qa": self._models_of_qa().model_dump(mode="json"),
            "row": row.name,
            "seed": seed,
        }
        below: str | None = row.model
        while below is not None:
            if (model := experiment.models.get(below)) is not None:
                decided[f"model {below}"] = model.model_dump(mode="json", exclude={"title"})
                decided |= _committed(model)
            elif arms is not None:
                shared = arms.model_dump(mode="json", include={"on", "continued", "objective"})
                own = next(arm for arm in arms.arms if arm.name == below)
                decided[f"arm {below}"] = [shared, own.model_dump(mode="json", exclude={"label"})]
            below = experiment.below(below)
        if "rerank" in row.decoding:
            decided["beam"] = experiment.beam
        if "contrast" in row.decoding:
            decided["contrast"] = repr(self.contrast[1])
        return decided

    @cached_property
    def chooser(self) -> Path:
        """The QA model that rounds are scored by, and that breaks ties."""
        return qa_model(self._models_of_qa(), self._qa_folder, "chooser")

    @cached_property
    def contrast(self) -> tuple[str, ContrastOptions]:
        """The arm of the contrast experiment that did best on its development MRs.

        Raises:
            DataError: that experiment has not been run, or not on development MRs.
        """
        wanted = self.experiment.contrast
        if wanted is None:
            raise DataError("there is no [contrast]")
        other = contrast_config.load_experiment(HERE / wanted.of)
        path = self.places.out.parent / other.results / "results.json"
        if other.split != "dev" or not path.is_file():
            raise DataError(
                f"{path} should hold the contrasts on development MRs; run "
                f"`python -m experiments.faithfulness.contrast --config {wanted.of}` first"
            )
        found = json.loads(path.read_text(encoding="utf-8"))["metrics"]
        name = other.chosen(found)
        [options] = [arm.settings["contrast"] for arm in other.arms() if arm.name == name]
        return name, options

    def judges(self, domain: Domain) -> Judges:
        """The checker, a QA model that chooses nothing, and the parser."""
        checker = SlotChecker.for_domain(domain)
        models = self._models_of_qa()
        reader = QAReader(QAModel.load(qa_model(models, self._qa_folder, "judge")))
        parser, name = parser_judge(self.experiment.parser, checker, self.places)
        return Judges(checker, reader, parser, name, models.n_wordings)

    def _arm(self, name: str, seed: int) -> Path:
        arms = self.experiment.conseq
        arm = arms.arm(name) if arms else None
        assert arms is not None  # the configuration has been validated
        assert arm is not None
        base = self.bundle(arms.on, seed)
        return arm_bundle(arms, arm, seed, base, self._folder(seed), self.chooser)

    def _config_below(self, model: Model, seed: int) -> dict[str, Any]:
        """The configuration of what ``model`` stands on, as its bundle has it."""
        if model.on is None:
            return {}
        manifest = self.bundle(model.on, seed) / "d2t.json"
        info = json.loads(manifest.read_text(encoding="utf-8")).get("info") or {}
        if not info.get("config"):
            raise DataError(f"{manifest} does not say how the model was trained; train it anew")
        return {name: part for name, part in info["config"].items() if part is not None}

    def _models_of_qa(self) -> QAModels:
        if self._qa.qa is None:
            raise DataError(f"{self.experiment.qa_of} has no [qa]: there is no third judge")
        return self._qa.qa

    @property
    def _qa_folder(self) -> Path:
        return self.places.runs.parent / self._qa.results

    def _folder(self, seed: int) -> Path:
        return self.places.runs / f"seed-{seed}"


def _committed(model: Model) -> dict[str, str]:
    """The digests of bundles that are in the repository, and not only where they were trained."""
    paths = (path for path in model.bundles if not path.startswith(f"{RUNS.parts[0]}/"))
    return {f"bundle {path}": bundle_digest(existing_bundle(path)) for path in paths}
