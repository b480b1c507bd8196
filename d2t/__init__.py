"""d2t: data-to-text generation whose content is proved and whose order can be chosen."""

from __future__ import annotations
