"""GitHub's descriptions come as pinned, or one clear error does."""

import base64
import hashlib
import io
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from contract import packages
from contract.packages import GRAPHQL, NotFetched


def packed(folder: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(folder / "made.tgz", "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return folder / "made.tgz"


def test_only_the_named_files_of_a_tarball_are_kept(tmp_path):
    tarball = packed(tmp_path, {"schema.json": b"{}", "lib/index.js": b"x"})
    pinned = replace(GRAPHQL, sha512=base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode())
    packages._unpack(pinned, tarball, tmp_path / "kept")
    assert [str(p.relative_to(tmp_path / "kept")) for p in (tmp_path / "kept").rglob("*.*")] == ["schema.json"]


def test_a_tarball_of_another_content_is_refused(tmp_path):
    with pytest.raises(NotFetched, match=r"a tarball of sha512 .*, not RFDC2MpR"):
        packages._unpack(GRAPHQL, packed(tmp_path, {"schema.json": b"{}"}), tmp_path / "kept")


def test_a_registry_that_cannot_be_reached_is_asked_once_and_the_error_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    with pytest.raises(NotFetched, match=r"(?s)tried to fetch @octokit/graphql-schema@.*ECONNREFUSED.*do: give npm"):
        packages.folder(GRAPHQL, tmp_path)
    monkeypatch.delenv("npm_config_registry")
    with pytest.raises(NotFetched, match="ECONNREFUSED"):
        packages.folder(GRAPHQL, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_what_is_there_is_not_fetched_again(tmp_path, monkeypatch):
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    (tmp_path / GRAPHQL.folder).mkdir()
    assert packages.folder(GRAPHQL, tmp_path) == tmp_path / GRAPHQL.folder
