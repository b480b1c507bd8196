"""A source of records to a file of texts: resume, gates, processes and the summary of a run."""

from __future__ import annotations

import io
import logging
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from d2t.generate.job import answer_here, answering, is_bulk
from d2t.generate.sink import after_kept, begin_file, count_finished, is_complete, open_sink
from d2t.generate.stream import StreamTotals, generate_stream
from d2t.io.hashing import sha256_file
from d2t.io.records import write_record
from d2t.io.text_source import STDIN, input_waits, refuse_own_input, require_readable
from d2t.mr.reader import ReadOptions, ReadReport, RecordReader, error_record
from d2t.search.backend import BATCHES_PER_WINDOW
from d2t.search.ct2_backend import Parallelism

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from concurrent.futures import Executor
    from pathlib import Path

    from d2t.generate.job import Answer, Job
    from d2t.generate.pipeline import ModelGenerator
    from d2t.generate.stream import StreamItem
    from d2t.generate.types import Hypothesis

OutputFormat = Literal["jsonl", "text"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class GenerationSummary:
    """What came of a source of records.

    Attributes:
        totals: the counts of texts, slot errors, kept orders and bad records.
        seconds: wall-clock time from the first record to the last.
        input: what reading the source ignored, guessed or could not read.
        missed_gate: which of the gates asked for is missed, in words; None: none is.
    """

    totals: StreamTotals
    seconds: float
    input: ReadReport
    missed_gate: str | None = None

    @property
    def n_records(self) -> int:
        """All records, the bad ones included."""
        return self.totals.n + self.totals.bad

    @property
    def ok(self) -> int:
        """Texts that passed the check at once."""
        return self.totals.ok

    @property
    def repaired(self) -> int:
        """Texts that passed after the first text of their record had failed."""
        return self.totals.repaired

    @property
    def failed(self) -> int:
        """Texts that did not pass the check."""
        return self.totals.failed

    @property
    def bad(self) -> int:
        """Records that could not be read, and have an error object in the place of a text."""
        return self.totals.bad

    @property
    def ser(self) -> float | None:
        """Slot error rate in %; None without any text."""
        return self.totals.ser if self.totals.n else None

    @property
    def order_kept(self) -> float | None:
        """Texts that say their slots in the order asked for, in %; None without any text."""
        return 100 * self.totals.order_kept / self.totals.n if self.totals.n else None

    def as_dict(self) -> dict[str, Any]:
        """The numbers as a JSON-able object."""
        names = ("n_records", "ok", "repaired", "failed", "bad", "ser", "order_kept", "seconds")
        numbers = {name: getattr(self, name) for name in (*names, "missed_gate")}
        return {**numbers, "input": self.input.as_dict()}

    def __str__(self) -> str:
        """The numbers in a line for a person."""
        totals = self.totals
        ser = "-" if self.ser is None else f"{self.ser:.2f}%"
        kept = "-" if self.order_kept is None else f"{self.order_kept:.1f}%"
        repaired = f"{self.repaired} repaired, " if self.repaired else ""
        planned = ""
        if totals.breaks_planned:
            sentences = 100 * totals.breaks_kept / totals.breaks_planned
            planned = f", sentences kept {sentences:.1f}% of {totals.breaks_planned}"
        return (
            f"{self.n_records} records: {self.ok} ok, {repaired}{self.failed} failed, "
            f"{self.bad} bad line{'' if self.bad == 1 else 's'}; SER {ser}, order kept {kept}"
            f"{planned}; {self.seconds:.1f} s, "
            f"{totals.n / max(self.seconds, 1e-9):.1f} sentences/s"
        )


def check_paths(source: str, target: Path | None, *, resume: bool, format: OutputFormat) -> bool:
    """Find what is wrong with the files of a run before a model is loaded.

    Returns:
        Whether the target is finished already, and is to be compared and counted only.

    Raises:
        DataError: the source cannot be read.
        UsageError: the target is the source, or cannot be resumed.
    """
    finished = resume and is_complete(target, jsonl=format == "jsonl")
    if source != STDIN:
        require_readable(source)
        refuse_own_input(source, target, "--output")
    return finished


def generate_file(
    job: Job,
    generator: ModelGenerator,
    source: str,
    target: Path | None,
    *,
    options: Mapping[str, Any],
    format: OutputFormat = "jsonl",
    resume: bool = False,
    reading: ReadOptions | None = None,
    strict: bool = False,
    skip_bad: bool = False,
    require_ok: bool = False,
    max_ser: float | None = None,
    processes: int | None = None,
    progress: Callable[[int, float], None] | None = None,
    say: Callable[[str], None] = logger.info,
) -> GenerationSummary:
    """Answer every record of ``source``, and write one line for each, in input order.

    Args:
        job: what is asked of every record.
        generator: ``job``'s model, loaded.
        source: a file, or ``-`` for standard input.
        target: the file to write; None and ``-`` are standard output. The file gets its name when
            it is complete; until then its lines are in ``FILE.partial``.
        options: JSON-able; what decides the lines. A file is resumed only with equal options.
        format: JSON records, or one text a line (empty where no text is proved).
        resume: continue ``FILE.partial`` if there is one; compare and count a complete file.
        reading: how the source is read.
        strict: stop at the first bad record.
        skip_bad: leave bad records out, and tell ``say`` of each, instead of writing their error.
        require_ok: a gate: every record must have a text that passed.
        max_ser: a gate: the slot error rate (%) must not be higher.
        processes: processes that answer windows, each with its own model; None: one, or for a
            large file one a core.
        progress: called after each window with its number of records, and the records per second.
        say: gets what a person should know on the way.

    Raises:
        UsageError, DataError, ConfigError: the files cannot be read, written or resumed.
        D2TError: as the generator; with ``strict`` the error of the first bad record.
    """
    finished = check_paths(source, target, resume=resume, format=format)
    typed = source == STDIN and sys.stdin.isatty()
    window = 1 if typed else _window(generator, source)
    records = RecordReader(source, generator.domain, reading)
    stream = iter(records)
    lines = _Lines(
        text=format == "text",
        proved=job.verify is not None,
        several=job.verify is not None and job.verify.wordings > 1,
        skip_bad=skip_bad,
        say=say,
    )
    is_bad = job.is_bad(generator) if skip_bad else None
    totals, started = StreamTotals(), time.perf_counter()
    if finished:
        assert target is not None  # there is one
        count_finished(target, stream, generator.domain, totals, say, is_bad)
    else:
        folder = generator.bundle.path  # its table of contents holds the hashes of its files
        model = None if folder is None else sha256_file(folder / "d2t.json")
        made_by = {"model": model, **options}
        file = begin_file(target, made_by, resume=resume, window=window)
        with open_sink(target, file, say) as write:
            rest = after_kept(file, stream, generator.domain, totals, say, is_bad)
            if processes is None:
                processes = _processes(job, generator, source, records.options.limit)
            with _answering(job, generator, 1 if typed else processes) as (answer, n, pool):
                windows = generate_stream(
                    rest, answer, window=window, strict=strict, at_a_time=1 if typed else n,
                    pool=pool, waits=input_waits(source),
                )  # fmt: skip
                for items in windows:
                    totals.add(items)
                    write(lines.of(items))
                    if progress is not None:
                        done = totals.n + totals.bad
                        progress(len(items), done / (time.perf_counter() - started))
    seconds = time.perf_counter() - started
    unproved = totals.failed if skip_bad else totals.failed + totals.bad
    missed = _missed(totals, unproved if require_ok else None, max_ser)
    return GenerationSummary(totals, seconds, records.report, missed)


def _processes(job: Job, generator: ModelGenerator, source: str, limit: int | None) -> int:
    """One process; for a file so long that it is worth their start, as many as there are cores."""
    settings = job.settings
    if (
        is_bulk(source)
        and limit is None
        and settings.get("workers") is None
        and generator.at_a_time > 1
    ):
        return Parallelism.for_machine(settings.get("threads")).workers
    return 1


@contextmanager
def _answering(
    job: Job, generator: ModelGenerator, processes: int
) -> Iterator[tuple[Answer, int, Executor | None]]:
    """What answers windows, how many at a time, and the processes that do it, where they do."""
    if processes == 1:
        yield job.answer(generator), generator.at_a_time, None
        return
    with answering(processes, job.answer_alone) as pool:
        yield answer_here, 2 * processes, pool  # one is ready when another is finished


def _window(generator: ModelGenerator, source: str) -> int:
    """Records that are answered together: fewer from a pipe if batches are small.

    The process at its other end may wait for its answers.
    """
    if source != STDIN:
        return generator.window
    return min(generator.window, BATCHES_PER_WINDOW * generator.options.batch_size)


def _missed(totals: StreamTotals, unproved: int | None, max_ser: float | None) -> str | None:
    """Which gate is missed, by no text at all too; ``unproved`` is None if none was asked for."""
    if not totals.n and (unproved is not None or max_ser is not None):
        return "no text was generated"
    if max_ser is not None and totals.ser > max_ser:
        return f"SER {totals.ser:.2f}% is above --max-ser {max_ser:g}"
    if unproved:
        return f"{unproved} records without an ok text (--require-ok)"
    return None


@dataclass(frozen=True)
class _Lines:
    """The lines of answered records.

    Attributes:
        text: texts alone; a bad record has an empty line, its error goes to ``say``.
        proved: a text that did not pass the check is also an empty line, because the reader of the
            line could not know that it failed.
        several: the alternatives follow on lines of their own; an empty line ends each record.
        skip_bad: a bad record has no line at all.
        say: gets a line for a person.
    """

    text: bool
    proved: bool
    several: bool
    skip_bad: bool
    say: Callable[[str], None]

    def of(self, items: Iterable[StreamItem]) -> str:
        """The lines of one window."""
        return "".join(self._line(item) for item in items)

    def _line(self, item: StreamItem) -> str:
        if self.skip_bad and item.error is not None:
            self.say(f"{_place(item)} is left out: {item.error.message}")
            return ""
        return self._text(item) if self.text else self._record(item)

    def _text(self, item: StreamItem) -> str:
        if item.error is not None:
            self.say(f"{_place(item)}: {item.error.message}")
        elif item.hypothesis is not None:
            if item.hypothesis.status != "failed" or not self.proved:
                texts = (item.hypothesis, *item.hypothesis.alternatives)
                lines = "".join(" ".join(one.text.splitlines()) + "\n" for one in texts)
                return lines + "\n" * self.several
            self.say(
                f"{_place(item)}: no text passed the check ({_why(item.hypothesis)}); use --format "
                "jsonl to see the text that came closest"
            )
        return "\n"

    def _record(self, item: StreamItem) -> str:
        if item.hypothesis is not None:
            line = item.hypothesis.as_dict()
        else:
            assert item.error is not None
            line = error_record(item.record, item.error)
        if item.record.extra:
            line["extra"] = dict(item.record.extra)
        buffer = io.StringIO()
        write_record(buffer, line)
        return buffer.getvalue()


def _place(item: StreamItem) -> str:
    return f"d2t: record {item.record.id}, line {item.record.line}"


def _why(text: Hypothesis) -> str:
    """Why a text failed, in words."""
    report = text.report
    faults = [f"{slot} is missing" for slot in report.missing]
    faults += [f"{span.slot} is added" for span in report.added]
    faults += [f"{wrong.span.slot} stands for {wrong.expected}" for wrong in report.wrong]
    faults += [f"{span.slot} comes twice" for span in report.repeated]
    faults += [f"{span.slot} may be understood" for span in text.alignment.faint]
    if not text.finished:
        faults.append("it is cut at --max-length")
    elif not text.order_kept:
        faults.append("its order is not the one asked for")
    return "; ".join(faults) or "a value is not copied"
