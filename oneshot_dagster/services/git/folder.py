"""The files that lie directly in one folder of a commit, with what they hold: for files that are read together, as workflows are."""

from oneshot_dagster.services.git import names
from oneshot_dagster.services.git.bare import Bare

MOST_FILES = 100
LARGEST = 256 * 1024


def read_folder(bare: Bare, revision: str, folder: str) -> dict[str, bytes]:
    """By path, in git's order; links, folders, and what is too large or too many to be read are left out."""
    listing = ("ls-tree", "-z", "-l", "--full-tree", names.revision(revision), "--", f"{names.path_in_tree(folder)}/")
    blobs: dict[str, str] = {}
    for entry in bare.git(*listing, environment={"GIT_LITERAL_PATHSPECS": "1"}).stdout.split(b"\0"):
        meta, _, path = entry.partition(b"\t")
        mode, kind, blob, size = meta.decode().split() if meta else ("", "", "", "")
        if kind == "blob" and mode.startswith("100") and int(size) <= LARGEST:
            blobs[path.decode("utf-8", "replace")] = blob
    wanted = dict(list(blobs.items())[:MOST_FILES])
    contents = bare.blobs(wanted.values())
    return {path: contents[blob] for path, blob in wanted.items()}
