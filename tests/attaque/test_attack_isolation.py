"""The attacker shares no code with what it attacks."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import qpv_data.attaque

PACKAGE = Path(qpv_data.attaque.__file__).parent
ALLOWED = {"numpy", "scipy", "pyarrow", "duckdb", "highspy", "yaml", "shapely"}


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} : import relatif"
            names.add(node.module or "")
        elif isinstance(node, ast.Name):
            assert node.id not in {"__import__", "exec", "eval"}, path.name
        elif isinstance(node, ast.Attribute):
            assert node.attr not in {"import_module", "run_module", "run_path"}, path.name
    return names


def test_the_package_imports_the_standard_library_solvers_and_itself_alone() -> None:
    modules = sorted(PACKAGE.rglob("*.py"))
    assert len(modules) > 10
    for path in modules:
        for name in imported(path):
            top = name.split(".")[0]
            own = name == "qpv_data.attaque" or name.startswith("qpv_data.attaque.")
            assert own or top in ALLOWED or top in sys.stdlib_module_names, f"{path.name} importe {name}"


def test_nothing_of_the_protector_is_loaded_with_it() -> None:
    code = (
        "import sys, qpv_data.attaque.single, qpv_data.attaque.releases\n"
        "print(sorted(m for m in sys.modules if m.startswith('qpv_data.') and not m.startswith('qpv_data.attaque')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
