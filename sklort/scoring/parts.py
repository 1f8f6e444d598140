"""One part: its row groups are read, scored and written, and the file appears whole or not at all.

Nothing here knows which engine calls it; the same part may even be scored twice at once, for the bytes are the same
and the last step is a rename.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from sklort.exceptions import ScoringError
from sklort.scoring.files import InputFile
from sklort.scoring.intake import Refused
from sklort.scoring.plan import Part
from sklort.scoring.scorer import Scorer

MARK = b"sklort.score"
"""Key of a part's metadata, whose value is `mark`."""
BATCH_BYTES = 8_000_000
"""A batch is about as large where its rows are not given: it is in memory a few times for each worker."""
FEWEST, MOST = 1_000, 131_072
AHEAD = 2
"""Batches that are read while another is scored."""
GROUP_BYTES = 64_000_000
"""Rows whose columns are about as large in the input become a row group of the output."""
FEWEST_IN_GROUP, MOST_IN_GROUP = 10_000, 1 << 20


@dataclass(frozen=True)
class Job:
    """A part and, but for the scorer, all that is needed to make it: small enough to travel.

    Attributes
    ----------
    file : InputFile
    part : Part
    folder : str
        Where the part belongs.
    run : str
        Digest of the plan.
    schema : pyarrow.Schema
    batch_rows : int or None
    compression : str
    """

    file: InputFile
    part: Part
    folder: str
    run: str
    schema: Any
    batch_rows: int | None
    compression: str


class Stopped(Exception):
    """Another part has failed, or the user wants an end."""


def mark(run: str, part: Part) -> bytes:
    """What a part of a run carries in its footer."""
    return f"{run} {part.number}".encode()


def is_done(folder: str, part: Part, run: str) -> bool:
    """Whether the file of a part is there, readable, and of this run."""
    path = os.path.join(folder, part.name)
    try:
        found = pq.read_metadata(path)
    except FileNotFoundError:
        return False
    except (pa.ArrowException, OSError) as error:
        raise ScoringError(
            f"{path}: a finished part that cannot be read ({error}): start again with --restart"
        ) from error
    if (found.metadata or {}).get(MARK) != mark(run, part) or found.num_rows != part.rows:
        raise ScoringError(f"{path}: not the part that this run has written: start again with --restart")
    return True


def score_part(
    scorer: Scorer, job: Job, report: Callable[[int], object] | None = None, stop: Event | None = None
) -> int:
    """Read, score and write one part.

    Parameters
    ----------
    scorer : Scorer
    job : Job
    report : callable, optional
        Told the rows of each batch that is scored.
    stop : Event, optional
        Ends the work when it is set.

    Returns
    -------
    int
        The number of the part.

    Raises
    ------
    ScoringError
        Names the file, the row group and, where they can be told, the row and the column.
    Stopped
    """
    stop = stop or Event()
    target = os.path.join(job.folder, job.part.name)
    temporary = os.path.join(job.folder, f".{job.part.name}.{uuid4().hex}.tmp")
    schema = job.schema.with_metadata({MARK: mark(job.run, job.part)})
    written = 0
    job.file.check_unchanged()
    try:
        with open(temporary, "xb") as file:
            with pq.ParquetWriter(file, schema, compression=job.compression, write_page_checksum=True) as writer:
                for result in _row_groups(_results(scorer, job, stop, report), _rows_of(GROUP_BYTES, scorer, job)):
                    writer.write_table(result, max(1, result.num_rows))
                    written += result.num_rows
            file.flush()
            os.fsync(file.fileno())
        job.file.check_unchanged()
        if written != job.part.rows:
            raise ScoringError(f"{job.file.path}: {written:,} rows came where the footer promises {job.part.rows:,}")
        os.replace(temporary, target)
        sync_folder(job.folder)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise
    return job.part.number


