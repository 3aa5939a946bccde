"""Whether a repository can get a change through: everything looked at for `doctor`, and the impossible refused at intake.
What is judged is domain.readiness; nothing here changes anything."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.errors import OneshotError, Refusal, TryAgain
from oneshot_dagster.domain.intake import paused, refused_repository
from oneshot_dagster.domain.policy import FILE, PolicyErrors, effective_mode, parse_policy
from oneshot_dagster.domain.policy_sections import Policy
from oneshot_dagster.domain.readiness import findings, impossible
from oneshot_dagster.domain.readiness_checks import needs_reports
from oneshot_dagster.domain.readiness_facts import SAMPLE_HEAD, Finding, Level, Situation, Unread
from oneshot_dagster.domain.run import Mode
from oneshot_dagster.domain.workflows import FOLDER, Workflow, read_workflow
from oneshot_dagster.steps.services import Services
from oneshot_dagster.steps.target import aim

_NOT_NEEDED = Unread(why="no answer depends on it")


@dataclass(frozen=True, kw_only=True, slots=True)
class Readiness:
    """What was found of a repository and one of its branches, in the mode that holds there."""

    repository: str
    base: str
    mode: Mode
    findings: tuple[Finding, ...]


def examine(services: Services, repository: str, base: str | None) -> Readiness | None:
    """Everything, read now; None where there is no such repository or branch, or we may not see it."""
    base = base or services.github.default_branch(repository)
    if base is None or services.git.remote_head(repository, base) is None:
        return None
    services.git.fetch(repository)
    policy, problem = _policy(services, repository, base)
    situation = _situation(services, repository, base, policy, fresh=True)
    if situation is None:
        return None
    situation = replace(
        situation,
        problem=problem,
        webhook=services.github.webhook(repository),
        deployment=_deployment(services, repository, policy),
    )
    found = (*_not_taken_in(services, repository), *findings(situation))
    return Readiness(repository=repository, base=base, mode=situation.mode, findings=found)


@contextmanager
def read_ahead(services: Services, repository: str, base: str) -> Generator[None]:
    """What GitHub says is read meanwhile and remembered; who asks for it then is told what went wrong."""

    def read() -> None:
        with suppress(OneshotError):
            services.github.repository_facts(repository, base=base, fresh=False)

    with ThreadPoolExecutor(1, thread_name_prefix="readiness") as pool:
        pool.submit(read)
        yield


def refuse_impossible(services: Services, key: ChangeKey, *, base: str, policy: str, mode: Mode) -> None:
    """Raises Refusal where no change could get through in that mode. The base is fetched, its policy read through.

    What was remembered refuses nobody: before a refusal everything is read anew. What cannot be read now refuses neither.
    """
    parsed = parse_policy(policy) if policy else None
    for fresh in (False, True):
        try:
            situation = _situation(services, key.repository, base, parsed, fresh=fresh)
        except TryAgain:
            return
        found = None if situation is None else impossible(replace(situation, mode=mode))
        if found is None:
            return
        if fresh:
            raise Refusal(code=found.code, sentence=found.sentence)


def _deployment(services: Services, repository: str, policy: Policy | None) -> str | Unread | None:
    deploy = services.deploys.get(policy.deploy.kind) if policy else None
    if policy is None or deploy is None:
        return None
    try:
        return deploy.problem(aim(services, repository, policy.deploy))
    except TryAgain as error:
        return Unread(why=str(error))


def _not_taken_in(services: Services, repository: str) -> tuple[Finding, ...]:
    """What intake would say before it looks at the repository."""
    refused = (
        refused_repository(ChangeKey.parse(f"{repository}#1"), services.limits.repositories),
        paused(repository, services.store.pauses.stuck(repository), services.limits.stuck_changes),
    )
    return tuple(
        Finding(code=one.code, level=Level.IMPOSSIBLE, found=one.found, do=one.do) for one in refused if one is not None
    )


def _policy(services: Services, repository: str, base: str) -> tuple[Policy | None, str]:
    """None where there is no policy, or a wrong one, with what is wrong."""
    tip = services.git.resolve(repository, f"refs/remotes/origin/{base}") or ""
    content = services.git.read_file(repository, sha=tip, path=FILE)
    try:
        return (None if content is None else parse_policy(content.decode())), ""
    except (UnicodeDecodeError, PolicyErrors) as error:
        return None, str(error)


def _situation(
    services: Services, repository: str, base: str, policy: Policy | None, *, fresh: bool
) -> Situation | None:
    approvals = policy.gate.approvals if policy else 0
    facts = services.github.repository_facts(repository, base=base, approvals=approvals, fresh=fresh)
    if facts is None:
        return None
    mode, why = effective_mode(policy or Policy(), services.limits.mode)
    situation = Situation(
        facts=facts,
        mode=mode,
        mode_why=why,
        policy=policy,
        email=services.limits.author.email,
        workflows=_workflows(services, repository, base),
        reported=_NOT_NEEDED,
        deploys=frozenset(services.deploys),
    )
    if not needs_reports(situation):
        return situation
    return replace(situation, reported=services.github.reported_contexts(repository, base, fresh=fresh))


def _workflows(services: Services, repository: str, base: str) -> tuple[Workflow, ...]:
    files = services.git.read_folder(repository, revision=f"refs/remotes/origin/{base}", folder=FOLDER)
    return tuple(
        read_workflow(path, content.decode("utf-8", "replace"), base=base, head=SAMPLE_HEAD)
        for path, content in files.items()
        if path.endswith((".yml", ".yaml"))
    )
