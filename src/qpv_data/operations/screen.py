"""`qpv-data status` on one screen: what needs somebody first, the rest in a line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from qpv_data.operations.feeds import FeedState, FeedStatus
from qpv_data.operations.state import LakeState, ReleaseStatus, RunStatus
from qpv_data.problems import listed

_STYLES = {
    FeedState.ABSENTE: "bold red", FeedState.REFUSEE: "red", FeedState.EN_RETARD: "yellow", FeedState.A_JOUR: "green",
    FeedState.ATTENDUE: "dim",
}  # fmt: skip
_AROUND = 13
"""Lines of the screen that are not feeds."""


def show_state(state: LakeState, console: Console, every: bool = False) -> None:
    """`every`: all feeds, whatever the height of the screen."""
    shown = list(state.jeux) if every else _shown(state, max(3, console.height - _AROUND))
    console.print(Text(f"{state.dossier} au {_day(state.maintenant.date())}", style="bold"), soft_wrap=True)
    for name, text in _headlines(state):
        console.print(Text(f"  {name:13}{text}"), no_wrap=True, overflow="ellipsis", crop=True)
    counts = Counter(f.etat for f in state.jeux)
    told = ", ".join(f"{counts[s]} {_plural(s, counts[s])}" for s in FeedState if counts[s])
    gaps = sum(len(f.manquent) for f in state.jeux)
    past = f" ; {gaps} livraison{'s' * (gaps > 1)} d'avant manque{'nt' * (gaps > 1)}" if gaps else ""
    console.print(Text(f"  {'Jeux':13}{told or 'aucun'}{past}"))
    if shown:
        console.print(_table(shown))
    if left := len(state.jeux) - len(shown):
        console.print(Text(f"  … et {left} autres (--tout)", style="dim"))


def _shown(state: LakeState, room: int) -> list[FeedStatus]:
    """As many feeds as fit, those that need somebody first."""
    return list(state.jeux if len(state.jeux) <= room else state.jeux[: room - 1])


def _headlines(state: LakeState) -> Iterator[tuple[str, str]]:
    yield "Publications", f"stable {_release(state.stable)} · provisoire {_release(state.provisoire)}"
    yield "Exécution", _run(state.derniere, state.maintenant)
    if state.derniere_reussie is not None and state.derniere != state.derniere_reussie:
        yield "", f"dernière publication : {_run(state.derniere_reussie, state.maintenant)}"
    yield "À recevoir", _due(state)
    if state.prochaine_publication is not None:
        period, day = state.prochaine_publication
        late = day < state.maintenant.date()
        yield "À publier", f"{period} {'depuis' if late else ''} le {_day(day)}".replace("  ", " ")
    waiting = ", ".join(state.corrections)
    yield "Corrections", f"{len(state.corrections)} en attente : {waiting}" if waiting else "aucune n'attend"
    d = state.disque
    free = f"{size(d.libre)} libres sur {size(d.total)} ({d.libre / d.total:.0%}".replace("%", " %")
    yield "Disque", f"{free}) ; ce dossier {size(d.dossier)}"
    saved = state.derniere_sauvegarde
    yield "Sauvegarde", _ago(saved, state.maintenant) if saved else "aucune n'est notée"


def _due(state: LakeState) -> str:
    """The next day when something is due, and what."""
    if not state.echeances:
        return "rien n'est promis"
    day = state.echeances[0].echeance
    names = [f"{d.jeu} {d.periode or ''}".strip() for d in state.echeances if d.echeance == day]
    count = f" ({len(names)})" if len(names) > 2 else ""
    later = len(state.echeances) - len(names)
    return f"le {_day(day)} : {listed(names, 2)}{count}" + (f" ; {later} plus tard" if later else "")


def _table(feeds: list[FeedStatus]) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.add_column("jeu", no_wrap=True, overflow="ellipsis", max_width=23)
    table.add_column("état", no_wrap=True, min_width=9)
    table.add_column("dernière", no_wrap=True, min_width=8)
    table.add_column("là le", no_wrap=True, min_width=8)
    table.add_column("à venir", no_wrap=True, min_width=8)
    table.add_column("remarque", no_wrap=True, overflow="ellipsis")
    for f in feeds:
        day = [d.strftime("%d/%m/%y") if d else "—" for d in (f.depuis, f.prochaine)]
        table.add_row(f.jeu, Text(f.etat.value, style=_STYLES[f.etat]), f.periode or "—", *day, _remark(f))
    return table


def _remark(feed: FeedStatus) -> str:
    late = f"{feed.retard_jours} j" if feed.retard_jours else ""
    gaps = f"manque {', '.join(feed.manquent)}" if feed.manquent else ""
    return ", ".join(part for part in (late, feed.probleme or "", gaps) if part)


def _release(release: ReleaseStatus | None) -> str:
    if release is None:
        return "—"
    day = release.signee_le or release.publiee_le
    word = "signée le" if release.signee_le else "du"
    return f"{release.publication}" + (f" ({word} {_day(date.fromisoformat(day))})" if day else "")


def _run(run: RunStatus | None, now: datetime) -> str:
    if run is None:
        return "aucune"
    word = {"reussie": "réussie", "echec": "en échec"}.get(run.etat, run.etat)
    took = f" en {duration(run.secondes)}" if run.secondes is not None else ""
    why = f" ({run.probleme})" if run.probleme else ""
    return f"{run.commande} {word}{why}{took}, {_ago(run.debut, now)} · {run.execution}"


def _plural(state: FeedState, count: int) -> str:
    return state.value + "s" * (count > 1 and state not in (FeedState.A_JOUR, FeedState.EN_RETARD))


def _day(day: date) -> str:
    return day.strftime("%d/%m/%Y")


def _ago(then: datetime, now: datetime) -> str:
    gone = now - then
    if gone < timedelta(0):
        return f"le {_day(then.date())}"
    days, minutes = gone.days, gone.seconds // 60
    if days:
        return f"il y a {days} j"
    return f"il y a {minutes // 60} h" if minutes >= 60 else f"il y a {minutes} min"


def duration(seconds: float) -> str:
    """`41 s`, `3 min 20 s`, `2 h 05`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d}"


def size(count: float) -> str:
    """Bytes, in French: `49,6 Mo`."""
    for unit in ("o", "ko", "Mo", "Go", "To"):
        if count < 1000 or unit == "To":
            break
        count /= 1000
    text = f"{count:.0f}" if unit == "o" or count >= 100 else f"{count:.1f}"
    return f"{text.removesuffix('.0').replace('.', ',')} {unit}"