def sync_folder(folder: str) -> None:
    """Make renames inside a folder outlive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _row_groups(results: Iterator[Any], rows: int) -> Iterator[Any]:
    """The same rows in tables of exactly so many, however they come: batches leave no trace in the file."""
    waiting: list[Any] = []
    for result in results:
        waiting.append(result)
        while sum(one.num_rows for one in waiting) >= rows:
            joined = pa.concat_tables(waiting)
            yield joined.slice(0, rows).combine_chunks()
            waiting = [joined.slice(rows)]
    if sum(one.num_rows for one in waiting):
        yield pa.concat_tables(waiting).combine_chunks()


def _results(scorer: Scorer, job: Job, stop: Event, report: Callable[[int], object] | None) -> Iterator[Any]:
    """The part's rows, scored, batch by batch; the next batches are read meanwhile."""
    for group, first, batch in _ahead(_batches(scorer, job), stop):
        try:
            result = scorer(batch)
        except Refused as refused:
            row = None if refused.row is None else first + refused.row
            raise ScoringError(refused.told(f"{job.file.path}, row group {group}", row)) from refused
        if report is not None:
            report(result.num_rows)
        yield result.cast(job.schema)


def _batches(scorer: Scorer, job: Job) -> Iterator[tuple[int, int, Any]]:
    """(row group, first row of the batch in the file, batch)"""
    group = job.part.first
    rows = job.batch_rows or _rows_of(BATCH_BYTES, scorer, job)
    first = sum(job.file.row_groups[: job.part.first])
    try:
        with pq.ParquetFile(
            job.file.path, pre_buffer=False, buffer_size=1 << 20, page_checksum_verification=True
        ) as parquet:
            wanted = _used(scorer, parquet.schema_arrow.names)
            for group in range(job.part.first, job.part.last):
                for batch in parquet.iter_batches(rows, row_groups=[group], columns=wanted):
                    if batch.num_rows:
                        yield group, first, pa.Table.from_batches([batch]).select(wanted)
                        first += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        raise ScoringError(f"{job.file.path}, row group {group}: cannot be read: {error}") from error


def _used(scorer: Scorer, names: list[str]) -> list[str]:
    """The columns of a file that are read, in its order."""
    used = {*scorer.reads(names), *scorer.kept(names)}
    return [name for name in names if name in used]


def _rows_of(size: int, scorer: Scorer, job: Job) -> int:
    """How many rows of the columns that are read are about so many bytes, by the account of the first row group."""
    if not job.part.rows:
        return 1
    metadata = pq.read_metadata(job.file.path)
    wanted = _used(scorer, metadata.schema.to_arrow_schema().names)
    group = metadata.row_group(job.part.first)
    columns = [group.column(i) for i in range(group.num_columns)]
    bytes_ = sum(one.total_uncompressed_size for one in columns if one.path_in_schema.partition(".")[0] in wanted)
    width = max(8 * len(wanted), bytes_ / max(1, group.num_rows))
    fewest, most = (FEWEST, MOST) if size == BATCH_BYTES else (FEWEST_IN_GROUP, MOST_IN_GROUP)
    return int(min(most, max(fewest, size / width)))


def _ahead(batches: Iterator[Any], stop: Event) -> Iterator[Any]:
    """The same batches, read by a thread of their own while the caller is busy with earlier ones."""
    queue: Queue[Any] = Queue(AHEAD)
    left = Event()

    def put(item: Any) -> bool:
        while not (left.is_set() or stop.is_set()):
            try:
                queue.put(item, timeout=0.1)
            except Full:
                continue
            return True
        return False

    def read() -> None:
        try:
            for batch in batches:
                if not put((batch, None)):
                    return
            put((None, None))
        except BaseException as error:  # noqa: BLE001 - raised again where the batches are wanted
            put((None, error))

    thread = Thread(target=read, name="sklort-score-read", daemon=True)
    thread.start()
    try:
        while True:
            if stop.is_set():
                raise Stopped
            try:
                batch, error = queue.get(timeout=0.1)
            except Empty:
                continue
            if error is not None:
                raise error
            if batch is None:
                return
            yield batch
    finally:
        left.set()
        thread.join()
