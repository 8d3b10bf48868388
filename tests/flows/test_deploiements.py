"""The deployments follow the clauses, and once deployed, Prefect really schedules runs."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
import time
from pathlib import Path

import requests
import yaml

from flows.deploiements import POOL, TARGET, rendered
from flows.environnement import isolated
from flows.serveur import serving
from qpv_data.clause.load import load_clauses
from qpv_data.cli import default_clauses

REPOSITORY = Path(__file__).resolve().parents[2]
DEPLOYED = 240.0


def test_the_committed_deployments_are_those_of_the_clauses() -> None:
    assert TARGET.read_text("utf-8") == rendered(default_clauses())


def test_every_clause_has_its_delivery_and_every_periodicity_its_quarterly_publication() -> None:
    deployments = yaml.safe_load(TARGET.read_text("utf-8"))["deployments"]
    clauses = [c.clause for c in load_clauses(default_clauses()).chargees]
    deliveries = {d["name"] for d in deployments if d["tags"][0] == "livraison"}
    assert deliveries == {c.id for c in clauses}
    published = {d["name"]: d["schedules"][0] for d in deployments if d["tags"][0] == "publication"}
    assert set(published) == {c.periodicite for c in clauses}
    assert all(s["cron"].endswith("2 1,4,7,10 *") and s["timezone"] == "Europe/Paris" for s in published.values())


def test_every_deployment_names_a_flow_that_takes_its_parameters() -> None:
    deployments = yaml.safe_load(TARGET.read_text("utf-8"))["deployments"]
    assert {d["tags"][0] for d in deployments} == {
        "referentiels", "publication", "livraison", "retention", "disponibilite", "rattrapage"
    }  # fmt: skip
    for deployment in {d["entrypoint"]: d for d in deployments}.values():
        file, _, function = deployment["entrypoint"].partition(":")
        flow = getattr(importlib.import_module(file.removesuffix(".py").replace("/", ".")), function)
        taken = inspect.signature(flow.fn)
        whole = deployment["schedules"] or deployment["tags"][0] == "livraison"  # else whoever asks says the rest
        (taken.bind if whole else taken.bind_partial)(**deployment["parameters"])


def test_no_path_of_a_machine_is_in_the_deployments() -> None:
    assert str(REPOSITORY) not in TARGET.read_text("utf-8")


def test_once_deployed_the_next_quarter_is_scheduled(tmp_path: Path) -> None:
    settings = isolated(tmp_path / "home")
    with serving(tmp_path / "home", settings) as server:
        server.wait()
        settings |= {"PREFECT_API_URL": server.api}
        # Asked of the API: a command of Prefect's takes seconds to start, and this one is none of ours.
        asked = {"name": POOL, "type": "process"}
        assert requests.post(f"{server.api}/work_pools/", json=asked, timeout=30).status_code == 201
        # One of each flow: they are all written by one function, and Prefect takes a second for each.
        some = ["referentiels/trimestriel", "livraison/bpe_equipements", "publication/trimestrielle"]
        deploy = ["deploy", *(part for name in some for part in ("--name", name))]
        done = subprocess.run(
            [sys.executable, "-m", "prefect", "--no-prompt", *deploy], cwd=REPOSITORY, env=settings,
            capture_output=True, text=True, check=False, timeout=DEPLOYED,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        query = {
            "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}},
            "flows": {"name": {"any_": ["publication"]}},
        }
        deadline = time.monotonic() + 120
        runs: list[dict[str, object]] = []
        while not runs and time.monotonic() < deadline:
            runs = requests.post(f"{server.api}/flow_runs/filter", json=query, timeout=30).json()
            time.sleep(0.5)
    assert runs, "no run is scheduled"
    assert {r["state_type"] for r in runs} == {"SCHEDULED"}
