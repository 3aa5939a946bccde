"""What a failed turn of Codex was about. It has one exit code for all causes, so its words decide; they are pinned by tests
against the very version that is locked."""

import re
from enum import StrEnum


class Trouble(StrEnum):
    """In the order in which the words are tried."""

    KEY = "key"
    QUOTA = "quota"
    ROOM = "room"  # more than the model's context, or its largest answer
    AWAY = "away"  # its service, for the moment
    SETTING = "setting"
    UNKNOWN = "unknown"


_WORDS = {
    Trouble.KEY: r"status 40[13]\b|missing environment variable",
    Trouble.QUOTA: r"quota exceeded|usage limit",
    Trouble.ROOM: r"ran out of room in the model's context|max_output_tokens",
    Trouble.AWAY: r"status:? (429|5\d\d)\b|stream disconnected|idle timeout|connection failed|high demand|rate limit|retry limit",
    Trouble.SETTING: r"status 40[04]\b|invalid_request",
}
_PATTERNS = {trouble: re.compile(words, re.I) for trouble, words in _WORDS.items()}


def trouble(message: str) -> Trouble:
    return next((found for found, words in _PATTERNS.items() if words.search(message)), Trouble.UNKNOWN)
