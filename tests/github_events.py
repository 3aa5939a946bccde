"""A pull request's life on GitHub: what happens to it, the events that tell of it in GitHub's shapes, and the truth at the end.
Every moment is a second, as GitHub's times are; a reading of GitHub comes half a second after it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from oneshot_dagster.domain.gate_facts import CheckRun, CommitStatus, GateFacts, Review, Thread

REPOSITORY, PULL = "acme/shop", 7
START = datetime(2026, 1, 1, tzinfo=UTC)
HEADS = {letter: letter * 40 for letter in "abc"}
APP = {"id": 15368, "slug": "github-actions"}
Payload = tuple[str, dict[str, Any]]  # the event's type and what it carries


@dataclass(frozen=True)
class Happened:
    """`seconds` after what happened before; `what` with the words that it needs."""

    seconds: int
    what: str
    words: tuple[str, ...] = ()


@dataclass
class Story:
    now: datetime = START
    head: str = HEADS["a"]
    closed: bool = False
    labels: list[str] = field(default_factory=list)
    pull_at: datetime = START
    checks: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    statuses: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    reviews: list[dict[str, Any]] = field(default_factory=list)
    threads: dict[str, dict[str, Any]] = field(default_factory=dict)
    comments: dict[int, dict[str, Any]] = field(default_factory=dict)
    passed: set[tuple[str, str]] = field(default_factory=set)  # names and commits on which they ever succeeded
    approved: set[str] = field(default_factory=set)
    ids: int = 0
    told: list[Payload] = field(default_factory=list)
    readings: list[GateFacts] = field(default_factory=list)

    def live(self, story: Sequence[Happened]) -> "Story":
        if not self.told:
            self._tell_pull("opened")
        for step in story:
            self.now += timedelta(seconds=step.seconds)
            getattr(self, f"_{step.what}")(*step.words)
        return self

    @property
    def truth(self) -> GateFacts:
        return GateFacts(
            pr_number=PULL,
            head_sha=self.head,
            base_ref="main",
            base_sha="f" * 40,
            open=not self.closed,
            draft=False,
            merged=False,
            merge_sha=None,
            merged_by=None,
            mergeable_state="clean",
            checks=tuple(_check(c) for (sha, _), c in sorted(self.checks.items()) if sha == self.head),
            statuses=tuple(_status(s) for (sha, _), s in sorted(self.statuses.items()) if sha == self.head),
            required_contexts=("ci",),
            required_approvals=1,
            reviews=tuple(map(_review, self.reviews)),
            threads=tuple(map(_thread, self.threads.values())),
            labels=tuple(self.labels),
            read_at=self.now + timedelta(milliseconds=500, microseconds=len(self.readings)),
        )

    def _push(self, letter: str) -> None:
        self.head = HEADS[letter]
        self._tell_pull("synchronize")

    def _label(self, name: str) -> None:
        self.labels = sorted({*self.labels} ^ {name})
        self._tell_pull("labeled")

    def _close(self) -> None:
        self.closed = not self.closed
        self._tell_pull("closed" if self.closed else "reopened")

    def _check(self, name: str, status: str, conclusion: str) -> None:
        """A run that is over is not taken up again: a new one is made, and what it says before it is over stands."""
        last = self.checks.get((self.head, name))
        run = {**last} if last and last["status"] != "completed" else self._new_run(name)
        run["status"] = status
        if status == "completed":
            run |= {"conclusion": conclusion, "completed_at": _text(self.now)}
            if conclusion == "success":
                self.passed.add((name, self.head))
        self.checks[self.head, name] = run
        self._tell("check_run", status, check_run=dict(run))

    def _new_run(self, name: str) -> dict[str, Any]:
        pulls = [{"number": PULL, "head": {"sha": self.head}}]
        return {
            "id": self._id(), "name": name, "app": APP, "head_sha": self.head, "conclusion": None, "output": {},
            "started_at": _text(self.now), "completed_at": None, "pull_requests": pulls,
        }  # fmt: skip

    def _status(self, context: str, state: str) -> None:
        status = {"id": self._id(), "sha": self.head, "context": context, "state": state, "updated_at": _text(self.now)}
        self.statuses[self.head, context] = status
        if state == "success":
            self.passed.add((context, self.head))
        self._tell("status", None, **status)

    def _review(self, author: str, state: str) -> None:
        review = {
            "id": self._id(), "user": {"login": author}, "state": state, "commit_id": self.head,
            "submitted_at": _text(self.now),
        }  # fmt: skip
        if state == "approved":
            self.approved.add(self.head)
        self.reviews.append(review)
        self._tell("pull_request_review", "submitted", review=dict(review), pull_request=self._pull())

    def _dismiss(self) -> None:
        standing = [review for review in self.reviews if review["state"] in {"approved", "changes_requested"}]
        if standing:
            standing[-1]["state"] = "dismissed"
            self.pull_at = self.now
            self._tell("pull_request_review", "dismissed", review=dict(standing[-1]), pull_request=self._pull())

    def _thread(self, name: str) -> None:
        """Opens, resolves and unresolves it in turn. GitHub tells of threads only when they are resolved or not."""
        comments = [{"user": {"login": "bob"}, "body": "why?", "path": "a.py", "line": 3}]
        thread = self.threads.setdefault(name, {"node_id": name, "comments": comments, "is_resolved": False})
        thread["is_resolved"] = not thread["is_resolved"]
        action = "resolved" if thread["is_resolved"] else "unresolved"
        shown = {"node_id": name, "comments": comments}
        moment = _text(self.now)
        self._tell("pull_request_review_thread", action, thread=shown, pull_request=self._pull(), updated_at=moment)

    def _comment(self, what: str, text: str) -> None:
        if what != "created" and not self.comments:
            return
        if what == "created":
            comment = {
                "id": self._id(), "user": {"login": "eve"}, "body": text, "html_url": "https://x",
                "created_at": _text(self.now), "updated_at": _text(self.now),
            }  # fmt: skip
            self.comments[comment["id"]] = comment
        comment = self.comments[max(self.comments)]
        if what == "edited":
            comment |= {"body": text, "updated_at": _text(self.now)}
        if what == "deleted":
            del self.comments[comment["id"]]
        issue = {"number": PULL, "pull_request": {"url": "https://x"}}
        self._tell("issue_comment", what, comment=dict(comment), issue=issue)

    def _read(self) -> None:
        self.readings.append(self.truth)

    def _tell_pull(self, action: str) -> None:
        self.pull_at = self.now
        self._tell("pull_request", action, number=PULL, pull_request=self._pull())

    def _pull(self) -> dict[str, Any]:
        return {
            "number": PULL, "state": "closed" if self.closed else "open", "draft": False, "merged": False,
            "head": {"sha": self.head, "ref": "codex/issue-2"}, "base": {"ref": "main", "sha": "f" * 40},
            "merge_commit_sha": "e" * 40, "mergeable_state": "unknown", "updated_at": _text(self.pull_at),
            "labels": [{"name": name} for name in self.labels],
        }  # fmt: skip

    def _tell(self, event_type: str, action: str | None, **said: Any) -> None:
        payload = {**({"action": action} if action else {}), "repository": {"full_name": REPOSITORY}, **said}
        self.told.append((event_type, payload))

    def _id(self) -> int:
        self.ids += 1
        return self.ids


def _text(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _check(run: dict[str, Any]) -> CheckRun:
    return CheckRun(
        name=run["name"], app=APP["slug"], app_id=APP["id"], run_id=run["id"], status=run["status"],
        conclusion=run["conclusion"], url=None, completed_at=_time(run["completed_at"]),
    )  # fmt: skip


def _status(status: dict[str, Any]) -> CommitStatus:
    return CommitStatus(context=status["context"], state=status["state"], url=None, status_id=status["id"])


def _review(review: dict[str, Any]) -> Review:
    return Review(
        author=review["user"]["login"], state=review["state"].upper(), commit_sha=review["commit_id"],
        submitted_at=_time(review["submitted_at"]), has_write_access=True, review_id=review["id"],
    )  # fmt: skip


def _thread(thread: dict[str, Any]) -> Thread:
    return Thread(
        thread_id=thread["node_id"], is_resolved=thread["is_resolved"], path="a.py", line=3, author="bob", body="why?"
    )


NAMES = st.sampled_from(["ci", "lint"])
WHAT = st.one_of(
    st.tuples(st.just("push"), st.tuples(st.sampled_from("abc"))),
    st.tuples(st.just("label"), st.tuples(st.sampled_from(["oneshot", "do-not-automerge"]))),
    st.tuples(st.just("close"), st.just(())),
    st.tuples(
        st.just("check"),
        st.tuples(
            NAMES,
            st.sampled_from(["queued", "in_progress", "completed", "completed"]),
            st.sampled_from(["success", "success", "failure", "cancelled"]),
        ),
    ),
    st.tuples(st.just("status"), st.tuples(NAMES, st.sampled_from(["pending", "success", "failure"]))),
    st.tuples(
        st.just("review"),
        st.tuples(st.sampled_from(["ann", "bob"]), st.sampled_from(["approved", "changes_requested", "commented"])),
    ),
    st.tuples(st.just("dismiss"), st.just(())),
    st.tuples(st.just("thread"), st.tuples(st.sampled_from(["T1", "T2"]))),
    st.tuples(st.just("comment"), st.tuples(st.sampled_from(["created", "edited", "deleted"]), st.sampled_from("xyz"))),
    st.tuples(st.just("read"), st.just(())),
)


def lives(least: int = 0, longest: int = 25) -> st.SearchStrategy[list[Happened]]:
    """`least` seconds between what happens: with 0 much happens within one."""
    step = st.builds(lambda seconds, what: Happened(seconds, *what), st.integers(least, 3), WHAT)
    return st.lists(step, max_size=longest)


def stories(least: int = 0, longest: int = 25) -> st.SearchStrategy[Story]:
    return lives(least, longest).map(lambda life: Story().live(life))
