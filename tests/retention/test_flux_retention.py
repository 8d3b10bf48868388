"""The flow `retention` does what `qpv-data purge` does, and asks for the key only when something is due."""

from __future__ import annotations

from datetime import timedelta

import pytest
from lac import ENVIRONMENT, LATER, Lac, sown_in
from prefect.logging import disable_run_logger

from flows import etapes
from flows.retention import retention
from qpv_data.problems import Problem
from qpv_data.runs import RunError


def test_what_is_due_is_shown_then_destroyed_and_the_key_is_asked_for_then_only(
    lac: Lac, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("QPV_DATA_CLE_DE_SIGNATURE", raising=False)
    monkeypatch.setattr(etapes, "artifact", lambda _: None)
    asked = {"sortie": lac.out, "clauses": lac.mini.clauses}
    with disable_run_logger():
        early = retention.fn(**asked, confirmer=True, maintenant=LATER - timedelta(days=181))
        assert early == {"dus": 0, "detruits": 0, "empeches": 0}
        shown = retention.fn(**asked, maintenant=LATER)
        assert shown["dus"] > 0
        assert sown_in(lac.out) != []
        with pytest.raises(RunError) as e:
            retention.fn(**asked, confirmer=True, maintenant=LATER)
        assert e.value.probleme is Problem.CLE_DE_SIGNATURE
        for name, value in ENVIRONMENT.items():
            monkeypatch.setenv(name, value)
        done = retention.fn(**asked, confirmer=True, maintenant=LATER)
    assert done == {"dus": shown["dus"], "detruits": shown["dus"], "empeches": 0}
    assert sown_in(lac.out) == []
    assert lac.faults() == ()
