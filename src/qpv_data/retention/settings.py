"""Where copies of the run's folder are: the file that the purge is given, and what it may not say."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Annotated

import yaml
from pydantic import AfterValidator, ValidationError

from qpv_data.clause.vocabulary import Modele
from qpv_data.problems import InvalidDeclarationError, Problem, Violation, relative_to_cwd


def _plain(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not path.startswith("/") or len(parts) < 3 or path != str(PurePosixPath(path)) or {".", ".."} & set(parts):
        raise ValueError("un chemin absolu, d'au moins deux dossiers, sans `.` ni `..`")
    return path


Dossier = Annotated[str, AfterValidator(_plain)]


class PurgeSettings(Modele):
    """`sauvegardes`: folders that hold copies of the run's folder. `resultats_prefect`: where Prefect keeps results."""

    sauvegardes: tuple[Dossier, ...] = ()
    resultats_prefect: tuple[Dossier, ...] = ()


def read_settings(path: Path | None, sortie: Path) -> PurgeSettings:
    """Read the file; without one there are no copies. Raises InvalidDeclarationError with every fault.

    A folder that is not there is a fault: a backup that is not mounted would not be purged. One that is a link, or
    that holds the run's folder, or is in it (Prefect's own apart), is refused.
    """
    if path is None:
        return PurgeSettings()
    shown = relative_to_cwd(path)

    def fault(message: str, remedy: str) -> Violation:
        return Violation(shown, 1, Problem.VALEUR_INVALIDE, message, remedy)

    try:
        settings = PurgeSettings.model_validate(yaml.safe_load(path.read_text("utf-8")) or {})
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as e:
        raise InvalidDeclarationError([fault(f"illisible ({type(e).__name__})", "corriger le fichier")]) from None
    except ValidationError as e:
        faults = [
            fault(
                f"{'.'.join(map(str, error['loc']))} : {str(error['msg']).removeprefix('Value error, ')}",
                "clés permises : sauvegardes, resultats_prefect, des listes de chemins",
            )
            for error in e.errors(include_url=False)
        ]
        raise InvalidDeclarationError(faults) from None
    named = [("sauvegardes", p) for p in settings.sauvegardes]
    named += [("resultats_prefect", p) for p in settings.resultats_prefect]
    faults = [
        fault(f"{key} : {why} ({folder})", "monter le dossier, ou corriger le chemin")
        for key, folder in named
        if (why := _unfit(Path(folder), sortie.resolve(), key)) is not None
    ]
    if faults:
        raise InvalidDeclarationError(faults)
    return settings


def _unfit(folder: Path, sortie: Path, key: str) -> str | None:
    if not folder.is_dir():
        return "dossier absent"
    if folder.resolve() != folder:
        return "le chemin passe par un lien symbolique"
    if sortie.is_relative_to(folder):
        return "ce dossier contient celui de l'exécution"
    if key == "sauvegardes" and folder.is_relative_to(sortie):
        return "une sauvegarde n'est pas dans le dossier de l'exécution"
    return None
