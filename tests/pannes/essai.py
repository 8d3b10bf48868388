"""One trial: put a scene back, kill what it plays, look at what is left, play it again, compare with an undisturbed one.

The process that drives makes nothing itself: it forks, once everything is imported, so that a trial costs no import and
finds no thread of DuckDB or Arrow half-alive.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any

from pannes import etat
from pannes.arrets import Stops
from pannes.miniature import Miniature, play
from qpv_data.problems import QpvDataError

TOLD = 4
STAGES = {
    ("qpv_data.receive", "collect"): "fetch", ("qpv_data.collect", "land"): "land",
    ("qpv_data.records_kept", "conform"): "conform", ("qpv_data.pipeline", "refer"): "zonages",
    ("qpv_data.placing_jobs", "locate"): "locate", ("qpv_data.placing_jobs", "aggregate"): "aggregate",
    ("qpv_data.pipeline", "protect"): "protect", ("qpv_data.pipeline", "publish"): "publish",
    ("qpv_data.publish", "put"): "mise en place", ("qpv_data.publish", "put_old_ones_away"): "archives",
    ("pannes.miniature", "sign_off"): "signature", ("pannes.miniature", "withdraw_release"): "retrait",
}  # fmt: skip
"""Where a stage begins. What is under none is `autre`: locks, journals, reports."""


@dataclass(frozen=True)
class Undisturbed:
    """A scene played without a kill. `gestures`: what it did to the disk, in order; `seconds`: how long it took."""

    before: dict[str, Any]
    lake: dict[str, str]
    logs: dict[str, list[str]]
    gestures: list[tuple[str, str, str]]
    seconds: float


@dataclass(frozen=True)
class Outcome:
    """`killed`: the gesture, the stage and the path at which it died; None when it ended before."""

    scene: str
    killed: tuple[str, str, str] | None
    faults: list[str] = field(default_factory=list)


def forked(work: Callable[[], Any], told: Path) -> tuple[int, Any]:
    """Do `work` in a fork: its exit status, and what it gave."""
    pid = os.fork()
    if pid == 0:
        try:
            told.write_text(json.dumps({"gave": work()}), "utf-8")
        except BaseException:  # noqa: BLE001  whatever it is, it is told and the fork ends here
            told.write_text(json.dumps({"fault": traceback.format_exc()}), "utf-8")
            os._exit(1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    answer = json.loads(told.read_text("utf-8")) if told.is_file() else {}
    told.unlink(missing_ok=True)
    return code, answer.get("gave", answer.get("fault"))


def undisturbed(made: Miniature, scene: str, stops: Stops) -> Undisturbed:
    """Play a scene alone, counting its gestures."""
    made.restore(scene)
    told = _gestures_file(made)

    def alone() -> Any:
        before, start = _before(made), time.monotonic()
        _instrument(stops)
        stops.arm(made.folder, 0, False, told)
        play(made, scene)
        lasted = time.monotonic() - start
        assert etat.leftovers(made.out) == []
        return before, etat.prints(made.folder), etat.logs(made.out), lasted

    code, gave = forked(alone, made.kept / "reponse.json")
    os.close(told)
    assert code == 0, gave
    gestures = [(g, s, p) for _, g, s, p in _gestures(made)]
    return Undisturbed(gave[0], gave[1], gave[2], gestures, gave[3])


def _gestures_file(made: Miniature) -> int:
    return os.open(made.kept / "gestes.tsv", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)


def _gestures(made: Miniature) -> list[list[str]]:
    """Number, gesture, stage, path, a line each."""
    return [line.split("\t", 3) for line in (made.kept / "gestes.tsv").read_text("utf-8").splitlines()]


@dataclass(frozen=True)
class Stop:
    """What befalls a scene: death at gesture `target`, or when half of that write is made (`torn`), or `after` seconds;
    or, with `refusal` (ENOSPC, EROFS), a disk that refuses from that gesture on."""

    target: int = 0
    torn: bool = False
    after: float | None = None
    refusal: int = 0


def victim(made: Miniature, scene: str, stops: Stops, stop: Stop) -> int:
    """Play a scene in a fork, to its `stop`; its exit status, what it said in `dit.txt`, its gesture in `gestes.tsv`."""
    told, said = _gestures_file(made), made.kept / "dit.txt"
    said.unlink(missing_ok=True)
    pid = os.fork()
    if pid == 0:
        try:
            if stop.after is None:
                _instrument(stops)
                stops.arm(made.folder, stop.target, stop.torn, told, stop.refusal)
            play(made, scene)
        except QpvDataError as e:
            said.write_text(str(e), "utf-8")
            os._exit(TOLD)
        except BaseException:  # noqa: BLE001  whatever it is, it is told and the fork ends here
            said.write_text(traceback.format_exc(), "utf-8")
            os._exit(1)
        os._exit(0)
    os.close(told)
    if stop.after is not None:
        time.sleep(stop.after)
        os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def trial(made: Miniature, scene: str, stops: Stops, alone: Undisturbed, stop: Stop) -> Outcome:
    """Stop a scene once, and judge."""
    made.restore(scene)
    code, lines = victim(made, scene, stops, stop), _gestures(made)
    said = made.kept / "dit.txt"
    if code != (TOLD if stop.refusal else -signal.SIGKILL):
        late = code == 0 and (not stop.refusal or not lines)
        return Outcome(scene, None, [] if late else [f"sortie {code}", *_last_words(said)])
    where = lines[-1][1:] if lines else ["instant", "hasard", f"{stop.after or 0:.2f} s"]
    if stop.torn:
        where[0] = "moitié de write"
    if stop.refusal:
        where[0] = errno.errorcode[stop.refusal]
    killed = where[0], where[1], where[2]
    faults = [] if not stop.refusal or "ecriture_impossible" in said.read_text("utf-8") else _last_words(said)
    code, gave = forked(lambda: _judged(made, scene, alone), made.kept / "reponse.json")
    return Outcome(scene, killed, [*faults, *(gave if code == 0 else [str(gave)])])


def _last_words(said: Path) -> list[str]:
    return said.read_text("utf-8").splitlines()[-12:] if said.is_file() else []


def _judged(made: Miniature, scene: str, alone: Undisturbed) -> list[str]:
    """Every fault, in words: of what readers see, of what is on disk, then of what playing again gives."""
    before, after = alone.before["shown"], _shown_by(alone)
    known = alone.before["whole"]
    faults = [f"après l'arrêt, {f}" for f in etat.seen(made.out, [*before, *after], known)]
    faults += [f"après l'arrêt, à moitié écrit : {p}" for p in etat.half_written(made.out)]
    play(made, scene)
    faults += [f"après la relance, {f}" for f in etat.seen(made.out, after, known)]
    faults += [f"après la relance, reste {p}" for p in etat.leftovers(made.out)]
    faults += [f"après la relance, {f}" for f in etat.differences(alone.lake, etat.prints(made.folder))]
    faults += [f"après la relance, {f}" for f in etat.retold(alone.before["logs"], alone.logs, etat.logs(made.out))]
    return faults


def _before(made: Miniature) -> dict[str, Any]:
    return {"logs": etat.logs(made.out), "shown": _current(made), "whole": etat.whole(made.out)}


def _current(made: Miniature) -> list[str | None]:
    links = {n: made.out / "releases" / n for n in ("stable", "provisoire")}
    found = [p.readlink().name for p in links.values() if p.is_symlink()]
    return [*found] if found else [None]


def _shown_by(alone: Undisturbed) -> list[str | None]:
    return [
        alone.lake[p].removeprefix("→ ") for n in ("stable", "provisoire") if (p := f"out/releases/{n}") in alone.lake
    ]


def _instrument(stops: Stops) -> None:
    """Name the stage that each gesture belongs to, in a process that is to die."""
    stack = ["autre"]

    def named(real: Callable[..., Any], stage: str) -> Callable[..., Any]:
        @wraps(real)
        def staged(*args: Any, **kwargs: Any) -> Any:
            stack.append(stage)
            stops.stage(stage)
            try:
                return real(*args, **kwargs)
            finally:
                stack.pop()
                stops.stage(stack[-1])

        return staged

    for (module, name), stage in STAGES.items():
        owner = import_module(module)
        setattr(owner, name, named(getattr(owner, name), stage))
