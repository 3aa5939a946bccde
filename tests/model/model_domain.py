"""The product's own decisions over the model's states: gate, lifecycle, resumer and delivery are the domain's functions.
Here is only what puts a state of the model into their words; each different question is asked once."""

from datetime import UTC, datetime, timedelta
from functools import cache

from oneshot_dagster.domain.action import Action
from oneshot_dagster.domain.artifact import Artifact, Verdict
from oneshot_dagster.domain.attempt import Attempt, Awaited, Inputs, Launch, Request
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.delivery import DeliveryFacts, complete, landing, success_criteria
from oneshot_dagster.domain.gate import Gate, GateFacts, GateRules, Opening, Review, decide
from oneshot_dagster.domain.gate_facts import CheckRun
from oneshot_dagster.domain.resume import next_action
from oneshot_dagster.domain.resume_facts import ResumeFacts, RunState
from oneshot_dagster.domain.run import STOPPED, Kind, Mode, State

NOW = datetime(2025, 1, 1, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=1)
_BEFORE = NOW - timedelta(days=9)
_RULES = GateRules(required_checks=("ci",), approvals=0, reviewers=(), allow_no_checks=False, tests_advisory=False)
_CI = {"pending": ("in_progress", None), "green": ("completed", "success"), "red": ("completed", "failure")}
_INPUTS = Inputs(
    base="main",
    head="codex/issue-1",
    prompt="",
    issue_title="",
    issue_body="",
    issue_sha256="",
    issue_author="",
    triggered_by="",
)


@cache
def gate(  # noqa: PLR0917 - all of it is the key of the cache
    head: str,
    merged: str | None,
    ci: str,
    against: bool,
    judged: str | None,
    tested: str | None,
    expected: str,
    advisory: bool,
) -> Gate:
    status, conclusion = _CI[ci]
    check = CheckRun(name="ci", app="ci", status=status, conclusion=conclusion, url=None)
    reviews = (
        Review(author="ann", state="CHANGES_REQUESTED", commit_sha=head, submitted_at=None, has_write_access=True),
    )
    facts = GateFacts(
        pr_number=1,
        head_sha=head,
        base_ref="main",
        base_sha="",
        open=merged is None,
        draft=False,
        merged=merged is not None,
        merge_sha=merged,
        merged_by="us" if merged else None,
        mergeable_state="clean",
        checks=(check,),
        statuses=(),
        required_contexts=(),
        required_approvals=0,
        reviews=reviews if against else (),
        threads=(),
        labels=(),
        read_at=NOW,
    )
    rules = (
        _RULES
        if not advisory
        else GateRules(required_checks=("ci",), approvals=0, reviewers=(), allow_no_checks=False, tests_advisory=True)
    )
    report = Verdict.PASSED if tested == expected else None
    return decide(facts, rules, judged=judged, local_report=report, expected_head=expected)


@cache
def attempt(  # noqa: PLR0917 - all of it is the key of the cache
    state: State,
    kind: Kind,
    head: str | None,
    merge_sha: str | None,
    human_from: State | None,
    why: str | None,
    awaited: str | None,
    late: bool,
    retries: int,
    has_pull: bool,
    number: int,
    just_stopped: bool,
) -> Attempt:
    """`just_stopped`: since its last launch."""
    deadline = NOW + timedelta(days=-1 if late else 1)
    return Attempt(
        id="1",
        key=ChangeKey("acme", "shop", 1),
        number=number,
        kind=kind,
        state=state,
        mode=Mode.MERGE,
        inputs=_INPUTS,
        policy="",
        head_sha=head,
        merge_sha=merge_sha,
        pr_number=1 if has_pull else None,
        human_from=human_from,
        human_reason=why,
        awaited=Awaited(what=awaited, since=LONG_AGO - timedelta(days=3), deadline=deadline) if awaited else None,
        infrastructure_retries=retries,
        created_at=LONG_AGO,
        updated_at=LONG_AGO,
        finished_at=(LONG_AGO if just_stopped else _BEFORE) if state in STOPPED else None,
    )


@cache
def launches(selection: tuple[Artifact, ...], seals: int) -> tuple[Launch, ...]:
    """The last one, and as many before it as were for evidence alone."""
    alone = selection == (Artifact.EVIDENCE,)
    return tuple(
        Launch(
            attempt_id="1",
            seq=n + 1,
            selection=selection,
            dagster_run_id=f"run-{n}",
            reason="",
            costs_retry=False,
            created_at=LONG_AGO - timedelta(days=5),
        )
        for n in range((max(seals, 1) if alone else 1) if selection else 0)
    )


@cache
def resume(  # noqa: PLR0917 - all of it is the key of the cache
    stands: Attempt,
    launch: tuple[Artifact, ...],
    seals: int,
    run: str,
    moved: bool,
    lease: tuple[bool, bool],
    asked: tuple[str, ...],
    gate: Gate | None,
    world: tuple[tuple[str, object], ...],
    revert: Attempt | None,
) -> Action:
    """`world`: the other facts, each by its name in ResumeFacts."""
    of = launches(launch, seals)
    facts = ResumeFacts(
        launches=of,
        last_run=RunState(run_id=of[-1].dagster_run_id, status=run, started_at=LONG_AGO) if of else None,
        last_run_moved=moved,
        lease_live=lease[0],
        lease_expired_for=60.0 if lease[1] else None,
        requests=tuple(
            Request(id=n, kind=kind, by="ann", sha=None, text="", at=NOW, handled_at=None)
            for n, kind in enumerate(asked)
        ),
        gate=gate,
        revert=revert,
        **dict(world),  # type: ignore[arg-type]
    )
    return next_action(stands, facts, NOW)


@cache
def delivered(  # noqa: PLR0917 - all of it is the key of the cache
    head: str | None,
    snapshot: str | None,
    gate: tuple[str, str] | None,
    judgement: str | None,
    merge_sha: str | None,
    landed: bool,
    live: str | None,
    report: tuple[str, bool] | None,
) -> bool:
    verdict = None if report is None else (Verdict.PASSED if report[1] else Verdict.FAILED)
    facts = DeliveryFacts(
        head_sha=head,
        snapshot_sha=snapshot,
        snapshot_files=1,
        gate=Gate(opening=Opening(gate[1]), sha=gate[0], conditions=()) if gate else None,
        decision="pass" if judgement else None,
        judged_sha=judgement,
        merge_sha=merge_sha,
        merged_by="us",
        landing=landing("tree", "tree") if landed else None,
        deploy_kind="command",
        observed_revision=live,
        ready=True,
        verification=verdict,
        verified_sha=report[0] if report else None,
        memories=1,
    )
    return complete(success_criteria(facts))
