"""What a bundle is: its facts, read without loading it or torch, and its model card."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from d2t.errors import BundleError
from d2t.io.bounded import FileFault
from d2t.io.tensors import tensor_shapes
from d2t.model.bundle.manifest import Manifest
from d2t.mr.domain_files import load_domain_copy
from d2t.printable import pictured

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from d2t.mr.domain import Domain


WEIGHTS = "model.safetensors"


def describe_bundle(path: Path, *, verify: bool = True) -> dict[str, Any]:
    """The facts of the bundle in ``path``, JSON-able.

    Args:
        path: the bundle's folder.
        verify: hash every file, as loading does; False only reads the table of contents.

    Raises:
        BundleError: not a bundle, incomplete, changed, or of another format version.
    """
    manifest = Manifest.read(path)
    if verify:
        manifest.verify(path)
    domain = load_domain_copy(path / "domain")
    return {
        "path": str(path),
        "format_version": manifest.format_version,
        "d2t_version": manifest.d2t_version,
        "strategy": manifest.linearizer.get("strategy", {}).get("name"),
        "planner": _planners(path, manifest.planner),
        "domain": domain.name,
        "slots": {spec.name: spec.kind for spec in domain.slots},
        "dialogue_acts": list(domain.dialogue_acts),
        "model": manifest.model.model_dump(mode="json"),
        "n_parameters": count_parameters(path / WEIGHTS),
        "vocab_size": manifest.vocab_size,
        "tokenizer": manifest.tokenizer,
        "weights": manifest.weights,
        "decode_defaults": manifest.decode_defaults,
        "info": manifest.info,
        "n_bytes": sum(
            (path / name).stat().st_size for name in manifest.files if (path / name).is_file()
        ),
        "verified": verify,
    }


def _planners(path: Path, bigram: dict[str, Any] | None) -> str | None:
    """Which planners there are, the one that is used by default first."""
    names = ["neural"] if (path / "planner" / "planner.json").is_file() else []
    names += [] if bigram is None else [bigram.get("name", "bigram")]
    return ", ".join(names) or None


def count_parameters(weights: Path) -> int:
    """Numbers stored in a safetensors file, from its header.

    Raises:
        BundleError: the file is missing or its header is not one.
    """
    try:
        return sum(map(math.prod, tensor_shapes(weights).values()))
    except FileFault as error:
        raise BundleError(f"{weights}: {error}; copy the bundle again") from error


_STRATEGIES = {
    "random": "random (RND): the order of the slots in the input carries no meaning",
    "increasing_frequency": "increasing frequency (IF): slots are read from rare to frequent",
    "fixed_position": "fixed position (FP): every slot has its place, absent ones included",
    "alignment": "alignment training (AT): the utterance follows the order of the input",
}


def model_card(manifest: Manifest, domain: Domain) -> str:
    """Markdown: intended use, data, metrics, limits, licence. Deterministic."""
    strategy = str(manifest.linearizer.get("strategy", {}).get("name", "unknown"))
    info = manifest.info
    facts = {
        "architecture": manifest.model.architecture,
        "strategy": _STRATEGIES.get(strategy, strategy),
        "vocabulary": f"{manifest.vocab_size} pieces",
        "weights": manifest.weights,
        "written by": f"d2t {manifest.d2t_version}, bundle format {manifest.format_version}",
    }
    if (first := manifest.linearizer.get("plan_first")) is not None:
        tags = "with" if first.get("tags") else "without"
        facts["decoder"] = f"says the plan before the utterance, {tags} tags"
    skipped = {"data", "metrics", "dev", "confusions", "licence"}
    parts = [
        f"# {domain.name}: a d2t data-to-text generator",
        f"{domain.description or domain.name}. Reads a meaning representation, writes an English "
        "utterance that says every slot, and a checker reports whether it did.",
        _table(facts),
        "## Use\n\n```\necho '"
        + _example(domain)
        + "' | d2t generate --model BUNDLE_FOLDER --format text\n```",
        "## Intended use\n\nVerbalising records of this domain: "
        + ", ".join(f"`{spec.name}` ({spec.kind})" for spec in domain.slots)
        + ". Output with status `failed` did not pass the slot check and should not be shown.",
        "## Data\n\n" + (_section(info.get("data")) or "Not recorded."),
        "## Metrics\n\n"
        + (
            _section(info.get("metrics") or info.get("dev"))
            or "Not recorded; run `d2t evaluate all --model`."
        )
        + "\n\nScores are 0–100, losses nats per token; slot errors and order are measured with "
        "the bundle's own lexicon.",
        "## Known slot confusions\n\n" + (_section(info.get("confusions")) or "None recorded."),
        "## Training\n\n"
        + (_section({k: v for k, v in info.items() if k not in skipped}) or "Not recorded."),
        "## Limits\n\nEnglish, this domain, and the wordings of its training corpus only. Values "
        "of open slots are copied letter for letter and not judged: do not feed it text that must "
        "not be repeated. The checker knows the wordings of `domain/lexicon.toml` and no others.",
        "## Licence\n\n"
        + str(
            info.get("licence", "The weights follow the licence of the training data; see Data.")
        ),
    ]
    return pictured("\n\n".join(parts)) + "\n"


def _example(domain: Domain) -> str:
    slots = [f"{spec.name}[{spec.values[0]}]" for spec in domain.slots[:3] if spec.values]
    return ", ".join(slots).replace("'", "")


def _section(value: object) -> str:
    if isinstance(value, dict):
        return _table(value) if value else ""
    return "" if value is None else str(value)


def _table(facts: Mapping[str, Any]) -> str:
    rows = [f"| {key} | {_cell(value)} |" for key, value in _flat(facts)]
    return "\n".join(["| | |", "|---|---|", *rows])


def _flat(facts: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for key, value in facts.items():
        if isinstance(value, dict):
            rows += _flat(value, f"{prefix}{key}.")
        else:
            rows.append((f"{prefix}{key}", value))
    return rows


def _cell(value: object) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")
