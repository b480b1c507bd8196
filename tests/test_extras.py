"""The base install: what works without the packages of the extras, and what is said of the rest."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from d2t.extras import EXTRAS, MissingExtraError, explained_imports, missing_extra

ROOT = Path(__file__).resolve().parents[1]
# None in sys.modules makes an import fail as that of a package that is not installed.
_WITHOUT = "import sys; sys.modules.update(dict.fromkeys({packages!r}))\n"
_COMMAND = "sys.argv = ['d2t', *{arguments!r}]\nfrom d2t.cli.main import main\nmain()"


def run(*arguments: str, source: str = "") -> subprocess.CompletedProcess[str]:
    """The command in a process in which the packages of the extra ``train`` cannot be imported."""
    code = _WITHOUT.format(packages=EXTRAS["train"]) + _COMMAND.format(arguments=list(arguments))
    return subprocess.run(
        [sys.executable, "-c", code], input=source, capture_output=True, text=True, cwd=ROOT
    )


def test_the_extra_names_what_the_project_file_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    listed = project["optional-dependencies"]["train"]
    assert sorted(EXTRAS["train"]) == sorted(line.split(">")[0] for line in listed)
    assert not [line for line in project["dependencies"] if line.startswith(EXTRAS["train"])]


@pytest.mark.parametrize(
    "arguments",
    [
        ["generate", "--planner", "neural", "--sentences"],
        ["generate", "--verify", "strict", "--rerank"],
        ["plan"],
        ["linearize"],
    ],
    ids=" ".join,
)
def test_records_are_worked_on_without_torch(arguments: list[str]) -> None:
    done = run(*arguments, source="name[Aromi], eatType[pub], area[riverside]\n")
    assert done.returncode == 0, done.stderr
    assert '"Aromi"' in done.stdout


def test_texts_are_checked_and_scored_without_torch() -> None:
    source = '{"mr": "name[Aromi]", "text": "It is called Aromi.", "references": ["It is Aromi."]}'
    assert run("check", source=source).returncode == 0
    scored = run("evaluate", "all", "-", "--json", source=source)
    assert scored.returncode == 0, scored.stderr
    assert '"slot_error_rate"' in scored.stdout


@pytest.mark.parametrize(
    ("package", "command"),
    [
        ("torch", "train --corpus mini --out unused"),
        ("torch", "generate --engine torch"),
        ("torch", "train-parser --corpus mini --out unused"),
        ("datasets", "data convert mini --to hf --out unused"),
    ],
)
def test_what_needs_the_extra_says_how_to_install_it(package: str, command: str) -> None:
    done = run(*command.split(), source="name[Aromi]\n")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        f"d2t: error: this needs the package {package!r}, which the base install leaves out; "
        'run: pip install "d2t[train]"'
    )
    assert not (ROOT / "unused").exists()


def test_other_failed_imports_are_left_alone() -> None:
    assert missing_extra(ModuleNotFoundError("no", name="numpy")) is None
    assert missing_extra(ValueError("no")) is None
    with pytest.raises(ModuleNotFoundError, match="nothing"), explained_imports():
        raise ModuleNotFoundError("nothing", name="nothing")
    with pytest.raises(MissingExtraError, match=r'pip install "d2t\[train\]"'), explained_imports():
        raise ModuleNotFoundError("no", name="transformers.models")
