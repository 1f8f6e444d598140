"""The output: made beside its place under another name, and put there when it is whole.

While a run goes on, its parts lie in ``OUTPUT.partial`` with the plan. A folder becomes the output by a rename; a
single file is put together from the parts. So whoever finds OUTPUT finds all of it, and a run that was killed finds
its parts.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sklort.exceptions import ScoringError
from sklort.scoring.parts import MARK, is_done, sync_folder
from sklort.scoring.plan import Plan, differences

MANIFEST = "_sklort_score.json"
"""In a folder of parts; readers of Parquet leave out names with an underscore."""
WHOLE = ".whole.tmp"
LOCK = ".lock"


class Output:
    """Where the answers go.

    Parameters
    ----------
    path : path
        A name that ends in ``.parquet`` becomes one file, any other a folder of parts.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(os.path.abspath(path))
        self.single = self.path.suffix == ".parquet"
        self.partial = self.path.with_name(f"{self.path.name}.partial")
        self._replaced = self.path.with_name(f"{self.path.name}.replaced")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nobody else writes to this output meanwhile. A process that dies lets go of it.

        Raises
        ------
        ScoringError
            Another run has it.
        """
        lock = self.partial / LOCK
        while True:
            self.partial.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                raise ScoringError(f"{self.path}: another run is writing it: wait for its end, or stop it") from None
            if _is(descriptor, lock):
                break
            os.close(descriptor)  # another run has just finished and taken the file away
        try:
            yield
        finally:
            if _is(descriptor, lock) and [path.name for path in self.partial.iterdir()] == [LOCK]:
                lock.unlink()
                self.partial.rmdir()
            os.close(descriptor)

    # -- what is there already ------------------------------------------------------------------------------------

    def is_whole(self, plan: Plan) -> bool:
        """Whether an earlier run with this plan has finished.

        Raises
        ------
        ScoringError
            Something else is there.
        """
        if not self.path.exists():
            return False
        was = self._finished()
        if was is None:
            raise ScoringError(
                f"{self.path} exists, and sklort score did not write it: choose another name or remove it"
            )
        changed = differences(was, plan.as_json())
        if changed:
            raise ScoringError(
                f"{self.path} is the result of another run ({'; '.join(changed[:3])}): --restart replaces it"
            )
        if self.single:
            return True
        for part in plan.parts:
            if not is_done(str(self.path), part, plan.digest):
                raise ScoringError(f"{self.path}: {part.name} is missing: --restart makes the result anew")
        (self.path / LOCK).unlink(missing_ok=True)  # of a run that was killed after its last rename
        return True

    def resume(self, plan: Plan) -> tuple[set[int], bool]:
        """The numbers of the parts that a run with this plan has finished, and whether it may replace a result.

        Raises
        ------
        ScoringError
            The run that was cut off had another plan.
        """
        names = sorted(path.name for path in self.partial.iterdir())
        if MANIFEST not in names:
            strange = [name for name in names if not name.startswith(".")]
            if strange:
                raise ScoringError(
                    f"{self.partial} holds {strange[0]}, which no run of sklort score has left: move it away"
                )
            return set(), False
        was = self._manifest(self.partial)
        changed = differences(was, plan.as_json())
        if changed:
            raise ScoringError(
                f"an earlier run to {self.path} was cut off, and this one differs from it: {'; '.join(changed[:3])}. "
                "--restart begins anew; the same call as then goes on"
            )
        return {part.number for part in plan.parts if is_done(str(self.partial), part, plan.digest)}, was["replace"]

    def begin(self, plan: Plan, *, replace: bool) -> None:
        """Write down the plan, before the first part."""
        self._clean()
        temporary = self.partial / f".{MANIFEST}.tmp"
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump({**plan.as_json(), "replace": replace}, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(self.partial / MANIFEST)
        sync_folder(str(self.partial))
        sync_folder(str(self.path.parent))

    def _clean(self) -> None:
        """Remove what a run that was killed had not finished."""
        for path in self.partial.glob(".*.tmp"):
            path.unlink()

    def discard(self) -> None:
        """Forget an earlier run. A finished result stays until the new one is whole.

        Raises
        ------
        ScoringError
            What is there is not ours to remove.
        """
        if self.path.exists() and self._finished() is None:
            raise ScoringError(
                f"{self.path} exists, and sklort score did not write it: choose another name or remove it"
            )
        _remove(self.partial, but=LOCK)

    def _finished(self) -> dict[str, Any] | None:
        """What the run behind a result had written down; None for what is not a result."""
        if self.single:
            try:
                stored = (pq.read_metadata(self.path).metadata or {}).get(MARK)
            except (pa.ArrowException, OSError):
                return None
            return _read(stored)
        return self._manifest(self.path) if (self.path / MANIFEST).is_file() else None

    @staticmethod
    def _manifest(folder: Path) -> dict[str, Any]:
        path = folder / MANIFEST
        found = _read(path.read_bytes())
        if found is None:
            raise ScoringError(f"{path} is damaged: remove {folder} and start again")
        return found

    # -- the end --------------------------------------------------------------------------------------------------

    def publish(self, plan: Plan) -> None:
        """Put the result into its place, after a last look at every part."""
        missing = [part.name for part in plan.parts if not is_done(str(self.partial), part, plan.digest)]
        if missing:
            raise ScoringError(f"{self.partial}: {missing[0]} has vanished: start again")
        self._clean()
        if self.single:
            self._join(plan)
            _remove(self.partial)
        else:
            if self.path.exists():
                _remove(self._replaced)
                self.path.rename(self._replaced)
            self.partial.rename(self.path)
            (self.path / LOCK).unlink()
        sync_folder(str(self.path.parent))
        _remove(self._replaced)

    def _join(self, plan: Plan) -> None:
        """One file from the parts, of the same rows in the same order."""
        whole = self.partial / WHOLE
        schema = plan.schema.with_metadata({MARK: json.dumps(plan.as_json())})
        with open(whole, "wb") as file:
            with pq.ParquetWriter(
                file, schema, compression=plan.options["compression"], write_page_checksum=True
            ) as writer:
                for table in _row_groups([self.partial / part.name for part in plan.parts]):
                    writer.write_table(table, max(1, table.num_rows))
            file.flush()
            os.fsync(file.fileno())
        whole.rename(self.path)


def _is(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _remove(folder: Path, *, but: str = "") -> None:
    """Remove what runs have written, the manifest last, and the folder; nothing else is ever removed."""
    if not folder.is_dir():
        return
    ours = (MANIFEST, "part-", ".part-", f".{MANIFEST}", WHOLE, LOCK)
    paths = sorted(folder.iterdir(), key=lambda path: path.name == MANIFEST)
    for path in paths:
        if not path.name.startswith(ours) or path.is_dir():
            raise ScoringError(f"{path} was left by no run of sklort score: move it away")
    for path in paths:
        if path.name != but:
            path.unlink()
    if not but:
        folder.rmdir()


def _row_groups(paths: Sequence[Path]) -> Iterator[Any]:
    for path in paths:
        with pq.ParquetFile(path, pre_buffer=False, page_checksum_verification=True) as parquet:
            for group in range(parquet.num_row_groups):
                yield parquet.read_row_group(group)


def _read(stored: bytes | None) -> dict[str, Any] | None:
    try:
        found = json.loads(stored or b"")
    except ValueError:
        return None
    return found if isinstance(found, dict) and {"format", "model", "options", "inputs"} <= set(found) else None
