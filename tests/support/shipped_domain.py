"""Copy the restaurant domain of today into the shipped model, and list the copies there.

PYTHONPATH=. python tests/support/shipped_domain.py

The network stays; what reads, proves and composes texts beside it follows the repository.
"""

from __future__ import annotations

import json
import shutil

from d2t.io.hashing import sha256_file
from d2t.io.resources import data_root, shipped_model

FILES = ("domain.toml", "frames.toml", "lexicon.toml", "neutral.toml")


def main() -> None:
    """Write the copies and the manifest."""
    contents = shipped_model() / "d2t.json"
    manifest = json.loads(contents.read_text(encoding="utf-8"))
    for name in FILES:
        copy = shipped_model() / "domain" / name
        shutil.copyfile(data_root() / "restaurant" / name, copy)
        manifest["files"][f"domain/{name}"] = sha256_file(copy)
    manifest["files"] = dict(sorted(manifest["files"].items()))
    text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    contents.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
