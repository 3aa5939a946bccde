"""Reads the file snapshot of a change anew from git and replaces the stored rows. Nothing else of the change moves."""

from dataclasses import dataclass

from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.errors import BadInput
from oneshot_dagster.steps.services import Services


@dataclass(frozen=True, kw_only=True, slots=True)
class Refreshed:
    """`changed`: the rows on file were others, or there were none."""

    files: int
    base_sha: str
    head_sha: str
    changed: bool


def refresh_snapshot(services: Services, attempt: Attempt) -> Refreshed:
    key, number = attempt.key, attempt.pr_number
    if number is None or attempt.base_sha is None or attempt.head_sha is None:
        raise BadInput(
            tried=f"refresh the snapshot of {key}",
            found=f"attempt {attempt.number} in {attempt.state}, without a pull request",
            do="wait until it is open",
        )
    git, projections = services.git, services.store.projections
    if git.resolve(key.repository, attempt.head_sha) is None:
        git.fetch(key.repository)
    base_sha = git.merge_base(key.repository, attempt.base_sha, attempt.head_sha) or attempt.base_sha
    stored = projections.snapshot(key.repository, pr_number=number, head_sha=attempt.head_sha)
    found = projections.save_snapshot(
        key,
        pr_number=number,
        base_sha=base_sha,
        head_sha=attempt.head_sha,
        files=git.changed_files(key, base_sha=base_sha, head_sha=attempt.head_sha),
    )
    return Refreshed(files=len(found.files), base_sha=base_sha, head_sha=attempt.head_sha, changed=stored != found)
