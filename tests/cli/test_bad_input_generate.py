"""Whatever is fed to `d2t generate`: the right exit code, a cure, and the rest goes on."""

from __future__ import annotations

import errno
import json
import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from d2t.cli.main import app

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

GOOD = "name[Aromi], eatType[pub]"


def run(*args: str, stdin: str | bytes = "", model: str = "m") -> Result:
    result = CliRunner().invoke(app, ["generate", "--model", model, *args], input=stdin)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.stderr
    return result


def outputs(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


BAD_LINES = {
    "malformed": "name[Aromi",
    "no bracket": "just words",
    "empty value": "name[]",
    "duplicate": "name[Aromi], name[Aromi]",
    "unknown slot": "name[Aromi], eatTypo[pub]",
    "NUL": "name[Aro\0mi]",
    "control": "name[Aro\x07mi]",
}


@pytest.mark.usefixtures("echo")
class TestLines:
    @pytest.mark.parametrize("case", sorted(BAD_LINES))
    def test_a_bad_mr_line(self, case: str) -> None:
        result = run(stdin=f"{GOOD}\n{BAD_LINES[case]}\n{GOOD}\n")
        assert result.exit_code == 3
        first, bad, last = outputs(result)
        assert first["status"] == last["status"] == "ok"
        assert (bad["id"], bad["error"]["line"]) == ("1", 2)
        assert len(bad["error"]["message"]) < 500

    def test_unknown_slots_get_a_suggestion(self) -> None:
        [bad] = outputs(run(stdin="eatTypo[pub]"))
        assert bad["error"]["code"] == "unknown_slot"
        assert "did you mean 'eatType'" in bad["error"]["message"]

    @pytest.mark.parametrize(
        ("line", "code"),
        [
            ('{"mr": "name[Aromi]", ', "broken_json"),
            ('{"mr": ""}', "empty_mr"),
            ('{"mr": {}}', "empty_mr"),
            ('{"id": "x"}', "empty_mr"),
            ('{"mr": 5}', "bad_record"),
            ("[1, 2]", "bad_record"),
            ('{"mr": "name[A]", "plan": 5}', "bad_plan"),
            ('{"mr": "name[A]", "plan": "food"}', "plan_mismatch"),
            ('{"mr": "name[A]", "id": {"a": 1}}', "bad_record"),
        ],
    )
    def test_a_bad_json_line(self, line: str, code: str) -> None:
        good = json.dumps({"mr": GOOD})
        result = run(stdin=f"{good}\n{line}\n{good}\n")
        assert result.exit_code == 3
        first, bad, last = outputs(result)
        assert first["status"] == last["status"] == "ok"
        assert bad["error"]["code"] == code
        assert bad["error"]["line"] == 2

    @pytest.mark.parametrize(
        "value",
        ["x" * 10_000, "🍜🍣", "مطعم الشرق", "a\u202eb", "<val:near>", "</s> <slot:food>", "Ⅻ ½ ﬁ",
         "The", "an hour", "$1 \\1 {0} %s"],
    )  # fmt: skip
    def test_a_strange_name_is_said_letter_for_letter(self, value: str) -> None:
        stdin = json.dumps({"mr": {"name": value, "eatType": "pub"}, "plan": "name,eatType"})
        result = run(stdin=stdin + "\n" + json.dumps({"mr": GOOD}))
        strange, good = outputs(result)
        assert good["status"] == "ok"
        if "error" in strange:  # refusing is fine, changing is not
            assert result.exit_code == 3
        else:
            assert strange["text"] == f"{value} pub"

    def test_not_utf8(self) -> None:
        result = run(stdin=f"{GOOD}\nname[Caf\xe9]\n".encode("latin-1"))
        assert result.exit_code == 3
        assert outputs(result)[1]["error"]["code"] == "invalid_utf8"

    def test_text_format_survives_everything(self) -> None:
        stdin = json.dumps({"mr": {"name": "a\ud800b"}}) + "\n" + json.dumps({"mr": GOOD})
        result = run("--format", "text", stdin=stdin)
        assert result.stdout.endswith("pub\n")
        assert len(result.stdout.splitlines()) == 2

    @settings(
        deadline=None,
        max_examples=60,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(st.lists(st.binary(max_size=30).filter(lambda b: b"\n" not in b), max_size=6))
    def test_any_bytes(self, lines: list[bytes]) -> None:
        result = run(stdin=b"name[Aromi]\n" + b"\n".join(lines) + b"\nname[Zizzi]\n")
        assert result.exit_code in (0, 3)
        out = outputs(result)
        assert (out[0]["text"], out[-1]["text"]) == ("Aromi", "Zizzi")

    @settings(
        deadline=None,
        max_examples=80,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=9),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["mr", "id", "plan", "name", "food", "eatType", "x"]),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=8,
        )
    )
    def test_any_json(self, value: object) -> None:
        good = json.dumps({"mr": GOOD})
        result = run(stdin=f"{good}\n{json.dumps(value)}\n{good}\n")
        assert result.exit_code in (0, 3)
        out = outputs(result)
        assert len(out) == 3
        assert out[0]["status"] == out[2]["status"] == "ok"
        assert (result.exit_code == 3) == ("error" in out[1])


