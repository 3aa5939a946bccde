"""What kept a command of others away from the platform while it ran, in phrases for people: what held, and what did not."""

from dataclasses import dataclass

NETWORK, FILES = "network isolation", "filesystem isolation"


@dataclass(frozen=True, kw_only=True, slots=True)
class Isolation:
    """`layers` are what was active, `missing` what was not enforced."""

    layers: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def active(self) -> str:
        return "; ".join(self.layers) or "none"

    @property
    def not_enforced(self) -> str:
        return "; ".join(f"not enforced: {phrase}" for phrase in self.missing) or "nothing"
