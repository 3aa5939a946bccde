"""What happened to a change, in the order of time: its moves, what the agent said, and the log of its work.
Asked again, a history tells only what is new."""

from dataclasses import dataclass
from datetime import datetime
from typing import cast

from oneshot_dagster.domain.attempt import ArtifactFile, Attempt
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.requests import ENDED
from oneshot_dagster.domain.run import State
from oneshot_dagster.steps.services import Services

_LOG = "implementation-log"


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """`source` is move, agent or log; the text may have several lines and is as its author wrote it."""

    at: datetime
    attempt: int
    source: str
    text: str


def has_ended(services: Services, key: ChangeKey) -> bool:
    """Nothing more will happen until a person says something."""
    attempt = services.store.runs.latest(key)
    over = attempt is not None and attempt.state in ENDED | {State.NEEDS_HUMAN}
    return attempt is not None and over and attempt.evidence_head is not None


class History:
    def __init__(self, services: Services, key: ChangeKey) -> None:
        self._services, self._key = services, key
        self._moves: dict[str, int] = {}
        self._messages: dict[str, int] = {}
        self._logs: dict[str, bytes] = {}

    def new(self) -> tuple[Entry, ...]:
        entries: list[Entry] = []
        for attempt in self._services.store.runs.all_of(self._key):
            entries += [*self._new_moves(attempt), *self._new_messages(attempt), *self._new_log(attempt)]
        return tuple(sorted(entries, key=lambda entry: (entry.attempt, entry.at)))

    def _new_moves(self, attempt: Attempt) -> list[Entry]:
        moves = self._services.store.runs.transitions(attempt.id)
        seen = self._moves.get(attempt.id, 0)
        self._moves[attempt.id] = len(moves)
        return [
            Entry(at=move.at, attempt=attempt.number, source="move", text=f"{move.target}: {move.reason}")
            for move in moves[seen:]
        ]

    def _new_messages(self, attempt: Attempt) -> list[Entry]:
        messages = self._services.store.notes.messages(attempt.id)
        seen = self._messages.get(attempt.id, 0)
        self._messages[attempt.id] = len(messages)
        return [
            Entry(
                at=cast("datetime", message["timestamp"]),
                attempt=attempt.number,
                source="agent",
                text=str(message["content"]),
            )
            for message in messages[seen:]
            if str(message["content"]).strip()
        ]

    def _new_log(self, attempt: Attempt) -> list[Entry]:
        """The tests append to the agent's log: then only what they appended is new."""
        file = self._log_file(attempt)
        content = self._services.blobs.get(file.sha256) if file else None
        if file is None or content is None or content == self._logs.get(attempt.id):
            return []
        told = self._logs.get(attempt.id, b"")
        self._logs[attempt.id] = content
        added = content.removeprefix(told).decode(errors="replace").strip("\n")
        return [Entry(at=file.created_at, attempt=attempt.number, source="log", text=added)] if added else []

    def _log_file(self, attempt: Attempt) -> ArtifactFile | None:
        files = self._services.store.artifacts.files(attempt.id)
        return next((file for file in files if file.name == _LOG), None)
