"""Who makes the parts: threads of this process, Dask, or Ray. All call `score_part`, and nothing else differs.

An engine is a generator: it takes the jobs and yields their rows as they are scored. It ends when all parts are there,
and raises what the first part that failed has to say, after the others have been called off.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import ExitStack
from queue import Empty, Queue
from threading import Event
from typing import Literal

from sklort.exceptions import ScoringError
from sklort.scoring.parts import Job, score_part

Engine = Literal["local", "dask", "ray"]
PATIENCE = 0.1


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_jobs(engine: Engine, jobs: Sequence[Job], workers: int, address: str | None) -> Iterator[int]:
    """Make the parts of all jobs; yields numbers of rows that add up to theirs."""
    if engine == "local":
        return _local(jobs, workers)
    return _dask(jobs, workers, address) if engine == "dask" else _ray(jobs, workers, address)


def _local(jobs: Sequence[Job], workers: int) -> Iterator[int]:
    rows: Queue[int] = Queue()
    stop = Event()
    with ThreadPoolExecutor(workers, thread_name_prefix="sklort-score") as pool:
        running = {pool.submit(score_part, job, rows.put, stop) for job in jobs}
        try:
            while running:
                done, running = wait(running, timeout=PATIENCE, return_when=FIRST_COMPLETED)
                for one in done:
                    one.result()
                yield from _drained(rows)
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


def _drained(rows: Queue[int]) -> Iterator[int]:
    while True:
        try:
            yield rows.get_nowait()
        except Empty:
            return


def _threads(workers: int) -> dict[str, str]:
    """Workers share the cores of the machine."""
    return {"SKLORT_NUM_THREADS": str(max(1, cores() // workers))}


def _attempt(job: Job) -> ScoringError | None:
    """In a worker: what is wrong travels as a value, for frameworks wrap what is raised."""
    try:
        score_part(job)
    except ScoringError as error:
        return ScoringError(str(error))
    return None


def _dask(jobs: Sequence[Job], workers: int, address: str | None) -> Iterator[int]:
    import dask
    from dask.distributed import Client, LocalCluster, as_completed

    with ExitStack() as stack:
        if address is None:
            stack.enter_context(dask.config.set({"distributed.nanny.pre-spawn-environ": _threads(workers)}))
            cluster = LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0")
            address = stack.enter_context(cluster)
        client = stack.enter_context(Client(address))
        # A part that is made again has the same bytes, so a job whose worker is lost may go to another one.
        futures = {client.submit(_attempt, job, pure=False): job for job in jobs}
        try:
            for future in as_completed(futures):
                failed = future.result()
                if failed is not None:
                    raise failed
                yield futures[future].part.rows
        finally:
            client.cancel(list(futures))


def _ray(jobs: Sequence[Job], workers: int, address: str | None) -> Iterator[int]:
    import ray

    started = not ray.is_initialized()
    if started and address is not None:
        ray.init(address=address, log_to_driver=False)
    elif started:
        ray.init(
            num_cpus=workers,
            include_dashboard=False,
            log_to_driver=False,
            runtime_env={"env_vars": _threads(workers)},
        )
    try:
        attempt = ray.remote(_attempt)
        waiting = {attempt.remote(job): job for job in jobs}
        try:
            while waiting:
                (done,), _ = ray.wait(list(waiting), num_returns=1)
                failed = ray.get(done)
                if failed is not None:
                    raise failed
                yield waiting.pop(done).part.rows
        finally:
            for one in waiting:
                ray.cancel(one)
    finally:
        if started:
            ray.shutdown()
