"""The tags and the selection of a run that the resumer starts; both launchers use them."""

from oneshot_dagster.domain.attempt import Attempt, Launch


def run_key(attempt: Attempt, launch: Launch) -> str:
    return f"{attempt.key}:{attempt.number}:{launch.seq}"


def tags(attempt: Attempt, launch: Launch, *, root_run_id: str | None, parent_run_id: str | None) -> dict[str, str]:
    """A continuation is grouped under its attempt's first run by these two tags alone."""
    grouped = {"dagster/root_run_id": root_run_id, "dagster/parent_run_id": parent_run_id}
    return {
        "dagster/partition": str(attempt.key),
        "dagster/max_retries": "0",
        "oneshot/attempt": str(attempt.number),
        "oneshot/launch": str(launch.seq),
        "oneshot/why": launch.reason[:200],
        "oneshot/by": attempt.inputs.triggered_by,
        **{name: value for name, value in grouped.items() if value is not None},
    }
