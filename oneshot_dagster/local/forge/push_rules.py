"""What guards say to a push, in GitHub's words. Pure: what a ref's update does comes in as facts."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from oneshot_dagster.local.forge import untyped
from oneshot_dagster.local.forge.rules import Guard, Parameters, Rule, covers, fits, required

_NOT_AUTHORIZED = (
    "You're not authorized to push to this branch. "
    "Visit https://docs.github.com/articles/about-protected-branches/ for more information."
)
_WORKFLOWS = ".github/workflows/"
_LOCKED = "Cannot change this locked branch"
_NO_DELETION = "Cannot delete this branch"
_MB = 2**20


@dataclass(frozen=True, kw_only=True, slots=True)
class NewCommit:
    sha: str
    message: str
    merge: bool
    signed: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class RefUpdate:
    """`commits` are new to the repository's other branches, `files` those that they put there, with their sizes."""

    ref: str
    pusher: str
    created: bool
    deleted: bool
    forced: bool
    commits: Sequence[NewCommit] = ()
    files: Sequence[tuple[str, int]] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """`reason` is told with the ref, `text` on standard error."""

    reason: str
    text: str


def refused(update: RefUpdate, guards: Iterable[Guard], *, default_branch: str, page: str) -> Refused | None:
    """Classic protection speaks first, as GH006; rulesets together as GH013."""
    found = [g for g in guards if covers(g, update.ref, default_branch)]
    classic = [s for g in found if g.classic for s in (*_restricted(g, update), *_said(g, update))]
    if classic:
        head = f"error: GH006: Protected branch update failed for {update.ref}."
        return Refused(reason="protected branch hook declined", text="\n".join([head, f"error: {classic[0]}"]))
    ruled = list(dict.fromkeys(s for g in found if not g.classic for s in _said(g, update)))
    if not ruled:
        return None
    head = f"error: GH013: Repository rule violations found for {update.ref}."
    link = f"Review all repository rules at {page}/rules?ref={quote(update.ref, safe='')}"
    listed = [line for sentence in ruled for line in (f"- {sentence}", "")]
    return Refused(reason="push declined due to repository rule violations", text="\n".join([head, link, "", *listed]))


def workflow_refused(update: RefUpdate, kind: str) -> Refused | None:
    """For a token without the right to workflows; `kind` is what GitHub calls the token."""
    touched = sorted(path for path, _ in update.files if path.startswith(_WORKFLOWS))
    if not touched:
        return None
    reason = f"refusing to allow {kind} to create or update workflow `{touched[0]}` without `workflows` permission"
    return Refused(reason=reason, text="")


def _restricted(guard: Guard, update: RefUpdate) -> list[str]:
    if guard.pushers is None or update.pusher in guard.pushers:
        return []
    return [_NOT_AUTHORIZED]


def _said(guard: Guard, update: RefUpdate) -> list[str]:
    return [sentence for rule in guard.rules for sentence in _sentences(rule, update)]


def _sentences(rule: Rule, update: RefUpdate) -> list[str]:
    if update.deleted:
        return [{"deletion": _NO_DELETION, "lock": _LOCKED}[rule.type]] if rule.type in {"deletion", "lock"} else []
    by_kind = {
        "lock": _LOCKED,
        "pull_request": "Changes must be made through a pull request.",
        "merge_queue": "Changes must be made through the merge queue",
        "creation": "Cannot create ref due to creations being restricted." if update.created else "",
        "update": "" if update.created else "Cannot update this protected ref.",
        "non_fast_forward": "Cannot force-push to this branch" if update.forced else "",
        "required_linear_history": _linear(update),
        "required_signatures": _signed(update),
        "required_status_checks": _checks(rule.parameters),
        "commit_message_pattern": _messages(rule.parameters, update),
        "file_path_restriction": _paths(rule.parameters, update),
        "max_file_size": _sizes(rule.parameters, update),
    }
    said = by_kind.get(rule.type, "")
    return [said] if said else []


def _linear(update: RefUpdate) -> str:
    return "This branch must not contain merge commits." if any(c.merge for c in update.commits) else ""


def _signed(update: RefUpdate) -> str:
    return _violations("Commits must have verified signatures.", [c.sha for c in update.commits if not c.signed])


def _checks(parameters: Parameters) -> str:
    """A pushed commit has no checks yet: what is required is expected."""
    names = [r.context for r in required(parameters)]
    if len(names) == 1:
        return f'Required status check "{names[0]}" is expected.'
    return f"{len(names)} of {len(names)} required status checks are expected." if names else ""


def _messages(parameters: Parameters, update: RefUpdate) -> str:
    pattern, operator = str(parameters.get("pattern", "")), str(parameters.get("operator", "contains"))
    wanted = parameters.get("negate") is not True
    bad = [c.sha for c in update.commits if _matches(c.message, operator, pattern) is not wanted]
    verb = "must" if wanted else "must not"
    how = {"starts_with": "start with", "ends_with": "end with", "contains": "contain"}.get(operator, "match")
    return _violations(f"Commit message {verb} {how} a given pattern: {pattern}", bad)


def _matches(message: str, operator: str, pattern: str) -> bool:
    if operator == "starts_with":
        return message.startswith(pattern)
    if operator == "ends_with":
        return message.rstrip("\n").endswith(pattern)
    return pattern in message if operator == "contains" else re.search(pattern, message) is not None


def _paths(parameters: Parameters, update: RefUpdate) -> str:
    patterns = [str(p) for p in untyped.items(parameters.get("restricted_file_paths"))]
    bad = sorted({path for path, _ in update.files if any(fits(path, p) for p in patterns)})
    return _violations("File path is restricted.", bad)


def _sizes(parameters: Parameters, update: RefUpdate) -> str:
    limit = parameters.get("max_file_size")
    if not isinstance(limit, int):
        return ""
    return _violations(f"File size must not exceed {limit} MB.", [p for p, size in update.files if size > limit * _MB])


def _violations(sentence: str, found: Sequence[str]) -> str:
    if not found:
        return ""
    count = "1 violation" if len(found) == 1 else f"{len(found)} violations"
    return "\n".join([sentence, f"  Found {count}:", "", *(f"  {one}" for one in found)])
