"""How many cores a run may use: a shared machine gives it fewer than it has."""

from __future__ import annotations

import os

from qpv_data.problems import Problem
from qpv_data.runs import RunError

VARIABLE = "QPV_DATA_COEURS"


def cores() -> int:
    """The environment's `QPV_DATA_COEURS`, else as many as this process may run on. No result depends on it.

    Raises RunError valeur_invalide when the variable is not a whole number above 0.
    """
    given = os.environ.get(VARIABLE, "").strip()
    if given:
        if not (given.isascii() and given.isdecimal() and int(given) > 0):
            message = f"{VARIABLE} n'est pas un nombre de cœurs"
            raise RunError(Problem.VALEUR_INVALIDE, message, "écrire un nombre entier, 1 ou plus, ou l'ôter")
        return int(given)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
