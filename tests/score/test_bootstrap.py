"""Resampling: totals, intervals, the two paired tests."""

from __future__ import annotations

import numpy as np
import pytest

from d2t.score.bootstrap import (
    PAIRED_TESTS,
    Resampling,
    approximate_randomization,
    paired_bootstrap,
    percentile_interval,
    resampled_totals,
    sum_by_unit,
)

FAST = Resampling(n_resamples=500, seed=1)


def mean(totals):
    return 100 * totals[:, 0] / totals[:, 1]


def hits(n, share, seed):
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.random(n) < share, np.ones(n)]).astype(float)


def test_every_resample_draws_as_many_rows_as_there_are():
    totals = resampled_totals(hits(37, 0.5, 0), 200, seed=3)
    assert totals.shape == (200, 2)
    assert (totals[:, 1] == 37).all()


def test_resampled_totals_are_those_of_index_resampling():
    rows = np.arange(12.0).reshape(6, 2)
    draws = np.random.default_rng(5).integers(6, size=(64, 6))
    np.testing.assert_allclose(resampled_totals(rows, 64, seed=5), rows[draws].sum(axis=1))


def test_the_same_seed_gives_the_same_totals_and_another_seed_others():
    rows = hits(50, 0.5, 0)
    np.testing.assert_array_equal(resampled_totals(rows, 100, 7), resampled_totals(rows, 100, 7))
    assert (resampled_totals(rows, 100, 7) != resampled_totals(rows, 100, 8)).any()


def test_spread_of_a_share_is_the_binomial_one():
    samples = mean(resampled_totals(hits(400, 0.3, 2), 4000, seed=0))
    share = mean(hits(400, 0.3, 2).sum(axis=0, keepdims=True))[0] / 100
    assert samples.std() == pytest.approx(100 * np.sqrt(share * (1 - share) / 400), rel=0.05)


def test_units_are_summed():
    rows = np.array([[1.0, 1], [2, 1], [4, 1]])
    np.testing.assert_array_equal(sum_by_unit(rows, [0, 1, 0]), [[5, 2], [2, 1]])


def test_interval_holds_the_point_and_skips_undefined_samples():
    assert percentile_interval(np.array([np.nan, 4.0, 4.0]), 3.0) == (3.0, 4.0)
    assert percentile_interval(np.array([]), 3.0) == (3.0, 3.0)


@pytest.mark.parametrize("test", PAIRED_TESTS.values(), ids=PAIRED_TESTS)
class TestPairedTests:
    def test_a_system_does_not_differ_from_itself(self, test):
        rows = hits(80, 0.6, 0)
        result = test(mean, rows, rows, FAST)
        assert (result.difference, result.low, result.high, result.p_value) == (0, 0, 0, 1.0)

    def test_a_planted_difference_is_found(self, test):
        a, b = hits(300, 0.6, 0), hits(300, 0.75, 1)
        result = test(mean, a, b, FAST)
        assert result.p_value < 0.01
        assert 0 < result.low < result.difference < result.high
        assert result.difference == pytest.approx(result.score_b - result.score_a)

    def test_swapping_the_systems_changes_the_sign_only(self, test):
        a, b = hits(60, 0.6, 0), hits(60, 0.7, 1)
        there, back = test(mean, a, b, FAST), test(mean, b, a, FAST)
        assert there.difference == pytest.approx(-back.difference)
        assert there.p_value == pytest.approx(back.p_value, abs=0.05)

    def test_p_values_of_no_difference_are_spread_out(self, test):
        """Under the null hypothesis about 5% of the p-values are below 0.05 (here: 40 draws)."""
        few = Resampling(n_resamples=200, seed=3)
        values = [
            test(mean, hits(100, 0.5, 2 * i), hits(100, 0.5, 2 * i + 1), few).p_value
            for i in range(40)
        ]
        assert sum(value < 0.05 for value in values) <= 6
        assert 0.3 < np.mean(values) < 0.7

    def test_p_is_never_zero(self, test):
        result = test(mean, hits(50, 0.0, 0), hits(50, 1.0, 0), FAST)
        assert result.p_value == pytest.approx(1 / 501, abs=0.003)


def test_pairing_matters():
    """B = A plus ten more hits: small against the spread of A, certain against the pairs."""
    a = hits(400, 0.5, 0)
    b = a.copy()
    b[np.flatnonzero(a[:, 0] == 0)[:10], 0] = 1
    assert paired_bootstrap(mean, a, b, FAST).p_value < 0.01
    assert approximate_randomization(mean, a, b, FAST).p_value < 0.01
    assert paired_bootstrap(mean, a, b[::-1], FAST).p_value > 0.05
