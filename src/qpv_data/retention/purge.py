"""The purge: destroy what is due, prove it, remember it. Killed anywhere and run again, it finishes, and proves it.

Order: the plan; the aggregates that are kept, set aside; the intent, on disk; the destructions, each told as it is
made; tombstones; the shared database; the proof; the access log.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from qpv_data import __version__
from qpv_data.access import Access, note
from qpv_data.clause.load import ClauseSet
from qpv_data.clause.model import SansObjet
from qpv_data.problems import Problem
from qpv_data.retention import intents
from qpv_data.retention.database import refresh
from qpv_data.retention.deposits import Deposit, deposits_of
from qpv_data.retention.destroy import Destroyer, in_order
from qpv_data.retention.holdings import Feed, aggregates_end, in_use
from qpv_data.retention.intents import Intent
from qpv_data.retention.items import EXECUTION, Etat, Hindrance, Outcome
from qpv_data.retention.kept import keep
from qpv_data.retention.plan import PREFECT_RESULTS, Plan, plan
from qpv_data.retention.proof import last, write_proof
from qpv_data.retention.settings import PurgeSettings
from qpv_data.retention.terms import Forme
from qpv_data.retention.tombstones import Held, bury
from qpv_data.retention.tree import Tree
from qpv_data.retention.withdrawals import is_of_a_release, tell_manifests
from qpv_data.runs import Configuration, RunError, clause_digest, exclusive


@dataclass(frozen=True)
class PurgeReport:
    """What a purge did. `preuve`: None when nothing was destroyed; `tete`: the digest of the last proof."""

    preuve: Path | None
    tete: str | None
    resultats: tuple[Outcome, ...]
    empeches: tuple[Hindrance, ...]
    retenues: tuple[str, ...]

    @property
    def entiere(self) -> bool:
        """Whether all that is due is gone."""
        return not self.empeches and all(o.etat is not Etat.ECHEC for o in self.resultats)


def look(cfg: Configuration, clauses: ClauseSet, settings: PurgeSettings, environment: Mapping[str, str]) -> Plan:
    """What a purge would destroy today. Raises RunError; changes nothing that is kept."""
    with _held(cfg):
        return plan(cfg, clauses, settings, environment)


def purge(
    cfg: Configuration, clauses: ClauseSet, settings: PurgeSettings, key: Ed25519PrivateKey,
    environment: Mapping[str, str], clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> PurgeReport:  # fmt: skip
    """Destroy what is due. Raises RunError: the folder is held by another run, or cannot be written."""

    def instant() -> str:
        return clock().astimezone(UTC).isoformat(timespec="seconds")

    folder = cfg.folder("preuves")
    with _held(cfg):
        made = plan(cfg, clauses, settings, environment)
        before = intents.pending(folder)
        items = in_order([*(before.items if before else ()), *made.items])
        if not items:
            return PurgeReport(None, last(folder)[1], (), made.empeches, made.retenues)
        _keep_aggregates(cfg, made)
        intent = Intent(before.depuis if before else instant(), tuple(items), before.faits if before else {})
        intents.announce(folder, intent)
        outcomes = _destroy(cfg, made, settings, intent, instant)
        _settle(cfg, made, outcomes)
        proof = _prove(cfg, made, intent, outcomes, key, instant, resumed=before is not None)
        intents.close(folder)
    return PurgeReport(proof, last(folder)[1], tuple(outcomes), made.empeches, made.retenues)


def _held(cfg: Configuration) -> Any:
    if not (cfg.sortie / "raw").is_dir():
        message = f"{cfg.sortie} n'est pas le dossier d'une exécution"
        raise RunError(Problem.REFERENCE_INCONNUE, message, "donner celui de `qpv-data run --out`")
    return exclusive(cfg)


def _keep_aggregates(cfg: Configuration, made: Plan) -> None:
    """Set aside the cells of the deliveries whose located records go, unless the clause has their aggregates go too."""
    ended = {feed.jeu for feed in made.feeds if aggregates_end(feed) is not None}
    for item in made.items:
        if item.forme is Forme.LOCALISE and item.lieu == EXECUTION and item.jeu not in ended:
            located = cfg.sortie / item.chemin
            keep(cfg.folder("aggregated") / item.jeu, located.stem, located)


def _destroy(
    cfg: Configuration, made: Plan, settings: PurgeSettings, intent: Intent, instant: Callable[[], str]
) -> list[Outcome]:
    depots: dict[str, Deposit] = {}
    for feed in made.feeds:
        # What hinders the opening of a deposit was told by the plan.
        depots |= {d.source.url: d for d in deposits_of(replace(feed, empeches=[]))}
    planned = frozenset(item.cle for item in made.items)
    roots = {str(cfg.sortie), str(cfg.sortie / PREFECT_RESULTS), *settings.sauvegardes, *settings.resultats_prefect}
    allowed = frozenset(roots | depots.keys())
    work = Destroyer(cfg.sortie, list(made.feeds), depots, cfg.travail, intent.faits, planned, allowed, instant)
    outcomes = []
    for item in intent.items:
        outcome = work.destroy(item)
        if outcome.etat is Etat.DETRUIT and item.cle not in intent.faits:
            intents.tell_done(cfg.folder("preuves"), [item], outcome.le or instant())
        outcomes.append(outcome)
    return outcomes


def _settle(cfg: Configuration, made: Plan, outcomes: list[Outcome]) -> None:
    """Tombstones for what is gone, releases held to their files, and a database that says which deliveries are."""
    tree, raw = Tree(cfg.sortie), cfg.folder("raw")
    for chemin in sorted({o.item.chemin.rpartition("/")[0] for o in outcomes if o.item.forme is Forme.BRUT}):
        tree.prune(chemin)
    gone = set[str]()
    for feed in made.feeds:
        for held in feed.livraisons:
            if held.detruite_le is None and _is_gone(feed, held):
                bury(raw, held, cfg.maintenant.date())
            if _records_gone(feed, held):
                gone.add(held.id)
    tell_manifests(cfg.sortie, list(made.feeds))
    withdrawn = any(is_of_a_release(o.item) for o in outcomes)
    refresh(cfg, gone, anew=withdrawn)


def _is_gone(feed: Feed, held: Held) -> bool:
    """Whether a delivery's raw file is due, for every delivery that shares it, and is there no more."""
    sharing = [h for h in feed.livraisons if h.sha256 == held.sha256]
    due = all(feed.due(h, Forme.BRUT) is not None for h in sharing)
    seen = "raw" not in feed.illisibles
    return due and seen and not any(True for _ in feed.tree.walk(f"raw/{feed.jeu}/{held.sha256}"))


