"""What tests, the demo and the CLI ask of a running forge, over HTTP. The engine has a client of its own."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from oneshot_dagster.system.tls import trust_for

Json = dict[str, Any]  # answers of an HTTP API: any JSON


def _headers(token: str) -> Json:
    """The API version is the one whose answers the forge gives."""
    return {"authorization": f"Bearer {token}", "x-github-api-version": "2026-03-10"}


class ForgeError(Exception):
    """The forge refused; `status` and its message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class ForgeClient:
    """Acts as the owner of `token`. Only an admin of the forge may create repositories and users or read its log."""

    def __init__(self, url: str, token: str, *, timeout: float = 30.0) -> None:
        self.url = url.rstrip("/")
        self.token = token
        self._http = httpx.Client(
            base_url=self.url, headers=_headers(token), timeout=timeout, trust_env=False, verify=trust_for(self.url)
        )

    def close(self) -> None:
        self._http.close()

    def clone_url(self, repository: str) -> str:
        """Without credentials."""
        return f"{self.url}/{repository}.git"

    def wait_ready(self, timeout: float = 20.0) -> None:
        deadline = time.monotonic() + timeout
        while True:
            try:
                self.ask("GET", "/api/v3/user")
                return
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def ask(self, method: str, path: str, body: object = None, **query: str | int) -> Any:
        """JSON in and out, None for an empty answer."""
        answer = self._http.request(method, path, json=body, params=query)
        if answer.is_error:
            try:
                message = str(answer.json())
            except ValueError:
                message = answer.text
            raise ForgeError(answer.status_code, message)
        return answer.json() if answer.content else None

    def api(self, method: str, repository: str, path: str, body: object = None, **query: str | int) -> Any:
        return self.ask(method, f"/api/v3/repos/{repository}{path}", body, **query)

    def create_repository(self, repository: str, *, default_branch: str = "main") -> Json:
        """Idempotent; its content comes by a push."""
        return self.ask("POST", "/_forge/repositories", {"full_name": repository, "default_branch": default_branch})

    def put_user(
        self,
        login: str,
        token: str,
        permissions: Mapping[str, str],
        *,
        admin: bool = False,
        token_permissions: Mapping[str, str] | None = None,
    ) -> Json:
        """`token_permissions`, as {"contents": "write"}, make it a fine-grained token."""
        fine = None if token_permissions is None else dict(token_permissions)
        body = {"token": token, "permissions": dict(permissions), "admin": admin, "token_permissions": fine}
        return self.ask("PUT", f"/_forge/users/{login}", body)

    def create_app(
        self,
        name: str,
        account: str,
        permissions: Mapping[str, str],
        *,
        repositories: Sequence[str] | None = None,
        **manifest: object,
    ) -> Json:
        """An App installed on some or (None) all repositories of an account: app, installation, pem, webhook_secret, and
        a token of the installation. `manifest` may add what GitHub's has (default_events, hook_attributes, setup_url)."""
        asked = {"name": name, "url": "https://example.org", "default_permissions": dict(permissions), **manifest}
        chosen = None if repositories is None else list(repositories)
        return self.ask("POST", "/_forge/apps", {"manifest": asked, "account": account, "repositories": chosen})

    def set_app_permissions(self, slug: str, permissions: Mapping[str, str], *, accepted: bool = True) -> Json:
        """What an App asks for; `accepted` false: the owners of its installations have not agreed yet."""
        body = {"permissions": dict(permissions), "accepted": accepted}
        return self.ask("PUT", f"/_forge/apps/{slug}/permissions", body)

    def set_app_repositories(self, installation: int, repositories: Sequence[str] | None) -> Json:
        chosen = None if repositories is None else list(repositories)
        return self.ask("PUT", f"/_forge/installations/{installation}/repositories", {"repositories": chosen})

    def suspend(self, installation: int, *, lifted: bool = False) -> None:
        self.ask("DELETE" if lifted else "PUT", f"/_forge/installations/{installation}/suspended")

    def expire_tokens(self, installation: int) -> None:
        """All that it has, at once."""
        self.ask("DELETE", f"/_forge/installations/{installation}/tokens")

    def create_issue(self, repository: str, title: str, body: str = "", labels: Sequence[str] = ()) -> Json:
        return self.api("POST", repository, "/issues", {"title": title, "body": body, "labels": list(labels)})

    def issue(self, repository: str, number: int) -> Json:
        return self.api("GET", repository, f"/issues/{number}")

    def issues(self, repository: str, *, state: str = "open") -> list[Json]:
        return self.api("GET", repository, "/issues", state=state, per_page=100)

    def label(self, repository: str, number: int, label: str) -> list[Json]:
        return self.api("POST", repository, f"/issues/{number}/labels", {"labels": [label]})

    def comments(self, repository: str, number: int) -> list[Json]:
        return self.api("GET", repository, f"/issues/{number}/comments", per_page=100)

    def comment(self, repository: str, number: int, body: str) -> Json:
        return self.api("POST", repository, f"/issues/{number}/comments", {"body": body})

    def create_pull(self, repository: str, *, head: str, base: str, title: str, body: str = "") -> Json:
        return self.api("POST", repository, "/pulls", {"head": head, "base": base, "title": title, "body": body})

    def pull(self, repository: str, number: int) -> Json:
        return self.api("GET", repository, f"/pulls/{number}")

    def pulls(self, repository: str, *, state: str = "open") -> list[Json]:
        return self.api("GET", repository, "/pulls", state=state, per_page=100)

    def merge_as_person(self, repository: str, number: int, *, sha: str | None = None, method: str = "squash") -> str:
        """The SHA that landed."""
        body: Json = {"merge_method": method} | ({"sha": sha} if sha else {})
        return str(self.api("PUT", repository, f"/pulls/{number}/merge", body)["sha"])

    def review(self, repository: str, number: int, event: str, body: str = "") -> Json:
        """`event` is APPROVE, REQUEST_CHANGES or COMMENT."""
        return self.api("POST", repository, f"/pulls/{number}/reviews", {"event": event, "body": body})

    def open_thread(self, repository: str, number: int, *, path: str, line: int, body: str) -> Json:
        head = self.pull(repository, number)["head"]["sha"]
        comment = {"path": path, "line": line, "body": body, "commit_id": head}
        return self.api("POST", repository, f"/pulls/{number}/comments", comment)

    def check_runs(self, repository: str, ref: str) -> list[Json]:
        return self.api("GET", repository, f"/commits/{ref}/check-runs", per_page=100)["check_runs"]

    def job_log(self, repository: str, check: int) -> str:
        """What the job of this check run printed, without the time before each line."""
        asked = self._http.get(f"/api/v3/repos/{repository}/actions/jobs/{check}/logs")
        if asked.status_code != 302:
            raise ForgeError(asked.status_code, asked.text)
        text = httpx.get(asked.headers["location"], timeout=30.0, trust_env=False).text
        return "\n".join(line.partition(" ")[2] for line in text.splitlines())

    def annotations(self, repository: str, check: int) -> list[Json]:
        return self.api("GET", repository, f"/check-runs/{check}/annotations")

    def branch_sha(self, repository: str, branch: str) -> str:
        return str(self.api("GET", repository, f"/git/ref/heads/{branch}")["object"]["sha"])

    def set_protection(
        self,
        repository: str,
        branch: str,
        *,
        contexts: Sequence[str] | None = None,
        strict: bool = False,
        approvals: int | None = None,
        **more: object,
    ) -> Json:
        """None: not asked for. `more` are fields of GitHub's body."""
        checks = None if contexts is None else {"strict": strict, "contexts": list(contexts)}
        reviews = None if approvals is None else {"required_approving_review_count": approvals}
        body = {
            "required_status_checks": checks,
            "required_pull_request_reviews": reviews,
            "enforce_admins": True,
            "restrictions": None,
            **more,
        }
        return self.api("PUT", repository, f"/branches/{branch}/protection", body)

    def add_ruleset(
        self, repository: str, *rules: Json, include: Sequence[str] = ("~DEFAULT_BRANCH",), **more: object
    ) -> Json:
        """Active, of GitHub's rule objects. `more` are fields of GitHub's body."""
        body = {
            "name": f"{', '.join(r['type'] for r in rules)} on {', '.join(include)}",
            "target": "branch",
            "enforcement": "active",
            "conditions": {"ref_name": {"include": list(include), "exclude": []}},
            "rules": list(rules),
            **more,
        }
        return self.api("POST", repository, "/rulesets", body)

    def require_checks(self, repository: str, *contexts: str, strict: bool = False) -> Json:
        """A ruleset of the default branch."""
        checks = {
            "required_status_checks": [{"context": c} for c in contexts],
            "strict_required_status_checks_policy": strict,
        }
        return self.add_ruleset(repository, {"type": "required_status_checks", "parameters": checks})

    def add_hook(
        self, repository: str, url: str, *, secret: str, events: Sequence[str] = ("*",), **more: object
    ) -> Json:
        """A webhook of the repository, in JSON; GitHub pings it at once. `more` are fields of GitHub's body."""
        config = {"url": url, "content_type": "json", "secret": secret}
        return self.api("POST", repository, "/hooks", {"config": config, "events": list(events), **more})

    def hook_deliveries(self, repository: str, hook: int) -> list[Json]:
        """Those that were sent, newest first."""
        return self.api("GET", repository, f"/hooks/{hook}/deliveries", per_page=100)

    def set_hooks(self, *, held: bool = False, drop: int = 0, duplicate: int = 0, delay: float = 0.0) -> Json:
        """Holds all deliveries, loses the next, sends the next twice, or delays each by seconds; what waits."""
        body = {"held": held, "drop": drop, "duplicate": duplicate, "delay": delay}
        return self.ask("PUT", "/_forge/hooks", body)

    def waiting_deliveries(self) -> list[Json]:
        """Oldest first: id, hook, guid, event, action."""
        return self.ask("GET", "/_forge/hooks")["waiting"]

    def release_deliveries(self, *deliveries: int) -> None:
        """In this order, also while the others are held."""
        self.ask("POST", "/_forge/hooks/release", {"deliveries": list(deliveries)})

    def set_merge_async(self, *, offered: bool = True, delay: float = 0.0) -> None:
        """Whether this forge knows asynchronous merges, and how long one waits before it runs, also one that waits already."""
        self.ask("PUT", "/_forge/merge-async", {"offered": offered, "delay": delay})

    def set_merge_queue(self, repository: str, branch: str, *, required: bool = True) -> None:
        """By classic protection, as on GitHub's pages; by a ruleset it is `add_ruleset`."""
        self.ask("PUT", "/_forge/merge-queue", {"repository": repository, "branch": branch, "required": required})

    def graphql(self, query: str, **variables: object) -> Json:
        return self.ask("POST", "/api/graphql", {"query": query, "variables": variables})

    def requests(self) -> list[Json]:
        """Oldest first: id, method, path, query, login, status, at, graphql, fault."""
        return self.ask("GET", "/_forge/requests")

    def clear_requests(self) -> None:
        self.ask("DELETE", "/_forge/requests")

    def violations(self) -> list[Json]:
        return self.ask("GET", "/_forge/violations")

    def arm(self, kind: str, **where: object) -> Json:
        """A fault for the requests named by method, path, graphql, login, nth, times; `retry_after` for limits, `sha` for wrong_sha."""
        return self.ask("POST", "/_forge/faults", {"kind": kind, **where})

    def faults(self) -> list[Json]:
        """As armed, with `seen` and the ids of the requests that were `hit`."""
        return self.ask("GET", "/_forge/faults")

    def clear_faults(self) -> None:
        self.ask("DELETE", "/_forge/faults")

    def set_limit(
        self, login: str, *, remaining: int, reset_in: int = 3600, enforced: bool = True, resource: str = "core"
    ) -> None:
        body = {"resource": resource, "remaining": remaining, "reset_in": reset_in, "enforced": enforced}
        self.ask("PUT", f"/_forge/limits/{login}", body)

    def set_secondary_limit(
        self, login: str, *, seconds: float, status: int = 403, retry_after: int | None = None
    ) -> None:
        secondary = {"status": status, "retry_after": retry_after, "seconds": seconds}
        self.ask("PUT", f"/_forge/limits/{login}", {"secondary": secondary})

    def clear_limits(self, login: str) -> None:
        self.ask("DELETE", f"/_forge/limits/{login}")
