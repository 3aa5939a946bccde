"""Keeps what was said of GitHub's things, and brings the tables that people read up to it.
What stands is domain.projection's to say; the lock of a repository makes its writers follow each other."""

from collections.abc import Iterable, Sequence

from oneshot_dagster.domain.projection import Kind, Rows, Sighting, Version, newest, rows_of
from oneshot_dagster.services.store.database import Asking, Row, json

_AT_ONCE = 500


def keep(asking: Asking, sightings: Iterable[Sighting]) -> None:
    """In the caller's transaction."""
    said = newest(sightings)
    if not said:
        return
    asking.all("sightings.lock", repositories=sorted({sighting.repository for sighting in said}))
    asking.run("sightings.keep", sightings=json([_record(sighting) for sighting in said]))
    project(asking, sorted({(sighting.repository, sighting.subject) for sighting in said}))


def project(asking: Asking, subjects: Sequence[tuple[str, str]]) -> None:
    """Writes what stands of these subjects; the caller holds the locks."""
    for start in range(0, len(subjects), _AT_ONCE):
        asked = [{"repository": r, "subject": s} for r, s in subjects[start : start + _AT_ONCE]]
        _write(asking, rows_of(map(_sighting, asking.all("sightings.of", subjects=json(asked)))))


def forget_events(asking: Asking) -> None:
    """What was read of GitHub itself stays, as it was read."""
    asking.run("sightings.stop_all")
    project(asking, [(row["repository"], row["subject"]) for row in asking.all("sightings.clear")])


def _write(asking: Asking, rows: Rows) -> None:
    for name, found in (
        ("pulls", rows.pulls),
        ("checks", rows.checks),
        ("reviews", rows.reviews),
        ("threads", rows.threads),
        ("comments", rows.comments),
    ):
        if found:
            asking.run(f"sightings.save_{name}", rows=json(found))
    if rows.deleted:
        asking.run("sightings.delete_comments", ids=rows.deleted)


def _record(sighting: Sighting) -> dict[str, object]:
    version = sighting.version
    return {
        "repository": sighting.repository,
        "subject": sighting.subject,
        "kind": sighting.kind.value,
        "item": sighting.item,
        "number": version.number,
        "at": version.at,
        "rank": version.rank,
        "tie": version.tie,
        "data": sighting.data,
    }


def _sighting(row: Row) -> Sighting:
    return Sighting(
        repository=row["repository"],
        subject=row["subject"],
        kind=Kind(row["kind"]),
        item=row["item"],
        version=Version(number=row["number"], at=row["at"], rank=row["rank"], tie=row["tie"]),
        data=row["data"],
    )
