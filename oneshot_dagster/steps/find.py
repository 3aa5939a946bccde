"""From what a person typed to the change that is meant: a key, or the number of a pull request of ours."""

from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.errors import BadInput
from oneshot_dagster.services.store.protocol import Store


def find(store: Store, text: str) -> Attempt:
    """Its newest attempt. Raises BadInput for a key that is malformed or of no change here."""
    key = ChangeKey.parse(text)
    attempt = store.runs.latest(key)
    if attempt is not None:
        return attempt
    owner = store.runs.change_of_pull(key.repository, key.issue_number)
    attempt = store.runs.latest(owner) if owner is not None else None
    if attempt is None:
        raise BadInput(
            tried=f"find the change {key}",
            found="neither a change nor a pull request of one by that number",
            do=f"`oneshot list` shows the changes, `oneshot run {key}` starts this one",
        )
    return attempt


def find_attempt(store: Store, text: str, number: int | None) -> Attempt:
    """The newest attempt, or the one of that number."""
    newest = find(store, text)
    if number is None or number == newest.number:
        return newest
    attempts = {attempt.number: attempt for attempt in store.runs.all_of(newest.key)}
    if number not in attempts:
        known = ", ".join(map(str, attempts))
        raise BadInput(
            tried=f"find attempt {number} of {newest.key}", found=f"attempts {known}", do="give one of these"
        )
    return attempts[number]
