"""The engine's own commit of what an agent left: everything but engine files, nothing that leads out of the repository.
No hook, no signature, no configuration of anybody else takes part."""

from collections.abc import Sequence
from dataclasses import dataclass

from oneshot_dagster.domain.errors import NeedsHuman, TryAgain
from oneshot_dagster.domain.git_diff import parse_raw_numstat
from oneshot_dagster.domain.snapshot import FileChange, printable
from oneshot_dagster.services.git import leaks
from oneshot_dagster.services.git.links import leading_outside
from oneshot_dagster.services.git.modes import LINK, NOTHING, REPOSITORY
from oneshot_dagster.services.git.protocol import Identity, Most
from oneshot_dagster.services.git.tree import Tree

_NAMED = 10
_LEFT_OUT = tuple(f":(top,exclude,glob){path}" for path in (".codex*", ".codex*/**", ".oneshot", ".oneshot/**"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """Of a commit."""

    message: str
    author: Identity
    committer: Identity


def commit_all(tree: Tree, words: Words, *, start: str, secrets: leaks.Secrets, most: Most | None = None) -> str:
    """The new commit on top of `start`, where HEAD stands afterwards; `start` itself where nothing differs."""
    _return_to(tree, start)
    _add(tree)
    changes = staged(tree, start)
    _restore(tree, [change for change in changes if is_ours(change.path_bytes)])
    changes = tuple(change for change in changes if not is_ours(change.path_bytes))
    if not changes:
        return start
    _refuse_what_leads_outside(tree, start, changes)
    if most is not None:
        _refuse_more(tree, changes, most)
    _refuse_secrets(tree, start, changes, words.message, secrets)
    commit = commit_tree(tree, parent=start, message=words.message, author=words.author, committer=words.committer)
    tree.bare.pin(tree.key.issue_number, commit)
    tree.detach(commit)
    return commit


def add_all(tree: Tree, *left_out: str) -> None:
    """To the index, but for these pathspecs and what set-up left."""
    of_set_up = [b":(top,exclude,literal)" + path for path in tree.left_out()]
    places = b"\0".join([b".", *map(str.encode, left_out), *of_set_up])
    tree.git("add", "--all", "--pathspec-from-file=-", "--pathspec-file-nul", stdin=places)


def is_ours(path: bytes) -> bool:
    """Files of the engine and of the agent's program, at the root; the policy `.oneshot.toml` is the repository's own."""
    root = path.partition(b"/")[0]
    return path != b".oneshot.toml" and root.startswith((b".codex", b".oneshot"))


def staged(tree: Tree, head: str) -> tuple[FileChange, ...]:
    options = ("--cached", "--raw", "--numstat", "-z", "--no-renames", "--no-abbrev", "--no-ext-diff", "--no-textconv")
    return parse_raw_numstat(tree.git("diff", *options, head, "--").stdout)


def commit_tree(tree: Tree, *, parent: str, message: str, author: Identity, committer: Identity) -> str:
    """Commits the index; no ref moves."""
    content = tree.git("write-tree").stdout.decode().strip()
    people = {
        "GIT_AUTHOR_NAME": author.name,
        "GIT_AUTHOR_EMAIL": author.email,
        "GIT_COMMITTER_NAME": committer.name,
        "GIT_COMMITTER_EMAIL": committer.email,
    }
    made = tree.git("commit-tree", "-p", parent, content, stdin=message.encode(), environment=people)
    return made.stdout.decode().strip()


def _return_to(tree: Tree, start: str) -> None:
    """The engine commits, never the agent: what it committed itself becomes part of our commit."""
    moved = not tree.stands_at(start)
    tree.settle()
    if moved:
        tree.detach(start)
        tree.fresh_index(start)
    else:
        tree.distrust_index()


def _add(tree: Tree) -> None:
    try:
        add_all(tree, *_LEFT_OUT)
    except TryAgain as error:
        if "does not have a commit checked out" not in str(error):
            raise
        raise NeedsHuman("the patch holds a git repository of its own", reason="patch_outside_repository") from error


def _restore(tree: Tree, changes: Sequence[FileChange]) -> None:
    """Puts entries of the index back to what they were, removing those that were not there."""
    if not changes:
        return
    lines = [
        f"{c.old_mode} {c.old_blob}\t".encode() + c.path_bytes
        if c.old_mode != NOTHING
        else f"0 {c.old_blob}\t".encode() + c.path_bytes
        for c in changes
    ]
    tree.git("update-index", "-z", "--index-info", stdin=b"".join(line + b"\0" for line in lines))


def _refuse_what_leads_outside(tree: Tree, start: str, changes: Sequence[FileChange]) -> None:
    repositories = [change.path for change in changes if change.new_mode == REPOSITORY]
    links = {change.path_bytes for change in changes if change.new_mode == LINK}
    outside: list[bytes] = []
    if links:
        now, before = _links(tree, "ls-files", "-z", "--stage"), _links(tree, "ls-tree", "-r", "-z", start)
        had = leading_outside(before)
        outside = [path for path in leading_outside(now) if path in links or path not in had]
    found = [f"the repository {path}" for path in repositories] + [f"the link {printable(p)}" for p in sorted(outside)]
    if found:
        raise NeedsHuman(
            f"the patch leads out of the repository: {', '.join(found[:10])}", reason="patch_outside_repository"
        )


def _refuse_more(tree: Tree, changes: Sequence[FileChange], most: Most) -> None:
    size = sum(tree.bare.sizes(change.new_blob for change in changes if change.new_mode not in {NOTHING, REPOSITORY}))
    if len(changes) > most.files or size > most.size:
        raise NeedsHuman(
            f"the patch is too large: {len(changes)} files with {size / 2**20:.1f} MiB, where {most.files} files and "
            f"{most.size / 2**20:.0f} MiB are allowed",
            reason="patch_too_large",
        )


def _refuse_secrets(
    tree: Tree, start: str, changes: Sequence[FileChange], message: str, secrets: leaks.Secrets
) -> None:
    """Before anything leads to it; what holds one stays nowhere."""
    if not (search := secrets()):
        return
    places = (*leaks.in_words(message.encode(), search), *leaks.in_changes(tree.bare, changes, search))
    if not places:
        return
    _sweep(tree, start)
    more = f" and {len(places) - _NAMED} more" if len(places) > _NAMED else ""
    raise NeedsHuman(
        f"the patch holds a key that the agent was given, in {'; '.join(places[:_NAMED])}{more}; all of it was dropped, "
        "and nothing was committed, kept or pushed",
        reason="patch_holds_secret",
    )


def _sweep(tree: Tree, start: str) -> None:
    tree.record(None)
    tree.fresh_index(start)
    tree.git("reset", "--hard", "--quiet")
    tree.git("clean", "-ffdx", "--quiet")
    tree.leave_out(())
    tree.record(start)


def _links(tree: Tree, *listing: str) -> dict[bytes, bytes]:
    """Every symbolic link of the index or a commit, with its target."""
    places: dict[bytes, str] = {}
    for entry in tree.git(*listing).stdout.split(b"\0"):
        meta, _, path = entry.partition(b"\t")
        if meta.startswith(LINK.encode()):
            places[path] = next(field for field in meta.decode().split(" ")[1:] if len(field) >= 40)
    targets = tree.bare.blobs(places.values())
    return {path: targets[blob] for path, blob in places.items()}
