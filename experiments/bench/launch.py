"""``python launch.py REPLY COMMAND…``: run a command and write its wall time and peak memory.

A process of its own, because Linux hands the high-water mark of a forking parent down to its
child: a child of the benchmarks themselves would report their memory, not its own. Of a command
that begins processes the peaks are added up (Linux; elsewhere the largest counts).
"""

import json
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path

_EVERY_S = 0.1


def _tree(pid: int) -> list[int]:
    """The process and all below it, as far as they can be seen."""
    found = [pid]
    for process in found:
        for children in Path(f"/proc/{process}/task").glob("*/children"):
            try:
                found += map(int, children.read_text().split())
            except OSError:
                continue  # it has ended by now
    return found


def _peak(pid: int) -> int:
    """Most bytes that a process has had in memory so far; 0 once it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    line = next((line for line in status.splitlines() if line.startswith("VmHWM:")), "VmHWM: 0 kB")
    return 1024 * int(line.split()[1])


def _watch(pid: int, peaks: dict[int, int], ended: threading.Event) -> None:
    while not ended.wait(_EVERY_S):
        for process in _tree(pid):
            peaks[process] = max(peaks.get(process, 0), _peak(process))


if __name__ == "__main__":
    started = time.perf_counter()
    command = subprocess.Popen(sys.argv[2:])
    peaks: dict[int, int] = {}
    ended = threading.Event()
    watcher = threading.Thread(target=_watch, args=(command.pid, peaks, ended))
    watcher.start()
    code = command.wait()
    wall_s = time.perf_counter() - started
    ended.set()
    watcher.join()
    unit = 1 if sys.platform == "darwin" else 1024
    largest = unit * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    peak = max(largest, sum(peaks.values()))
    with open(sys.argv[1], "w", encoding="utf-8") as reply:
        json.dump({"wall_s": wall_s, "peak_mb": peak / 1e6, "code": code}, reply)
