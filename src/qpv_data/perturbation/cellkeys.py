"""Cell keys: each unit has a secret number, and a cell the sum of those of its units, so that the same units have the
same noise in whatever table, under whatever name, as often as it is asked for."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from qpv_data.engine import session
from qpv_data.perturbation.noise import Floats, Noise
from qpv_data.problems import FeedError, Problem
from qpv_data.secret.axes import Axis
from qpv_data.secret.cells import Ints, finest_shape
from qpv_data.secret.records import belongs

Words = NDArray[np.uint64]
VARIABLE = "QPV_SECRET_PERTURBATION"
_HEX = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True)
class Counts:
    """Of every cell of the crossed hierarchies: distinct units, and the cell's key."""

    axes: tuple[Axis, ...]
    units: Ints
    key: Words

    def perturbed(self, noise: Noise) -> Ints:
        """What is published: not additive, as each cell has its own noise."""
        return self.units + noise.draw(self.units, uniform(self.key))


def perturbation_key(name: str) -> bytes:
    """The secret key, from the environment alone. Raises FeedError."""
    given = os.environ.get(VARIABLE, "").strip()
    if not _HEX.fullmatch(given):
        message = f"la variable d'environnement {VARIABLE} est absente, ou n'a pas 64 chiffres hexadécimaux"
        remedy = "en tirer une une fois pour toutes (openssl rand -hex 32) et la garder : une autre clé, un autre bruit"
        raise FeedError(name, Problem.SECRET_ABSENT, message, remedy)
    return bytes.fromhex(given)


def fingerprint(key: bytes) -> str:
    """What tells two keys apart and gives neither away."""
    return hmac.digest(key, b"qpv-data: empreinte de la cle de perturbation", hashlib.sha256).hex()[:16]


def record_keys(units: pa.Array, key: bytes) -> Words:
    """The first 64 bits of HMAC-SHA-256 of each unit's name."""
    words = b"".join(hmac.digest(key, f"unite:{name}".encode(), "sha256")[:8] for name in units.to_pylist())
    return np.frombuffer(words, dtype=">u8").astype(np.uint64)


def uniform(key: Words) -> Floats:
    """A key as a number of [0, 1)."""
    return (key >> np.uint64(11)).astype(np.float64) / float(1 << 53)


def cell_draws(axes: tuple[Axis, ...], key: bytes) -> Floats:
    """A number of [0, 1) for every cell, that depends on its codes alone."""
    parts = [
        np.frombuffer(
            b"".join(hmac.digest(key, f"code:{a.name}={c}".encode(), "sha256")[:8] for c in a.codes), dtype=">u8"
        ).astype(np.uint64)
        for a in axes
    ]
    product = np.zeros(1, dtype=np.uint64)
    for n, words in enumerate(parts):
        mixed = _mixed(words + np.uint64(n))
        product = _mixed(np.bitwise_xor.outer(product, mixed).ravel())
    return uniform(product)


def _mixed(words: Words) -> Words:
    """A fixed permutation of 64-bit words in which every bit of the answer depends on all (splitmix64)."""
    with np.errstate(over="ignore"):
        z = words + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(z ^ (z >> np.uint64(31)))


def counts_of(axes: tuple[Axis, ...], places: Ints, unit: pa.Array, key: bytes) -> Counts:
    """Every cell's units and key, from records (their rank among the finest codes of each axis, and their unit)."""
    size = int(np.prod([len(a) for a in axes]))
    units, totals = np.zeros(size, np.int64), np.zeros(size, np.uint64)
    if not len(places):
        return Counts(axes, units, totals)
    finest = np.ravel_multi_index(tuple(places.T), finest_shape(axes))
    coded = unit.dictionary_encode()
    names = coded.dictionary
    cell, at = belongs(axes, np.unique(finest))
    con = session()
    con.register("records", pa.table({"finest": pa.array(finest.astype(np.int64)), "unite": coded.indices}))
    con.register("belongs", pa.table({"cell": pa.array(cell), "finest": pa.array(at)}))
    pairs = con.execute("SELECT DISTINCT cell, unite FROM records JOIN belongs USING (finest)").fetchnumpy()
    cells, owners = np.asarray(pairs["cell"], np.int64), np.asarray(pairs["unite"], np.int64)
    np.add.at(units, cells, 1)
    np.add.at(totals, cells, record_keys(names, key)[owners])  # modulo 2^64: whatever the order
    return Counts(axes, units, totals)
