"""The check of `oneshot doctor` that asks who judges: whether a model is there to be asked, and what follows where none is.
It costs no token: only the list of models is asked for."""

from collections.abc import Callable
from typing import cast

import httpx

from oneshot_dagster.bootstrap import bounds_of, codex_judge
from oneshot_dagster.cli.doctor_checks import Finding
from oneshot_dagster.domain.errors import OneshotError
from oneshot_dagster.settings import JudgeSettings, Settings

_NAME = "judge"
_PATIENCE = 10.0


def judge(settings: Settings, key: Callable[[], str]) -> Finding:
    if settings.judge.kind == "rules":
        return _rules_alone(settings)
    try:
        through = ""
        if settings.judge.kind == "codex":
            scratch, bounds = settings.home / "scratch", bounds_of(settings.sandbox)
            through = f"through {codex_judge(settings.judge, settings.judge.model or '', scratch, bounds).examine()}"
        return _asked(settings.judge, key(), through)
    except (OneshotError, OSError) as error:
        return Finding(name=_NAME, ok=False, found=str(error), do="mend ONESHOT_JUDGE__*")
    except httpx.HTTPError as error:
        found = f"{settings.judge.base_url} does not answer: {type(error).__name__}"
        return Finding(
            name=_NAME, ok=False, found=found, do="mend ONESHOT_JUDGE__BASE_URL, or start what serves the model"
        )


def _rules_alone(settings: Settings) -> Finding:
    """Not wrong: it is a choice, and where it holds merges it says so."""
    if settings.is_local_forge or settings.merge.rules_alone:
        return Finding(name=_NAME, ok=True, found="the rules alone")
    found = "the rules alone, so a person merges: set ONESHOT_JUDGE__KIND, or name that choice by ONESHOT_MERGE__RULES_ALONE"
    return Finding(name=_NAME, ok=True, found=found)


def _asked(settings: JudgeSettings, key: str, through: str) -> Finding:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    answer = httpx.get(f"{settings.base_url.rstrip('/')}/models", headers=headers, timeout=_PATIENCE)
    named = f"{settings.model} at {settings.base_url}"
    if answer.status_code in {401, 403}:
        found = f"{named} refuses the key (HTTP {answer.status_code})" if key else f"{named} wants a key"
        return Finding(name=_NAME, ok=False, found=found, do="mend ONESHOT_JUDGE__API_KEY or __API_KEY_FILE")
    if answer.status_code >= 500:
        return Finding(
            name=_NAME, ok=False, found=f"{named} fails (HTTP {answer.status_code})", do="see what serves the model"
        )
    known = _models(answer)
    if known and settings.model not in known:
        return Finding(
            name=_NAME, ok=False, found=f"{settings.base_url} has no {settings.model}", do="mend ONESHOT_JUDGE__MODEL"
        )
    return Finding(name=_NAME, ok=True, found=", ".join(filter(None, (named, through, "after the rules"))))


def _models(answer: httpx.Response) -> frozenset[str]:
    """Not every service that speaks the Responses API lists its models."""
    try:
        listed = cast("list[dict[str, object]]", answer.json()["data"]) if answer.is_success else []
        return frozenset(str(model["id"]) for model in listed)
    except (ValueError, KeyError, TypeError):
        return frozenset()
