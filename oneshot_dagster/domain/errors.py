"""The failures of the platform: wrong input, and the two families TryAgain and NeedsHuman.
An expected outcome (CI red, judge says no, conflict) is a value and does not stand here."""


class OneshotError(Exception):
    """Every failure that we raise on purpose; its text is one sentence for a person."""


class BadInput(OneshotError):
    """Input that cannot be used; nothing was changed outside."""

    def __init__(self, *, tried: str, found: str, do: str) -> None:
        super().__init__(f"could not {tried}: found {found}; {do}")
        self.tried, self.found, self.do = tried, found, do


class Refusal(BadInput):
    """A change that is not taken in, before any outside effect. `code` is stable, for machines."""

    def __init__(self, *, code: str, sentence: str) -> None:
        OneshotError.__init__(self, sentence)
        self.code = code


class TryAgain(OneshotError):
    """Infrastructure, provider or rate limit: the same call may succeed later.

    `after` is the least number of seconds to wait, where the other side said so.
    """

    def __init__(self, message: str, *, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class NeedsHuman(OneshotError):
    """Another try will not help: a person has to look. `reason` is a short machine code."""

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class LeaseLost(OneshotError):
    """Another engine holds the change now; whoever gets this must stop at once and write nothing."""


class StaleState(OneshotError):
    """The attempt stands in another state by now: read it again and decide again."""
