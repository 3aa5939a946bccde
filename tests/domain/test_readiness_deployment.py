"""Claims about the deployment in readiness: what is merged has to be deployable before anything begins."""

from dataclasses import replace

import pytest
from readiness_examples import WELL

from oneshot_dagster.domain.policy_sections import DeploySection, Policy
from oneshot_dagster.domain.readiness import findings, impossible
from oneshot_dagster.domain.readiness_facts import Unread
from oneshot_dagster.domain.run import Mode

ARGOCD = Policy(mode=Mode.MERGE, deploy=DeploySection(kind="argocd", application="shop", stated=True))
KNOWN = frozenset({"command", "none"})


def levels(**changes):
    return {f.code: f.level for f in findings(replace(WELL, policy=ARGOCD, **changes))}


def test_a_kind_that_this_platform_is_not_connected_with_lets_no_change_begin():
    found = impossible(replace(WELL, policy=ARGOCD, deploys=KNOWN))
    assert found.code == "deploy_not_configured"
    assert "ONESHOT_ARGOCD__URL" in found.sentence


def test_observing_needs_no_deployment():
    assert levels(deploys=KNOWN, mode=Mode.OBSERVE)["deploy_not_configured"] == "warning"


def test_a_connected_kind_is_no_finding():
    assert "deploy_not_configured" not in levels(deploys=KNOWN | {"argocd"})


@pytest.mark.parametrize(("found", "level"), [("it is not there", "impossible"), (Unread(why="it is away"), "unknown")])
def test_what_is_wrong_with_it_is_told_and_what_cannot_be_read_refuses_nothing(found, level):
    assert levels(deploys=KNOWN | {"argocd"}, deployment=found)["deployment"] == level


def test_a_policy_that_deploys_nothing_is_not_looked_at():
    assert impossible(replace(WELL, policy=Policy(), deploys=frozenset(), deployment="wrong")) is None
