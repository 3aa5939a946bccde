"""A freeze: nothing merges for now, in one repository or in all. A lane that is stopped: nobody enters it, until a person says so."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from oneshot_dagster.domain.quoting import one_line

_REASON = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class Freeze:
    """`repository` None is all of them. `lane`: not only merges are held, the lane is stopped."""

    repository: str | None
    lane: bool
    reason: str
    by: str
    at: datetime

    @property
    def lifted_by(self) -> str:
        """The command."""
        return "oneshot unfreeze" + (f" --repository {self.repository}" if self.repository else "")


def sentence(freeze: Freeze) -> str:
    """What stands, since when, why, and how it ends."""
    where = freeze.repository or "all repositories"
    what = f"the lane of {where} is stopped" if freeze.lane else f"merges are frozen in {where}"
    since = f"by {one_line(freeze.by, 60)} at {freeze.at:%Y-%m-%d %H:%M} UTC"
    return f"{what} ({since}): {one_line(freeze.reason, _REASON)}; `{freeze.lifted_by}` lifts it"


def frozen_for(spans: Sequence[tuple[datetime, datetime | None]], *, since: datetime, now: datetime) -> timedelta:
    """Of the time since then, that in which at least one of them stood: from, and until when or still."""
    total, counted = timedelta(0), since
    for begun, ended in sorted(spans, key=lambda span: span[0]):
        begin, end = max(begun, counted), min(ended or now, now)
        if end > begin:
            total, counted = total + (end - begin), end
    return total


def stopped(standing: Sequence[Freeze]) -> Freeze | None:
    """What keeps everybody out of the lane, who is in it already included."""
    return next((freeze for freeze in standing if freeze.lane), None)
