"""Every command and every Python example of the README files and the guides is executed.

A comment before a code block says how it is tested:

- no comment: ``sh`` blocks are run as they are, ``python`` blocks too, with the shipped model;
- ``<!-- test: output -->``: a ``console`` block; after each ``$ command`` stands its exact output;
- ``<!-- test: exit 3 -->``: the commands may also end with this exit code;
- ``<!-- test: slow -->``: it trains something; it runs with ``make test-slow``, made smaller by
  the rules of ``SHORTER`` below (the embedded corpus, tiny networks, parts of an epoch);
- ``<!-- test: skip, REASON -->``: it is not run.

The blocks of one document run in one folder, in the order of the document, shell before Python.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "d2t" / "README.md",
    *(p for p in sorted((ROOT / "d2t" / "guides").glob("*.md")) if p.stem != "commands"),
]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


FENCE = re.compile(r"(?:<!-- test: ([^>]*?) -->\n)?^```(\w+)\n(.*?)^```$", re.M | re.S)
RUNNABLE = ("sh", "console", "python")
TINY = (
    "--epochs 0.3 --set model.width=32 --set model.ffn=64 --set select.n_mrs=3 "
    "--set select.n_pairs=20 --set data.vocab_size=600"
)
LIGHT = "--epochs 0.3 --set select.n_mrs=3 --set select.n_pairs=20"  # beside a bundle's sizes
SHORTER = (
    (r"--corpus (e2e_cleaned|e2e)\b", "--corpus mini"),
    (r"d2t train (?!.*--(?:init|show-config)).*", rf"\g<0> {TINY}"),  # the last option counts
    (r"d2t train .*--objective conseq.*", rf"\g<0> {LIGHT} --set objective.n_mrs=12"),
    (r"d2t train (?!.*--objective).*--init.*", rf"\g<0> {LIGHT}"),
    (r"(d2t evaluate (?:all|text|plans)) (.*--(?:model|corpus).*)", r"\1 --limit 6 \2"),
    (r"(d2t (?:evaluate all|compare)) ", r"\1 --n-resamples 20 "),
    (r"(d2t evaluate simulatability) ", r"\1 --n-resamples 20 --folds 2 "),
    (r"(d2t train-planner) ", r"\1 --limit 200 "),
    (r"(d2t train-(?:fluency|parser)) ", r"\1 --limit 200 "),
    (r"(d2t train-(?:planner|fluency|parser).*) --epochs \d+", r"\1 --epochs 1"),
    (r"(d2t train-qa) (.*?) --epochs \d+", r"\1 --limit 200 --width 32 --epochs 0.1 \2"),
    (r"(d2t export) ", r"\1 --limit 4 --max-bleu-loss 100 --max-ser-gain 100 "),
    (r"experiments/self_training", f"{ROOT}/experiments/self_training"),
)
GATES = ("--min-order", "--require-ok", "--min-f1", "--max-ser")
"""A model trained for seconds misses the gates of an example; nothing else may fail."""


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: how it is tested, its language and its lines."""

    test: str
    language: str
    body: str

    @property
    def slow(self) -> bool:
        return self.test == "slow"

    def commands(self) -> list[str]:
        """Command lines, joined where they go on, without comments; a here-document stays whole."""
        if "<<" in self.body:
            return [f"set -e\n{self.body}"]
        lines = re.sub(r"\\\n\s*", " ", self.body).splitlines()
        lines = [re.sub(r"(^|\s+)#\s.*$", "", line) for line in lines]
        return [line for line in lines if line.strip()]


def blocks(document: Path) -> list[Block]:
    found = FENCE.findall(document.read_text(encoding="utf-8"))
    return [Block(*parts) for parts in found if parts[1] in RUNNABLE]


def adapt(command: str) -> str:
    """The same command on what a test may use: no network, seconds instead of minutes."""
    for pattern, shorter in SHORTER:
        command = re.sub(pattern, shorter, command, count=1)
    return command


class Shell:
    """Runs commands in a folder in which ``d2t`` is this checkout."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        tools = folder / ".tools"
        tools.mkdir(parents=True)
        for name, words in (("d2t", "-m d2t.cli.main "), ("python3", "")):
            script = tools / name
            script.write_text(f'#!/bin/sh\nexec {sys.executable} {words}"$@"\n')
            script.chmod(0o755)
        self.environment = {
            **os.environ,
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "PYTHONIOENCODING": "utf-8",
        }

    def run(self, words: list[str], *, allowed: tuple[int, ...] = (0,)) -> str:
        """What the command writes on standard output."""
        done = subprocess.run(
            words,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode in allowed, f"{words[-1]}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def sh(self, command: str, *, allowed: tuple[int, ...] = (0,)) -> str:
        return self.run(["bash", "-c", command], allowed=allowed)


def run_block(block: Block, shell: Shell, *, small: bool) -> None:
    if block.language == "console":
        assert block.test == "output", f"say how this is tested: {block.body}"
        check_output(block, shell)
        return
    extra = re.fullmatch(r"exit (\d+)", block.test)
    for command in block.commands():
        allowed = (0, int(extra[1])) if extra else (0,)
        if small and any(gate in command for gate in GATES):
            allowed = (*allowed, 4)
        shell.sh(adapt(command) if small else command, allowed=allowed)


def check_output(block: Block, shell: Shell) -> None:
    """Each ``$ command`` writes exactly the lines below it."""
    parts = re.split(r"^\$ (.*)\n", block.body, flags=re.M)
    assert parts[0] == ""
    for command, expected in zip(parts[1::2], parts[2::2], strict=True):
        assert shell.sh(command) == expected, command


def run_document(document: Path, folder: Path, *, slow: bool) -> int:
    """Run the blocks of a document; the number of blocks that were run."""
    shell = Shell(folder)
    all_blocks = [b for b in blocks(document) if not b.test.startswith("skip")]
    chosen = [b for b in all_blocks if slow or not b.slow]
    shells = [b for b in chosen if b.language != "python"]
    for block in shells:
        run_block(block, shell, small=slow)
    code = "\n".join(b.body for b in chosen if b.language == "python")
    if code:
        shell.run([sys.executable, "-c", code])
    return len(chosen)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_the_examples_run(document: Path, tmp_path: Path) -> None:
    n = run_document(document, tmp_path, slow=False)
    assert n > 0 or any(block.slow for block in blocks(document))


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    "document",
    [d for d in DOCUMENTS if any(b.slow for b in blocks(d))],
    ids=name_of,
)
def test_the_examples_that_train_run(document: Path, tmp_path: Path) -> None:
    assert run_document(document, tmp_path, slow=True) > 0


def test_every_command_occurs_in_an_example() -> None:
    from d2t.cli.main import COMMANDS

    text = "\n".join(b.body for d in DOCUMENTS for b in blocks(d) if "skip" not in b.test)
    missing = [name for name in COMMANDS if not re.search(rf"d2t (-q )?{name}\b", text)]
    assert missing == []


def test_skipped_blocks_say_why() -> None:
    skipped = [b.test for d in DOCUMENTS for b in blocks(d) if b.test.startswith("skip")]
    assert [test for test in skipped if not test.startswith("skip, ")] == []
