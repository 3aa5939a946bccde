"""The code of a manifest becomes an App, once: GitHub shows the private key in this one answer and never again.
Asked for with no token, because there is none yet."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx

from oneshot_dagster.domain.errors import BadInput, TryAgain
from oneshot_dagster.services.github.answers import ABSENT, Answer, judge, part, read, refuses_version
from oneshot_dagster.services.github.connection import API_VERSION, LOOPBACK, OLDER_VERSION

_USED_UP = ABSENT | {422}


@dataclass(frozen=True, kw_only=True, slots=True)
class MadeApp:
    app_id: str
    slug: str
    owner: str
    url: str
    pem: str = field(repr=False)
    webhook_secret: str | None = field(repr=False)


def convert(api_url: str, code: str, *, timeout: float = 30.0) -> MadeApp:
    """BadInput for a code that is used up or older than an hour. Sent once: a lost answer cannot be had again."""
    answer = _sent(api_url, code, timeout, API_VERSION)
    if refuses_version(answer):
        answer = _sent(api_url, code, timeout, OLDER_VERSION)
    if judge(answer, values=_USED_UP).status in _USED_UP:
        raise BadInput(
            tried="have GitHub make the App",
            found="a code that it does not know: it is worth one use and one hour",
            do="start again: `oneshot github connect`",
        )
    return read(_made, answer)


def _sent(api_url: str, code: str, timeout: float, version: str) -> Answer:
    asked = "POST /app-manifests/CODE/conversions"
    headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": version}
    loopback = httpx.URL(api_url).host in LOOPBACK
    try:
        with httpx.Client(timeout=timeout, trust_env=not loopback, headers=headers) as client:
            response = client.post(f"{api_url.rstrip('/')}/app-manifests/{quote(code, safe='')}/conversions")
    except httpx.TransportError as error:
        why = f"no answer from GitHub to {asked} ({type(error).__name__})"
    else:
        named = {name.lower(): value for name, value in response.headers.items()}
        return Answer(asked=asked, status=response.status_code, headers=named, content=response.content)
    raise TryAgain(f"{why}; look among your Apps for one without a key, delete it, and start again")


def _made(body: Any) -> MadeApp:
    return MadeApp(
        app_id=str(body["id"]),
        slug=str(body["slug"]),
        owner=str(part(body, "owner").get("login") or ""),
        url=str(body["html_url"]),
        pem=str(body["pem"]),
        webhook_secret=str(body["webhook_secret"]) if body.get("webhook_secret") else None,
    )
