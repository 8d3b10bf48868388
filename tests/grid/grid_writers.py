"""Six threads keep the same index at once: `python grid_writers.py FOLDER ROUNDS`; exits 1 when one does not have it."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from test_grid_store import DIGEST, answers, cached, kept_file, load_index, same, some_index

from qpv_data.grid.zone_index import ZoneIndex

THREADS = 6


def round_in(folder: Path, index: ZoneIndex, expected: list[list[int]]) -> list[str]:
    barrier, wrong = threading.Barrier(THREADS), []

    def keep() -> None:
        barrier.wait()
        try:
            if answers(cached(DIGEST, lambda: index, folder)) != expected:
                wrong.append("autres réponses")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told
            wrong.append(repr(error))

    threads = [threading.Thread(target=keep) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert same(load_index(kept_file(folder)), index)
    return wrong


def main(folder: Path, rounds: int) -> int:
    index = some_index()
    expected = answers(index)
    wrong = [f"tour {n} : {w}" for n in range(rounds) for w in round_in(folder / str(n), index, expected)]
    print("\n".join([f"{len(wrong)} fautes en {rounds} tours", *wrong]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
