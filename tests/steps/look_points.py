"""Where a look through a repository is killed, for each thing that people ask on GitHub; for the runs kill_matrix has that.
What has to stand in the end, however often the look died or GitHub failed, is said here once for crashes and faults."""

from dataclasses import dataclass

from asking import Asking

from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.run import State
from oneshot_dagster.local.demo.plant import REPOSITORY

_LOOK = {
    "with the lease of the intake": ("store.leases.take - after",),
    "before it is decided": ("store.triggers.decide - before",),
    "with it decided": ("store.triggers.decide - after",),
    "before how far it got": ("store.triggers.looked - before",),
    "with how far it got": ("store.triggers.looked - after",),
}
_STARTED = {
    "with the permission read": ("github.permission - after",),
    "before the attempt": ("store.runs.create - before",),
    "with the attempt": ("store.runs.create - after",),
    "with the intent to tell": ("store.writes.intend comment after",),
    "with people told": ("store.writes.intend comment after", "github.comment - after"),
    "before that is known": ("store.writes.intend comment after", "store.writes.settle - before"),
    "before the change's lease is free": ("store.writes.settle - after", "store.leases.release - before"),
}
_REQUESTED = {
    "before the request": ("store.requests.add - before",),
    "with the request": ("store.requests.add - after",),
}
POINTS: dict[str, dict[str, tuple[str, ...]]] = {
    "a label": {
        "with the issue's text noted": ("store.triggers.glanced - after",),
        "with the timeline read": ("github.timeline - after",),
        **_STARTED,
        **_LOOK,
        "with the issue seen": ("store.triggers.decide - after", "store.triggers.glanced - after"),
    },
    "a comment": {"with the text's editor read": ("github.last_edit - after",), **_STARTED, **_LOOK},
    "a command in vain": {
        "with the row": ("store.triggers.refuse - after",),
        "with the intent to answer": ("store.notices.intend - after",),
        "with the answer made": ("store.notices.intend - after", "github.comment - after"),
        "before that is known": ("store.notices.settle - before",),
        "with that known": ("store.notices.settle - after",),
        **_LOOK,
    },
    "a stop": {**_REQUESTED, **_LOOK},
    "a label taken off": {"with the timeline read": ("github.timeline - after",), **_REQUESTED, **_LOOK},
}


@dataclass(frozen=True)
class Asked:
    """Something that a person asks for, and what has to stand once it was heeded, however that went."""

    asking: Asking
    what: str
    key: ChangeKey

    def stands(self) -> bool:
        """Done once; and where the issue was taken in or the answer is no, said once."""
        match self.what:
            case "a label" | "a comment":
                return self.is_taken_in() and self.comments() == 1
            case "a command in vain":
                return self.is_refused() and self.comments() == 1
            case _:
                return self.asking.open_requests(self.key) == [("stop", "ada")]

    def is_taken_in(self) -> bool:
        attempts = self.asking.services.store.runs.all_of(self.key)
        return [(attempt.state, attempt.inputs.triggered_by) for attempt in attempts] == [(State.QUEUED, "ada")]

    def is_refused(self) -> bool:
        codes = {refusal.code for refusal in self.asking.services.store.triggers.refusals(self.key)}
        return "not_taken_in" in codes and self.asking.attempt(self.key) is None

    def comments(self) -> int:
        return len(self.asking.ours(self.key))


def asked(asking: Asking, what: str) -> Asked:
    """On an issue of its own, of which there may be many."""
    number = asking.world.forge.create_issue(REPOSITORY, "Greet people", "Say hello.")["number"]
    key = ChangeKey.parse(f"{REPOSITORY}#{number}")
    match what:
        case "a label":
            asking.label(key)
        case "a comment":
            asking.say(key, "/oneshot")
        case "a command in vain":
            asking.say(key, "/oneshot stop")
        case "a stop":
            asking.taken_in_by_hand(key)
            asking.say(key, "/oneshot stop")
        case "a label taken off":
            asking.label(key)
            asking.look()
            asking.next_second()
            asking.unlabel(key)
    return Asked(asking, what, key)
