"""`d2t generate` and `d2t info`: what goes in, what comes out, and with which exit code."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from generate_command import D2T, TEXT, lines, run
from typer.testing import CliRunner

from d2t.cli.main import app
from d2t.io.resources import shipped_model
from d2t.model.bundle.network import Bundle

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.usefixtures("echo")
class TestRecords:
    def test_mr_lines(self) -> None:
        result = run(stdin=f"{TEXT}\n\nname[The Mill]\n")
        assert result.exit_code == 0
        first, second = lines(result)
        assert list(first) == [
            "id", "mr", "plan", "text", "spans", "report", "score", "status", "stage", "order_kept",
            "breaks_kept",
        ]  # fmt: skip
        assert (first["id"], second["id"]) == ("0", "1")
        assert second["text"] == "The Mill"
        assert (first["status"], first["order_kept"]) == ("ok", True)
        assert "2 records: 2 ok, 0 failed, 0 bad lines; SER 0.00%" in result.stderr
        assert "sentences/s" in result.stderr

    def test_jsonl_ids_and_plans(self) -> None:
        records = [
            {"id": "a", "mr": TEXT, "plan": "food > name > eatType", "note": "ignored"},
            {"id": 7, "mr": {"name": "Aromi", "eatType": "pub", "food": "Italian"}},
            {"name": "Zizzi", "food": "Chinese", "eatType": "pub"},
        ]
        stdin = "".join(json.dumps(record) + "\n" for record in records)
        result = run("--plan", "eatType,food,name", stdin=stdin)
        assert result.exit_code == 0
        assert [out["id"] for out in lines(result)] == ["a", "7", "2"]
        assert [out["text"] for out in lines(result)] == [
            "Italian Aromi pub", "pub Italian Aromi", "pub Chinese Zizzi",
        ]  # fmt: skip

    def test_csv_file(self, tmp_path: Path) -> None:
        path = tmp_path / "records.csv"
        path.write_text('id,mr\nx,"name[Aromi], eatType[pub]"\ny,name[Café Æ £20]\n', "utf-8")
        result = run(str(path), "--format", "text")
        assert result.exit_code == 0
        assert result.stdout == "Aromi pub\nCafé Æ £20\n"

    def test_csv_whose_columns_are_slots(self) -> None:
        result = run("--format", "text", "--plan", "eatType,name", stdin="name,eatType\nA B,pub\n")
        assert (result.exit_code, result.stdout) == (0, "pub A B\n")

    def test_reranked_beams(self) -> None:
        result = run("--rerank", "--plan", "food,name,eatType", stdin=TEXT)
        [only] = lines(result)
        assert (result.exit_code, only["status"], only["order_kept"]) == (0, "ok", True)
        refused = run("--rerank", "--beam-size", "1", stdin=TEXT)
        assert refused.exit_code == 2
        assert "beam size" in refused.stderr

    def test_reranked_and_verified(self) -> None:
        planned = json.dumps({"mr": TEXT, "plan": "name,food | eatType"})
        [only] = lines(run("--rerank", stdin=planned))
        assert (only["stage"], only["breaks_kept"]) == (None, False)
        [both] = lines(run("--rerank", "--verify", "strict", stdin=planned))
        assert (both["status"], both["stage"], both["breaks_kept"]) == (
            "repaired",
            "segments",
            True,
        )
        refused = run("--rerank", "--verify", "strict", "--beam-size", "1", stdin=TEXT)
        assert (refused.exit_code, "beam size" in refused.stderr) == (2, True)  # there is a beam

    def test_planned_sentences_are_judged(self) -> None:
        planned = {"mr": TEXT, "plan": "name,food | eatType"}
        both = f"{json.dumps(planned)}\n{json.dumps({'mr': TEXT})}\n"
        result = run("--verify", "off", stdin=both)
        first, second = lines(result)
        assert (first["order_kept"], first["breaks_kept"]) == (True, False)
        assert second["breaks_kept"] is None
        assert "sentences kept 0.0% of 1" in result.stderr
        result = run(stdin=both)  # what is said on its own and joined has the sentences
        first, second = lines(result)
        assert (first["status"], first["stage"], first["breaks_kept"]) == (
            "repaired", "segments", True,
        )  # fmt: skip
        assert second["status"] == "ok"
        assert "1 ok, 1 repaired, 0 failed" in result.stderr

    def test_an_unproved_text_is_no_line_of_text(self) -> None:
        """The echo says "no" of a boolean, which proves nothing."""
        mrs = f"{TEXT}\nname[Aromi], familyFriendly[no]\nname[Zizzi]\n"
        result = run("--format", "text", stdin=mrs)
        assert result.exit_code == 0
        first, second, third = result.stdout.split("\n")[:3]
        assert (bool(first), second, third) == (True, "", "Zizzi")
        assert "record 1, line 2: no text passed the check (familyFriendly[no] is missing" in (
            result.stderr
        )
        unproved = run("--format", "text", "--verify", "off", stdin=mrs)
        assert all(unproved.stdout.splitlines())
        assert lines(run(stdin=mrs))[1]["status"] == "failed"

    def test_limit(self) -> None:
        result = run("--limit", "2", stdin=f"{TEXT}\n" * 5)
        assert (result.exit_code, len(lines(result))) == (0, 2)

    def test_nothing_in_nothing_out(self) -> None:
        result = run(stdin="\n\n")
        assert (result.exit_code, result.stdout) == (0, "")

    def test_quiet_says_nothing(self) -> None:
        result = CliRunner().invoke(app, ["-q", "generate", "--model", "m"], input=TEXT)
        assert result.stderr == ""

    def test_output_order_is_input_order_across_windows(self) -> None:
        mrs = [f"name[{'N' * (1 + 7 * i % 30)}]" for i in range(50)]
        result = run("--batch-size", "2", "--format", "text", stdin="\n".join(mrs))
        assert result.stdout.splitlines() == [mr[5:-1] for mr in mrs]


@pytest.mark.usefixtures("echo")
class TestBadLines:
    STDIN = f"{TEXT}\nname[Aromi\nname[Zizzi]\n"

    def test_an_error_object_in_place_and_exit_3(self) -> None:
        result = run(stdin=self.STDIN)
        assert result.exit_code == 3
        good, bad, again = lines(result)
        assert (good["status"], again["text"]) == ("ok", "Zizzi")
        assert bad["id"] == "1"
        assert list(bad["error"]) == ["code", "message", "line", "column"]
        assert bad["error"]["line"] == 2
        assert "1 bad line" in result.stderr

    def test_text_format_keeps_one_line_a_record(self) -> None:
        result = run("--format", "text", stdin=self.STDIN)
        assert result.exit_code == 3
        assert len(result.stdout.split("\n")) == 4
        assert result.stdout.split("\n")[1] == ""
        assert "line 2" in result.stderr

    def test_strict_stops_there(self) -> None:
        result = run("--strict", stdin=self.STDIN)
        assert result.exit_code == 1
        assert len(lines(result)) == 1
        assert "line 2" in result.stderr

    def test_a_plan_that_does_not_fit(self) -> None:
        result = run("--plan", "food,name", stdin=f"{TEXT}\nname[A], food[Thai]\n")
        assert result.exit_code == 3
        bad, good = lines(result)
        assert bad["error"]["code"] == "plan_mismatch"
        assert "eatType" in bad["error"]["message"]
        assert good["text"] == "Thai A"


@pytest.mark.usefixtures("echo")
class TestGates:
    def test_passed(self) -> None:
        assert run("--require-ok", "--max-ser", "0", stdin=TEXT).exit_code == 0

    def test_require_ok(self) -> None:
        result = run("--require-ok", "--max-length", "1", stdin=TEXT)
        assert result.exit_code == 4
        assert lines(result)[0]["status"] == "failed"
        assert "--require-ok" in result.stderr
        assert run("--require-ok", stdin="name[\n" + TEXT).exit_code == 4

    def test_max_ser(self) -> None:
        args = ("--plan", "name,eatType,food", "--max-length", "3")
        result = run(*args, "--max-ser", "10", stdin=TEXT)
        assert result.exit_code == 4
        assert "--max-ser 10" in result.stderr
        assert run(*args, "--max-ser", "99", stdin=TEXT).exit_code == 0
        assert run("--max-ser", "0", stdin="name[\n" + TEXT).exit_code == 3


class TestBatchSize:
    MRS = "\n".join(
        [
            TEXT,
            "name[Zizzi]",
            "name[The Rice Boat], eatType[restaurant], food[Fast food], priceRange[cheap], "
            "customer rating[5 out of 5], area[riverside], familyFriendly[no], near[Avalon]",
            "food[Ethiopian], near[Loch Ness]",
            "name[A], near[B], area[city centre]",
        ]
        * 3
    )

    @pytest.mark.parametrize("beam_size", ["1", "3"])
    def test_same_output_for_any_batch_size(self, random_bundle: Path, beam_size: str) -> None:
        outputs = []
        for batch_size in ("1", "3", "64"):
            args = ["--model", str(random_bundle), "--device", "cpu"]
            args += ["--batch-size", batch_size, "--beam-size", beam_size, "--verify", "off"]
            result = CliRunner().invoke(app, ["generate", *args], input=self.MRS)
            assert result.exit_code == 0
            outputs.append([{**out, "score": None} for out in lines(result)])
        assert outputs[0] == outputs[1] == outputs[2]
        assert len({out["text"] for out in outputs[0]}) > 1


class TestProcesses:
    def test_two_processes_and_a_reader_that_leaves(self, random_bundle: Path) -> None:
        command = " ".join(f"'{part}'" for part in D2T)
        script = (
            f"yes 'name[Aromi], eatType[pub]' | head -5000 | {command} -q generate "
            f"--verify off --batch-size 8 --model {random_bundle} | head -1"
        )
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=120)
        assert len(done.stdout.splitlines()) == 1
        assert done.stderr == ""

    def test_a_signal_ends_it_after_a_whole_line(self, random_bundle: Path) -> None:
        process = subprocess.Popen(
            [*D2T, "generate", "--verify=off", "--batch-size=1", "--model", str(random_bundle)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdin.write(f"{TEXT}\n" * 8)
        process.stdin.flush()
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest, errors = process.stdout.read(), process.stderr.read()
        assert process.wait(timeout=60) == 130
        assert [json.loads(line)["id"] for line in (first + rest).splitlines()] == [
            str(i) for i in range(8)
        ]
        assert "Traceback" not in errors

    @pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
    @pytest.mark.parametrize("args", [[], ["--output", "/dev/full"]])
    def test_a_full_disk(self, random_bundle: Path, args: list[str]) -> None:
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [*D2T, "generate", "--verify", "off", "--model", str(random_bundle), *args],
                input=TEXT, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60,
            )  # fmt: skip
        assert done.returncode == 1
        assert "free some space" in done.stderr
        assert "Traceback" not in done.stderr
        assert "Exception ignored" not in done.stderr


class TestInfo:
    def test_json_without_torch(self, random_bundle: Path) -> None:
        code = (
            "import sys\nfrom d2t.cli.main import app\n"
            f"try: app(['info', {str(random_bundle)!r}, '--json'])\n"
            "finally: sys.exit(9 if 'torch' in sys.modules else 0)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.returncode == 0
        facts = json.loads(done.stdout)
        assert (facts["strategy"], facts["planner"], facts["domain"]) == (
            "alignment", "bigram", "restaurant",
        )  # fmt: skip
        weights = Bundle.load(random_bundle).model.parameters()
        assert facts["n_parameters"] == sum(p.numel() for p in weights)
        assert facts["slots"]["name"] == "open"

    def test_text(self, random_bundle: Path) -> None:
        result = CliRunner().invoke(app, ["info", str(random_bundle)])
        assert result.exit_code == 0
        assert "strategy         alignment" in result.stdout
        assert not re.search(r"[{}\[\]]", result.stdout), "no Python objects"

    def test_the_default_model_is_named_and_is_what_is_described_without_a_bundle(
        self, random_bundle: Path
    ) -> None:
        shipped = str(shipped_model())
        for arguments, path in (((), shipped), ((str(random_bundle),), str(random_bundle))):
            result = CliRunner().invoke(app, ["info", *arguments, "--json"])
            facts = json.loads(result.stdout)
            assert (facts["path"], facts["default_model"]) == (path, shipped)

    def test_a_folder_that_is_no_bundle(self, tmp_path: Path) -> None:
        result = CliRunner().invoke(app, ["info", str(tmp_path)])
        assert result.exit_code == 1
        assert "d2t.json" in result.stderr


@pytest.mark.usefixtures("echo")
class TestVerify:
    """The echo model says what it reads, in the order it reads it, so only short texts fail."""

    @pytest.mark.parametrize("mode", ["strict", "rerank", "off"])
    def test_what_cannot_be_said_is_failed_under_every_mode(self, mode: str) -> None:
        result = run("--verify", mode, "--max-length", "1", stdin=TEXT)
        (only,) = lines(result)
        assert (result.exit_code, only["status"], only["stage"]) == (0, "failed", None)
        assert only["report"]["missing"]

    def test_the_mode_must_be_one_of_three(self) -> None:
        result = run("--verify", "hard", stdin=TEXT)
        assert result.exit_code == 2
        assert "strict" in result.stderr
