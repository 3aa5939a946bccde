"""What a pull request stands at, read live from git and the world. What follows from it is in mergeability."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from oneshot_dagster.local.forge import code_owners
from oneshot_dagster.local.forge.forge import Forge
from oneshot_dagster.local.forge.guards import app_number, guards
from oneshot_dagster.local.forge.mergeability import (
    Report,
    Standing,
    check_report,
    latest_checks,
    latest_statuses,
    state,
    status_report,
)
from oneshot_dagster.local.forge.records import CheckRun, CommitStatus, Pull, Repository, Review, Thread
from oneshot_dagster.local.forge.repos import Comparison, Repos
from oneshot_dagster.local.forge.rules import Demands, demands


@dataclass(frozen=True, kw_only=True, slots=True)
class Live:
    """`word` is GitHub's mergeable_state; `comparison` None while it is not computed, or the branches are gone."""

    pull: Pull
    word: str
    comparison: Comparison | None
    standing: Standing | None = None

    @property
    def mergeable(self) -> bool | None:
        return None if self.word == "unknown" else self.comparison is not None and self.comparison.tree is not None


def live(forge: Forge, repository: Repository, pull: Pull, *, wait: bool = False) -> Live:
    """`wait`: compute what is not known yet, also where the forge was asked to be slow about it like GitHub."""
    issue = forge.world.issue(repository, pull.number)
    path = forge.repos.path(repository.owner, repository.name)
    if issue is None or not issue.open:
        gone = not (forge.repos.has(path, pull.head_sha) and forge.repos.has(path, pull.base_sha))
        compared = None if gone else forge.repos.compare(path, pull.base_sha, pull.head_sha)
        return Live(pull=pull, word="unknown", comparison=compared)
    head, base = forge.repos.head(path, pull.head_ref), forge.repos.head(path, pull.base_ref)
    if head is None or base is None:
        return Live(pull=pull, word="unknown", comparison=None)
    pull = replace(pull, head_sha=head, base_sha=base)
    known = wait or not forge.config.lazy_mergeable or forge.repos.compared(path, base, head)
    compared = forge.repos.compare(path, base, head)
    asked = demands(guards(forge.world, repository, pull.base_ref))
    standing = _standing(forge, repository, pull, compared, asked)
    word = state(replace(standing, known=known), asked)
    return Live(pull=pull, word=word, comparison=compared if known else None, standing=standing)


def reports(forge: Forge, repository: Repository, sha: str) -> list[Report]:
    """The latest check of each app and name, and the latest status of each context."""
    world = forge.world
    checks = latest_checks([c for c in world.all(CheckRun, repository) if c.head_sha == sha])
    statuses = latest_statuses([s for s in world.all(CommitStatus, repository) if s.sha == sha])
    found = [check_report(c, app_number(world, c.app)) for c in checks]
    for status in statuses:
        slug = status.creator.removesuffix("[bot]")
        found.append(status_report(status, app_number(world, slug) if slug != status.creator else None))
    return found


def _standing(forge: Forge, repository: Repository, pull: Pull, compared: Comparison, asked: Demands) -> Standing:
    """Costly facts are read only where a rule asks for them."""
    world, path = forge.world, forge.repos.path(repository.owner, repository.name)
    threads = [t for t in world.all(Thread, repository) if t.number == pull.number and t.resolved_by is None]
    return Standing(
        draft=pull.draft,
        conflict=compared.tree is None,
        known=True,
        behind=compared.behind > 0,
        open_threads=len(threads),
        reports=reports(forge, repository, pull.head_sha),
        reviews=[r for r in world.all(Review, repository) if r.number == pull.number],
        permissions=repository.permissions,
        pushed_by=pull.pushed_by,
        owners=_owners(forge.repos, path, pull) if asked.code_owners else (),
        unsigned=asked.signed and _unsigned(forge.repos, path, pull),
        merge_commits=asked.linear and _has_merges(forge.repos, path, pull),
    )


def _owners(repos: Repos, path: Path, pull: Pull) -> Sequence[frozenset[str]]:
    """By CODEOWNERS of the base: the change itself may not choose who approves it."""
    for place in code_owners.PLACES:
        done = repos.git(path, "cat-file", "blob", f"{pull.base_sha}:{place}")
        if done.returncode == 0:
            changed = repos.ask(path, "diff", "--name-only", "-z", f"{pull.base_sha}...{pull.head_sha}")
            return code_owners.owners(done.stdout.decode(errors="replace"), [p for p in changed.split("\0") if p])
    return ()


def _unsigned(repos: Repos, path: Path, pull: Pull) -> bool:
    """A signature that is there counts as verified: the forge knows nobody's keys."""
    headers = repos.ask(path, "rev-list", "--header", f"{pull.base_sha}..{pull.head_sha}").split("\0")
    return any("\ngpgsig" not in header.split("\n\n", 1)[0] for header in headers if header.strip())


def _has_merges(repos: Repos, path: Path, pull: Pull) -> bool:
    return bool(repos.ask(path, "rev-list", "--merges", f"{pull.base_sha}..{pull.head_sha}"))
