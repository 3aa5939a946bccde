"""What set-up leaves in a worktree for an agent and its tests, and that is none of the change: it is left out of what is committed."""

from oneshot_dagster.domain.errors import BadInput
from oneshot_dagster.domain.snapshot import printable
from oneshot_dagster.services.git.tree import Tree


def set_aside(tree: Tree) -> tuple[str, ...]:
    put = tree.put()
    if put is None:
        raise BadInput(
            tried="set aside what set-up left", found=tree.name, do="provision the worktree of the change first"
        )
    tree.settle()
    tree.detach(put.head)
    tree.fresh_index(put.head)
    tree.git("reset", "--hard", "--quiet")
    listed = tree.git("ls-files", "--others", "--exclude-standard", "--directory", "-z").stdout
    left = tuple(path.rstrip(b"/") for path in listed.split(b"\0") if path)
    tree.leave_out(left)
    tree.record(put.head)
    return tuple(map(printable, left))
