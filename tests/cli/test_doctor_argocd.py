"""What `oneshot doctor` says of Argo CD, and what is wrong with one repository's application."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from argo_world import Argo, running

from oneshot_dagster.cli.doctor_argocd import argocd_access
from oneshot_dagster.domain.errors import TryAgain
from oneshot_dagster.services.deploy.argocd import ArgoDeploy


@pytest.fixture
def argo(tmp_path: Path) -> Iterator[Argo]:
    with running(tmp_path) as found:
        found.shop.commit("first")
        found.put()
        yield found


def test_an_argo_cd_that_knows_us_passes_and_says_its_version(argo: Argo) -> None:
    found = argocd_access(argo.deploy.api)
    assert (found.ok, found.found) == (True, "v3.0.0+stand-in, as engine")


def test_a_token_that_is_nobodys_fails_and_is_not_said(argo: Argo) -> None:
    found = argocd_access(replace(argo.deploy.api, token=lambda: "another-secret"))
    assert not found.ok
    assert "another-secret" not in found.found + found.do
    assert "TOKEN" in found.do


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "https://127.0.0.1:9"])
def test_an_argo_cd_that_does_not_answer_fails(argo: Argo, url: str) -> None:
    found = argocd_access(replace(argo.deploy.api, url=url))
    assert not found.ok
    assert "URL" in found.do


def test_authorities_that_are_none_fail(argo: Argo, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    found = argocd_access(replace(argo.deploy.api, ca_file=tmp_path / "ca.pem"))
    assert not found.ok
    assert "CA_FILE" in found.do


def test_of_an_application_it_is_said_what_is_wrong(argo: Argo) -> None:
    assert argo.deploy.problem(argo.target) is None
    assert "is not there, or the token may not see it" in str(argo.deploy.problem(argo.aim(application="shoop")))
    assert "trailer or annotation" in str(argo.deploy.problem(argo.aim(repository="acme/other")))
    assert argo.deploy.problem(argo.aim(repository="acme/other", trailer="Source-Commit")) is None


def test_an_argo_cd_that_is_away_says_nothing_of_an_application(argo: Argo) -> None:
    with pytest.raises(TryAgain):
        ArgoDeploy(api=replace(argo.deploy.api, url="http://127.0.0.1:9")).problem(argo.target)
