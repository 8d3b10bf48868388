"""`make pannes`: kill a run some hundreds of times, say what was found, and end with 1 when anything was.

One process works at a time. Every kill is told by its scene and its number: `--seul suivante:1297` does it again.
"""

from __future__ import annotations

import argparse
import errno
import random
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from pannes import essai, miniature
from pannes.arrets import preload, preloaded_from, stops
from pannes.essai import Stop

TORN = 0.5  # the share of writes that are half made before the kill


def planned(alone: essai.Undisturbed, count: int, chance: random.Random, *, torn: bool) -> Iterator[Stop]:
    """Stops at `count` gestures: one of each kind in each stage, then a second one, and so on, drawn at random."""
    strata = defaultdict[tuple[str, str], list[int]](list)
    for number, (gesture, stage, _) in enumerate(alone.gestures, start=1):
        strata[gesture, stage].append(number)
    for numbers in strata.values():
        chance.shuffle(numbers)
    left = min(count, len(alone.gestures))
    order = chance.sample(sorted(strata), len(strata))
    while left:
        for gesture, numbers in ((kind[0], strata[kind]) for kind in order):
            if numbers and left:
                left -= 1
                yield Stop(numbers.pop(), torn and gesture == "write" and chance.random() < TORN)


def main() -> int:
    asked = _asked()
    asked.dossier.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="qpv-pannes-", dir=asked.dossier))
    try:
        if not asked.petit:
            preload(work)
        return _main(asked, work)
    finally:
        for folder in (work, *preloaded_from()):
            shutil.rmtree(folder, ignore_errors=True)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m pannes", description=__doc__)
    parser.add_argument("--gestes", type=int, default=100, help="arrêts à un geste compté, pour chaque exécution")
    parser.add_argument("--instants", type=int, default=20, help="arrêts à un instant au hasard, pour chacune")
    parser.add_argument(
        "--refus", type=int, default=15, help="disques pleins, et autant en lecture seule, pour chacune"
    )
    parser.add_argument("--petit", action="store_true", help="un échantillon, sur la plus petite des miniatures")
    parser.add_argument("--graine", type=int, default=1)
    parser.add_argument("--seul", help="rejouer un arrêt : scène:numéro")
    shared = Path("/dev/shm")
    default = shared if shared.is_dir() else Path(tempfile.gettempdir())
    parser.add_argument("--dossier", type=Path, default=default)
    asked = parser.parse_args()
    if asked.petit:
        asked.gestes, asked.instants = 2, 0
    return asked


def _main(asked: argparse.Namespace, work: Path) -> int:
    made, held = miniature.Miniature(work / "essai", work / "garde", small=asked.petit), stops()
    began = time.monotonic()
    made.kept.mkdir(exist_ok=True)
    code, fault = essai.forked(lambda: miniature.history(made), work / "reponse.json")
    assert code == 0, fault
    chance, outcomes = random.Random(asked.graine), list[essai.Outcome]()
    for scene in _scenes(asked):
        alone = essai.undisturbed(made, scene, held)
        print(f"{scene} : {len(alone.gestures)} gestes ({held.name}), {alone.seconds:.1f} s", flush=True)
        for stop in _stops(asked, scene, alone, chance, native=held.name == "libc"):
            outcomes.append(essai.trial(made, scene, held, alone, stop))
            _tell(stop, outcomes[-1])
    killed = [o for o in outcomes if o.killed is not None]
    print(table(killed))
    faulty = sum(bool(o.faults) for o in outcomes)
    minutes = (time.monotonic() - began) / 60
    print(
        f"{len(killed)} arrêts en {minutes:.0f} min, {len(outcomes) - len(killed)} venus trop tard, {faulty} en faute"
    )
    return 1 if faulty else 0


def _scenes(asked: argparse.Namespace) -> Sequence[str]:
    if asked.seul is not None:
        return [asked.seul.partition(":")[0]]
    return ("suivante", "desaveu") if asked.petit else (*miniature.GESTURES, *reversed(miniature.RUNS))


def _stops(
    asked: argparse.Namespace, scene: str, alone: essai.Undisturbed, chance: random.Random, *, native: bool
) -> Iterator[Stop]:
    if asked.seul is not None:
        yield Stop(int(asked.seul.partition(":")[2]))
        return
    if scene in miniature.GESTURES:
        yield from (Stop(n) for n in range(1, len(alone.gestures) + 1, 5 if asked.petit else 1))
        return
    yield from planned(alone, asked.gestes, chance, torn=native)
    yield from (Stop(after=chance.random() * alone.seconds) for _ in range(asked.instants))
    for refusal in (errno.ENOSPC, errno.EROFS) if native else ():
        yield from (replace(stop, refusal=refusal) for stop in planned(alone, asked.refus, chance, torn=False))


def _tell(stop: Stop, outcome: essai.Outcome) -> None:
    said = " ".join(outcome.killed) if outcome.killed else "finie avant"
    if outcome.faults:
        print(f"FAUTE {outcome.scene}:{stop.target} {said}\n    " + "\n    ".join(outcome.faults), flush=True)
    else:
        print(f"  {outcome.scene}:{stop.target} {said}", flush=True)


def table(killed: Sequence[essai.Outcome]) -> str:
    """Stops by stage and gesture, as a table of Markdown."""
    told = [o.killed for o in killed if o.killed is not None]
    counts = Counter((stage, gesture) for gesture, stage, _ in told)
    gestures = sorted({g for _, g in counts})
    stages = sorted({s for s, _ in counts})
    head = ["| étape | " + " | ".join(gestures) + " | ensemble |", "|---" * (len(gestures) + 2) + "|"]
    rows = [
        f"| {s} | " + " | ".join(str(counts[s, g] or "") for g in gestures)
        + f" | {sum(counts[s, g] for g in gestures)} |"
        for s in stages
    ]  # fmt: skip
    total = " | ".join(str(sum(counts[s, g] for s in stages)) for g in gestures)
    return "\n".join([*head, *rows, f"| ensemble | {total} | {len(told)} |"])


if __name__ == "__main__":
    sys.exit(main())
