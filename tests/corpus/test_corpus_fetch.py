from __future__ import annotations

import hashlib
import http.server
import json
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pytest

from d2t.corpus import fetch as fetch_module
from d2t.corpus.fetch import describe, fetch_corpus, fetched_record
from d2t.corpus.registry import CorpusEntry, SplitFile, data_home, find_corpus, registry
from d2t.errors import DataError, UsageError
from d2t.io.download import Digests, copy_verified, download
from d2t.io.hashing import git_blob_id, sha256_file
from d2t.io.resources import data_root

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTENT = b"mr,ref\n" + b"name[Aromi],Aromi.\n" * 5000
SHA = hashlib.sha256(CONTENT).hexdigest()
BLOB = hashlib.sha1(b"blob %d\0" % len(CONTENT) + CONTENT).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    """Serves CONTENT; can ignore ranges, cut the first answer short, or send something else."""

    content = CONTENT
    ranges = True
    cut_at: int | None = None
    length = ""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/train.csv"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.requests.append(asked)
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        body = self.server.content
        if self.path.endswith("missing.csv"):
            self.send_error(404)
            return
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to/"))
            self.end_headers()
            return
        if self.path.endswith("length.csv"):
            self.send_response(200)
            self.send_header("Content-Length", self.server.length)
            self.end_headers()
            with suppress(ConnectionError):
                self.wfile.write(CONTENT)
            return
        if self.path.endswith("drip.csv"):
            self.send_response(200)
            self.end_headers()
            with suppress(ConnectionError):
                while True:
                    self.wfile.write(b"x")
                    time.sleep(0.02)
            return
        if self.path.endswith("endless.csv"):
            self.send_response(200)
            self.end_headers()
            with suppress(ConnectionError):
                while True:
                    self.wfile.write(b"x" * 65536)
            return
        if asked and self.server.ranges and start >= len(body):
            self.send_response(416)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        partial = bool(asked) and self.server.ranges
        self.send_response(206 if partial else 200)
        if partial:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        rest = body[start:] if partial else body
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        cut, self.server.cut_at = self.server.cut_at, None
        self.wfile.write(rest[:cut])

    def log_message(self, *args: object) -> None: ...


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("D2T_DATA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def toy_entry(url: str, **changes: object) -> CorpusEntry:
    file = SplitFile("train.csv", url, BLOB, "toy/train.csv", SHA)
    return replace(find_corpus("e2e"), name="toy", splits={"train": replace(file, **changes)})


def test_git_blob_id_is_gits(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(CONTENT)
    assert git_blob_id(path) == BLOB
    git = subprocess.run(["git", "hash-object", path], capture_output=True, text=True, check=True)
    assert git.stdout.strip() == BLOB


@pytest.mark.parametrize("digests", [Digests(sha256=(SHA,)), Digests(git_blobs=(BLOB,))])
def test_download_verifies_and_leaves_only_the_file(
    tmp_path: Path, server: Server, digests: Digests
) -> None:
    seen: list[tuple[int, int | None]] = []
    target = tmp_path / "new" / "train.csv"
    download(server.url, target, digests, progress=lambda done, total: seen.append((done, total)))
    assert target.read_bytes() == CONTENT
    assert [path.name for path in target.parent.iterdir()] == ["train.csv"]
    assert seen[-1] == (len(CONTENT), len(CONTENT))


def test_an_interrupted_download_is_resumed_where_it_stopped(
    tmp_path: Path, server: Server
) -> None:
    target = tmp_path / "train.csv"
    server.cut_at = 1000
    with pytest.raises(DataError) as caught:
        download(server.url, target, Digests((SHA,)))
    assert caught.value.code == "network"
    assert not target.exists()
    have = (tmp_path / "train.csv.part").stat().st_size
    assert 0 < have <= 1000
    download(server.url, target, Digests((SHA,)))
    assert server.requests == [None, f"bytes={have}-"]
    assert target.read_bytes() == CONTENT


def test_a_server_without_ranges_sends_it_all_again(tmp_path: Path, server: Server) -> None:
    server.ranges = False
    target = tmp_path / "train.csv"
    target.with_name("train.csv.part").write_bytes(CONTENT[:777])
    download(server.url, target, Digests((SHA,)))
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("old", [b"x" * 500, b"y" * (len(CONTENT) + 5)])
def test_a_partial_file_of_something_else_is_fetched_anew(
    tmp_path: Path, server: Server, old: bytes
) -> None:
    target = tmp_path / "train.csv"
    target.with_name("train.csv.part").write_bytes(old)
    download(server.url, target, Digests((SHA,)))
    assert target.read_bytes() == CONTENT


def test_a_complete_partial_file_is_taken(tmp_path: Path, server: Server) -> None:
    target = tmp_path / "train.csv"
    target.with_name("train.csv.part").write_bytes(CONTENT)
    download(server.url, target, Digests((SHA,)))
    assert target.read_bytes() == CONTENT


def test_a_wrong_file_is_refused_and_nothing_is_left(tmp_path: Path, server: Server) -> None:
    server.content = b"<html>Please log in</html>"
    with pytest.raises(DataError, match="not the expected file") as caught:
        download(server.url, tmp_path / "train.csv", Digests((SHA,)))
    assert caught.value.code == "checksum"
    assert list(tmp_path.iterdir()) == []


def test_http_errors_and_other_schemes(tmp_path: Path, server: Server) -> None:
    with pytest.raises(DataError, match="404"):
        download(server.url.replace("train", "missing"), tmp_path / "x", Digests((SHA,)))
    with pytest.raises(DataError, match="only http"):
        download("file:///etc/hostname", tmp_path / "x", Digests((SHA,)))


def test_redirects_lead_to_the_web_only(tmp_path: Path, server: Server) -> None:
    moved = server.url.replace("train.csv", "to/")
    download(moved + server.url, tmp_path / "train.csv", Digests((SHA,)))
    assert (tmp_path / "train.csv").read_bytes() == CONTENT
    with pytest.raises(DataError) as caught:
        download(moved + (tmp_path / "train.csv").as_uri(), tmp_path / "x", Digests((SHA,)))
    assert caught.value.code == "network"


def test_an_endless_download_is_cut_off_and_nothing_is_left(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("d2t.io.download._MAX_BYTES", 1 << 20)
    with pytest.raises(DataError, match="not the expected file") as caught:
        download(server.url.replace("train", "endless"), tmp_path / "x", Digests((SHA,)))
    assert caught.value.code == "checksum"
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_sends_a_byte_now_and_then_is_left(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("d2t.io.download._PATIENCE_S", 0.2)
    with pytest.raises(DataError, match=r"only \d+ bytes came in 0 s") as caught:
        download(server.url.replace("train", "drip"), tmp_path / "x", Digests((SHA,)))
    assert caught.value.code == "network"


@pytest.mark.parametrize("length", [str(1 << 40), "9" * 18, "9" * 6000, "-1", "\u00b2", "1e3"])
def test_wild_lengths(tmp_path: Path, server: Server, length: str) -> None:
    """A length that no corpus has is refused before a byte is read; what is no number is none."""
    server.length = length
    url = server.url.replace("train", "length")
    if len(length) in (13, 18):
        with pytest.raises(DataError, match="the server announces") as caught:
            download(url, tmp_path / "x", Digests((SHA,)))
        assert caught.value.code == "network"
        assert list(tmp_path.iterdir()) == []
    else:
        download(url, tmp_path / "x", Digests((SHA,)))
        assert (tmp_path / "x").read_bytes() == CONTENT


@pytest.mark.parametrize("target", ["ftp://127.0.0.1/x", "data:,x", "file:///etc/hostname", ""])
def test_redirects_elsewhere(tmp_path: Path, server: Server, target: str) -> None:
    url = server.url.replace("train.csv", f"to/{target}")
    with pytest.raises(DataError) as caught:
        download(url, tmp_path / "x", Digests((SHA,)), timeout_s=2)
    assert caught.value.code in ("network", "checksum")
    assert not (tmp_path / "x").exists()


def test_copy_refuses_a_wrong_file_and_keeps_an_older_target(tmp_path: Path) -> None:
    source, target = tmp_path / "source.csv", tmp_path / "target.csv"
    source.write_bytes(CONTENT + b"x")
    target.write_bytes(b"old")
    with pytest.raises(DataError, match="not the expected file"):
        copy_verified(source, target, Digests((SHA,)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source.csv", "target.csv"]
    assert target.read_bytes() == b"old"


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "source.csv"
    source.write_bytes(CONTENT)

    def full(_source: IO[bytes], target: IO[bytes]) -> None:
        target.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfileobj", full)
    with pytest.raises(DataError, match="disk is full"):
        copy_verified(source, tmp_path / "target.csv", Digests((SHA,)))
    assert [path.name for path in tmp_path.iterdir()] == ["source.csv"]


def test_fetch_records_what_it_got_and_does_not_fetch_twice(home: Path, server: Server) -> None:
    entry = toy_entry(server.url)
    (first,) = fetch_corpus(entry)
    assert (first.form, first.origin, first.sha256) == ("official", server.url, SHA)
    assert fetch_corpus(entry)[0].origin == "cache"
    assert len(server.requests) == 1
    assert fetched_record(entry)["splits"]["train"]["form"] == "official"
    assert describe(entry)["splits"]["train"]["sha256"] == SHA
    fetch_corpus(entry, force=True)
    assert len(server.requests) == 2


def test_a_damaged_file_in_the_cache_is_fetched_again(home: Path, server: Server) -> None:
    entry = toy_entry(server.url)
    fetch_corpus(entry)
    entry.path("train").write_bytes(b"damaged")
    fetch_corpus(entry)
    assert entry.path("train").read_bytes() == CONTENT


def test_no_network_names_the_way_out(home: Path) -> None:
    entry = toy_entry("http://127.0.0.1:9/train.csv")  # the discard port: nobody listens
    with pytest.raises(DataError, match="d2t data fetch toy --from DIR"):
        fetch_corpus(entry)


def test_from_a_folder_by_either_name_and_either_digest(home: Path, tmp_path: Path) -> None:
    local = CONTENT + b"name[Zizzi],Reconstructed.\n"
    entry = toy_entry(
        "http://127.0.0.1:9/trainset.csv",
        sha256=hashlib.sha256(local).hexdigest(),
        local_differs=True,
    )
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "train.csv").write_bytes(local)
    assert fetch_corpus(entry, source=tmp_path)[0].form == "local copy"
    assert fetch_corpus(entry, source=tmp_path)[0].origin == "cache"
    (tmp_path / "toy" / "train.csv").unlink()
    (tmp_path / "trainset.csv").write_bytes(CONTENT)
    assert fetch_corpus(entry, source=tmp_path, force=True)[0].form == "official"


def test_a_known_reconstruction_is_not_accepted_as_a_download(home: Path, server: Server) -> None:
    server.content = CONTENT + b"x"
    entry = toy_entry(
        server.url, sha256=hashlib.sha256(server.content).hexdigest(), local_differs=True
    )
    with pytest.raises(DataError, match="not the expected file"):
        fetch_corpus(entry)


def test_from_folder_errors(home: Path, tmp_path: Path) -> None:
    entry = toy_entry("http://127.0.0.1:9/train.csv")
    with pytest.raises(DataError, match="not a folder"):
        fetch_corpus(entry, source=tmp_path / "none")
    with pytest.raises(DataError, match=r"no toy/train\.csv"):
        fetch_corpus(entry, source=tmp_path)
    with pytest.raises(UsageError, match="ships with d2t"):
        fetch_corpus(find_corpus("mini"))
    assert not home.exists() or list(home.rglob("*.csv")) == []


def test_a_broken_record_is_no_record(home: Path) -> None:
    entry = toy_entry("http://127.0.0.1:9/train.csv")
    entry.folder().mkdir(parents=True)
    (entry.folder() / fetch_module.RECORD_NAME).write_text("[1")
    assert fetched_record(entry) == {}


def test_cache_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("D2T_DATA_HOME", "/data/here")
    assert data_home() == Path("/data/here")
    monkeypatch.delenv("D2T_DATA_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert data_home() == Path("/cache/d2t")


def test_unknown_names_get_a_hint() -> None:
    with pytest.raises(DataError, match="did you mean 'viggo'"):
        find_corpus("vigo")
    with pytest.raises(DataError, match="no split 'valid'"):
        find_corpus("viggo").path("valid")


def test_sources_file_names_every_corpus_with_licence_and_digests() -> None:
    sources = (data_root() / "README.md").read_text(encoding="utf-8")
    for entry in registry().values():
        section = sources.split(f"\n## {entry.name}", 1)[1].split("\n## ", 1)[0]
        assert entry.licence in section
        for file in entry.splits.values():
            for known in (file.git_blob, file.sha256, file.url.rsplit("/", 1)[-1]):
                assert known in section
    assert {"mini", "e2e", "e2e_cleaned", "viggo"} <= set(registry())


def test_shipped_files_are_the_registered_ones() -> None:
    entry = find_corpus("mini")
    assert entry.is_present()
    assert json.dumps(describe(entry))
    assert len({sha256_file(entry.path(split)) for split in entry.splits}) == 3
