"""Claims about blobs in a local folder: one a content, whole or not at all, never wrong bytes."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from oneshot_dagster.domain.errors import BadInput, NeedsHuman
from oneshot_dagster.services.blobs.local import LocalBlobs


@pytest.fixture
def blobs(tmp_path):
    return LocalBlobs(tmp_path / "blobs folder")


def place(blob) -> Path:
    return Path(unquote(urlsplit(blob.uri).path))


@pytest.mark.parametrize("content", [b"", b"x", bytes(range(256)) * 40_000])
def test_what_was_put_is_got(blobs, content):
    blob = blobs.put(content)
    assert (blob.sha256, blob.size) == (hashlib.sha256(content).hexdigest(), len(content))
    assert blobs.get(blob.sha256) == content
    assert place(blob).read_bytes() == content


def test_the_same_bytes_twice_are_one_blob_and_are_not_written_again(blobs, tmp_path):
    one = blobs.put(b"same")
    before = place(one).stat()
    assert blobs.put(b"same") == one
    after = place(one).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert len([p for p in tmp_path.rglob("*") if p.is_file()]) == 1


def test_what_was_never_put_is_none(blobs):
    assert blobs.get("0" * 64) is None


def test_damaged_bytes_are_not_given_and_a_new_put_heals_them(blobs):
    blob = blobs.put(b"good")
    place(blob).write_bytes(b"evil")
    with pytest.raises(NeedsHuman):
        blobs.get(blob.sha256)
    blobs.put(b"good")
    assert blobs.get(blob.sha256) == b"good"


def test_deleted_is_gone_and_deleting_again_does_nothing(blobs):
    blob = blobs.put(b"x")
    blobs.delete(blob.sha256)
    blobs.delete(blob.sha256)
    assert blobs.get(blob.sha256) is None


@pytest.mark.parametrize("name", ["../x", "", "0" * 63, "A" * 64, "/etc/passwd", "0" * 64 + "\n"])
def test_a_name_that_is_no_sha256_is_refused(blobs, name):
    with pytest.raises(BadInput):
        blobs.get(name)
    with pytest.raises(BadInput):
        blobs.delete(name)


def test_many_writers_of_the_same_bytes_all_succeed(blobs, tmp_path):
    content = b"x" * 300_000
    with ThreadPoolExecutor(16) as pool:
        put = list(pool.map(lambda _: LocalBlobs(tmp_path / "blobs folder").put(content), range(64)))
    assert len(set(put)) == 1
    assert blobs.get(put[0].sha256) == content
    assert len([p for p in tmp_path.rglob("*") if p.is_file()]) == 1


def test_a_sweep_takes_only_what_is_old_and_not_kept(blobs):
    old, kept, young = blobs.put(b"old"), blobs.put(b"kept"), blobs.put(b"young")
    for blob in (old, kept):
        os.utime(place(blob), (0, 0))
    swept = blobs.sweep({kept.sha256}, before=datetime(2000, 1, 1, tzinfo=UTC))
    assert (swept.number, swept.size) == (1, 3)
    assert [blobs.get(blob.sha256) for blob in (old, kept, young)] == [None, b"kept", b"young"]


def test_a_sweep_leaves_what_is_no_blob(blobs, tmp_path):
    stranger = tmp_path / "blobs folder" / "readme"
    stranger.write_text("mine")
    os.utime(stranger, (0, 0))
    assert blobs.sweep((), before=datetime(2000, 1, 1, tzinfo=UTC)).number == 0
    assert stranger.read_text() == "mine"
