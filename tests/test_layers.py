"""The architecture, held by tests: imports point downwards, and the torch-free half stays so."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "d2t"
# The rooms of d2t, from the ground up: a room imports rooms of lower floors only.
FLOORS = (
    ("_version", "errors", "printable", "section", "seeding",),
    ("extras", "model", "registry",),
    ("io",),
    ("mr",),
    ("slots/lexicon",),
    ("slots",),
    ("corpus", "slots/mending"),
    ("corpus/mini", "language", "plan",),
    ("language/frames", "language/habits", "linearize",),
    ("augment", "augment/phrases", "model/bundle", "score", "train/config",),
    ("cli", "score/report", "search", "train/data",),
    ("generate", "judges/qa",),
    ("train/loop",),
    ("judges/fluency", "judges/parser", "plan/training", "recipes/conseq",),
    ("judges/observer", "judges/qa/training",),
    ("recipes",),
    ("api", "recipes/self_training",),
    ("cli/generating",),
    ("cli/training",),
    ("cli/evaluating",),
)  # fmt: skip
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
HEAVY = ("torch", "transformers", "accelerate", "ctranslate2", "safetensors")
# What scores with a model may load one, but only where a function asks for it.
TORCH_FREE = ("io", "mr", "slots", "corpus", "language", "linearize", "plan", "score")
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE)
FILES += [path for path in sorted(PACKAGE.glob("*.py")) if not path.name.startswith("__")]


def room_of(path: Path) -> str:
    """``slots/lexicon`` for d2t/slots/lexicon/automaton.py, ``errors`` for d2t/errors.py."""
    inside = path.relative_to(PACKAGE)
    return str(inside.with_suffix("") if inside.parent == Path() else inside.parent)


def modules_of(*parts: str) -> list[str]:
    files = [path for path in FILES if path.relative_to(PACKAGE).parts[0] in parts]
    files = [path for path in files if room_of(path) != "plan/training"]
    names = (path.relative_to(PACKAGE.parent).with_suffix("").parts for path in files)
    return [".".join(name).removesuffix(".__init__") for name in names]


def module_path(name: str) -> Path | None:
    """The file of a module of d2t, if there is one."""
    inside = PACKAGE.parent.joinpath(*name.split("."))
    return next(
        (p for p in (inside.with_suffix(".py"), inside / "__init__.py") if p.exists()), None
    )


def imported(path: Path) -> set[tuple[int, str]]:
    """(line, room) of every import of d2t, also of those inside functions and for types."""
    found: set[tuple[int, str]] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: write absolute imports"
            inside = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if module_path(name) else str(node.module) for name in inside]
        for name in names:
            if name.split(".")[0] == "d2t" and (file := module_path(name)) is not None:
                found.add((node.lineno, room_of(file)))
    return found


def test_every_room_has_a_floor() -> None:
    assert {room_of(path) for path in FILES if path.name != "__init__.py"} == set(FLOOR)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_downwards(path: Path) -> None:
    here = room_of(path)
    for line, there in imported(path):
        if there in (here, "__init__"):
            continue
        where = f"{path.relative_to(PACKAGE.parent)}:{line}: {here} imports {there}"
        assert FLOOR[there] < FLOOR[here], where


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
    assert not loaded & {*HEAVY, "sacrebleu", "datasets", "rapidfuzz", "numpy"}


def test_importing_d2t_loads_no_third_party_module_but_pydantic() -> None:
    before = loaded_by("")
    extra = {
        name for name in loaded_by("import d2t") - before if name not in sys.stdlib_module_names
    }
    assert extra <= {"d2t", "pydantic", "pydantic_core"}


def test_checking_a_text_needs_no_model() -> None:
    loaded = loaded_by("import d2t\nassert d2t.check('Aromi is a pub.', 'name[Aromi]').added")
    assert not loaded & set(HEAVY)


def test_no_two_modules_of_a_room_import_each_other() -> None:
    """A circle can only be inside a room (the floors exclude all others); there is none there."""
    sorter = TopologicalSorter[Path]()
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{a.name}" for a in node.names]
                files = {module_path(n) or module_path(str(node.module)) for n in names}
                for file in files - {None, path}:
                    if file is not None and file.name != "__init__.py":
                        sorter.add(path, file)
    sorter.prepare()  # raises CycleError, which names the modules
