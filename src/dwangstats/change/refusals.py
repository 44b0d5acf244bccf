"""Why a rate ratio or its interval is not given, in both languages."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from dwangstats._types import CovarianceKind, Language

Cause: TypeAlias = Literal["fit", "covariance", "headline"]
Reason: TypeAlias = Mapping[Language, str]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that was asked for one form and is not given, and the sentence that says why.

    Attributes
    ----------
    form, selection, family : str
        What was fitted.
    reason : str
        Why, in English; for a fit the message of the model.
    covariance : str
        The covariance that is not given; empty where the model itself was not fitted.
    reason_nl : str
        Why, in Dutch; empty for a fit, of which only the model's own message in English says why.
    cause : {"fit", "covariance", "headline"}
        The model was not fitted, one covariance gives no interval, or another interval is quoted than was asked for.
    """

    form: str
    selection: str
    family: str
    reason: str
    covariance: str = ""
    reason_nl: str = ""
    cause: Cause = "fit"


NOT_GIVEN: Reason = {
    "nl": "Het clusterrobuuste interval is niet te geven.",
    "en": "The clustered interval is not given, so the interval of the model is quoted.",
}
TOO_NARROW: Reason = {
    "nl": "Tussen zorgaanbieders verschilt de verandering minder dan toeval in de aantallen alleen al zou geven, zodat "
    "het clusterrobuuste interval te smal is.",
    "en": "Between providers the change varies less than chance in the counts alone would make it vary, so the "
    "clustered interval is too narrow and the interval of the model is quoted.",
}
NO_SPREAD_NL = (
    "De clusters zeggen hier te weinig: zij liepen precies gelijk op, of een of enkele ervan bepalen het "
    "verhoudingsgetal, zodat een clusterrobuust interval te smal zou zijn."
)


def not_fitted(form: str, selection: str, family: str, error: Exception) -> Refusal:
    """The model could not be fitted."""
    return Refusal(form, selection, family, str(error))


def no_interval(form: str, selection: str, family: str, covariance: CovarianceKind, error: Exception) -> Refusal:
    """The clusters carry no interval of this kind."""
    return Refusal(form, selection, family, str(error), covariance, NO_SPREAD_NL, "covariance")


def other_headline(form: str, selection: str, family: str, covariance: CovarianceKind, reason: Reason) -> Refusal:
    """Another interval is quoted than the one asked for."""
    return Refusal(form, selection, family, reason["en"], covariance, reason["nl"], "headline")
