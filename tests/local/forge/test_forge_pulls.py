"""Pull requests from opening to merge, over real git."""

import pytest

from oneshot_dagster.local.forge.client import ForgeError

SHOP = "acme/shop"


@pytest.fixture
def opened(forge, shop):
    """An open pull request with a green check; its number and head."""
    head = shop.push_branch("feature", {"price.txt": "12\n"})
    number = forge.oneshot.create_pull(SHOP, head="feature", base="main", title="Prices", body="Closes #99")["number"]
    forge.wait_checks(head)
    return number, head


def test_a_green_pull_request_is_clean_and_merges_at_its_head(forge, shop, opened):
    number, head = opened
    pull = forge.ada.pull(SHOP, number)
    assert (pull["head"]["sha"], pull["mergeable"], pull["mergeable_state"]) == (head, True, "clean")
    landed = forge.ada.merge_as_person(SHOP, number, sha=head)
    merged = forge.ada.pull(SHOP, number)
    assert (merged["merged"], merged["state"], merged["merged_by"]["login"]) == (True, "closed", "ada")
    assert forge.ada.branch_sha(SHOP, "main") == landed


def test_a_stale_sha_is_refused(forge, shop, opened):
    number, head = opened
    shop.push_branch("feature", {"price.txt": "13\n"}, start="feature")
    with pytest.raises(ForgeError) as refused:
        forge.ada.merge_as_person(SHOP, number, sha=head)
    assert refused.value.status == 409


def test_a_second_merge_is_refused(forge, opened):
    number, head = opened
    forge.ada.merge_as_person(SHOP, number, sha=head)
    with pytest.raises(ForgeError, match="Pull Request is not mergeable") as refused:
        forge.ada.merge_as_person(SHOP, number, sha=head)
    assert refused.value.status == 405
