"""What rules ask of a branch: classic protection and rulesets in one form, the form of rulesets. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from oneshot_dagster.local.forge import untyped

Parameters = Mapping[str, object]
METHODS = ("merge", "squash", "rebase")


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    type: str
    parameters: Parameters = field(default_factory=dict[str, object])


@dataclass(frozen=True, kw_only=True, slots=True)
class Guard:
    """The rules of one source for the refs it names. `pushers` None: whoever may write; it comes of classic protection."""

    classic: bool
    ruleset: int = 0
    include: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    rules: tuple[Rule, ...]
    pushers: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Required:
    """A context that must have passed; with `app_id`, only what that app reported counts."""

    context: str
    app_id: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Demands:
    """What guards add up to for a merge. `approvals` None: no pull request review is asked for."""

    required: tuple[Required, ...] = ()
    strict: bool = False
    approvals: int | None = None
    code_owners: bool = False
    last_push: bool = False
    threads: bool = False
    dismiss_stale: bool = False
    methods: tuple[str, ...] = METHODS
    linear: bool = False
    signed: bool = False
    queue: Parameters | None = None
    closed: bool = False


def covers(guard: Guard, ref: str, default_branch: str) -> bool:
    default = f"refs/heads/{default_branch}"
    return _named(guard.include, ref, default) and not _named(guard.exclude, ref, default)


def demands(guards: Iterable[Guard]) -> Demands:
    rules = [rule for guard in guards for rule in guard.rules]
    pulls = [r.parameters for r in rules if r.type == "pull_request"]
    checks = [r.parameters for r in rules if r.type == "required_status_checks"]
    kinds = {r.type for r in rules}
    return Demands(
        required=tuple(dict.fromkeys(r for p in checks for r in required(p))),
        strict=any(p.get("strict_required_status_checks_policy") is True for p in checks),
        approvals=max((_count(p) for p in pulls), default=None),
        code_owners=any(p.get("require_code_owner_review") is True for p in pulls),
        last_push=any(p.get("require_last_push_approval") is True for p in pulls),
        threads=any(p.get("required_review_thread_resolution") is True for p in pulls) or "threads" in kinds,
        dismiss_stale=any(p.get("dismiss_stale_reviews_on_push") is True for p in pulls),
        methods=tuple(m for m in METHODS if all(m in _methods(p) for p in pulls)),
        linear="required_linear_history" in kinds,
        signed="required_signatures" in kinds,
        queue=next((r.parameters for r in rules if r.type == "merge_queue"), None),
        closed=bool({"update", "lock"} & kinds),
    )


def required(parameters: Parameters) -> list[Required]:
    listed = [untyped.mapping(c) or {} for c in untyped.items(parameters.get("required_status_checks"))]
    return [Required(context=str(c["context"]), app_id=_app(c.get("integration_id"))) for c in listed if "context" in c]


def _app(value: object) -> int | None:
    return value if isinstance(value, int) and value > 0 else None


def _count(parameters: Parameters) -> int:
    value = parameters.get("required_approving_review_count")
    return value if isinstance(value, int) else 0


def _methods(parameters: Parameters) -> tuple[str, ...]:
    return tuple(str(m) for m in untyped.items(parameters.get("allowed_merge_methods"))) or METHODS


def _named(patterns: Iterable[str], ref: str, default: str) -> bool:
    return any(p == "~ALL" or (ref == default if p == "~DEFAULT_BRANCH" else fits(ref, p)) for p in patterns)


def fits(text: str, pattern: str) -> bool:
    """GitHub's fnmatch: `*` and `?` stop at a slash, `**/` is any number of folders."""
    return re.fullmatch("".join(_word(t) for t in re.findall(r"\*\*/|\*+|\?|[^*?]+", pattern)), text) is not None


def _word(part: str) -> str:
    if part == "**/":
        return "(?:[^/]+/)*"
    if part.startswith("*"):
        return "[^/]*"
    return "[^/]" if part == "?" else re.escape(part)
