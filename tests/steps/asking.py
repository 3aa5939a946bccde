"""People who ask for things on the forge, and the platform that looks through it."""

import time

import people
from world_fixtures import World

from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.run import State
from oneshot_dagster.local.demo.plant import REPOSITORY
from oneshot_dagster.local.forge.client import ForgeClient
from oneshot_dagster.steps.intake import take_in
from oneshot_dagster.steps.triggers import take_up

S = State
_ON = (S.WORKTREE_READY, S.IMPLEMENTING, S.TESTING, S.PR_READY, S.AWAITING_CI, S.JUDGING, S.MERGE_READY, S.MERGED)
_ENGINE = "engine-token-for-tests"


class Asking:
    def __init__(self, world: World, engine) -> None:
        self.world, self._engine, self._people = world, engine, {}
        self.use()

    def use(self, **over) -> None:
        self.services = self._engine(**over).services
        self.as_("oneshot", _ENGINE)
        self.services.github.login  # noqa: B018 - asked for once, before anything is counted

    def close(self) -> None:
        for client in self._people.values():
            client.close()

    def people(self, **permissions: str) -> None:
        for login, permission in permissions.items():
            self.world.forge.put_user(login, f"{login}-token", {REPOSITORY: permission})
            self.as_(login, f"{login}-token")

    def as_(self, login: str, token: str = "") -> ForgeClient:
        if login == "ada":
            return self.world.forge
        if login not in self._people:
            if not token:
                token = f"{login}-token"
                self.world.forge.put_user(login, token, {REPOSITORY: "write"})
            self._people[login] = ForgeClient(self.world.url, token)
        return self._people[login]

    def issue(self) -> ChangeKey:
        return self.world.plant(seed=len(self.world.forge.issues(REPOSITORY)) + 1)[0]

    def label(self, key: ChangeKey, *, by: str = "ada") -> None:
        self.as_(by).label(REPOSITORY, key.issue_number, "oneshot")

    def unlabel(self, key: ChangeKey) -> None:
        self.world.forge.api("DELETE", REPOSITORY, f"/issues/{key.issue_number}/labels/oneshot")

    def close_issue(self, key: ChangeKey) -> None:
        self.world.forge.api("PATCH", REPOSITORY, f"/issues/{key.issue_number}", {"state": "closed"})

    def say(self, key: ChangeKey, body: str, *, by: str = "ada", number: int | None = None) -> int:
        return int(self.as_(by).comment(REPOSITORY, number or key.issue_number, body)["id"])

    def edit(self, comment: int, body: str) -> None:
        self.world.forge.api("PATCH", REPOSITORY, f"/issues/comments/{comment}", {"body": body})

    def branch(self, name: str, files: dict[str, str] | None = None) -> None:
        """From main, with one commit where files are given."""
        people.push(self.world, "main", files or {}, to=name)

    def look(self, repository: str = REPOSITORY) -> str:
        return "\n".join(take_up(self.services, repositories=[repository]))

    def attempt(self, key: ChangeKey):
        return self.services.store.runs.latest(key)

    def open_requests(self, key: ChangeKey) -> list[tuple[str, str]]:
        return [(r.kind, r.by) for r in self.services.store.requests.open(self.attempt(key).id)]

    def taken_in_by_hand(self, key: ChangeKey):
        return take_in(self.services, key, base=None, prompt="", by="ada")

    def move(self, key: ChangeKey, *states: State, **fields) -> None:
        attempt = self.attempt(key)
        for state in states:
            attempt = self.services.store.runs.transition(attempt, state, reason="moved", cause="a test", fields=fields)

    def cancel(self, key: ChangeKey) -> None:
        self.move(key, S.CANCELLED)

    def complete(self, key: ChangeKey) -> None:
        self.move(key, *_ON, S.DEPLOYING, S.VERIFYING, S.COMPLETED)

    def ours(self, key: ChangeKey) -> list[str]:
        comments = self.world.forge.comments(REPOSITORY, key.issue_number)
        return [c["body"] for c in comments if c["user"]["login"] == "oneshot" and c["body"].startswith("<!--")]

    def requests(self) -> list[dict]:
        return [r for r in self.world.forge.requests() if r["login"] == "oneshot" and r["path"].startswith("/api")]

    def written(self) -> list[tuple[str, str]]:
        return [
            (r["method"], r["path"])
            for r in self.requests()
            if r["method"] in {"POST", "PATCH", "PUT", "DELETE"} and not r["graphql"] and "/labels" not in r["path"]
        ]

    def next_second(self) -> None:
        """GitHub tells whole seconds."""
        time.sleep(1.05 - time.time() % 1)
