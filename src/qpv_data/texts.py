"""Texts of Arrow without the blanks at their ends, worked on in their buffers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

BLANKS = " \t\r\n\x0b\x0c\u00a0\u202f\ufeff"
_FIRST, _LAST = np.zeros(256, bool), np.zeros(256, bool)
for _blank in BLANKS:
    _FIRST[_blank.encode()[0]] = _LAST[_blank.encode()[-1]] = True


def trimmed(texts: pa.StringArray) -> pa.StringArray:
    """Each text without the blanks at its ends; null when nothing is left of it."""
    ends = _ends(texts)
    if ends is None:
        return texts
    if _has_blanks(*ends):
        texts = pc.utf8_trim(texts, characters=BLANKS)
        ends = _ends(texts)
        assert ends is not None
    offsets, _ = ends
    full = offsets[1:] > offsets[:-1]
    if full.all():
        return texts
    valid = full if not texts.null_count else full & np.asarray(pc.is_valid(texts))
    bitmap = pa.py_buffer(np.packbits(valid, bitorder="little"))
    _, places, content = texts.buffers()
    if texts.offset:
        places = pa.py_buffer(np.ascontiguousarray(offsets))
    return pa.Array.from_buffers(pa.string(), len(texts), [bitmap, places, content], int((~valid).sum()))


def _ends(texts: pa.StringArray) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]] | None:
    _, places, content = texts.buffers()
    if not len(texts) or places is None or texts.null_count == len(texts):
        return None
    offsets = np.frombuffer(places, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return offsets, np.frombuffer(content, np.uint8) if content is not None else np.empty(0, np.uint8)


def _has_blanks(offsets: np.ndarray[Any, Any], content: np.ndarray[Any, Any]) -> bool:
    """Whether a text may start or end with a blank, from its first and its last byte; empty ones show a neighbour's."""
    if not len(content):
        return False
    first, last = np.take(content, offsets[:-1], mode="clip"), np.take(content, offsets[1:] - 1, mode="clip")
    return bool(np.take(_FIRST, first).any() or np.take(_LAST, last).any())
