"""The architecture, held by tests: imports point downwards, and the torch-free half stays so."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "d2t"
LAYERS = {
    "errors": 0, "seeding": 0, "io": 0,
    "mr": 1,
    "slots": 2,
    "corpus": 3,
    "linearize": 4, "plan": 4,
    "evaluate": 5, "model": 5,
    "decode": 6,
    "augment": 7,
    "train": 8,
    "serve": 9,
    "cli": 10,
}  # fmt: skip
HEAVY = ("torch", "transformers", "accelerate", "ctranslate2", "safetensors")
# What `evaluate` scores with a model may load one, but only where a function asks for it.
TORCH_FREE = ("errors", "seeding", "io", "mr", "slots", "corpus", "linearize", "plan", "evaluate")
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE)
FILES += [PACKAGE / "errors.py", PACKAGE / "seeding.py"]


def part_of(path: Path) -> str:
    """``mr`` for d2t/mr/parse.py, ``errors`` for d2t/errors.py."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def modules_of(*parts: str) -> list[str]:
    files = [path for path in FILES if part_of(path) in parts]
    names = (path.relative_to(PACKAGE.parent).with_suffix("").parts for path in files)
    return [".".join(name).removesuffix(".__init__") for name in names]


def imported(path: Path) -> set[tuple[int, str]]:
    """(line, part of d2t) of every import, also those inside functions and for types."""
    found: set[tuple[int, str]] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: write absolute imports"
            names = [node.module or ""]
            if node.module == "d2t":
                names = [f"d2t.{alias.name}" for alias in node.names]
        found |= {(node.lineno, name.split(".")[1]) for name in names if name.startswith("d2t.")}
    return found


def test_every_part_has_a_layer() -> None:
    assert {part_of(path) for path in FILES} <= set(LAYERS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_downwards(path: Path) -> None:
    here = part_of(path)
    for line, there in imported(path):
        if there in (here, "__version__"):
            continue
        where = f"{path.relative_to(PACKAGE.parent)}:{line}: {here} imports {there}"
        assert there in LAYERS, where
        # Within a layer, errors, seeding and io are one; other neighbours do not know each other.
        same = LAYERS[there] == LAYERS[here] == 0
        assert same or LAYERS[there] < LAYERS[here], where


def loaded_by(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded after running ``code``."""
    script = f"import sys\n{code}\nprint(' '.join({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=PACKAGE.parent,
    )
    return set(done.stdout.split())


def test_the_lower_layers_never_load_torch() -> None:
    names = modules_of(*TORCH_FREE)
    assert len(names) > 20
    loaded = loaded_by("\n".join(f"import {name}" for name in names))
    assert not loaded & set(HEAVY)


def test_the_command_line_starts_without_torch() -> None:
    loaded = loaded_by("import d2t.cli.main")
    assert not loaded & {*HEAVY, "sacrebleu", "datasets", "lark", "rapidfuzz", "numpy"}


def test_importing_d2t_loads_no_third_party_module_but_pydantic() -> None:
    before = loaded_by("")
    extra = {
        name for name in loaded_by("import d2t") - before if name not in sys.stdlib_module_names
    }
    assert extra <= {"d2t", "pydantic", "pydantic_core"}


def test_checking_a_text_needs_no_model() -> None:
    loaded = loaded_by("import d2t\nassert d2t.check('Aromi is a pub.', 'name[Aromi]').added")
    assert not loaded & set(HEAVY)
