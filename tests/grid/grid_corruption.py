"""Change one byte of a kept index at a time and use what is read: `python grid_corruption.py FOLDER TIMES`.

Exits 1, naming the bytes, when a changed file is believed and answers otherwise, or is refused by a raised error.
A crash of the process is seen by whoever runs it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from test_grid_store import DIGEST, Making, answers, cached, kept_file


def main(folder: Path, times: int) -> int:
    making = Making()
    cached(DIGEST, making, folder)
    path = kept_file(folder)
    whole, expected = path.read_bytes(), answers(making.index)
    rng = np.random.default_rng(0)
    # Half of the places among the file's head and foot, where the format is said.
    ends = np.concatenate([np.arange(min(4000, len(whole))), np.arange(max(0, len(whole) - 12_000), len(whole))])
    places = np.concatenate([rng.choice(ends, times // 2), rng.integers(0, len(whole), times - times // 2)])
    faults: list[str] = []
    for place in places.tolist():
        spoilt = bytearray(whole)
        spoilt[place] ^= int(rng.integers(1, 256))
        path.unlink(missing_ok=True)  # never in place: the file may be mapped
        path.write_bytes(bytes(spoilt))
        print(f"octet {place} sur {len(whole)}", flush=True)
        try:
            if answers(cached(DIGEST, making, folder)) != expected:
                faults.append(f"octet {place} : cru, et d'autres réponses")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told
            faults.append(f"octet {place} : {error!r}"[:200])
    print("\n".join([f"{len(faults)} fautes sur {times} octets changés", *faults]))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
