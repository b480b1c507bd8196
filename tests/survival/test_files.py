"""Files that behave otherwise than files do, limits of the system, two runs into one file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

import pytest
from survival import D2T, restaurants

import d2t
from d2t.errors import BackendError, DataError
from d2t.io.growing import GrowingFile

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX files")
N = 40
SMALL = Path(__file__).parents[1] / "support" / "train_small"
ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def run(*arguments: str | Path, shell: str = "", cwd: Path | None = None, text: str = ""):  # type: ignore[no-untyped-def]
    """``d2t ARGUMENTS``, with commands of the shell before it."""
    words = " ".join(f"'{word}'" for word in (*D2T, *map(str, arguments)))
    return subprocess.run(
        ["bash", "-c", f"{shell}\n{words}"], input=text, capture_output=True, text=True,
        timeout=120, cwd=cwd, env=ENVIRONMENT,
    )  # fmt: skip


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.jsonl"
    path.write_text("".join(restaurants(N)), "utf-8")
    return path


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("expected")
    (folder / "in.jsonl").write_text("".join(restaurants(N)), "utf-8")
    d2t.load(workers=1).generate_file(folder / "in.jsonl", folder / "out.jsonl")
    return (folder / "out.jsonl").read_bytes()


def one_line(done: subprocess.CompletedProcess[str], *words: str, code: int = 1) -> None:
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    [line] = [line for line in done.stderr.splitlines() if "error: " in line]
    for word in words:
        assert word in line


def test_a_limit_of_file_size_ends_the_run_which_goes_on_with_more(
    tmp_path: Path, source: Path, expected: bytes
) -> None:
    output = tmp_path / "out.jsonl"
    first, text = ("generate", "-o", output, "--batch-size", "1"), source.read_text("utf-8")
    done = run(*first, shell="ulimit -f 20", text=text)
    one_line(done, "larger than the system allows")
    assert not output.exists()
    assert "continue with --resume" in done.stderr
    done = run(*first, "--resume", text=text)
    assert done.returncode == 0, done.stderr
    assert output.read_bytes() == expected


def test_a_full_disk_ends_the_run_which_goes_on_with_more_space(
    tmp_path: Path, source: Path, expected: bytes
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24k", "none", str(disk)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("only root mounts a small disk")
    try:
        first = ("generate", "-o", disk / "out.jsonl", "--batch-size", "1")
        text = source.read_text("utf-8")
        one_line(run(*first, text=text), "the disk is full")
        assert not (disk / "out.jsonl").exists()
        subprocess.run(["mount", "-o", "remount,size=1m", str(disk)], check=True)
        done = run(*first, "--resume", text=text)
        assert "already holds" in done.stderr
        assert done.returncode == 0, done.stderr
        assert (disk / "out.jsonl").read_bytes() == expected
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written(tmp_path: Path, source: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    one_line(run("generate", source, "-o", folder / "out.jsonl"), "no permission")
    one_line(run("train", "--corpus", "mini", "--out", folder / "run"), "no permission")


def test_an_output_that_is_a_folder(tmp_path: Path, source: Path) -> None:
    one_line(run("generate", source, "-o", tmp_path), "it is a folder")
    assert sorted(os.listdir(tmp_path)) == ["in.jsonl"]


@pytest.mark.parametrize("command", ["generate", "linearize", "plan", "check"])
def test_a_named_pipe_as_input(tmp_path: Path, source: Path, command: str) -> None:
    """Opened once: who writes into it would lose what it wrote before."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    lines = source.read_bytes() if command != "check" else b'{"mr":"name[A]","text":"A."}\n' * N
    writer = Thread(target=pipe.write_bytes, args=(lines,), daemon=True)
    writer.start()
    done = run(command, pipe)
    writer.join(10)
    assert not writer.is_alive()
    assert done.returncode == 0, done.stderr
    if command != "check":
        assert done.stdout.count("\n") == N


def test_a_named_pipe_as_output(tmp_path: Path, source: Path, expected: bytes) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    received: list[bytes] = []
    reader = Thread(target=lambda: received.append(pipe.read_bytes()), daemon=True)
    reader.start()
    done = run("generate", source, "-o", pipe)
    reader.join(10)
    assert done.returncode == 0, done.stderr
    assert received == [expected]
    assert sorted(os.listdir(tmp_path)) == ["in.jsonl", "pipe"]


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_an_output_that_is_a_link_to_the_input(tmp_path: Path, source: Path, link) -> None:  # type: ignore[no-untyped-def]
    before = source.read_bytes()
    link(source, tmp_path / "out.jsonl")
    one_line(run("generate", source, "-o", tmp_path / "out.jsonl"), "also the input", code=2)
    assert source.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["in.jsonl", "out.jsonl"]


def test_a_run_behind_a_symbolic_link_is_resumed(
    tmp_path: Path, source: Path, expected: bytes
) -> None:
    target, link = tmp_path / "there.jsonl", tmp_path / "out.jsonl"
    target.write_text("of an older run\n")
    link.symlink_to(target)
    first, text = ("generate", "-o", link, "--batch-size", "1"), source.read_text("utf-8")
    one_line(run(*first, shell="ulimit -f 20", text=text), "larger than")
    assert target.read_text() == "of an older run\n"
    assert run(*first, "--resume", text=text).returncode == 0
    assert target.read_bytes() == expected
    assert link.is_symlink()


