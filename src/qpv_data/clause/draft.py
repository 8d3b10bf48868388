"""A draft clause as YAML: what is known, and every promise that is still to be written, with what is expected there."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from qpv_data.clause.model import ClauseJeu, ClauseZonage
from qpv_data.documentation.cles import meaning_of_key

_WIDTH = 110


class _Dumper(yaml.SafeDumper):
    """Every value in full: a clause that says `*id001` is refused when it is read."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def yaml_text(content: Mapping[str, Any]) -> str:
    """A mapping as YAML, in its order, without aliases."""
    return str(yaml.dump(content, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=_WIDTH))


def draft_text(known: Mapping[str, Any], guessed: Iterable[str] = (), head: str = "") -> str:
    """The draft. `known`: keys of a clause; `guessed`: paths of those to confirm, which `qpv-data check` recalls.

    Keys come in the order of the models. A mandatory key that is not known is a comment: the draft is no clause yet,
    and `check` says which promises it lacks.
    """
    model = ClauseZonage if known.get("nature") == "zonage" else ClauseJeu
    order = ["id", "version", "nature", *(f for f in model.model_fields if f not in ("id", "version", "nature"))]
    content = {**known, **({"a_confirmer": sorted(set(guessed))} if guessed else {})}
    unknown = [key for key in content if key not in order]
    lines = [f"# {line}" for line in textwrap.wrap(head, _WIDTH)]
    for key in [*order, *unknown]:
        if key in content:
            lines.append(yaml_text({key: content[key]}).rstrip("\n"))
        elif model.model_fields[key].is_required():
            lines += [f"# {line}" for line in textwrap.wrap(f"{key}: à écrire. {meaning_of_key((key,))}", _WIDTH)]
    return "\n".join(lines) + "\n"


def missing_promises(known: Mapping[str, Any]) -> list[str]:
    """The mandatory keys that a draft lacks, in the order of the models."""
    model = ClauseZonage if known.get("nature") == "zonage" else ClauseJeu
    return [key for key, field in model.model_fields.items() if field.is_required() and key not in known]