def _records_gone(feed: Feed, held: Held) -> bool:
    """Whether nothing can be made of a delivery any more: no raw file that may be conformed, and no records of it."""
    over = all(feed.due(held, forme) is not None for forme in (Forme.CONFORME, Forme.LOCALISE))
    files = (feed.sortie / folder / feed.jeu / f"{held.nom}.parquet" for folder in ("conformed", "located"))
    made = any(f.exists() for f in files) and (used := in_use(feed, held.nom)) is not None and used.id == held.id
    return (over or held.detruite_le is not None or _is_gone(feed, held)) and not made


def _prove(
    cfg: Configuration, made: Plan, intent: Intent, outcomes: list[Outcome], key: Ed25519PrivateKey,
    instant: Callable[[], str], resumed: bool,
) -> Path | None:  # fmt: skip
    """Write the proof and the lines of the access log; None when everything failed: there is nothing to prove."""
    done = [o for o in outcomes if o.etat is not Etat.ECHEC]
    if not done:
        return None
    content = {
        "objet": "preuve de destruction",
        "etablie_le": instant(),
        "diffuseur": cfg.diffuseur,
        "version_logiciel": __version__,
        "annonce_le": intent.depuis,
        "reprise": resumed,
        "elements": [_told(o) for o in done],
        "echecs": [_told(o) for o in outcomes if o.etat is Etat.ECHEC],
        "empeches": [asdict(h) for h in made.empeches],
        "retenues": list(made.retenues),
        "clauses": _clauses(made, done),
    }
    proof = write_proof(cfg.folder("preuves"), content, key)
    _log(cfg, done, proof)
    return proof


def _told(outcome: Outcome) -> dict[str, Any]:
    return {**outcome.item.told(), "etat": outcome.etat.value, "le": outcome.le, "raison": outcome.raison}


def _clauses(made: Plan, done: list[Outcome]) -> list[dict[str, Any]]:
    """The versions of clauses under which things were destroyed: what each promised, and the digest of its text."""
    under = {(o.item.jeu, o.item.clause_version) for o in done}
    rows = []
    for feed in made.feeds:
        for clause in sorted(feed.versions, key=lambda v: v.version):
            if (feed.jeu, clause.version) in under and not isinstance(clause.destruction, SansObjet):
                rows.append(
                    {
                        "jeu": feed.jeu,
                        "version": clause.version,
                        "producteur": clause.producteur.nom,
                        "destruction": clause.destruction.model_dump(mode="json"),
                        "empreinte": clause_digest(clause),
                    }
                )
    return rows


def _log(cfg: Configuration, done: list[Outcome], proof: Path) -> None:
    for jeu, livraison in sorted({(o.item.jeu, o.item.livraison or "") for o in done if o.item.jeu}):
        forms = tuple(
            sorted({o.item.forme.value for o in done if (o.item.jeu, o.item.livraison or "") == (jeu, livraison)})
        )
        note(
            cfg, Access(action="destruction", jeu=jeu, livraison=livraison or None, formes=forms, sorties=(proof.stem,))
        )