def started(source: Path, output: Path) -> subprocess.Popen[str]:
    """A run that has begun its file, and waits for the rest of its input."""
    process = subprocess.Popen(
        [*D2T, "generate", "-", "-o", str(output), "--batch-size", "1"],
        stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write("".join(source.read_text("utf-8").splitlines(keepends=True)[:16]))
    process.stdin.flush()
    partial = output.with_name(output.name + ".partial")
    until = time.monotonic() + 60
    while not partial.exists() or partial.read_bytes().count(b"\n") < 8:
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.01)
    return process


@pytest.mark.parametrize("options", [(), ("--resume",)])
def test_a_second_run_into_the_same_file_is_refused(
    tmp_path: Path, source: Path, expected: bytes, options: tuple[str, ...]
) -> None:
    output = tmp_path / "out.jsonl"
    process = started(source, output)
    second = run("generate", source, "-o", output, "--batch-size", "1", *options)
    one_line(second, "being written by another run")
    rest = "".join(source.read_text("utf-8").splitlines(keepends=True)[16:])
    _, stderr = process.communicate(rest, timeout=60)
    assert process.returncode == 0, stderr
    assert output.read_bytes() == expected
    assert sorted(os.listdir(tmp_path)) == ["in.jsonl", "out.jsonl"]


def test_what_a_killed_run_locked_is_free(tmp_path: Path, source: Path, expected: bytes) -> None:
    output = tmp_path / "out.jsonl"
    process = started(source, output)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    done = run("generate", source, "-o", output, "--batch-size", "1", "--resume")
    assert done.returncode == 0, done.stderr
    assert output.read_bytes() == expected


def test_a_file_grows_for_one_at_a_time(tmp_path: Path) -> None:
    first, second = (GrowingFile(tmp_path / "out") for _ in range(2))
    first.begin({"a": 1}, resume=False, window=1)
    for resume in (False, True):
        with pytest.raises(DataError) as error:
            second.begin({"a": 1}, resume=resume, window=1)
        assert error.value.code == "in_use"
    first.write('{"id": 1, "error": {}}\n')
    first.close()
    second.begin({"a": 1}, resume=True, window=1)
    assert second.kept == 1
    second.finish()
    first.begin({"a": 1}, resume=False, window=1)
    first.discard()
    assert sorted(os.listdir(tmp_path)) == ["out"]


def test_a_run_killed_before_it_said_what_it_does_is_begun_again(tmp_path: Path) -> None:
    (tmp_path / "out.partial").touch()
    for resume in (True, False):
        file = GrowingFile(tmp_path / "out")
        file.begin({"a": 1}, resume=resume, window=1)
        file.discard()


def test_an_input_that_vanishes_or_grows_while_it_is_read(
    tmp_path: Path, source: Path, expected: bytes
) -> None:
    """What it held is answered, and whole lines that came in time."""
    gone = tmp_path / "gone.jsonl"
    gone.write_bytes(source.read_bytes())
    generator = d2t.load(workers=1, batch_size=1)
    generator.generate_file(
        gone, tmp_path / "out1.jsonl", progress=lambda n, rate: gone.unlink(missing_ok=True)
    )
    assert (tmp_path / "out1.jsonl").read_bytes() == expected

    more = restaurants(N + 8)[N:]

    def grow(n: int, rate: float) -> None:
        with open(source, "a", encoding="utf-8") as stream:
            stream.write(more.pop(0) if more else "")

    generator.generate_file(source, tmp_path / "out2.jsonl", progress=grow)
    answers = (tmp_path / "out2.jsonl").read_bytes()
    assert answers.startswith(expected)
    ids = [json.loads(line)["id"] for line in answers.splitlines()]
    assert ids == [f"r{at}" for at in range(len(ids))]


@pytest.mark.parametrize("text", ["mr,ref\nname[,It is.\n", "text,price\na,b\n"])
def test_a_training_that_fails_at_its_corpus_leaves_no_folder(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.csv").write_text(text)
    done = run(
        "train", "--train", "bad.csv", "--dev", SMALL / "dev.csv", "--domain", "restaurant",
        cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode in (1, 2, 3), done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(os.listdir(tmp_path)) == ["bad.csv"]
    (tmp_path / "mine").mkdir()
    done = run(
        "train", "--train", "bad.csv", "--dev", SMALL / "dev.csv", "--domain", "restaurant",
        "--out", "mine", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode in (1, 2, 3)
    assert (tmp_path / "mine").is_dir()


FORK = """
import os, signal
import d2t
from d2t.errors import BackendError
generator = d2t.load(engine={engine!r}, {more})
mr = "name[Aromi], food[Thai]"
said = generator(mr).text
if (child := os.fork()) == 0:
    signal.alarm(60)
    try:
        generator(mr)
    except BackendError as error:
        print(error.message)
    print(d2t.load(engine={engine!r}, {more})(mr).text == said, flush=True)
    os._exit(0)
print(os.waitpid(child, 0)[1], generator(mr).text == said)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_fork_is_told_to_load_its_own() -> None:
    code = FORK.format(engine="ctranslate2", more="verify='strict'")
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env=ENVIRONMENT
    )
    message, own, parent = done.stdout.splitlines()
    assert "load one in each process" in message
    assert (own, parent) == ("True", "0 True"), done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_every_way_to_texts_is_refused_after_a_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = d2t.load(workers=1)
    here = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: here + 1)
    for ask in (
        lambda: generator("name[Aromi]"),
        lambda: generator.model.with_beam(4).generate_one("name[Aromi]"),
    ):
        with pytest.raises(BackendError, match="load one in each process"):
            ask()
