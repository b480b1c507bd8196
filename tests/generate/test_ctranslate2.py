"""The CTranslate2 engine says what torch says, and an export that would not is refused."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from echo_bundle import MRS, save_random_bundle
from typer.testing import CliRunner

from d2t.cli.main import build_app
from d2t.corpus.types import Example
from d2t.errors import BackendError, BundleError, DataError, UsageError
from d2t.generate.load import load
from d2t.generate.types import GenerationRequest, VerifyOptions
from d2t.generate.verified import VerifiedGenerator
from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.plan.untrained import random_plans
from d2t.search.backend import SamplingOptions
from d2t.search.ct2_backend import Parallelism

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("ctranslate2")
DOMAIN = load_domain("restaurant")
DEV = [Example(str(i), parse_mr(text, DOMAIN), ("A text.",)) for i, text in enumerate(MRS)]
REQUESTS = [GenerationRequest(example.id, example.mr) for example in DEV * 3]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from d2t.generate.export import export_bundle

    path = save_random_bundle(tmp_path_factory.mktemp("bundles") / "b")
    report = export_bundle(path, "float32", DEV)
    assert report.log_prob_gap < 1e-3
    assert report.forced_tokens > 50
    assert (report.n_mrs, report.same_texts, report.ser) == (4, 4, report.torch_ser)
    return path


def test_both_engines_say_the_same(exported: Path) -> None:
    ours, torchs = (load(exported, engine=e, max_length=40) for e in ("ctranslate2", "torch"))
    for beams in (1, 4):
        pairs = zip(
            ours.with_beam(beams).generate(REQUESTS),
            torchs.with_beam(beams).generate(REQUESTS),
            strict=True,
        )
        for one, other in pairs:
            assert one.id == other.id
            if beams == 1:
                assert (one.text, one.finished) == (other.text, other.finished)
    assert load(exported).engine == "ctranslate2", "auto takes what was exported"


def test_no_text_holds_a_symbol_and_texts_do_not_depend_on_the_batch(exported: Path) -> None:
    whole = load(exported, engine="ctranslate2", max_length=30)
    parts = load(exported, engine="ctranslate2", max_length=30, batch_size=1, threads=1)
    one_by_one = [parts.generate([request])[0] for request in REQUESTS]
    for together, alone in zip(whole.generate(REQUESTS), one_by_one, strict=True):
        assert together.text == alone.text
        assert "<" not in together.text


@pytest.mark.parametrize(
    ("threads", "workers", "expected"),
    [(4, None, (4, 1)), (4, 2, (2, 2)), (4, 1, (1, 4)), (1, 3, (3, 1)), (5, 2, (2, 2))],
)
def test_workers_share_the_threads(
    threads: int, workers: int | None, expected: tuple[int, int]
) -> None:
    found = Parallelism.for_machine(threads, workers)
    assert (found.workers, found.threads) == expected


def test_texts_do_not_depend_on_workers_and_torch_has_none(exported: Path) -> None:
    plain = load(exported, engine="ctranslate2", max_length=30, threads=1)
    shared = load(exported, engine="ctranslate2", max_length=30, threads=2, workers=1)
    pairs = zip(plain.generate(REQUESTS), shared.generate(REQUESTS), strict=True)
    assert all(one.text == other.text for one, other in pairs)
    with pytest.raises(UsageError, match="workers"):
        load(exported, engine="torch", workers=2)


def test_windows_in_threads_say_and_prove_the_same() -> None:
    """The shipped model; two values of a slot, so that some requests need a repair."""
    slots = "eatType[pub], food[Thai], priceRange[cheap], priceRange[high], familyFriendly[no]"
    mrs = [parse_mr(f"name[Zo {i} Bar], {slots}, near[Qx {i}]", DOMAIN) for i in range(40)]
    asked = [
        GenerationRequest(str(i), mr, plan)
        for i, mr in enumerate(mrs)
        for plan in random_plans(mr, 2, seed=i)
    ]
    by_model = VerifyOptions(writer="model", composed=0)
    one, two = (VerifiedGenerator(load(threads=n, batch_size=2), by_model) for n in (1, 2))
    assert (one.generator.at_a_time, two.generator.at_a_time) == (1, 2)
    pairs = list(zip(one.generate(asked), two.generate(asked), strict=True))
    assert {first.status for first, _ in pairs} == {"ok", "repaired"}
    for first, second in pairs:
        assert (first.text, first.status, first.stage) == (second.text, second.status, second.stage)


def test_what_the_position_table_cannot_hold_is_an_error(exported: Path) -> None:
    generator = load(exported, engine="ctranslate2", max_length=5000)
    assert generator.generate(REQUESTS[:1])[0].id == "0", "a long --max-length is no error"
    values = ", ".join(f"food[{'long ' * 60}{number}]" for number in range(60))
    with pytest.raises(DataError, match="too long"):
        generator.generate_one(f"name[A], {values}", None)


def test_samples_repeat_with_the_seed(exported: Path) -> None:
    generator = load(exported, engine="ctranslate2", max_length=20)
    options = SamplingOptions("ancestral", n_samples=6, keep=6, seed=3)
    first, again = (generator.candidates(REQUESTS[:2], options) for _ in range(2))
    assert first == again
    assert len(first[0]) > 1
    with pytest.raises(UsageError, match="noise"):
        generator.candidates(REQUESTS[:1], SamplingOptions("noise"))


def test_an_export_that_is_wrong_is_refused_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from d2t.generate import export

    path = save_random_bundle(tmp_path / "b")
    right = export.transformer_spec

    def wrong(model, pieces):  # type: ignore[no-untyped-def]
        other = copy.deepcopy(model)
        other.decoder[0].ffn.outer.bias.data[0] += 5  # of all alike, a norm would take it away
        return right(other, pieces)

    monkeypatch.setattr(export, "transformer_spec", wrong)
    with pytest.raises(BackendError, match="log-probabilities"):
        export.export_bundle(path, "float32", DEV)
    assert not (path / "ctranslate2").exists()
    monkeypatch.undo()
    impossible = export.Tolerance(ser=-1000.0)
    with pytest.raises(BackendError, match="development SER"):
        export.export_bundle(path, "int8", DEV, tolerance=impossible)
    assert not (path / "ctranslate2").exists()


def test_a_damaged_or_missing_export_is_an_error(exported: Path, tmp_path: Path) -> None:
    plain = save_random_bundle(tmp_path / "plain")
    with pytest.raises(BundleError, match="d2t export"):
        load(plain, engine="ctranslate2")
    with pytest.raises(UsageError, match="CPU"):
        load(exported, engine="ctranslate2", device="cuda")
    broken = tmp_path / "broken"
    shutil.copytree(exported, broken)
    (broken / "ctranslate2" / "model.bin").write_bytes(b"no model")
    with pytest.raises(BundleError, match=r"model\.bin"):
        load(broken)


def test_the_command_exports_and_generation_needs_no_torch(tmp_path: Path) -> None:
    # Large weights make large log-probabilities, of which the last digits differ by engine.
    path = save_random_bundle(tmp_path / "b", scale=2.0)
    loose = ["--max-ser-gain", "1000", "--max-bleu-loss", "100", "--limit", "5"]
    arguments = ["export", str(path), "--corpus", "mini", "--json", *loose]
    result = CliRunner().invoke(build_app("export"), arguments)
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["quantization"] == "int8"
    assert "forced tokens" in result.stderr
    code = (
        "import sys; sys.modules['torch'] = None; sys.modules['transformers'] = None\n"
        "import d2t\n"
        f"text = d2t.load({str(path)!r}, max_length=5)('name[Aromi]').text\n"
        "assert 'sacrebleu' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
