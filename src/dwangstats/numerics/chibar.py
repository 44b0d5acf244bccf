"""Tail probabilities of likelihood ratio statistics where a parameter lies at the end of its range."""

from scipy.stats import chi2

NOTHING_GAINED = 1e-6
"""Likelihood ratio statistic that is no gain: maxima are found to about 1e-7, and only at 0 is there a point mass."""


def boundary_pvalue(statistic: float, added: int, at_boundary: int) -> float:
    """Probability of a likelihood ratio statistic at least as large when the smaller model holds.

    Parameters
    ----------
    statistic : float
        Twice the difference of the log likelihoods, >= 0.
    added : int
        Parameters that the larger model adds, >= 1.
    at_boundary : int
        How many of these are variances or dispersions, which the smaller model sets to zero.

    Returns
    -------
    float
        chi-square on `added` for 0 at the boundary. For 1 half chi-square on added - 1, half on added, where on 0
        degrees of freedom all mass is at 0 (Self and Liang 1987, J. Am. Stat. Assoc. 82, 605, cases 5 and 6; Stram and
        Lee 1994, Biometrics 50, 1171). For more than 1 the same number, which then is an upper bound whatever the
        information: the cone of admissible values lies within a half-space (Perlman 1969, Ann. Math. Stat. 40, 549).
    """
    if at_boundary == 0:
        return float(chi2.sf(statistic, added))
    if added == 1 and statistic <= NOTHING_GAINED:
        return 1.0
    less = float(chi2.sf(statistic, added - 1)) if added > 1 else 0.0
    return 0.5 * less + 0.5 * float(chi2.sf(statistic, added))
