"""What a failed turn of Codex means for who asked for it; which words tell it is system/codex/failures."""

from oneshot_dagster.services.agent.protocol import Failure
from oneshot_dagster.system.codex.failures import Trouble, trouble

MISCONFIGURED = "agent_misconfigured"
OUT_OF_ROOM = "agent_out_of_room"  # taken up again, such a session would fail again

_MEANS = {
    Trouble.KEY: (Failure.HUMAN, "agent_key_refused"),
    Trouble.QUOTA: (Failure.HUMAN, "agent_quota_spent"),
    Trouble.ROOM: (Failure.OWN, OUT_OF_ROOM),
    Trouble.AWAY: (Failure.PROVIDER, "agent_provider_down"),
    Trouble.SETTING: (Failure.HUMAN, MISCONFIGURED),
    Trouble.UNKNOWN: (Failure.OWN, "agent_failed"),
}


def meaning(message: str) -> tuple[Failure, str]:
    """Whose fault it is, and a code for machines. What is unknown is the agent's own: it costs an attempt, not the change."""
    return _MEANS[trouble(message)]
