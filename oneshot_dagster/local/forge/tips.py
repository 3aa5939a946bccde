"""Where each branch was when the forge last looked: what a push moved, and who put a head where it is."""

from dataclasses import dataclass, replace

from oneshot_dagster.local.forge.forge import Forge
from oneshot_dagster.local.forge.records import Repository, Tip


@dataclass(frozen=True, kw_only=True, slots=True)
class Moved:
    """None: the branch was made by it, or is gone by it."""

    branch: str
    before: str | None
    after: str | None


def note(forge: Forge, repository: Repository, actor: str) -> list[Moved]:
    """Takes down what moved since the last look, as this actor's push."""
    known = {tip.branch: tip for tip in forge.world.all(Tip, repository)}
    found = forge.repos.branches(forge.repos.path(repository.owner, repository.name))
    moved: list[Moved] = []
    for branch, sha in found.items():
        tip = known.get(branch)
        if tip and tip.sha == sha:
            continue
        fresh = tip or Tip(id=forge.world.next_id(), repository=repository.id, branch=branch, sha=sha, pushed_by=actor)
        forge.world.put(replace(fresh, sha=sha, pushed_by=actor))
        moved.append(Moved(branch=branch, before=tip.sha if tip else None, after=sha))
    for branch in sorted(set(known) - set(found)):
        forge.world.drop(known[branch])
        moved.append(Moved(branch=branch, before=known[branch].sha, after=None))
    return moved


def pushed_by(forge: Forge, repository: Repository, branch: str) -> str | None:
    return next((t.pushed_by for t in forge.world.all(Tip, repository) if t.branch == branch), None)
