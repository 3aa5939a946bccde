"""An App on the forge as tests need it: what it may, its JWT, and clients of its tokens."""

import time
from dataclasses import dataclass

import jwt
from forge_world import SHOP, RunningForge

from oneshot_dagster.local.forge.client import ForgeClient

WRITER = {
    "checks": "write",
    "contents": "write",
    "issues": "write",
    "pull_requests": "write",
    "statuses": "write",
    "workflows": "write",
}
VERSION = {"x-github-api-version": "2026-03-10"}


@dataclass
class MadeApp:
    forge: RunningForge
    made: dict

    @property
    def slug(self) -> str:
        return self.made["app"]["slug"]

    @property
    def installation(self) -> int:
        return self.made["installation"]["id"]

    def jwt(self, *, key: str | None = None, **claims: object) -> str:
        moment = int(time.time())
        said = {"iat": moment - 60, "exp": moment + 540, "iss": str(self.made["app"]["id"]), **claims}
        return jwt.encode({name: v for name, v in said.items() if v is not None}, key or self.made["pem"], "RS256")

    def itself(self) -> ForgeClient:
        return self._client(self.jwt())

    def bot(self, token: str | None = None) -> ForgeClient:
        return self._client(token or self.made["token"])

    def _client(self, token: str) -> ForgeClient:
        return self.forge.clients.setdefault(token, ForgeClient(self.forge.url, token))

    def token(self, **asked: object) -> dict:
        return self.itself().ask("POST", f"/api/v3/app/installations/{self.installation}/access_tokens", asked or None)


def installed(forge: RunningForge, permissions: dict[str, str] = WRITER, **more: object) -> MadeApp:
    more = {"repositories": [SHOP], "name": "Oneshot Bot", **more}
    name = more.pop("name")
    return MadeApp(forge, forge.ada.create_app(name, "acme", permissions, **more))
