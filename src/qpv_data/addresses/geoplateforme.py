"""The Géoplateforme's geocoding, in CSV batches: public, for addresses that are no personal data, by choice alone."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from qpv_data.addresses.exchange import Exchange, Patience
from qpv_data.addresses.model import Answer, OutageError, Question, Reply, Service, Unanswered
from qpv_data.addresses.reading import candidate

_SENT = ("rang", "adresse", "code_commune", "code_postal")
_NEEDED = ("latitude", "longitude", "result_score", "result_type", "result_citycode", "result_label")
# At most 50 requests a second are answered: a pause between two batches keeps us far below.
_PAUSE = 0.05


class Geoplateforme:
    """The transport: one POST a batch, one batch at a time."""

    lot = 1_000

    def __init__(
        self, service: Service, patience: Patience | None = None, pause: Callable[[float], None] = time.sleep
    ) -> None:
        if service.personnelles:
            raise ValueError("des adresses personnelles ne sont jamais envoyées à un service public")
        self._service, self._patience, self._pause = service, patience or Patience(lecture=180.0), pause
        self._url = service.url.rstrip("/") + "/search/csv"
        self._asked = False

    def ask(self, questions: Sequence[Question]) -> list[Reply]:
        """See `Geocoder`."""
        if not questions:
            return []
        if self._asked:
            self._pause(_PAUSE)
        self._asked = True
        form = [("columns", "adresse")]
        if any(q.commune for q in questions):
            form.append(("citycode", "code_commune"))
        if any(q.code_postal and not q.commune for q in questions):
            form.append(("postcode", "code_postal"))
        sent = written(questions)
        files = {"data": ("adresses.csv", sent, "text/csv; charset=utf-8")}
        with Exchange(self._service, self._patience, self._pause) as exchange:
            body = exchange.ask("POST", self._url, len(sent) + 4_000 * (len(questions) + 1), data=form, files=files)
        return read_batch(body, questions)


def written(questions: Sequence[Question]) -> bytes:
    """The CSV that is sent: every field quoted, one line an address; the postcode where there is no commune."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(_SENT)
    for rank, q in enumerate(questions):
        writer.writerow((rank, q.texte, q.commune or "", "" if q.commune else q.code_postal or ""))
    return text.getvalue().encode()


def read_batch(body: bytes, questions: Sequence[Question]) -> list[Reply]:
    """One reply a question. Raises OutageError unless the rows are exactly those sent, in order."""
    fault = ""
    replies: list[Reply] = []
    try:
        rows = list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True))
        header = rows[0]
        missing = [name for name in (*_SENT, *_NEEDED) if header.count(name) != 1]
        if missing:
            fault = f"réponse sans les colonnes attendues ({', '.join(missing)})"
        elif len(rows) - 1 != len(questions):
            fault = f"{len(rows) - 1} lignes rendues pour {len(questions)} envoyées"
        else:
            replies = [
                _reply(dict(zip(header, row, strict=True)), rank, question)
                for rank, (row, question) in enumerate(zip(rows[1:], questions, strict=True))
            ]
    except (ValueError, IndexError, csv.Error):
        fault = "réponse illisible, ou d'autres lignes que celles envoyées"
    if fault:  # out of the block above: the fault that it caught may quote an address
        raise OutageError(fault)
    return replies


def _reply(row: Mapping[str, str], rank: int, question: Question) -> Reply:
    if row["rang"] != str(rank) or row["adresse"] != question.texte:
        raise ValueError("other row")
    if row.get("result_status") == "error":
        return Unanswered()
    if not row["latitude"] and not row["longitude"]:
        return None
    answer = candidate(
        lon=row["longitude"], lat=row["latitude"], score=row["result_score"], type_=row["result_type"],
        label=row["result_label"], communes=(row["result_citycode"], row.get("result_oldcitycode")),
        postcode=row.get("result_postcode"), rival=False,
    )  # fmt: skip
    following = row.get("result_score_next") or ""
    if following and _rivals(answer, float(following), question):
        return replace(answer, rivale=True)
    return answer


def _rivals(answer: Answer, following: float, question: Question) -> bool:
    """The next candidate is not described: with a commune, only an equal score makes a rival of it."""
    margin = 0.0 if question.commune else 0.1
    return following >= answer.score - margin
