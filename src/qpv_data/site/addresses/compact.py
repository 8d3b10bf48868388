"""Numbers of a street written short, and read again: `1-15` are odd numbers, `1~15` are all of them, `12.bis`, `*`.

A token stands for what it says and nothing else: every number of the file is in one, no other number is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import quote, unquote

from qpv_data.site.addresses.gather import SANS, Address, Answer, Commune

Number = tuple[int, str]
"""A number and its suffix, which is empty most often."""
_FEW = 3
"""Fewer numbers than this are not a run."""


def written(numbers: Iterable[Number]) -> str:
    """Tokens, by number. « 1, 3, 5, 7, 8, 12 bis » → `1-7 8 12.bis`."""
    every = sorted(set(numbers))
    plain = [n for n, suffix in every if not suffix and n != SANS]
    together = _runs(plain, 1)
    apart = sorted(_runs([n for n in plain if n % 2], 2) + _runs([n for n in plain if not n % 2], 2))
    runs = together if _length(together) <= _length(apart) else apart
    tokens = [(first, "", _token(first, last, step)) for first, last, step in runs]
    tokens += [(n, s, f"{'*' if n == SANS else n}.{quote(s, safe='')}") for n, s in every if s]
    tokens += [(n, s, "*") for n, s in every if n == SANS and not s]
    return " ".join(token for *_, token in sorted(tokens))


def read(text: str) -> Iterator[Number]:
    """The numbers of tokens, in their order."""
    for token in text.split():
        head, dot, suffix = token.partition(".")
        if head == "*":
            yield SANS, unquote(suffix)
        elif dot:
            yield int(head), unquote(suffix)
        else:
            first, mark, last = head.partition("~" if "~" in head else "-")
            for n in range(int(first), int(last or first) + 1, 2 if mark == "-" else 1):
                yield n, ""


def spoken(text: str) -> str:
    """Tokens for readers: « 1 à 15 (impairs), 12 bis »."""
    words = []
    for token in text.split():
        head, _, suffix = token.partition(".")
        if head == "*":
            words.append(f"sans numéro {unquote(suffix)}".strip())
        elif "~" in head:
            words.append(head.replace("~", " à "))
        elif "-" in head:
            words.append(f"{head.replace('-', ' à ')} ({'impairs' if int(head.split('-')[0]) % 2 else 'pairs'})")
        else:
            words.append(f"{head} {unquote(suffix)}".strip())
    return ", ".join(words)


def streets(commune: Commune) -> Iterator[tuple[Address, dict[Answer, list[Number]]]]:
    """Each street (an address of it, for its name, postcode and former commune) and its numbers by answer."""
    held: dict[tuple[str, str, str], tuple[Address, dict[Answer, list[Number]]]] = {}
    for a in commune.adresses:
        _, numbers = held.setdefault((a.voie, a.code_postal, a.ancienne), (a, {}))
        numbers.setdefault(a.reponse, []).append((a.numero, a.suffixe))
    yield from held.values()


def packed(commune: Commune, nom: str) -> dict[str, Any]:
    """What the page's script reads: `voies`, each a name, the numbers of its postcode and of its former commune in
    their lists, then an answer's number in `reponses` and its tokens, as many times as it has answers."""
    answers = sorted({a.reponse for a in commune.adresses})
    postcodes = sorted({a.code_postal for a in commune.adresses})
    former = sorted({a.ancienne for a in commune.adresses})
    rows = []
    for street, numbers in streets(commune):
        row: list[Any] = [street.voie, postcodes.index(street.code_postal), former.index(street.ancienne)]
        for answer in sorted(numbers):
            row += [answers.index(answer), written(numbers[answer])]
        rows.append(row)
    return {"code": commune.code, "nom": nom, "postaux": postcodes, "anciennes": former, "reponses": answers,
            "voies": rows}  # fmt: skip


def _runs(numbers: Sequence[int], step: int) -> list[tuple[int, int, int]]:
    """(first, last, step) of what follows without a gap; alone when there are few."""
    runs: list[tuple[int, int, int]] = []
    start = 0
    for i in range(1, len(numbers) + 1):
        if i < len(numbers) and numbers[i] - numbers[i - 1] == step:
            continue
        if i - start >= _FEW:
            runs.append((numbers[start], numbers[i - 1], step))
        else:
            runs += [(n, n, step) for n in numbers[start:i]]
        start = i
    return runs


def _length(runs: Sequence[tuple[int, int, int]]) -> int:
    return sum(len(_token(*run)) + 1 for run in runs)


def _token(first: int, last: int, step: int) -> str:
    return str(first) if first == last else f"{first}{'-' if step == 2 else '~'}{last}"
