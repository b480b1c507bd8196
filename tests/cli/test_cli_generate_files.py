"""`d2t generate --output FILE`: written whole, or gone on with by `--resume`."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from generate_command import TEXT, lines, run, search_every_source, stop_at_batch

if TYPE_CHECKING:
    from pathlib import Path

    from echo_bundle import EchoBundle


@pytest.fixture(autouse=True)
def _every_source_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    search_every_source(monkeypatch)


class TestOutputFile:
    @pytest.mark.usefixtures("echo")
    def test_written_whole(self, tmp_path: Path) -> None:
        path = tmp_path / "new" / "out.jsonl"
        result = run("--output", str(path), stdin=f"{TEXT}\n" * 3)
        assert (result.exit_code, result.stdout) == (0, "")
        assert len(path.read_text("utf-8").splitlines()) == 3
        assert os.listdir(path.parent) == ["out.jsonl"]

    def test_ctrl_c_keeps_finished_windows_beside_it(
        self, echo: EchoBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "out.jsonl"
        path.write_text("older\n", "utf-8")
        stop_at_batch(echo.model, 16, monkeypatch)
        result = run("--batch-size", "1", "-o", str(path), stdin=f"{TEXT}\n" * 40)
        assert result.exit_code == 130
        assert path.read_text("utf-8") == "older\n"
        partial = (tmp_path / "out.jsonl.partial").read_text("utf-8")
        assert [json.loads(line)["id"] for line in partial.splitlines()] == [
            str(i) for i in range(16)
        ]
        assert sorted(os.listdir(tmp_path)) == [
            "out.jsonl", "out.jsonl.partial", "out.jsonl.partial.run.json",
        ]  # fmt: skip

    def test_ctrl_c_before_the_first_window_leaves_nothing(
        self, echo: EchoBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stop_at_batch(echo.model, 0, monkeypatch)
        assert run("-o", str(tmp_path / "out.jsonl"), stdin=TEXT).exit_code == 130
        assert os.listdir(tmp_path) == []

    def test_ctrl_c_on_standard_output(
        self, echo: EchoBundle, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stop_at_batch(echo.model, 8, monkeypatch)
        result = run("--batch-size", "1", stdin=f"{TEXT}\n" * 40)
        assert result.exit_code == 130
        assert [out["id"] for out in lines(result)] == [str(i) for i in range(8)]

    @pytest.mark.usefixtures("echo")
    def test_the_input_is_not_replaced(self, tmp_path: Path) -> None:
        path = tmp_path / "records.txt"
        path.write_text(TEXT, "utf-8")
        result = run(str(path), "-o", str(path))
        assert (result.exit_code, path.read_text("utf-8")) == (2, TEXT)

    @pytest.mark.usefixtures("echo")
    def test_strict_keeps_what_came_before(self, tmp_path: Path) -> None:
        path = tmp_path / "out.jsonl"
        result = run("--strict", "-o", str(path), stdin=f"{TEXT}\nname[\n")
        assert result.exit_code == 1
        assert sorted(os.listdir(tmp_path)) == ["out.jsonl.partial", "out.jsonl.partial.run.json"]
        assert "out.jsonl.partial; continue with --resume" in result.stderr


class TestResume:
    """Ended early in any way and gone on with: the file of a run that was not interrupted."""

    STDIN = "".join(f'{{"id": "r{i}", "mr": "name[N{i}], area[riverside]"}}\n' for i in range(37))
    OPTIONS = ("--batch-size", "1", "--seed", "3")

    @pytest.fixture
    def whole(self, echo: EchoBundle, tmp_path: Path) -> bytes:
        path = tmp_path / "whole.jsonl"
        assert run(*self.OPTIONS, "-o", str(path), stdin=self.STDIN).exit_code == 0
        return path.read_bytes()

    def interrupted(self, echo: EchoBundle, path: Path, n: int) -> None:
        with pytest.MonkeyPatch.context() as patch:
            stop_at_batch(echo.model, n, patch)
            assert run(*self.OPTIONS, "-o", str(path), stdin=self.STDIN).exit_code == 130

    @pytest.mark.parametrize("torn", ["", '{"id": "r16", "mr"', '{"id": "r16"}\n', "\n"])
    def test_equals_an_uninterrupted_run(
        self, echo: EchoBundle, tmp_path: Path, whole: bytes, torn: str
    ) -> None:
        """Also where a kill left half a line, or a part of a window."""
        path = tmp_path / "out.jsonl"
        self.interrupted(echo, path, 16)
        with open(f"{path}.partial", "a", encoding="utf-8") as stream:
            stream.write(torn)
        result = run(*self.OPTIONS, "--resume", "-o", str(path), stdin=self.STDIN)
        assert result.exit_code == 0
        assert "already holds 16 finished records" in result.stderr
        assert "37 records: 37 ok" in result.stderr, "the kept records are counted too"
        assert path.read_bytes() == whole
        assert sorted(os.listdir(tmp_path)) == ["out.jsonl", "whole.jsonl"]

    def test_nothing_to_go_on_with_is_a_new_run_or_a_finished_one(
        self, tmp_path: Path, whole: bytes
    ) -> None:
        path = tmp_path / "out.jsonl"
        assert run(*self.OPTIONS, "--resume", "-o", str(path), stdin=self.STDIN).exit_code == 0
        assert path.read_bytes() == whole
        again = run(*self.OPTIONS, "--resume", "-o", str(path), stdin=self.STDIN)
        assert (again.exit_code, "is complete: its records" in again.stderr) == (0, True)
        assert "37 records: 37 ok" in again.stderr
        assert path.read_bytes() == whole

    @pytest.mark.usefixtures("echo")
    def test_a_finished_file_is_judged_by_the_gates_too(self, tmp_path: Path) -> None:
        path, bad = tmp_path / "out.jsonl", '{"mr": "name["}\n' + self.STDIN
        options = ("--require-ok", "-o", str(path))
        assert run(*self.OPTIONS, *options, stdin=bad).exit_code == 4
        again = run(*self.OPTIONS, *options, "--resume", stdin=bad)
        assert (again.exit_code, "1 bad line;" in again.stderr) == (4, True)

    @pytest.mark.usefixtures("echo")
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            (None, "belongs to record 'r0', but the input has record 'x0'"),
            ("shopping list\n", "line 1 of"),
            ("", "has no line for the input record 'x0'"),
        ],
    )
    def test_a_finished_file_of_something_else_is_refused(
        self, tmp_path: Path, text: str | None, said: str
    ) -> None:
        path = tmp_path / "out.jsonl"
        if text is None:
            assert run(*self.OPTIONS, "-o", str(path), stdin=self.STDIN).exit_code == 0
        else:
            path.write_text(text, "utf-8")
        other = self.STDIN.replace('"r', '"x')
        result = run(*self.OPTIONS, "--resume", "-o", str(path), stdin=other)
        assert (result.exit_code, said in result.stderr) == (1, True), result.stderr

    def test_gates_judge_kept_and_new_records_together(
        self, echo: EchoBundle, tmp_path: Path
    ) -> None:
        path, bad = tmp_path / "out.jsonl", '{"mr": "name["}\n' + self.STDIN
        with pytest.MonkeyPatch.context() as patch:
            stop_at_batch(echo.model, 8, patch)
            assert run(*self.OPTIONS, "-o", str(path), stdin=bad).exit_code == 130
        result = run(*self.OPTIONS, "--resume", "--require-ok", "-o", str(path), stdin=bad)
        assert result.exit_code == 4
        assert "1 bad line;" in result.stderr

    def test_records_that_say_something_else_by_now_are_refused(
        self, echo: EchoBundle, tmp_path: Path
    ) -> None:
        path = tmp_path / "out.jsonl"
        self.interrupted(echo, path, 16)
        other = self.STDIN.replace("name[N3]", "name[X3]")
        result = run(*self.OPTIONS, "--resume", "-o", str(path), stdin=other)
        assert result.exit_code == 1
        assert "was made from other values than record" in result.stderr

    @pytest.mark.parametrize(
        ("plan", "changed", "goes_on"),
        [
            ("area,name", "name,area", False),
            ("area,name", "area > name", True),
            ("area,...", "area, ...", True),
            ("area,...", "name,...", False),
        ],
    )
    def test_records_whose_own_plan_is_another_by_now_are_refused(
        self, echo: EchoBundle, tmp_path: Path, plan: str, changed: str, goes_on: bool
    ) -> None:
        path = tmp_path / "out.jsonl"
        planned = self.STDIN.replace("}\n", f', "plan": "{plan}"}}\n')
        with pytest.MonkeyPatch.context() as patch:
            stop_at_batch(echo.model, 16, patch)
            assert run(*self.OPTIONS, "-o", str(path), stdin=planned).exit_code == 130
        other = planned.replace(f'"{plan}"', f'"{changed}"')
        result = run(*self.OPTIONS, "--resume", "-o", str(path), stdin=other)
        assert (result.exit_code == 0) is goes_on
        assert ("was made from other values than record" in result.stderr) is not goes_on

    def test_unfinished_work_is_not_overwritten(self, echo: EchoBundle, tmp_path: Path) -> None:
        path = tmp_path / "out.jsonl"
        self.interrupted(echo, path, 16)
        partial = path.with_name("out.jsonl.partial")
        before = partial.read_bytes()
        result = run(*self.OPTIONS, "-o", str(path), stdin=self.STDIN)
        assert result.exit_code == 1
        assert "holds 16 records" in result.stderr
        assert "--resume" in result.stderr
        assert partial.read_bytes() == before

    @pytest.mark.usefixtures("echo")
    def test_unfinished_text_is_not_overwritten_either(self, tmp_path: Path) -> None:
        """Lines of text are no JSON."""
        path = tmp_path / "out.txt"
        path.with_name("out.txt.partial").write_text("Aromi is a pub.\nZizzi.\nhalf", "utf-8")
        result = run("--format", "text", "-o", str(path), stdin=self.STDIN)
        assert (result.exit_code, "holds 2 records" in result.stderr) == (1, True)

    @pytest.mark.parametrize("line", ["", "no record", "[]", '{"id": "r0"}'])
    def test_lines_of_somebody_else_are_not_gone_on_with(
        self, echo: EchoBundle, tmp_path: Path, line: str
    ) -> None:
        path = tmp_path / "out.jsonl"
        self.interrupted(echo, path, 16)
        partial = path.with_name("out.jsonl.partial")
        lines = partial.read_text("utf-8").splitlines()
        partial.write_text("\n".join([line, *lines[1:]]) + "\n", "utf-8")
        result = run(*self.OPTIONS, "--resume", "-o", str(path), stdin=self.STDIN)
        assert (result.exit_code, "line 1 of" in result.stderr) == (1, True)

    def test_other_options_or_another_input_are_refused(
        self, echo: EchoBundle, tmp_path: Path
    ) -> None:
        path = tmp_path / "out.jsonl"
        self.interrupted(echo, path, 16)
        other = run("--batch-size", "1", "--resume", "-o", str(path), stdin=self.STDIN)
        assert (other.exit_code, "seed = 3" in other.stderr) == (2, True)
        shifted = self.STDIN.replace("r3", "x3")
        moved = run(*self.OPTIONS, "--resume", "-o", str(path), stdin=shifted)
        assert moved.exit_code == 1
        assert "line 4" in moved.stderr
        assert "'x3'" in moved.stderr

    @pytest.mark.usefixtures("echo")
    @pytest.mark.parametrize("options", [(), ("-o", "-"), ("-o", "out", "--format", "text")])
    def test_only_files_of_records_can_be_resumed(self, options: tuple[str, ...]) -> None:
        assert run("--resume", *options, stdin=TEXT).exit_code == 2
