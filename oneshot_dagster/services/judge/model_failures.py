"""How a service with a model fails: what may be better at another time, what only a person can mend, and what is the model's
own answer that is none. Texts of the service stand in them cut, and never a key."""

from typing import TYPE_CHECKING

from oneshot_dagster.domain.errors import NeedsHuman, OneshotError, TryAgain

if TYPE_CHECKING:
    from openai import APIError
    from openai.types.responses import Response

_LATER = frozenset({408, 409, 425, 429})
_NEVER_LATER = frozenset({"insufficient_quota", "billing_hard_limit_reached"})  # codes of a 429
_LONGEST_WAIT = 3600.0
CODE = "judge_unusable"


def refused_by(error: "APIError") -> OneshotError:
    """Before it said anything."""
    from openai import APIStatusError

    said = str(error)[:300]
    if not isinstance(error, APIStatusError):
        return TryAgain(f"the judge's model cannot be reached: {said}")
    status = error.status_code
    if status >= 500 or (status in _LATER and error.code not in _NEVER_LATER):
        return TryAgain(
            f"the judge's model is away ({said})", after=_asked_to_wait(error.response.headers.get("retry-after"))
        )
    return NeedsHuman(f"the judge's model refuses to be asked ({said}); see ONESHOT_JUDGE__*", reason=CODE)


def ended_badly(response: "Response") -> str:
    """Why a response that ended is no answer; raises TryAgain where its service gave up on it."""
    if response.incomplete_details is not None or response.status == "incomplete":
        reason = response.incomplete_details.reason if response.incomplete_details else None
        return f"its answer was cut off: {reason or 'incomplete'}"
    if response.error is not None or response.status == "failed":
        code, said = (response.error.code, response.error.message) if response.error else ("failed", "")
        if code in {"rate_limit_exceeded", "server_error"}:
            raise TryAgain(f"the judge's model is away ({code}: {said[:300]})")
        return f"its service failed to answer ({code}: {said[:300]})"
    return ""


def _asked_to_wait(header: str | None) -> float | None:
    try:
        return min(_LONGEST_WAIT, max(0.0, float(header))) if header else None
    except ValueError:
        return None
