"""How far a repository trusts us at this moment: what was taken in, what its policy says and what the settings allow, the least.
Trust that grew is read anew where a person says so, and nowhere else."""

from collections.abc import Mapping

from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.errors import Refusal
from oneshot_dagster.domain.policy import FILE, PolicyErrors, effective_mode, least, parse_policy
from oneshot_dagster.domain.run import Mode
from oneshot_dagster.steps.services import Services


def observes(services: Services, attempt: Attempt) -> bool:
    """Nothing may be written."""
    allowed, _ = effective_mode(parse_policy(attempt.policy), services.limits.mode)
    return least(allowed, attempt.mode) is Mode.OBSERVE


def policy_at_tip(services: Services, key: ChangeKey, base: str) -> tuple[str, Mode]:
    """The policy at the base's tip, read through once, and the mode that follows. Raises Refusal where it is wrong."""
    services.git.fetch(key.repository)
    tip = services.git.resolve(key.repository, f"refs/remotes/origin/{base}") or ""
    content = services.git.read_file(key.repository, sha=tip, path=FILE) or b""
    try:
        text = content.decode()
        mode, _ = effective_mode(parse_policy(text), services.limits.mode)
    except (UnicodeDecodeError, PolicyErrors) as error:
        sentence = f"{key.repository} at {tip[:7]}: {error}; mend it on {base}"
        raise Refusal(code="policy_invalid", sentence=sentence) from None
    return text, mode


def grown(services: Services, attempt: Attempt) -> Mapping[str, object]:
    """What changes of an attempt that was to write nothing, where it may by now; else nothing does."""
    if attempt.mode is not Mode.OBSERVE:
        return {}
    text, mode = policy_at_tip(services, attempt.key, attempt.inputs.base)
    return {} if mode is Mode.OBSERVE else {"mode": mode, "policy": text}
