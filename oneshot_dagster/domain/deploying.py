"""As which revision a merge is deployed where others landed on its base: never one that is older than what serves or was verified.
What git says of the revisions is asked in steps/choosing.py."""

from dataclasses import dataclass

OLDER_THAN_LIVE = "older_than_live"


@dataclass(frozen=True, kw_only=True, slots=True)
class Later:
    """A revision that is not the merge and has it in its history. `keeps` False: nothing of the merge is left in it."""

    sha: str
    keeps: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """`sha` has to serve, and is started unless it serves already. Or nothing is to be deployed: somebody took the merge
    out (`taken_out`), or what is live lacks it and the base has it again (`unclear`)."""

    sha: str
    serves: bool = False
    taken_out: str | None = None
    unclear: str | None = None


def choose(merge: str, *, serves: Later | None, verified: Later | None, base: Later | None) -> Chosen:
    """Each None where it does not have the merge in its history, or is the merge."""
    if base is not None and not base.keeps:
        return Chosen(sha=merge, taken_out=f"somebody took {merge[:7]} out before it was deployed: {base.sha[:7]}")
    later = serves or verified
    if later is None:
        return Chosen(sha=merge)
    if not later.keeps:
        live = "serves" if serves is not None else "was verified last"
        found = (
            f"{later.sha[:12]} {live}, which is newer than {merge[:12]} and holds nothing of it, while the base does"
        )
        return Chosen(sha=merge, unclear=found)
    return Chosen(sha=later.sha, serves=serves is not None)
