"""Laws of ridge regression on one measure; those of classifiers are among the laws of decoding."""

import numpy as np

from ventral.measures.ridge import ridge_regress


def test_ridge_is_the_solution_of_the_penalised_problem():
    draw = np.random.default_rng(0)
    x, test = draw.normal(size=(60, 5)), draw.normal(size=(7, 5))
    weights = np.array([1, -2, 0.5, 0, 3])
    np.testing.assert_allclose(ridge_regress(x, x @ weights + 4, test), test @ weights + 4, atol=0.1)
    constant = np.column_stack([x, np.full(60, 7.0)])
    found = ridge_regress(constant, x @ weights + 4, np.column_stack([test, np.full(7, 9.0)]))
    np.testing.assert_allclose(found, test @ weights + 4, atol=0.1)
    noise = ridge_regress(x, draw.normal(size=60), test)
    assert np.std(noise) < 0.5
