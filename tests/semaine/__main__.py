"""A week in minutes: partners who correct and servers that fail, runs that are killed or meet, four releases.

`make semaine`, or `SEMAINE="--jeux 8 --jours 3 --graine 2"`. The clock is given to each run; nobody repairs anything.
Exit status 1 when an invariant does not hold.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from factory import Mini
from fautes import serving

from semaine.etat import faults_of_lake, faults_of_release, same_as_fresh
from semaine.partenaires import Feed, Week, corrected, declare, draw_fault, new_feed

MONDAY = datetime(2025, 2, 3, 4, tzinfo=UTC)
RUN = """
import sys
from datetime import datetime
from pathlib import Path
from qpv_data.pipeline import deliveries, prepare, run
from qpv_data.receive import receive
from qpv_data.runs import Configuration, Patience, RunError, exclusive

root, now, what = Path(sys.argv[1]), datetime.fromisoformat(sys.argv[2]), sys.argv[3]
cfg = Configuration(root / "clauses", root / "out", now, periode="2024-T4", patience=Patience(3, 0.01, 1.5))
try:
    if what == "publier":
        run(cfg, lambda _: None)
    else:
        clauses, period, cfg = prepare(cfg)
        with exclusive(cfg):
            for clause, expected in deliveries(clauses, period):
                receive(cfg, clause, expected, None, clauses.versions(clause.id))
except RunError as e:
    print(e.probleme, file=sys.stderr)
    sys.exit(4)
"""


class Simulation:
    """The world, what it drew, and what did not hold."""

    def __init__(self, root: Path, week: Week, graine: int, jeux: int) -> None:
        self.draw, self.week, self.mini = random.Random(graine), week, Mini(root)
        self.feeds = [new_feed(self.draw, n) for n in range(jeux)]
        self.counts, self.wrong = Counter[str](), list[str]()
        self.lasting = 1.0  # seconds of the last run that ended alone
        declare(self.mini, week, self.feeds)

    def day(self, number: int, what: str) -> None:
        """Corrections, faults, then the night's run, which may be killed, or met by another; done again, it ends."""
        now = MONDAY + timedelta(days=number)
        for feed in self.feeds if number else []:
            if self.draw.random() < 0.4:
                corrected(self.draw, feed)
                self.counts["corrections"] += 1
            feed.fault = draw_fault(self.draw, feed)
            self.counts["fautes de sources"] += feed.fault is not None
        if number and self.draw.random() < 0.6:
            self._killed(now, what)
        if self.draw.random() < 0.4:
            self._twice(now, what)
        else:
            began = time.monotonic()
            self._ended(self._start(now, what), what)
            self.lasting = time.monotonic() - began
        for feed in self.feeds:
            if not feed.stale and feed.taken[-1:] != [len(feed.versions) - 1]:
                feed.taken.append(len(feed.versions) - 1)
        self._judge(number, what)

    def _start(self, now: datetime, what: str, alone: bool = True) -> subprocess.Popen[str]:
        if alone:
            self.week.begin(self.feeds)
        command = [sys.executable, "-c", RUN, str(self.mini.root), now.isoformat(), what]
        self.counts["exécutions"] += 1
        return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)

    def _killed(self, now: datetime, what: str) -> None:
        process = self._start(now, what)
        time.sleep(self.draw.uniform(0.1, 1) * self.lasting)
        ended = process.poll() is not None
        process.send_signal(signal.SIGKILL)  # nothing, once it has ended
        process.communicate()
        self.counts["tuées (SIGKILL)"] += not ended

    def _twice(self, now: datetime, what: str) -> None:
        """Two at once: one works, the other leaves at once, or finds its work done."""
        first, second = self._start(now, what), self._start(now, what, alone=False)
        codes = sorted(self._ended(p, "deux à la fois", (0, 4)) for p in (first, second))
        self.counts["renvoyées, une autre étant en cours"] += codes == [0, 4]
        if codes == [4, 4]:
            self.wrong.append(f"{now:%A} : aucune des deux n'a travaillé")

    def _ended(self, process: subprocess.Popen[str], what: str, codes: tuple[int, ...] = (0,)) -> int:
        told = process.communicate()[1]
        if process.returncode not in codes or (process.returncode == 4 and "execution_en_cours" not in told):
            self.wrong.append(f"{what} : code {process.returncode} {told[-2000:]}")
        return process.returncode

    def _judge(self, number: int, what: str) -> None:
        self.wrong += [f"jour {number + 1} : {w}" for w in faults_of_lake(self.mini)]
        if what == "publier":
            stale = {f.nom for f in self.feeds if f.stale}
            expected = {f.nom: f.expected for f in self.feeds}
            found = list(faults_of_release(self.mini, expected, stale))
            self.wrong += [f"jour {number + 1} : {w}" for w in found]
            self.wrong += [f"  fautes du jour : { ({f.nom: f.fault for f in self.feeds}) }"] if found else []
            self.counts["publications"] = len(list((self.mini.out / "releases").glob("*-r[0-9]*")))


def main() -> int:
    parser = argparse.ArgumentParser(prog="semaine")
    parser.add_argument("--jeux", type=int, default=28, help="jeux de points, outre deux référentiels")
    parser.add_argument("--jours", type=int, default=7)
    parser.add_argument("--graine", type=int, default=1)
    asked = parser.parse_args()
    started, before = time.monotonic(), os.times()
    with tempfile.TemporaryDirectory(prefix="semaine-") as work, serving(Path(work), Week) as week:
        played = Simulation(Path(work) / "lac", week, asked.graine, asked.jeux)
        for number in range(asked.jours):
            # The first day and every other one publish; the others only receive.
            played.day(number, "recevoir" if number % 2 else "publier")
            sys.stdout.write(f"jour {number + 1} : {dict(played.counts)}\n")
            sys.stdout.flush()
        week.begin([Feed(f.nom, [f.versions[f.taken[-1]]], [0]) for f in played.feeds])
        played.wrong += same_as_fresh(played.mini, Path(work) / "neuf", RUN)
    spent = sum(os.times()[n] - before[n] for n in range(4))
    for wrong in played.wrong:
        sys.stdout.write(f"  ! {wrong}\n")
    told = ", ".join(f"{n} {what}" for what, n in played.counts.items())
    sys.stdout.write(
        f"{asked.jeux + 2} jeux, {asked.jours} jours, graine {asked.graine} : {told} ; {len(played.wrong)} en faute"
        f" ({time.monotonic() - started:.0f} s, {spent:.0f} s de processeur)\n"
    )
    return 1 if played.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
