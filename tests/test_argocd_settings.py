"""The settings of Argo CD: what cannot be meant is refused before anything is sent."""

import pytest
from pydantic import ValidationError

from oneshot_dagster.bootstrap import argocd
from oneshot_dagster.domain.errors import BadInput
from oneshot_dagster.settings import ArgoCDSettings


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"url": "argocd.example"}, "https://HOST"),
        ({"url": "ftp://argocd.example"}, "https://HOST"),
        ({"url": "https://me:secret@argocd.example"}, "no login"),
        ({"url": "http://argocd.example"}, "plain_http"),
        ({"token": "a", "token_file": "/b"}, "not both"),
        ({"url": "https://argocd.example", "token": None}, "is missing"),
    ],
)
def test_what_cannot_be_meant_is_refused(given, said):
    with pytest.raises(ValidationError, match=said):
        ArgoCDSettings.model_validate({"token": "t", **given} if "token_file" not in given else given)


@pytest.mark.parametrize("url", ["https://argocd.example/sub", "http://127.0.0.1:8080"])
def test_an_address_with_tls_or_of_this_machine_is_taken(url):
    assert argocd(ArgoCDSettings.model_validate({"url": url, "token": "t"})).url == url


def test_plain_http_is_taken_where_it_is_said():
    given = {"url": "http://argocd-server.argocd.svc", "token": "t", "plain_http": True}
    assert argocd(ArgoCDSettings.model_validate(given)) is not None


def test_without_an_address_there_is_none():
    assert argocd(ArgoCDSettings.model_validate({})) is None


def test_a_renewed_token_file_is_seen_and_a_missing_one_said(tmp_path):
    file = tmp_path / "token"
    api = argocd(ArgoCDSettings.model_validate({"url": "https://a.example", "token_file": str(file)}))
    for token in ("first", "second"):
        file.write_text(f"{token}\n")
        assert api.token() == token
    file.unlink()
    with pytest.raises(BadInput, match="TOKEN_FILE"):
        api.token()
