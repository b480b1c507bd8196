"""``python -m d2t.corpus.mini --out DIR``: write the embedded corpus again."""

from __future__ import annotations

import argparse
from pathlib import Path

from d2t.corpus.mini.generate import SEED, write_mini


def main() -> None:
    """Parse the two options and write the files."""
    parser = argparse.ArgumentParser(prog="python -m d2t.corpus.mini", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder to write into")
    parser.add_argument("--seed", type=int, default=SEED, help="default: the committed corpus")
    options = parser.parse_args()
    for path in write_mini(options.out, options.seed):
        print(path)


if __name__ == "__main__":
    main()
