"""Which cluster each row belongs to, from a column or from labels."""

import numpy as np
import pandas as pd

from dwangstats._types import Codes
from dwangstats.errors import DataError, DomainError


def cluster_codes(frame: pd.DataFrame, cluster: str | np.ndarray | pd.Series) -> tuple[str, Codes, int]:
    """Name, number of each row and count of the clusters.

    Parameters
    ----------
    frame : DataFrame
        The fitted rows.
    cluster : str or (n,) array
        Column of the rows, or a label for each row.

    Raises
    ------
    DataError
        If the column does not exist, a label is missing, or the array has another length.
    DomainError
        With one cluster.
    """
    if isinstance(cluster, str):
        if cluster not in frame:
            columns = ", ".join(str(column) for column in frame.columns)
            raise DataError(f"The data have no column {cluster} to cluster by. Columns: {columns}.")
        name, labels = cluster, frame[cluster].to_numpy()
    else:
        name, labels = "given labels", np.asarray(cluster)
    if labels.shape != (len(frame),):
        raise DataError(f"cluster must have one label for each of the {len(frame)} rows, its shape is {labels.shape}")
    codes, known = pd.factorize(labels, sort=False)
    missing = int(np.count_nonzero(codes < 0))
    if missing:
        raise DataError(f"The cluster ({name}) is missing in {missing} of {len(frame)} rows. Fill it in.")
    if len(known) < 2:
        raise DomainError(
            f"All {len(frame)} rows are in one cluster ({name}). A cluster-robust covariance compares clusters, so "
            "it needs two at least, and some twenty to be trusted. Use the model's own standard errors, or cluster "
            "by something smaller."
        )
    return name, codes.astype(np.intp), len(known)
