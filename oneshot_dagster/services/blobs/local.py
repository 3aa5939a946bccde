"""Blobs in a local folder through obstore: `<aa>/<bb>/<sha256>`, written once and whole, checked when read."""

import contextlib
import hashlib
import re
from collections.abc import Collection
from datetime import datetime
from pathlib import Path

import obstore
from obstore.exceptions import AlreadyExistsError
from obstore.store import LocalStore

from oneshot_dagster.domain.errors import BadInput, NeedsHuman
from oneshot_dagster.services.blobs.protocol import Blob, Swept

_SHA256 = re.compile(r"[0-9a-f]{64}")


class LocalBlobs:
    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self._store = LocalStore(self._root, mkdir=True)

    def put(self, content: bytes) -> Blob:
        sha256 = hashlib.sha256(content).hexdigest()
        key = _key(sha256)
        try:
            obstore.put(self._store, key, content, mode="create")
        except AlreadyExistsError:
            if self._read(key) != content:  # damaged on the disk: put it right
                obstore.put(self._store, key, content, mode="overwrite")
        return Blob(sha256=sha256, size=len(content), uri=(self._root / key).as_uri())

    def get(self, sha256: str) -> bytes | None:
        content = self._read(_key(sha256))
        if content is not None and hashlib.sha256(content).hexdigest() != sha256:
            raise NeedsHuman(f"the stored bytes of {sha256} are damaged", reason="blob_damaged")
        return content

    def delete(self, sha256: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            obstore.delete(self._store, _key(sha256))

    def sweep(self, keep: Collection[str], *, before: datetime) -> Swept:
        number = size = 0
        for found in [meta for batch in obstore.list(self._store) for meta in batch]:
            sha256 = found["path"].rpartition("/")[2]
            if _SHA256.fullmatch(sha256) and sha256 not in keep and found["last_modified"] < before:
                self.delete(sha256)
                number, size = number + 1, size + found["size"]
        return Swept(number=number, size=size)

    def _read(self, key: str) -> bytes | None:
        try:
            return bytes(obstore.get(self._store, key).bytes())
        except FileNotFoundError:
            return None


def _key(sha256: str) -> str:
    if not _SHA256.fullmatch(sha256):
        raise BadInput(tried="name a blob", found=repr(sha256), do="give its sha256: 64 lower-case hex digits")
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}"
