"""Who makes the parts: threads of this process, Dask, or Ray. All call `score_part`, and nothing else differs.

An engine is a generator: it takes the jobs and yields their rows as they are scored. It ends when all parts are there,
and raises what the first part that failed has to say, after the others have been called off.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from itertools import islice
from queue import Empty, Queue
from threading import Event
from typing import Any, Literal

from sklort.exceptions import ScoringError
from sklort.scoring.parts import Job, score_part
from sklort.scoring.scorer import Scorer

Engine = Literal["local", "dask", "ray"]
PATIENCE = 0.1


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_jobs(scorer: Scorer, jobs: Sequence[Job], engine: Engine, workers: int, address: str | None) -> Iterator[int]:
    """Make the parts of all jobs; yields numbers of rows that add up to theirs."""
    if not jobs:
        return iter(())
    if engine == "local":
        return _local(scorer, jobs, workers)
    return (_dask if engine == "dask" else _ray)(scorer, jobs, workers, address)


def _local(scorer: Scorer, jobs: Sequence[Job], workers: int) -> Iterator[int]:
    rows: Queue[int] = Queue()
    stop = Event()
    with ThreadPoolExecutor(workers, thread_name_prefix="sklort-score") as pool:
        running = {pool.submit(score_part, scorer, job, rows.put, stop) for job in jobs}
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


def _attempt(scorer: Scorer, job: Job) -> ScoringError | None:
    """In a worker: what is wrong travels as a value, for frameworks wrap what is raised."""
    try:
        score_part(scorer, job)
    except ScoringError as error:
        return ScoringError(str(error))
    return None


def _rows_done(job: Job, found: ScoringError | None) -> int:
    if found is not None:
        raise found
    return job.part.rows


def _lost(job: Job, error: Exception) -> ScoringError:
    return ScoringError(
        f"the workers that should score {job.file.path} were lost, again and again ({type(error).__name__}), as for "
        "lack of memory: lower --batch-rows or --workers; the same call goes on with the parts that are finished"
    )


@contextmanager
def dask_client(workers: int, address: str | None) -> Iterator[Any]:
    """A client of the cluster at an address, or of one of this machine that ends with the block."""
    import dask
    from dask.distributed import Client, LocalCluster

    with ExitStack() as stack:
        if address is None:
            stack.enter_context(dask.config.set({"distributed.nanny.pre-spawn-environ": _threads(workers)}))
            cluster = LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0")
            address = stack.enter_context(cluster)
        yield stack.enter_context(Client(address))


def _dask(scorer: Scorer, jobs: Sequence[Job], workers: int, address: str | None) -> Iterator[int]:
    from dask.distributed import KilledWorker, as_completed

    with dask_client(workers, address) as client:
        sent = client.scatter(scorer, broadcast=True, hash=False)
        # A part that is made again has the same bytes, so a job whose worker is lost may go to another one.
        futures = {client.submit(_attempt, sent, job, pure=False): job for job in jobs}
        try:
            for future in as_completed(futures):
                try:
                    found = future.result()
                except KilledWorker as error:
                    raise _lost(futures[future], error) from error
                yield _rows_done(futures[future], found)
        finally:
            client.cancel(list(futures))


@contextmanager
def ray_cluster(workers: int, address: str | None) -> Iterator[Any]:
    """Ray as it runs already; else the cluster at an address, or one of this machine that ends with the block."""
    import ray

    if ray.is_initialized():
        yield ray
        return
    if address is not None:
        ray.init(address=address, log_to_driver=False)
    else:
        environment = {"env_vars": _threads(workers)}
        ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False, runtime_env=environment)
    try:
        yield ray
    finally:
        ray.shutdown()


def _ray(scorer: Scorer, jobs: Sequence[Job], workers: int, address: str | None) -> Iterator[int]:
    with ray_cluster(workers, address) as ray:
        attempt, sent = ray.remote(_attempt), ray.put(scorer)
        ahead = 2 * max(1, int(ray.cluster_resources().get("CPU", workers)))
        left = iter(jobs)
        waiting = {attempt.remote(sent, job): job for job in islice(left, ahead)}
        try:
            while waiting:
                (done,), _ = ray.wait(list(waiting), num_returns=1)
                try:
                    found = ray.get(done)
                except ray.exceptions.WorkerCrashedError as error:
                    raise _lost(waiting[done], error) from error
                yield _rows_done(waiting.pop(done), found)
                waiting.update((attempt.remote(sent, job), job) for job in islice(left, 1))
        finally:
            # Nothing is cancelled: Ray 2.60 aborts the whole process when a result arrives at that moment.
            if waiting:
                ray.wait(list(waiting), num_returns=len(waiting), fetch_local=False)
