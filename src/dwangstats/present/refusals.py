"""What was refused while comparing, as findings: one for each reason, with the forms it concerns."""

import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

from dwangstats._types import Language, Severity
from dwangstats.change.comparison import FormComparison
from dwangstats.change.refusals import NOT_GIVEN, Refusal
from dwangstats.data.findings import LANGUAGES, Finding
from dwangstats.present.labels import Labels


def refusal_findings(comparisons: Iterable[FormComparison]) -> list[Finding]:
    """Findings on what could not be given, grouped by reason.

    A form without a ratio, and an interval quoted in place of the one asked for, are warnings. A model or a covariance
    that is missing beside a ratio that is quoted is only said, once.

    Parameters
    ----------
    comparisons : iterable of FormComparison
        All forms and selections of the main job.

    Returns
    -------
    list of Finding
    """
    all_of_them = list(comparisons)
    refusals = [refusal for comparison in all_of_them for refusal in comparison.refusals]
    quoted = {(c.form, c.selection) for c in all_of_them if not c.ratios.empty and bool(c.ratios["headline"].any())}
    replaced = {_fit(refusal): refusal for refusal in refusals if refusal.cause == "headline"}
    because = {_interval(r): r for r in refusals if r.cause == "covariance"}
    beside = [r for r in because.values() if _fit(r) not in replaced or replaced[_fit(r)].covariance != r.covariance]
    not_fitted = [refusal for refusal in refusals if refusal.cause == "fit"]
    without = [r for r in not_fitted if (r.form, r.selection) not in quoted]
    with_another = [r for r in not_fitted if (r.form, r.selection) in quoted]
    findings = [_no_fit(group, "warning", "no_fit_action") for group in _groups(without, _same_words)]
    findings += [_no_fit(group, "info", "other_fit_action") for group in _groups(with_another, _same_words)]
    explained = [_explained(refusal, because) for refusal in replaced.values()]
    findings += [_no_interval(g, "other-interval", "interval", "warning") for g in _groups(explained, _same_words)]
    if beside:
        findings.append(_no_interval(beside, "no-interval", "covariance", "info"))
    return findings


def _fit(refusal: Refusal) -> tuple[str, str, str]:
    return refusal.form, refusal.selection, refusal.family


def _interval(refusal: Refusal) -> tuple[str, str, str, str]:
    return *_fit(refusal), refusal.covariance


def _explained(refusal: Refusal, because: Mapping[tuple[str, str, str, str], Refusal]) -> Refusal:
    """Of an interval that is not given, the refusal that says why, if there is one."""
    return because.get(_interval(refusal), refusal) if refusal.reason == NOT_GIVEN["en"] else refusal


def _same_words(refusal: Refusal) -> Hashable:
    """Reasons that differ only in their numbers are one reason."""
    return re.sub(r"\d+", "0", refusal.reason)


def _groups(refusals: Iterable[Refusal], key: Callable[[Refusal], Hashable]) -> list[list[Refusal]]:
    groups: dict[Hashable, list[Refusal]] = {}
    for refusal in refusals:
        groups.setdefault(key(refusal), []).append(refusal)
    return list(groups.values())


def _no_fit(group: Sequence[Refusal], severity: Severity, action: str) -> Finding:
    """A model that was not fitted; numbers that differ between forms are those of the first."""
    several = len({refusal.reason for refusal in group}) > 1
    message: dict[Language, str] = {}
    for language in LANGUAGES:
        labels = Labels(language)
        first = labels.text("refusal.no_fit_first", place=_places(labels, group[:1])) if several else ""
        message[language] = labels.text(
            "refusal.no_fit", places=_places(labels, group), first=first, reason=group[0].reason
        )
    return _finding("no-estimate", severity, message, action)


def _no_interval(group: Sequence[Refusal], rule: str, key: str, severity: Severity) -> Finding:
    """An interval that the clusters do not carry."""
    covariances = list(dict.fromkeys(refusal.covariance for refusal in group))
    message: dict[Language, str] = {}
    for language in LANGUAGES:
        labels = Labels(language)
        message[language] = labels.text(
            f"refusal.{key}",
            places=_places(labels, group),
            covariance=labels.list_of(covariances),
            reason=group[0].reason_nl if language == "nl" else group[0].reason,
        )
    return _finding(rule, severity, message, f"{key}_action")


def _finding(rule: str, severity: Severity, message: dict[Language, str], action: str) -> Finding:
    actions: dict[Language, str] = {code: Labels(code).text(f"refusal.{action}") for code in LANGUAGES}
    return Finding(rule, severity, "", 0, 0, (), message, actions)


def _places(labels: Labels, refusals: Sequence[Refusal]) -> str:
    """Forms with their selections and families; forms of which these are the same stand together."""
    models: dict[str, dict[str, list[str]]] = {}
    for refusal in refusals:
        families = models.setdefault(refusal.form, {}).setdefault(refusal.selection, [])
        if refusal.family not in families:
            families.append(refusal.family)
    together: dict[str, list[str]] = {}
    for form, selections in models.items():
        together.setdefault(_models(labels, selections), []).append(labels.name("form", form))
    return labels.list_of([f"{labels.list_of(forms)} ({text})" for text, forms in together.items()])


def _models(labels: Labels, selections: Mapping[str, Sequence[str]]) -> str:
    """The families of each selection; selections of which these are the same stand together."""
    together: dict[str, list[str]] = {}
    for selection, families in selections.items():
        names = labels.list_of([labels.name("family", family) for family in families])
        together.setdefault(names, []).append(labels.name("selection", selection))
    return "; ".join(f"{labels.list_of(chosen)}: {names}" for names, chosen in together.items())