@pytest.mark.usefixtures("echo")
class TestFiles:
    def test_missing(self, tmp_path: Path) -> None:
        result = run(str(tmp_path / "nowhere.jsonl"))
        assert result.exit_code == 1
        assert "no such file" in result.stderr
        assert result.stdout == ""

    def test_a_folder(self, tmp_path: Path) -> None:
        result = run(str(tmp_path))
        assert result.exit_code == 1
        assert "folder" in result.stderr

    def test_csv_without_header(self, tmp_path: Path) -> None:
        path = tmp_path / "x.csv"
        path.write_text('"name[Aromi], eatType[pub]",A pub.\n', "utf-8")
        result = run(str(path))
        assert result.exit_code == 1
        assert "header" in result.stderr

    def test_output_is_a_folder(self, tmp_path: Path) -> None:
        result = run("-o", str(tmp_path), stdin=GOOD)
        assert result.exit_code == 1
        assert str(tmp_path) in result.stderr

    def test_disk_full(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(descriptor: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        (tmp_path / "out.jsonl").write_text("older\n", "utf-8")
        result = run("-o", str(tmp_path / "out.jsonl"), stdin=GOOD)
        assert result.exit_code == 1
        assert "disk is full" in result.stderr
        assert os.listdir(tmp_path) == ["out.jsonl"]
        assert (tmp_path / "out.jsonl").read_text("utf-8") == "older\n"

    @pytest.mark.parametrize(
        "args",
        [["--beam-size", "0"], ["--batch-size", "x"], ["--limit", "0"], ["--format", "xml"],
         ["--max-ser", "-1"], ["--colour"]],
    )  # fmt: skip
    def test_usage(self, args: list[str]) -> None:
        assert run(*args, stdin=GOOD).exit_code == 2


def _cut(name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        path = folder / name
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return damage


def _drop(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def _version(folder: Path) -> None:
    path = folder / "d2t.json"
    table = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**table, "format_version": 99}), "utf-8")


DAMAGES = {
    "cut weights": _cut("model.safetensors"),
    "cut tokenizer": _cut("tokenizer.model"),
    "cut manifest": _cut("d2t.json"),
    "no weights": _drop("model.safetensors"),
    "no tokenizer": _drop("tokenizer.model"),
    "no manifest": _drop("d2t.json"),
    "no domain": _drop("domain/domain.toml"),
    "other version": _version,
    "no folder": shutil.rmtree,
}


@pytest.mark.parametrize("command", ["generate", "info"])
@pytest.mark.parametrize("damage", sorted(DAMAGES))
def test_a_damaged_bundle(random_bundle: Path, tmp_path: Path, damage: str, command: str) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(random_bundle, folder)
    DAMAGES[damage](folder)
    args = ["generate", "-m", str(folder)] if command == "generate" else ["info", str(folder)]
    result = CliRunner().invoke(app, args, input=GOOD)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    assert result.stderr.startswith("d2t: error: ")
    assert str(folder) in result.stderr


@pytest.mark.parametrize("device", ["tpu", "cuda:99", ""])
def test_a_device_that_is_not_there(random_bundle: Path, device: str) -> None:
    result = run("--device", device, stdin=GOOD, model=str(random_bundle))
    assert result.exit_code == 1
    assert "device" in result.stderr


@pytest.mark.usefixtures("echo")
class TestColumns:
    CSV = "Restaurant name,Kind,Phone,Kids\nAromi,pub,01223,Y\n,,,\nEagle,,5,f\n"

    def test_columns_are_named_and_the_rest_is_echoed(self) -> None:
        names = "Restaurant name=name,Kind=eatType,Kids=familyFriendly"
        first, second = outputs(run("--map", names, "--ignore", "Phone", stdin=self.CSV))
        assert first["mr"] == {"name": "Aromi", "eatType": "pub", "familyFriendly": "yes"}
        assert first["extra"] == {"Phone": "01223"}
        assert list(first)[-1] == "extra"
        assert second["mr"] == {"name": "Eagle", "familyFriendly": "no"}
        assert second["extra"] == {"Phone": "5"}

    def test_a_repeated_map_adds_to_the_first(self) -> None:
        names = ("--map", "Restaurant name=name", "--map", "Kind=eatType,Kids=familyFriendly",
                 "--ignore", "*")  # fmt: skip
        assert outputs(run(*names, stdin=self.CSV))[0]["mr"] == {
            "name": "Aromi", "eatType": "pub", "familyFriendly": "yes",
        }  # fmt: skip

    def test_columns_that_are_not_understood_are_a_question(self) -> None:
        result = run(stdin="name,eatTypes,Phone\nAromi,pub,01223\n")
        assert (result.exit_code, result.stdout) == (2, "")
        assert "'eatTypes', 'Phone' are no slot" in result.stderr
        assert "--map 'eatTypes=eatType'" in result.stderr

    def test_errors_keep_what_the_record_holds_too(self) -> None:
        table = "name,familyFriendly,Phone\nAromi,maybe,01223\n"
        [bad] = outputs(run("--ignore", "Phone", stdin=table))
        assert bad["error"]["code"] == "boolean_value"
        assert bad["extra"] == {"Phone": "01223"}

    def test_a_map_that_names_no_slot_is_refused_before_anything_is_read(self) -> None:
        result = run("--map", "Kind=eattypo", stdin=self.CSV)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "did you mean 'eatType'" in result.stderr

    def test_a_column_may_hold_the_id(self) -> None:
        [found] = outputs(run("--map", "No.=id", stdin="No.,name\n7,Aromi\n"))
        assert found["id"] == "7"

    def test_yes_or_no_and_nothing_else(self) -> None:
        kinds = ["t", "F", "Y", "0", "maybe", "-"]
        table = "name,familyFriendly\n" + "".join(f"N,{kind}\n" for kind in kinds)
        result = run(stdin=table)
        found = outputs(result)
        assert result.exit_code == 3
        assert [out["mr"]["familyFriendly"] for out in found[:4]] == ["yes", "no", "yes", "no"]
        assert found[4]["error"]["code"] == "boolean_value"
        assert found[5]["mr"] == {"name": "N"}, "a dash says that nothing is known"
        assert "1 cell read as absent: - 1" in result.stderr
