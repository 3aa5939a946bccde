"""What we ask of a store of bytes: put once by content, get. Names and meaning of the bytes are the store's (services.store)."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class Blob:
    sha256: str
    size: int
    uri: str


class Blobs(Protocol):
    def put(self, content: bytes) -> Blob:
        """The same bytes twice are one blob."""
        ...

    def get(self, sha256: str) -> bytes | None: ...

    def delete(self, sha256: str) -> None: ...
