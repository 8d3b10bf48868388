"""Tell the people whom the operator declared. What cannot be sent is told back, and never raised: the run is done."""

from __future__ import annotations

import json
import os
import smtplib
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from email.message import EmailMessage
from urllib.parse import urlsplit

import requests

from qpv_data.operations.settings import Courriel, Notification, Webhook
from qpv_data.operations.summary import Summary
from qpv_data.sources.http import Guard, Reach, RefusedUrlError, open_session

_TIMEOUT, _WHOLE, _TRIES = (5.0, 10.0), 20.0, 3
_TRANSIENT = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True)
class Sent:
    """One notification, by its rank in the file. `faute`: why it did not leave, without address nor secret."""

    rang: int
    type: str
    faute: str | None = None


class _NotSentError(Exception):
    """Why, fit for a log."""


def notify(
    declared: Sequence[Notification], summary: Summary, environment: Mapping[str, str] = os.environ,
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[Sent]:  # fmt: skip
    """Send to each whose moment has come. Never raises."""
    for rank, wanted in enumerate(declared, start=1):
        if not summary.moments() & set(wanted.quand):
            continue
        try:
            if isinstance(wanted, Webhook):
                _post(wanted, summary, environment, pause)
            else:
                _mail(wanted, summary, environment)
        except _NotSentError as e:
            yield Sent(rank, wanted.type, str(e))
        except Exception as e:  # noqa: BLE001  whatever a server does, the run that is told of is over
            yield Sent(rank, wanted.type, type(e).__name__)
        else:
            yield Sent(rank, wanted.type)


def _post(hook: Webhook, summary: Summary, environment: Mapping[str, str], pause: Callable[[float], None]) -> None:
    url = hook.url or _variable(str(hook.url_secrete), environment)
    headers = {"Content-Type": "application/json; charset=utf-8"}
    if hook.secret is not None:
        headers["Authorization"] = f"Bearer {_variable(hook.secret, environment)}"
    body = json.dumps(summary.told(), ensure_ascii=False).encode()
    for number in range(1, _TRIES + 1):
        why = _posted(url, headers, body, Reach(hook.hote_interne))
        if why is None:
            return
        if number == _TRIES:
            raise _NotSentError(f"{why}, {_TRIES} essais")
        pause(2.0**number)


def _posted(url: str, headers: Mapping[str, str], body: bytes, reach: Reach) -> str | None:
    """None when it was accepted; why not, when another try may do. Raises _NotSentError when none will."""
    host = urlsplit(url).hostname or ""
    with closing(Guard(_WHOLE, reach)) as guard, open_session(guard, "qpv-data") as session:
        try:
            guard.hop(0, host, proxied=False)
            answer = session.post(url, data=body, headers=dict(headers), timeout=_TIMEOUT, allow_redirects=False)
        except RefusedUrlError as e:
            raise _NotSentError(str(e)) from None
        except requests.exceptions.SSLError:
            raise _NotSentError("certificat refusé") from None
        except requests.exceptions.RequestException as e:
            return f"pas de réponse ({type(e).__name__})"
    if answer.status_code in _TRANSIENT:
        return f"réponse {answer.status_code}"
    if not 200 <= answer.status_code < 300:
        raise _NotSentError(f"réponse {answer.status_code}")
    return None


def _mail(wanted: Courriel, summary: Summary, environment: Mapping[str, str]) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = wanted.de, ", ".join(wanted.a), summary.title()
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(summary.text() + "\n")
    context = ssl.create_default_context()
    secret = _variable(wanted.secret, environment) if wanted.secret is not None else None
    try:
        if wanted.chiffrement == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(wanted.serveur, wanted.port, timeout=_WHOLE, context=context)
        else:
            server = smtplib.SMTP(wanted.serveur, wanted.port, timeout=_WHOLE)
        with server:
            if wanted.chiffrement == "starttls":
                server.starttls(context=context)
            if secret is not None:
                user, _, password = secret.partition(":")
                server.login(user, password)
            server.send_message(message)
    except (OSError, smtplib.SMTPException) as e:
        # what a server answers may hold an address: only the fault's name is kept
        code = getattr(e, "smtp_code", None)
        raise _NotSentError(f"{type(e).__name__}{f' {code}' if code else ''}") from None


def _variable(name: str, environment: Mapping[str, str]) -> str:
    value = environment.get(name, "").strip()
    if not value:
        raise _NotSentError(f"la variable {name} est absente")
    return value
