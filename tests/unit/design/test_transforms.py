import numpy as np
import pandas as pd
import pytest

from dwangstats.design.design import build_design
from dwangstats.errors import DataError


def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "provider": ["a", "a", "b", "b", "b"],
            "x": [1.0, 3.0, 10.0, 20.0, 60.0],
            "events": [1, 0, 3, 2, 4],
        },
        index=[7, 3, 9, 1, 2],
    )


def test_deviations_and_means_by_group() -> None:
    design = build_design("events ~ within(x, provider) + between(x, provider)", table())
    assert design.names == ("Intercept", "within(x, provider)", "between(x, provider)")
    np.testing.assert_allclose(design.X[:, 1], [-1.0, 1.0, -20.0, -10.0, 30.0])
    np.testing.assert_allclose(design.X[:, 2], [2.0, 2.0, 30.0, 30.0, 30.0])


def test_new_rows_use_the_means_of_the_fit() -> None:
    design = build_design("events ~ within(x, provider) + between(x, provider)", table())
    new = pd.DataFrame({"provider": ["b", "a"], "x": [100.0, 0.0]})
    np.testing.assert_allclose(design.matrix(new)[:, 1:], [[70.0, 30.0], [-2.0, 2.0]])
    np.testing.assert_allclose(design.matrix(table()), design.X)


def test_a_group_that_was_not_fitted_has_no_mean() -> None:
    design = build_design("events ~ within(x, provider)", table())
    with pytest.raises(DataError, match=r"within.* is not a finite number in 1 of 1 rows .* A group without fitted"):
        design.matrix(pd.DataFrame({"provider": ["z"], "x": [1.0]}))


def test_categories_as_groups_and_transforms_within_transforms() -> None:
    frame = table().assign(provider=pd.Categorical(table()["provider"], categories=["b", "a", "c"]))
    design = build_design("events ~ within(log(x), provider)", frame)
    np.testing.assert_allclose(design.X[:2, 1], [-np.log(3.0) / 2.0, np.log(3.0) / 2.0])


def test_as_a_random_slope() -> None:
    design = build_design("events ~ 1 + (within(x, provider) | provider)", table())
    np.testing.assert_allclose(design.random[0].columns.X[:, 1], [-1.0, 1.0, -20.0, -10.0, 30.0])
