"""``python launch.py REPLY COMMAND…``: run a command and write its wall time and peak memory.

A process of its own, because Linux hands the high-water mark of a forking parent down to its
child: a child of the benchmarks themselves would report their memory, not its own.
"""

import json
import resource
import subprocess
import sys
import time

if __name__ == "__main__":
    started = time.perf_counter()
    code = subprocess.run(sys.argv[2:]).returncode
    wall_s = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    unit = 1 if sys.platform == "darwin" else 1024
    with open(sys.argv[1], "w", encoding="utf-8") as reply:
        json.dump({"wall_s": wall_s, "peak_mb": peak * unit / 1e6, "code": code}, reply)
