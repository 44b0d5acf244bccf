"""What a report says that its numbers rest on."""

from collections.abc import Sequence

import pandas as pd

from dwangstats.present.labels import Labels


def evidence_words(
    labels: Labels,
    *,
    audits: Sequence[pd.DataFrame] = (),
    second_sources: Sequence[tuple[pd.DataFrame, float]] = (),
    controls: Sequence[pd.DataFrame] = (),
    priors: Sequence[tuple[float, float]] = (),
) -> str:
    """The evidence that was used, as part of a sentence.

    Parameters
    ----------
    labels : Labels
    audits : sequence of DataFrame
        With columns provider_id, n_found, n_registered.
    second_sources : sequence of (DataFrame, odds ratio)
        With columns provider_id, both, register_only, other_only.
    controls : sequence of DataFrame
        With columns provider_id, control_count.
    priors : sequence of (low, high)
    """
    said = [
        labels.text(
            "evidence_words.audit",
            events=labels.count(int(frame["n_found"].sum())),
            registered=labels.count(int(frame["n_registered"].sum())),
            providers=labels.count(frame["provider_id"].nunique()),
        )
        for frame in audits
    ]
    said += [
        labels.text(
            "evidence_words.second_source",
            events=labels.count(int(frame[["both", "register_only", "other_only"]].to_numpy().sum())),
            providers=labels.count(frame["provider_id"].nunique()),
            odds_ratio=labels.number(odds_ratio, 1),
        )
        for frame, odds_ratio in second_sources
    ]
    said += [
        labels.text(
            "evidence_words.control",
            events=labels.count(int(frame["control_count"].sum())),
            providers=labels.count(frame["provider_id"].nunique()),
        )
        for frame in controls
    ]
    said += [
        labels.text("evidence_words.prior", low=labels.percent(low), high=labels.percent(high)) for low, high in priors
    ]
    return labels.list_of(said)
