"""What was seen of GitHub's things, by events and by reading GitHub, and what stands of it in the tables. Pure.
The one order of all that is said is here; reading an event's payload is event_payloads.py. Nothing is decided from this."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import cast

from oneshot_dagster.domain.gate_facts import CheckRun, CommitStatus, GateFacts

Data = Mapping[str, object]
NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)  # of a thing that has no time of its own: older than everything that has
_LONGEST_ITEM = 200
_PULL = (
    "head_sha", "base_ref", "base_sha", "open", "draft", "merged", "merge_sha", "merged_by", "mergeable_state", "labels",
)  # fmt: skip


class Kind(StrEnum):
    PULL = "pull"
    REVIEW = "review"
    THREAD = "thread"
    HEAD = "head"  # that a commit was the head of a pull request
    CHECK = "check"
    STATUS = "status"
    COMMENT = "comment"
    READING = "reading"  # everything at once, read from GitHub itself


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Version:
    """Of two things said of the same item the larger stands, whenever they arrived.

    `number` first: the id, where a new object takes an old one's place (a check of that name, a status of that context).
    Then GitHub's own time; within its second the progress (`rank`: merged, dismissed, deleted, red and unresolved are
    last words); then the content, so that no two differ and tie. And over a reading of GitHub an event stands only
    if its time is later: GitHub's whole seconds are cut off, so what is later in them was not there to be read.
    """

    number: int = 0
    at: datetime
    rank: int = 0
    tie: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sighting:
    """What was said of one thing. `subject`: `#7`, a SHA or `comment 5`; one subject is projected without any other."""

    repository: str
    subject: str
    kind: Kind
    item: str = ""
    version: Version
    data: Data

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.repository, self.subject, self.kind.value, self.item


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """What the tables hold of some subjects, by column. A pull request's threads that are not in `thread_ids` are gone,
    and so are the comments with the ids in `deleted`."""

    pulls: list[Data] = field(default_factory=list[Data])
    checks: list[Data] = field(default_factory=list[Data])
    reviews: list[Data] = field(default_factory=list[Data])
    threads: list[Data] = field(default_factory=list[Data])
    comments: list[Data] = field(default_factory=list[Data])
    deleted: list[int] = field(default_factory=list[int])


def seen(
    repository: str, subject: str, kind: Kind, data: Data, *, at: datetime | None, item: str = "", **order: int
) -> Sighting:
    """Its tie is its content."""
    tie = hashlib.sha256(json.dumps(data, sort_keys=True, default=str).encode("utf-8", "replace")).hexdigest()
    version = Version(at=at or NO_TIME, tie=tie, **order)
    return Sighting(repository=repository, subject=subject, kind=kind, item=item, version=version, data=data)


def pull_subject(number: int) -> str:
    return f"#{number}"


def check_data(check: CheckRun | CommitStatus) -> Data:
    """As it stands in check_state, where the two are one list."""
    return {"kind": "check_run" if isinstance(check, CheckRun) else "status", **asdict(check)}


def check_item(check: Data) -> str:
    """Which check of a commit it is: the name and the App of a run, the context of a status."""
    words = (
        (check["kind"], check["app"], check["name"]) if check["kind"] == "check_run" else ("status", check["context"])
    )
    text = " ".join(map(str, words))
    return text if len(text) <= _LONGEST_ITEM else hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def reading_of(repository: str, facts: GateFacts) -> tuple[Sighting, ...]:
    """What was read of a pull request: one sighting of it, one of the commit at its head."""
    subject = pull_subject(facts.pr_number)
    pull: Data = {
        "pull": {name: getattr(facts, name) for name in _PULL},
        "reviews": [asdict(review) for review in facts.reviews],
        "threads": [asdict(thread) for thread in facts.threads],
        "required_approvals": facts.required_approvals,
    }
    commit: Data = {
        "checks": [check_data(check) for check in (*facts.checks, *facts.statuses)],
        "required_contexts": list(facts.required_contexts),
    }
    return (
        seen(repository, subject, Kind.READING, pull, at=facts.read_at),
        seen(repository, facts.head_sha, Kind.READING, commit, at=facts.read_at, item=subject),
    )


def newest(sightings: Iterable[Sighting]) -> tuple[Sighting, ...]:
    """One of each thing."""
    found: dict[tuple[str, str, str, str], Sighting] = {}
    for sighting in sightings:
        standing = found.get(sighting.key)
        if standing is None or standing.version <= sighting.version:
            found[sighting.key] = sighting
    return tuple(found[key] for key in sorted(found))


def rows_of(sightings: Iterable[Sighting]) -> Rows:
    """What stands, of whole subjects: a function of the set, whatever the order in which it was seen."""
    rows = Rows()
    groups: dict[tuple[str, str], list[Sighting]] = {}
    for sighting in newest(sightings):
        groups.setdefault((sighting.repository, sighting.subject), []).append(sighting)
    for (repository, subject), group in groups.items():
        if subject.startswith("#"):
            _pull_rows(rows, {"repository": repository, "pr_number": int(subject[1:])}, group)
        elif group[0].kind is Kind.COMMENT:
            _comment_rows(rows, repository, group)
        else:
            _check_rows(rows, {"repository": repository, "commit_sha": subject}, group)
    return rows


def _pull_rows(rows: Rows, identity: Data, group: Sequence[Sighting]) -> None:
    reading = next((s for s in group if s.kind is Kind.READING), None)
    later = [s for s in group if s.kind is not Kind.READING and _is_later(s, reading)]
    pull = next((s for s in later if s.kind is Kind.PULL), None)
    state = pull.data if pull else _read(reading)
    if state:
        rows.pulls.append({**identity, **state, "read_at": _time(pull or reading)})
    given = sorted((s for s in later if s.kind is Kind.REVIEW), key=lambda s: (len(s.item), s.item))  # ids only grow
    reviews = _with_permissions(_items(reading, "reviews", "review_id"), given)
    threads = _overlaid(_items(reading, "threads", "thread_id"), [s for s in later if s.kind is Kind.THREAD])
    at = {s.item: s.version.at for s in later if s.kind is Kind.THREAD}
    rows.threads.extend({**identity, **t, "read_at": at.get(name, _time(reading))} for name, t in threads.items())
    head = state.get("head_sha") or next((sha for r in reviews.values() if (sha := r["commit_sha"])), None)
    if head is None or not (reading or reviews or threads):
        return
    rows.reviews.append({
        **identity,
        "commit_sha": head,
        "reviews": list(reviews.values()),
        "required_approvals": reading.data["required_approvals"] if reading else 0,
        "unresolved_threads_count": sum(not thread["is_resolved"] for thread in threads.values()),
        "thread_ids": list(threads),
        "read_at": max(_time(s) for s in (reading, *later) if s and s.kind is not Kind.PULL),
    })  # fmt: skip


def _check_rows(rows: Rows, identity: Data, group: Sequence[Sighting]) -> None:
    """A row for each pull request that has or had this commit as its head; the checks are the commit's, alike in all."""
    readings = {s.item: s for s in group if s.kind is Kind.READING}
    newest_reading = max(readings.values(), key=lambda s: (s.version.at, s.item), default=None)
    known = {check_item(check): check for check in _list(newest_reading, "checks")}
    later = [
        s
        for s in group
        if s.kind in {Kind.CHECK, Kind.STATUS}
        and _is_later(s, newest_reading)
        and s.version.number >= _number(known.get(s.item))
    ]
    checks = list(_overlaid(known, later).values())
    at = max((_time(s) for s in (newest_reading, *later) if s), default=NO_TIME)
    for pull in sorted({s.item for s in group if s.kind in {Kind.HEAD, Kind.READING}}):
        contexts = _list(readings.get(pull), "required_contexts")
        row = {"pr_number": int(pull[1:]), "checks": checks, "required_contexts": contexts, "read_at": at}
        rows.checks.append({**identity, **row})


