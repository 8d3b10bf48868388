"""Dask: a scheduler that is already there, at an address. The only module that imports it, and only when asked to."""

from __future__ import annotations

import hashlib
import socket
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qpv_data.grappe.crew import Cluster, failed
from qpv_data.grappe.exchange import Exchange
from qpv_data.grappe.parcels import Done, Parcel, Way, work
from qpv_data.grappe.shared import Shared
from qpv_data.problems import Problem
from qpv_data.runs import Configuration, RunError

if TYPE_CHECKING:
    from distributed import Client, Future

_ANSWER, _WORKERS = 20.0, 60.0
"""Seconds: to reach the scheduler, and for which it may have no worker at all."""
_STEP = 2.0


def way_of(cfg: Configuration, echange: str | None) -> Way:
    """Through the store at `echange` (an address of fsspec), else in the run's own folder, which all must see."""
    if echange is None:
        return Shared(cfg.travail)
    own = hashlib.sha256(f"{socket.gethostname()}\0{cfg.sortie}".encode()).hexdigest()[:16]
    return Exchange(f"{echange.rstrip('/')}/qpv-data-{own}")


@contextmanager
def engaged(cfg: Configuration, adresse: str, echange: str | None = None) -> Iterator[Cluster[Any]]:
    """The workers of the scheduler at `adresse`. Raises RunError: no Dask here, or nobody there."""
    try:
        from distributed import Client
    except ImportError:
        remedy = "pip install 'qpv-data[dask]'"
        raise RunError(Problem.EXTENSION_ABSENTE, "le moteur dask n'est pas installé", remedy) from None
    try:
        client = Client(adresse, timeout=_ANSWER, set_as_default=False)
    except (TimeoutError, OSError, ValueError) as e:
        message = f"pas de réponse à {adresse} ({type(e).__name__})"
        raise failed(message, "lancer `dask scheduler`, et vérifier l'adresse") from e
    with client, crew_over(DaskPool(client), cfg, echange) as crew:
        yield crew


@contextmanager
def crew_over(pool: DaskPool, cfg: Configuration, echange: str | None) -> Iterator[Cluster[Any]]:
    """The workers of a pool, once there is one; nothing of the run is left to them, nor in the store, when it ends."""
    way = way_of(cfg, echange)
    pool.held()
    try:
        yield Cluster(pool, way)
    finally:
        pool.give_up()
        if isinstance(way, Exchange) and way.begun:
            way.empty()


def at_work(given: Parcel) -> Done:
    """On a worker: run a parcel in the folder that Dask gives it, which Dask removes."""
    from distributed import get_worker

    local = Path(get_worker().local_directory)
    return work(given, local)


class DaskPool:
    """A `Pool` of Dask's workers. A job whose worker dies is run again elsewhere; of one that has killed several
    workers Dask says so, and the run stops."""

    def __init__(self, client: Client) -> None:
        self._client, self.given = client, list["Future"]()

    def submit(self, given: Parcel, weight: int) -> Future:
        """The heaviest first."""
        key = f"{given.job.label.replace(' ', '_')}-{uuid.uuid4().hex}"
        future = self._client.submit(at_work, given, key=key, pure=False, priority=weight)
        self.given.append(future)
        return future

    def ready(self, future: Future) -> bool:
        """Done, failed or lost."""
        return bool(future.done())

    def wait(self, futures: Sequence[Future]) -> None:
        """As long as there are workers."""
        from distributed import CancelledError, wait

        alone_since: float | None = None
        while True:
            try:
                with self._client.as_current():
                    wait(futures, timeout=_STEP, return_when="FIRST_COMPLETED")
            except TimeoutError:
                alone_since = None if self._workers() else alone_since or time.monotonic()
                if alone_since is not None and time.monotonic() - alone_since > _WORKERS:
                    raise failed("plus aucun ouvrier", "lancer `dask worker`, puis relancer") from None
            except CancelledError as e:
                raise _lost(e) from None
            else:
                return

    def answer(self, future: Future) -> Done:
        """Raises RunError when the cluster is why there is none."""
        from distributed import CancelledError, KilledWorker
        from distributed.comm.core import CommClosedError

        try:
            done = self.told(future)
        except KilledWorker as e:
            message = f"{future.key.rsplit('-', 1)[0]} a fait tomber plusieurs ouvriers"
            remedy = "leur donner plus de mémoire (docs/grande-echelle.md), puis relancer : le reste est fait"
            raise failed(message, remedy) from e
        except (CommClosedError, CancelledError) as e:
            raise _lost(e) from e
        return done

    def told(self, future: Future) -> Done:
        """What the future holds."""
        done: Done = future.result()
        return done

    def held(self) -> None:
        """Wait for a first worker."""
        try:
            self._client.wait_for_workers(1, timeout=_ANSWER)
        except TimeoutError:
            raise failed("le planificateur n'a aucun ouvrier", "lancer `dask worker`, puis relancer") from None

    def give_up(self) -> None:
        """Nothing more is wanted of what was given."""
        self._client.cancel(self.given, force=True)
        self.given.clear()

    def _workers(self) -> bool:
        return bool(self._client.scheduler_info()["workers"])


def _lost(error: BaseException) -> RunError:
    return failed(f"le planificateur ne répond plus ({type(error).__name__})", "le relancer, puis relancer")
