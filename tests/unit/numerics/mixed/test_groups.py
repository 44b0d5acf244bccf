import numpy as np
import pytest

from dwangstats.errors import DomainError
from dwangstats.numerics.mixed.fit import fit_mixed
from dwangstats.numerics.mixed.groups import group_parts
from dwangstats.numerics.mixed.structure import Term


@pytest.mark.parametrize("name", ["intercept", "nested", "slope", "three effects"])
@pytest.mark.parametrize("family", ["poisson", "nb2"])
@pytest.mark.parametrize("inflated", [False, True])
def test_parts_sum_to_the_whole(panel, name, family, inflated) -> None:
    zero = panel.zero_X if inflated else None
    y = panel.with_zeros if inflated else panel.y
    terms = panel.terms(name)
    fit = fit_mixed(panel.X, y, panel.offset, terms, family, zero_X=zero)
    parts = group_parts(panel.X, y, panel.offset, terms, family, fit.vector, zero_X=zero, nodes=fit.nodes)
    assert parts.term == "provider"
    assert parts.loglik.shape == (15,)
    assert parts.scores.shape == (15, len(fit.names))
    assert parts.loglik.sum() == pytest.approx(fit.loglik, abs=1e-8)
    # At the maximum the scores sum to zero within the last Newton step.
    np.testing.assert_allclose(parts.scores.sum(axis=0)[fit.free], 0.0, atol=1e-4)


@pytest.mark.parametrize(("name", "nodes"), [("intercept", 1), ("intercept", 9), ("nested", 1), ("slope", 1)])
def test_a_group_alone_contributes_what_it_did_among_others(panel, name, nodes) -> None:
    terms = panel.terms(name)
    size = 2 + {"intercept": 1, "nested": 2, "slope": 3}[name]
    vector = np.concatenate(([0.3, 0.2], [0.6, 0.4, 0.5][: size - 2]))
    whole = group_parts(panel.X, panel.y, panel.offset, terms, "poisson", vector, nodes=nodes)
    rows = np.flatnonzero(panel.provider == 4)
    alone = tuple(
        Term(np.unique(t.codes[rows], return_inverse=True)[1].astype(np.intp), t.Z[rows], t.correlated, t.name)
        for t in terms
    )
    one = group_parts(panel.X[rows], panel.y[rows], panel.offset[rows], alone, "poisson", vector, nodes=nodes)
    assert one.loglik[0] == pytest.approx(whole.loglik[4], abs=1e-9)
    np.testing.assert_allclose(one.scores[0], whole.scores[4], rtol=1e-8, atol=1e-8)


def test_crossed_terms_have_no_independent_groups(panel) -> None:
    with pytest.raises(DomainError, match="crossed"):
        group_parts(panel.X, panel.y, panel.offset, panel.terms("crossed"), "poisson", np.zeros(4))
