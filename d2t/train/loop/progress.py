"""What a training run tells its user, and how the user stops it."""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from d2t.errors import D2TError
from d2t.printable import pictured

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.progress import Progress, TaskID


class Reporter:
    """Is told how a training run goes; this one passes nothing on."""

    def say(self, message: str) -> None:
        """Report one line of news."""

    def start(self, total_steps: int, done_steps: int) -> None:
        """Training begins (or continues) at ``done_steps`` of ``total_steps``."""

    def step(self, step: int, loss: float, pairs_per_s: float) -> None:
        """An optimizer step is done; ``loss`` is a running mean in nats per token."""

    def close(self) -> None:
        """Training is over, for whatever reason."""


class Lines(Reporter):
    """A log line every so many steps, for files and pipes."""

    def __init__(self, every: int, stream: TextIO | None = None) -> None:
        self.every = every
        self.stream = stream
        self.total = 0

    def say(self, message: str) -> None:
        """One line."""
        print(pictured(message), file=self.stream or sys.stderr, flush=True)

    def start(self, total_steps: int, done_steps: int) -> None:
        """Remember how much there is to do."""
        self.total = total_steps

    def step(self, step: int, loss: float, pairs_per_s: float) -> None:
        """A line at each multiple of ``every``."""
        if step % self.every == 0:
            self.say(f"step {step}/{self.total}  loss {loss:.3f}  {pairs_per_s:.0f} pairs/s")


class Bar(Reporter):
    """A rich progress bar on stderr: loss, speed, time left."""

    def __init__(self) -> None:
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def say(self, message: str) -> None:
        """A line above the bar."""
        if self._bar is not None:
            self._bar.console.print(pictured(message), highlight=False, markup=False)
        else:
            print(pictured(message), file=sys.stderr, flush=True)

    def start(self, total_steps: int, done_steps: int) -> None:
        """Show the bar."""
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        columns = (
            TextColumn("training"), BarColumn(), MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"), TimeRemainingColumn(),
        )  # fmt: skip
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._bar.start()
        self._task = self._bar.add_task("", total=total_steps, completed=done_steps, note="")

    def step(self, step: int, loss: float, pairs_per_s: float) -> None:
        """Move the bar."""
        if self._bar is not None and self._task is not None:
            note = f"loss {loss:.3f}  {pairs_per_s:.0f} pairs/s"
            self._bar.update(self._task, completed=step, note=note)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def default_reporter(log_every: int, *, quiet: bool = False) -> Reporter:
    """A bar on a terminal, lines elsewhere, nothing when quiet."""
    if quiet:
        return Reporter()
    return Bar() if sys.stderr.isatty() else Lines(log_every)


def evaluation_line(step: int, metrics: Mapping[str, float], *, best: bool) -> str:
    """One evaluation: ``step 520  dev loss 1.234  BLEU 38.1  SER 0.42  order 97.9  * best``."""
    names = {"train_loss": "train loss", "dev_loss": "dev loss", "dev_bleu": "BLEU",
             "dev_ser": "SER", "dev_order": "order", "score": "score"}  # fmt: skip
    digits = {"train_loss": 3, "dev_loss": 3}
    parts = [
        f"{label} {metrics[name]:.{digits.get(name, 2)}f}"
        for name, label in names.items()
        if name in metrics
    ]
    return f"step {step}  " + "  ".join(parts) + ("  * best" if best else "")


class TrainingInterrupted(D2TError):
    """The user stopped training; the message says how to resume."""

    code = "interrupted"
    exit_code = 130


class StopFlag:
    """Whether somebody asked to stop.

    Attributes:
        requested: set by the first signal; the loop looks at it between optimizer steps.
    """

    def __init__(self) -> None:
        self.requested = False

    def handle(self, signum: int, frame: Any) -> None:
        """Ask to stop; a second signal stops at once."""
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True


@contextmanager
def stop_on_signal() -> Iterator[StopFlag]:
    """Turn SIGINT and SIGTERM into a request inside the block; a no-op outside the main thread."""
    flag = StopFlag()
    if threading.current_thread() is not threading.main_thread():
        yield flag
        return
    signals = [signal.SIGINT, signal.SIGTERM]
    before = [signal.signal(number, flag.handle) for number in signals]
    try:
        yield flag
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)
