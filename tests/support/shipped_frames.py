"""Copy the frames of the restaurant domain into the shipped model, and list the copy there.

PYTHONPATH=. python tests/support/shipped_frames.py
"""

from __future__ import annotations

import json
import shutil

from d2t.io.hashing import sha256_file
from d2t.io.resources import data_root, shipped_model

FILE = "domain/frames.toml"


def main() -> None:
    """Write both files."""
    copy, contents = shipped_model() / FILE, shipped_model() / "d2t.json"
    shutil.copyfile(data_root() / "restaurant" / "frames.toml", copy)
    manifest = json.loads(contents.read_text(encoding="utf-8"))
    manifest["files"] = dict(sorted({**manifest["files"], FILE: sha256_file(copy)}.items()))
    text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    contents.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
