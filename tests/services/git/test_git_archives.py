"""Claims about what a patch leaves: the archive, the patch and the bundle give the head's tree on the base."""

import base64
import io
import json
import os
import shutil
import tarfile
from pathlib import Path

import pytest
from remote_repository import git


def change_everything(world):
    """A base and a head that differ in every way that files can."""
    clone = world.remote.clone
    base = world.remote.push(
        {"keep.txt": "x\n" * 40, "gone/deep.txt": "1\n", "turn": "a file\n", "place": "a file\n", "dir/a": "1\n"}
    )
    (clone / "was-link").symlink_to("README.md")
    base = world.remote.push_all()
    (clone / "keep.txt").rename(clone / "moved.txt")
    shutil.rmtree(clone / "gone")
    (clone / "turn").unlink()
    (clone / "turn").symlink_to("README.md")
    (clone / "was-link").unlink()
    (clone / "was-link").write_text("a file now\n")
    (clone / "place").unlink()
    (clone / "place").mkdir()
    (clone / "place/inner").write_text("1\n")
    shutil.rmtree(clone / "dir")
    (clone / "dir").write_text("a file now\n")
    (clone / "run.sh").chmod(0o755)
    (clone / "data.bin").write_bytes(bytes(range(256)))
    (clone / "empty").write_bytes(b"")
    (clone / ("long" * 40 + ".txt")).write_text("1\n")
    (clone / os.fsdecode(b"\xff name\n")).write_text("odd\n")
    head = world.remote.push_all()
    world.ours.fetch("acme/shop")
    return base, head


def manifest_of(archive: bytes) -> dict:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return json.loads(tar.extractfile("metadata/manifest.json").read())


def path_of(name: str | dict[str, str]) -> bytes:
    return base64.b64decode(name["base64"]) if isinstance(name, dict) else name.encode()


def tree_of(clone: Path) -> str:
    git(clone, "add", "--all", "--force")
    return git(clone, "write-tree")


@pytest.fixture
def difference(world):
    return change_everything(world)


def test_unpacked_onto_the_base_it_is_exactly_the_head(world, difference):
    base, head = difference
    archive = world.ours.changes_archive(world.key, base_sha=base, head_sha=head, manifest={})
    clone = world.remote.clone
    git(clone, "checkout", "-q", "--force", base)
    for name in manifest_of(archive)["deletedFiles"]:
        path = clone / os.fsdecode(path_of(name))
        path.unlink()
        if not any(path.parent.iterdir()):
            path.parent.rmdir()
    with tarfile.open(fileobj=io.BytesIO(archive), errorlevel=2) as tar:
        members = [m for m in tar.getmembers() if m.name.startswith("files/")]
        for member in members:
            member.name = member.name.removeprefix("files/")
        tar.extraction_filter = as_it_is
        tar.extractall(clone, members=members)  # noqa: S202
    assert tree_of(clone) == git(clone, "rev-parse", f"{head}^{{tree}}")


def test_the_patch_applied_to_the_base_is_exactly_the_head(world, difference):
    base, head = difference
    patch = world.ours.patch(world.key, base_sha=base, head_sha=head)
    git(world.remote.clone, "checkout", "-q", "--force", base)
    git(world.remote.clone, "apply", "--index", "--binary", "-", stdin=patch)
    assert git(world.remote.clone, "write-tree") == git(world.remote.clone, "rev-parse", f"{head}^{{tree}}")


def test_the_same_commits_give_the_same_bytes(world, difference):
    base, head = difference
    one = world.ours.changes_archive(world.key, base_sha=base, head_sha=head, manifest={"sessionId": "s"})
    assert world.another().changes_archive(world.key, base_sha=base, head_sha=head, manifest={"sessionId": "s"}) == one


def test_the_manifest_names_the_change_and_the_prompt_by_its_hash_alone(world, difference):
    base, head = difference
    archive = world.ours.changes_archive(
        world.key, base_sha=base, head_sha=head, manifest={"prompt": "do the secret thing", "sessionId": "s-1"}
    )
    manifest = manifest_of(archive)
    known = {"version": 1, "repository": "acme/shop", "issueNumber": 2, "commitSha": head, "baseSha": base}
    assert known.items() <= manifest.items()
    assert manifest["sessionId"] == "s-1"
    assert len(manifest["promptSha256"]) == 64
    assert "secret thing" not in json.dumps(manifest)
    assert {"base64": base64.b64encode(b"\xff name\n").decode()} in manifest["trackedFiles"]


def test_nothing_changed_is_an_archive_without_files(world):
    world.ours.fetch("acme/shop")
    same = world.remote.first
    manifest = manifest_of(world.ours.changes_archive(world.key, base_sha=same, head_sha=same, manifest={}))
    assert (manifest["trackedFiles"], manifest["deletedFiles"]) == ([], [])


def test_the_bundle_brings_the_head_to_a_repository_that_has_the_base(world, tmp_path):
    tree = world.provision()
    (tree.path / "a").write_text("1\n")
    commit = world.commit(tree)
    bundle = tmp_path / "change.bundle"
    bundle.write_bytes(world.ours.bundle(world.key, base_sha=tree.base_sha, head_sha=commit))
    git(world.remote.clone, "bundle", "verify", "-q", str(bundle))
    git(
        world.remote.clone,
        "fetch",
        "-q",
        str(bundle),
        git(world.remote.clone, "bundle", "list-heads", str(bundle)).split()[1],
    )
    assert git(world.remote.clone, "rev-parse", "FETCH_HEAD") == commit


def test_an_export_is_the_tree_and_nothing_else(world, difference, tmp_path):
    _, head = difference
    world.ours.export("acme/shop", sha=head, target=tmp_path / "out")
    git(world.remote.clone, "checkout", "-q", "--force", head)
    git(world.remote.clone, "--work-tree", str(tmp_path / "out"), "add", "--all", "--force")
    assert git(world.remote.clone, "write-tree") == git(world.remote.clone, "rev-parse", f"{head}^{{tree}}")
    assert not (tmp_path / "out" / ".git").exists()


def as_it_is(member: tarfile.TarInfo, _: str) -> tarfile.TarInfo:
    """The archive is our own, and early 3.11 knows no filter argument."""
    return member
