"""Our own check at a commit: a check run of our App, or a commit status where we are no App.
What stands there is read first, so that nothing is sent twice."""

from collections.abc import Callable
from typing import Any

from oneshot_dagster.domain.gate_conditions import OUR_CHECK
from oneshot_dagster.domain.quoting import cut, one_line
from oneshot_dagster.services.github.answers import Answer, Json, part, read
from oneshot_dagster.services.github.connection import Connection
from oneshot_dagster.services.github.protocol import OurCheck
from oneshot_dagster.services.github.reading import latest_checks

LONGEST_DESCRIPTION = 140  # GitHub's bound for a commit status
LONGEST_SUMMARY = 65535
_APP = "[bot]"  # how the login of every App ends, and of nobody else
_FORBIDDEN = frozenset({403})
_STATES = {
    "success": "success",
    "neutral": "success",  # a required check run that is neutral passes, so the status does
    "failure": "failure",
    "action_required": "failure",
    "cancelled": "error",
}


class OurChecks:
    def __init__(self, connection: Connection, login: Callable[[], str]) -> None:
        self._connection, self._login = connection, login

    def put(self, repository: str, sha: str, check: OurCheck) -> str:
        slug, app, _ = self._login().partition(_APP)
        url = self._put_run(repository, sha, check, slug=slug) if app else None
        return url if url is not None else self._put_status(repository, sha, check)

    def _put_run(self, repository: str, sha: str, check: OurCheck, *, slug: str) -> str | None:
        """None where our App may not make check runs."""
        bodies = latest_checks(self._connection, repository, sha, name=OUR_CHECK)
        ours = max((body for body in bodies if part(body, "app").get("slug") == slug), key=_number, default=None)
        wanted = _run(check)
        if ours is not None and wanted.items() <= _said(ours).items():
            return str(ours.get("html_url") or "")
        answer = self._send_run(repository, sha, wanted, ours)
        return None if answer.status in _FORBIDDEN else read(lambda body: str(body.get("html_url") or ""), answer)

    def _send_run(self, repository: str, sha: str, wanted: dict[str, object], ours: Json | None) -> Answer:
        path = f"/repos/{repository}/check-runs"
        if ours is not None and _may_change(ours, wanted):
            return self._connection.send("PATCH", f"{path}/{_number(ours)}", json=wanted, values=_FORBIDDEN)
        made = {"name": OUR_CHECK, "head_sha": sha, **wanted}
        return self._connection.send("POST", path, json=made, values=_FORBIDDEN)

    def _put_status(self, repository: str, sha: str, check: OurCheck) -> str:
        wanted = _status(check)
        for answer in self._connection.pages(f"/repos/{repository}/commits/{sha}/status"):
            for body in read(lambda page: list[Any](page["statuses"]), answer):
                if all((body.get(name) or "") == value for name, value in wanted.items()):
                    return str(body.get("target_url") or "")
        self._connection.send("POST", f"/repos/{repository}/statuses/{sha}", json=wanted)
        return check.url


def _number(body: Json) -> int:
    return int(body["id"])


def _run(check: OurCheck) -> dict[str, object]:
    output = {"title": check.title, "summary": cut(check.summary, LONGEST_SUMMARY)}
    wanted: dict[str, object] = {"status": check.status, "output": output}
    if check.conclusion:
        wanted["conclusion"] = check.conclusion
    return {**wanted, "details_url": check.url} if check.url else wanted  # without one GitHub puts the App's own


def _said(body: Json) -> dict[str, object]:
    """What stands there, in the words of a request."""
    output = part(body, "output")
    check = OurCheck(
        status=str(body["status"]),
        conclusion=body.get("conclusion"),
        title=str(output.get("title") or ""),
        summary=str(output.get("summary") or ""),
        url=str(body.get("details_url") or ""),
    )
    return _run(check)


def _may_change(ours: Json, wanted: dict[str, object]) -> bool:
    """GitHub does not open a completed check run again; a new one of the same name takes its place."""
    return ours["status"] != "completed" or ours.get("conclusion") == wanted.get("conclusion")


def _status(check: OurCheck) -> dict[str, str]:
    state = _STATES.get(check.conclusion or "", "pending") if check.status == "completed" else "pending"
    wanted = {"context": OUR_CHECK, "state": state, "description": one_line(check.title, LONGEST_DESCRIPTION)}
    return {**wanted, "target_url": check.url} if check.url else wanted
