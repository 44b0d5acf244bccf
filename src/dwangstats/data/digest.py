"""A hash of what a frame holds, the same for every file format, library version and column order."""

import hashlib
from typing import Any

import numpy as np
import pandas as pd


def frame_digest(frame: pd.DataFrame) -> str:
    """sha256 (hexadecimal) of the content of a frame.

    Columns count by name and not by place, rows by place; the index does not count. Numbers are hashed as float64,
    moments as microseconds, everything else as text, and a missing value differs from every value.
    """
    digest = hashlib.sha256(f"{len(frame)} rows".encode())
    for name in sorted(map(str, frame.columns)):
        digest.update(f"\n{name}\n".encode())
        digest.update(_content(frame[name]))
    return digest.hexdigest()


def _content(values: "pd.Series[Any]") -> bytes:
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return values.to_numpy(dtype="datetime64[us]").tobytes()
    if pd.api.types.is_numeric_dtype(values.dtype):
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
        return np.where(np.isnan(numbers), np.nan, numbers + 0.0).tobytes()
    missing = values.isna().to_numpy()
    texts = ["\x00" if gone else str(value) for value, gone in zip(values.tolist(), missing, strict=True)]
    return "\x1f".join(texts).encode()
