"""Print every run-time dependency at its lower bound, as constraints for ``make test-lowest``."""

import re
import tomllib
from pathlib import Path

PROJECT = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]

for line in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["train"]:
    name, bound = re.match(r"([\w-]+)>=([\w.]+)", line).groups()
    print(f"{name}=={bound}")
