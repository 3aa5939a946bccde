"""What we ask of a store of bytes: put once by content, get. Names and meaning of the bytes are the store's (services.store)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class Blob:
    sha256: str
    size: int
    uri: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Swept:
    number: int
    size: int


class Blobs(Protocol):
    def put(self, content: bytes) -> Blob:
        """The same bytes twice are one blob."""
        ...

    def get(self, sha256: str) -> bytes | None: ...

    def delete(self, sha256: str) -> None: ...

    def sweep(self, keep: Collection[str], *, before: datetime) -> Swept:
        """Deletes what is not in `keep` and was first put before that time."""
        ...
