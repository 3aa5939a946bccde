"""Claims about reading a folder of a commit: what lies in it, and nothing else."""

import pytest

from oneshot_dagster.domain.errors import BadInput
from oneshot_dagster.services.git.folder import LARGEST

REF = "refs/remotes/origin/main"


def read(world, folder):
    world.ours.fetch("acme/shop")
    return world.ours.read_folder("acme/shop", revision=REF, folder=folder)


def test_it_holds_the_files_that_lie_directly_in_it(world):
    world.remote.push({"in/a.yml": "a\n", "in/b": "", "in/deeper/c": "c", "beside": "no", "in.yml": "no"})
    (world.remote.clone / "in" / "link").symlink_to("a.yml")
    world.remote.push_all()
    assert read(world, "in") == {"in/a.yml": b"a\n", "in/b": b""}


def test_a_folder_that_is_not_there_or_is_a_file_holds_nothing(world):
    world.remote.push({"file": "x"})
    assert read(world, "none") == {}
    assert read(world, "file") == {}


def test_files_that_are_the_same_are_both_there(world):
    world.remote.push({"in/a": "same", "in/b": "same"})
    assert read(world, "in") == {"in/a": b"same", "in/b": b"same"}


def test_what_is_too_large_is_left_out(world):
    world.remote.push({"in/large": "x" * (LARGEST + 1), "in/small": "x"})
    assert list(read(world, "in")) == ["in/small"]


def test_a_folder_out_of_the_tree_is_refused(world):
    with pytest.raises(BadInput):
        read(world, "../x")
