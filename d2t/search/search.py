"""Search over anything that can be stepped (``Seq2SeqModel``).

Both searches are batched, deterministic (ties go to the lower token id, then the better beam) and
leave the batch smaller as rows finish. In fp32 the ids do not depend on the batch size.
"""

from __future__ import annotations

from d2t.search.backend import SearchResult
from d2t.search.beam import beam_search
from d2t.search.greedy import greedy_search
from d2t.search.steps import pad_sources

__all__ = ["SearchResult", "beam_search", "greedy_search", "pad_sources"]
