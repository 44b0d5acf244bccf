"""The sum over forms: measured only where every form is."""

import numpy as np
import pandas as pd

from dwangstats.data.bsn import without_bsn
from dwangstats.data.panels.layout import ALL_FORMS, IDENTITY
from dwangstats.errors import DataError


def sum_over_forms(frame: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Add up the forms of each provider (and location) and period.

    Parameters
    ----------
    frame : DataFrame
        Of a panel, with several forms.

    Returns
    -------
    DataFrame
        Of a panel, with the form "all"; not delivered where a form is missing or was not delivered.
    int
        Registrations of forms that were delivered where others were not: they are in no row of the result.

    Raises
    ------
    DataError
        If the forms of one place and period have different bed-days: their sum then has no one exposure.
    """
    place = [name for name in IDENTITY if name in frame.columns and name != "form"]
    groups = frame.groupby(place, sort=True)
    different = groups["bed_days"].max() > groups["bed_days"].min()
    if different.any():
        where = without_bsn(" ".join(map(str, different.index[different][0])))
        raise DataError(
            f"The forms have different bed-days in {int(different.sum())} of {len(different)} provider-periods (first: "
            f"{where}), so their sum has no one exposure. Look at one form at a time."
        )
    first = groups.first().reset_index()
    complete = (groups["delivered"].all() & (groups.size() == frame["form"].nunique())).to_numpy()
    events = groups["events"].sum().to_numpy()
    summed = first.assign(form=ALL_FORMS, events=np.where(complete, events, np.nan), delivered=complete)
    summed["form"] = summed["form"].astype("str")
    return summed[frame.columns], int(events[~complete].sum())
