"""Why nothing merges by itself now: mode, settings, a label, a freeze, a person. For the merge and for the resumer alike."""

from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.freeze import Freeze, sentence, stopped
from oneshot_dagster.domain.gate import GateFacts
from oneshot_dagster.domain.policy import effective_mode, parse_policy
from oneshot_dagster.domain.run import Kind, Mode
from oneshot_dagster.steps.services import Services

HOLD_LABEL = "do-not-automerge"
_WHY = {
    "policy": "the policy says so",
    "settings_cap": "the settings allow no more",
    "no_verification_policy": "no_verification_policy: the policy has no [deploy] and [verify]",
}


def holds(services: Services, attempt: Attempt, facts: GateFacts) -> str | None:
    """One sentence for people, or None where it may merge."""
    limits = services.limits
    untrusted = _mode(services, attempt) or _unverifiable(services, attempt)
    if untrusted is not None:
        return untrusted
    if not limits.merge_enabled:
        return "merging is switched off by ONESHOT_MERGE__ENABLED"
    if HOLD_LABEL in facts.labels:
        return f"the label {HOLD_LABEL} is on the pull request"
    freeze = _freeze(services, attempt)
    if freeze is not None:
        return sentence(freeze)
    if any(request.kind == "hold" for request in services.store.requests.open(attempt.id)):
        return "a person put it on hold"
    if not limits.rules_alone and not limits.is_local_forge and _only_rules_judged(services, attempt):
        return "only rules judged it and ONESHOT_MERGE__RULES_ALONE is not set: a person merges"
    return None


def _mode(services: Services, attempt: Attempt) -> str | None:
    mode, why = effective_mode(parse_policy(attempt.policy), services.limits.mode)
    if mode is not Mode.MERGE:
        return f"mode {mode} ({_WHY[why]}): a person merges"
    if attempt.mode is not Mode.MERGE:
        return f"mode {attempt.mode} (as it was taken in): a person merges"
    return None


def _unverifiable(services: Services, attempt: Attempt) -> str | None:
    """Nothing merges that nobody can verify; what takes back is not kept waiting for it."""
    missing = missing_secrets(services, attempt)
    if not missing or attempt.kind is Kind.REVERT:
        return None
    return (
        f"nobody could verify it: this platform keeps no secret {', '.join(missing)} for it (ONESHOT_VERIFY__SECRETS)"
    )


def missing_secrets(services: Services, attempt: Attempt) -> tuple[str, ...]:
    """Those that the policy names for its verification and the operator does not keep."""
    kept = services.limits.secrets.get(attempt.key.repository, {})
    return tuple(name for name in parse_policy(attempt.policy).verify.secrets if name not in kept)


def _only_rules_judged(services: Services, attempt: Attempt) -> bool:
    """What takes back is judged by nobody else: its CI and its gate decide."""
    judged = [e for e in services.store.artifacts.evaluations(attempt.id) if e.sha == attempt.judged_sha]
    return attempt.kind is not Kind.REVERT and not any(e.model for e in judged[-1:])


def _freeze(services: Services, attempt: Attempt) -> Freeze | None:
    """A freeze keeps nobody from taking back what does not stand; a stopped lane does."""
    found = services.store.freezes.standing(attempt.key.repository)
    return stopped(found) if attempt.kind is Kind.REVERT else next(iter(found), None)
