"""As which revision a merge is deployed: never one that is older than what serves or was verified last."""

from itertools import product

from oneshot_dagster.domain.deploying import Chosen, Later, choose

MERGE, SERVES, VERIFIED, TIP = "a" * 40, "b" * 40, "c" * 40, "d" * 40


def _ways(sha: str) -> tuple[Later | None, ...]:
    return None, Later(sha=sha, keeps=True), Later(sha=sha, keeps=False)


def test_a_merge_is_started_only_where_neither_what_serves_nor_what_was_verified_is_past_it():
    for serves, verified, base in product(_ways(SERVES), _ways(VERIFIED), _ways(TIP)):
        found = choose(MERGE, serves=serves, verified=verified, base=base)
        starts = not (found.serves or found.taken_out or found.unclear)
        if starts and found.sha == MERGE:
            assert (serves, verified) == (None, None)
            assert base is None or base.keeps
        if found.serves:
            assert serves is not None
            assert (found.sha, serves.keeps) == (SERVES, True)


def test_what_serves_and_holds_it_is_its_deployment_and_else_what_was_verified_is_started():
    serves, verified = Later(sha=SERVES, keeps=True), Later(sha=VERIFIED, keeps=True)
    assert choose(MERGE, serves=serves, verified=verified, base=None) == Chosen(sha=SERVES, serves=True)
    assert choose(MERGE, serves=None, verified=verified, base=None) == Chosen(sha=VERIFIED)


def test_what_the_base_holds_no_more_is_not_deployed_whatever_serves():
    for serves in _ways(SERVES):
        found = choose(MERGE, serves=serves, verified=None, base=Later(sha=TIP, keeps=False))
        assert found.taken_out == f"somebody took {MERGE[:7]} out before it was deployed: {TIP[:7]}"


def test_where_what_is_live_lost_what_the_base_has_again_a_person_says_what_is_to_serve():
    for lost in ("serves", "verified"):
        live = {"serves": None, "verified": None, lost: Later(sha=SERVES, keeps=False)}
        found = choose(MERGE, base=Later(sha=TIP, keeps=True), **live)
        assert found.unclear is not None
        assert "holds nothing of it, while the base does" in found.unclear
