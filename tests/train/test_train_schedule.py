"""Learning rates: up, then down, never zero, never above the peak."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2t.train.loop.optim import Schedule, default_warmup, rate_factor

NAMES = st.sampled_from(["cosine", "inverse_sqrt", "linear", "constant"])


@settings(deadline=None)
@given(NAMES, st.integers(0, 50), st.integers(1, 500))
def test_rises_to_the_peak_and_never_exceeds_it(name: Schedule, warmup: int, total: int) -> None:
    factors = [rate_factor(s, schedule=name, warmup=warmup, total=total) for s in range(total)]
    assert all(0 < factor <= 1 for factor in factors)
    assert factors[:warmup] == sorted(factors[:warmup])
    assert factors[warmup:] == sorted(factors[warmup:], reverse=True)


def test_known_points() -> None:
    cosine = [rate_factor(s, schedule="cosine", warmup=10, total=110) for s in range(111)]
    assert cosine[0] == pytest.approx(0.1)
    assert cosine[9] == cosine[10] == 1.0
    assert cosine[60] == pytest.approx(0.02 + 0.98 / 2)
    assert cosine[110] == pytest.approx(0.02)
    noam = rate_factor(399, schedule="inverse_sqrt", warmup=100, total=1000)
    assert noam == pytest.approx(math.sqrt(100 / 400))


def test_default_warmup_is_bounded() -> None:
    assert default_warmup(1) == 1
    assert default_warmup(1000) == 60
    assert default_warmup(10**6) == 400
