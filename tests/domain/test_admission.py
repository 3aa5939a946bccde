from dataclasses import replace

import pytest

from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.intake import Admission, Admitted, Refused, admit, refused_repository

KEY = ChangeKey("acme", "shop", 2)
GOOD = Admission(key=KEY, repositories=("acme/shop",), default_branch="main", issue_open=True)


def test_an_open_issue_of_an_allowed_repository_is_admitted_on_the_default_branch():
    assert admit(GOOD) == Admitted(base="main", head="codex/issue-2")
    assert admit(replace(GOOD, base="release")) == Admitted(base="release", head="codex/issue-2")


@pytest.mark.parametrize(
    ("change", "code", "names"),
    [
        ({"repositories": ()}, "repository_not_allowed", "ONESHOT_REPOSITORIES"),
        ({"repositories": ("acme/other", "other/*")}, "repository_not_allowed", "acme/other, other/*"),
        ({"default_branch": None}, "repository_not_found", "token"),
        ({"issue_open": None}, "issue_not_found", "no issue 2"),
        ({"issue_open": False}, "issue_closed", "reopen"),
        ({"is_pull_request": True}, "is_pull_request", "no change of ours"),
        ({"is_pull_request": True, "pull_of": ChangeKey("acme", "shop", 1)}, "is_pull_request", "use acme/shop#1"),
        ({"is_pull_request": True, "issue_open": False}, "is_pull_request", "pull request"),
        ({"base": "gone", "base_exists": False}, "base_not_found", "'gone'"),
    ],
)
def test_each_guard_refuses_with_its_code_and_what_to_do(change, code, names):
    refused = admit(replace(GOOD, **change))
    assert isinstance(refused, Refused)
    assert refused.code == code
    assert names in refused.sentence
    assert refused.do in refused.sentence
    assert "\n" not in refused.sentence


def test_nothing_is_said_of_a_repository_that_is_not_allowed():
    hidden = replace(GOOD, repositories=(), default_branch=None, issue_open=None)
    assert admit(hidden).code == "repository_not_allowed"


@pytest.mark.parametrize(
    ("entries", "allowed"),
    [
        (("acme/shop",), True),
        (("ACME/Shop",), True),
        ((" acme/* ",), True),
        (("x/y", "acme/*"), True),
        ((), False),
        (("*",), False),
        (("*/*",), False),
        (("acme",), False),
        (("acme/sho*",), False),
        (("acme/shop2", "acmes/*"), False),
    ],
)
def test_the_allowlist_knows_repositories_and_owners_and_no_other_pattern(entries, allowed):
    assert (refused_repository(KEY, entries) is None) is allowed