def _comment_rows(rows: Rows, repository: str, group: Sequence[Sighting]) -> None:
    for sighting in group:
        if sighting.data:
            rows.comments.append({"repository": repository, **sighting.data, "read_at": sighting.version.at})
        else:
            rows.deleted.append(int(sighting.subject.removeprefix("comment ")))


def _is_later(sighting: Sighting, reading: Sighting | None) -> bool:
    return reading is None or sighting.version.at > reading.version.at


def _overlaid(known: dict[str, Data], later: Sequence[Sighting]) -> dict[str, Data]:
    return {**known, **{s.item: s.data for s in later}}


def _with_permissions(known: dict[str, Data], later: Sequence[Sighting]) -> dict[str, Data]:
    """An event does not say what its author may do; what was read of the same person does."""
    may = {review["author"]: review["has_write_access"] for review in known.values()}
    reviews = _overlaid(known, later)
    return {name: {**r, "has_write_access": may.get(r["author"])} for name, r in reviews.items()}


def _items(reading: Sighting | None, name: str, identity: str) -> dict[str, Data]:
    """By id; what was read without one keeps its place."""
    return {
        str(item.get(identity) or f"{place} of the reading"): item for place, item in enumerate(_list(reading, name))
    }


def _read(reading: Sighting | None) -> Data:
    return cast("Data", reading.data["pull"]) if reading else dict[str, object]()


def _list(reading: Sighting | None, name: str) -> list[Data]:
    return cast("list[Data]", reading.data[name]) if reading else []


def _time(sighting: Sighting | None) -> datetime:
    return sighting.version.at if sighting else NO_TIME


def _number(check: Data | None) -> int:
    """0 where it was read without its id."""
    return int(str((check or {}).get("run_id") or (check or {}).get("status_id") or 0))
