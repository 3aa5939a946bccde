"""What a failed turn of Codex means. It has one exit code for all causes, so its words decide; they are pinned by tests
against the very version that is locked."""

import re
from dataclasses import dataclass

from oneshot_dagster.services.agent.protocol import Failure

MISCONFIGURED = "agent_misconfigured"
OUT_OF_ROOM = "agent_out_of_room"  # taken up again, such a session would fail again


@dataclass(frozen=True, slots=True)
class _Rule:
    words: re.Pattern[str]
    means: Failure
    code: str


def _rule(words: str, means: Failure, code: str) -> _Rule:
    return _Rule(re.compile(words, re.I), means, code)


_RULES = (
    _rule(r"status 40[13]\b|missing environment variable", Failure.HUMAN, "agent_key_refused"),
    _rule(r"quota exceeded|usage limit", Failure.HUMAN, "agent_quota_spent"),
    _rule(r"ran out of room in the model's context|max_output_tokens", Failure.OWN, OUT_OF_ROOM),
    _rule(
        r"status:? (429|5\d\d)\b|stream disconnected|idle timeout|connection failed|high demand|rate limit|retry limit",
        Failure.PROVIDER,
        "agent_provider_down",
    ),
    _rule(r"status 40[04]\b|invalid_request", Failure.HUMAN, MISCONFIGURED),
)


def meaning(message: str) -> tuple[Failure, str]:
    """Whose fault it is, and a code for machines. What is unknown is the agent's own: it costs an attempt, not the change."""
    for rule in _RULES:
        if rule.words.search(message):
            return rule.means, rule.code
    return Failure.OWN, "agent_failed"
