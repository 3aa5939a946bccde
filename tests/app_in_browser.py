"""What a person does in a browser to make an App of ours on a forge and to install it, over HTTP."""

import re
from html import unescape
from urllib.parse import urlsplit

import httpx


def hidden(page: str, name: str) -> str:
    return unescape(re.search(rf'name="{name}" value="([^"]*)"', page).group(1))


def from_page_to_code(url: str) -> str:
    """Our page, GitHub's page, the button there; the address that the browser is sent back to."""
    ours = httpx.get(url)
    assert ours.status_code == 200
    target = unescape(re.search(r'action="([^"]*)"', ours.text).group(1))
    parts, manifest = urlsplit(target), hidden(ours.text, "manifest")
    asked = httpx.post(target, data={"manifest": manifest}, headers={"origin": url[: url.rindex("/")]})
    assert asked.status_code == 200, asked.text
    form = {name: hidden(asked.text, name) for name in ("manifest", "state", "name")}
    button = parts._replace(query="").geturl()[: -len("/new")]
    agreed = httpx.post(button, data=form, headers={"origin": f"{parts.scheme}://{parts.netloc}"})
    assert agreed.status_code == 303, agreed.text
    return agreed.headers["location"]


def install(forge: str, slug: str, **form: str) -> None:
    """On all repositories of acme."""
    answer = httpx.post(
        f"{forge}/apps/{slug}/installations/new",
        data={"account": "acme", "selection": "all", **form},
        headers={"origin": forge},
    )
    assert answer.status_code == 303, answer.text
