"""GitHub's JSON of rules, protection, reported checks and webhooks to the values of domain.readiness_facts. Pure.
Classic protection becomes rules by the rulesets' words, so that both are judged alike."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from oneshot_dagster.domain.readiness_facts import Pattern, Reported, ReportedContexts, Required, Rule, WebhookFacts
from oneshot_dagster.services.github.answers import Json, part

METHODS = ("merge", "squash", "rebase")
_FLAGS = {"merge": "allow_merge_commit", "squash": "allow_squash_merge", "rebase": "allow_rebase_merge"}
_HARMLESS = {"deletion", "non_fast_forward"}
# What no bypass changes for us, as the gate waits for it all the same.
_WAITED_FOR = _HARMLESS | {"creation", "required_status_checks"}
_LISTS = (
    "required_deployment_environments",
    "restricted_file_paths",
    "restricted_file_extensions",
    "max_file_size",
    "max_file_path_length",
)


def methods(body: Json) -> tuple[str, ...] | None:
    """GitHub shows the settings to those who may push alone."""
    if not any(flag in body for flag in _FLAGS.values()):
        return None
    return tuple(method for method in METHODS if body.get(_FLAGS[method]))


def may_hold(body: Json, *, heads: bool) -> bool:
    """Whether it matters if we may bypass the rule. A pull request is asked for anyway."""
    kind = str(body.get("type"))
    if heads:
        return kind not in _HARMLESS
    allowed = _listed(part(body, "parameters").get("allowed_merge_methods"))
    narrow = 0 < len(set(map(str, allowed))) < len(METHODS)
    return narrow if kind == "pull_request" else kind not in _WAITED_FOR


def of_rule(body: Json, rulesets: Mapping[int, Json], *, heads: bool) -> Rule:
    parameters, number = part(body, "parameters"), int(body.get("ruleset_id") or 0)
    known = rulesets.get(number)
    named = f'the ruleset "{known["name"]}"' if known and known.get("name") else f"ruleset {number}"
    checks: list[Json] = list(parameters.get("required_status_checks") or ())
    return Rule(
        kind=str(body["type"]),
        source=f"{named} of {body.get('ruleset_source') or 'the repository'}",
        bypassed=False if known is None else _bypassed(known, heads=heads),
        contexts=tuple(Required(name=str(c["context"]), app_id=_app_id(c.get("integration_id"))) for c in checks),
        spares_creation=bool(parameters.get("do_not_enforce_on_create")),
        approvals=int(parameters.get("required_approving_review_count") or 0),
        code_owners=bool(parameters.get("require_code_owner_review")),
        last_push=bool(parameters.get("require_last_push_approval")),
        methods=tuple(map(str, parameters.get("allowed_merge_methods") or ())),
        pattern=_pattern(parameters),
        names=tuple(str(name) for key in _LISTS for name in _listed(parameters.get(key))),
    )


def _bypassed(ruleset: Json, *, heads: bool) -> bool | None:
    said: object = ruleset.get("current_user_can_bypass")
    if said is None:
        return None
    return said in {"always", "exempt"} or (said == "pull_requests_only" and not heads)


def _app_id(value: Any) -> int | None:
    """Classic protection says -1 for any source, rulesets nothing."""
    return int(value) if value is not None and int(value) > 0 else None


def _pattern(parameters: Json) -> Pattern | None:
    if "operator" not in parameters or "pattern" not in parameters:
        return None
    operator, text = str(parameters["operator"]), str(parameters["pattern"])
    return Pattern(operator=operator, text=text, negate=bool(parameters.get("negate")))


def _listed(value: Any) -> Sequence[Any]:
    if value is None:
        return ()
    return cast("list[Any]", value) if isinstance(value, list) else (value,)


def of_protection(body: Json, source: str) -> tuple[Rule, ...]:
    switches = {
        "required_linear_history": "required_linear_history",
        "required_signatures": "required_signatures",
        "lock_branch": "lock_branch",
    }
    on = [Rule(kind=kind, source=source) for key, kind in switches.items() if part(body, key).get("enabled")]
    checks, reviews, pushers = (
        part(body, name) for name in ("required_status_checks", "required_pull_request_reviews", "restrictions")
    )
    if checks:
        on.append(Rule(kind="required_status_checks", source=source, contexts=_contexts(checks)))
    if reviews:
        on.append(
            Rule(
                kind="pull_request",
                source=source,
                approvals=int(reviews.get("required_approving_review_count") or 0),
                code_owners=bool(reviews.get("require_code_owner_reviews")),
                last_push=bool(reviews.get("require_last_push_approval")),
            )
        )
    if pushers:
        on.append(Rule(kind="restrictions", source=source, names=_pushers(pushers)))
    return tuple(on)


def _contexts(checks: Json) -> tuple[Required, ...]:
    """The same names stand in the old list and in the new one, which also says the App."""
    pinned = {str(check["context"]): _app_id(check.get("app_id")) for check in checks.get("checks") or ()}
    return tuple(
        Required(name=n, app_id=app) for n, app in {**dict.fromkeys(checks.get("contexts") or ()), **pinned}.items()
    )


def _pushers(restrictions: Json) -> tuple[str, ...]:
    users = [str(user["login"]) for user in restrictions.get("users") or ()]
    apps = [str(app["slug"]) for app in restrictions.get("apps") or ()]
    return (*users, *apps, *(f"team {team['slug']}" for team in restrictions.get("teams") or ()))


def reported(repository: Json) -> ReportedContexts:
    history: Sequence[Json] = part(part(part(repository, "ref"), "target"), "history").get("nodes") or ()
    pulls: Sequence[Json] = part(repository, "pullRequests").get("nodes") or ()
    heads = [node["commit"] for pull in pulls for node in pull["commits"]["nodes"]]
    found = [
        *(one for head in heads for one in _rollup(head, on_pull=True)),
        *(one for commit in history for one in _rollup(commit, on_pull=False)),
    ]
    return ReportedContexts(contexts=tuple(dict.fromkeys(found)), pulls=len(heads), commits=len(history))


def _rollup(commit: Json, *, on_pull: bool) -> list[Reported]:
    contexts: Sequence[Json] = part(part(commit, "statusCheckRollup"), "contexts").get("nodes") or ()
    return [_reported(one, on_pull=on_pull) for one in contexts]


def _reported(node: Json, *, on_pull: bool) -> Reported:
    if "context" in node:
        return Reported(name=str(node["context"]), on_pull=on_pull)
    app = part(part(node, "checkSuite"), "app")
    number = app.get("databaseId")
    return Reported(
        name=str(node["name"]),
        app=str(app.get("slug") or ""),
        app_id=None if number is None else int(number),
        on_pull=on_pull,
    )


def webhook(config: Json, deliveries: Sequence[Json]) -> WebhookFacts:
    """`config` is a hook of the API, or an App's alone; deliveries come newest first."""
    failed = [one for one in deliveries if not 200 <= int(one.get("status_code") or 0) < 300]
    newest: Json = deliveries[0] if deliveries else {}
    return WebhookFacts(
        url=url_of(config),
        active=bool(config.get("active", True)),
        deliveries=len(deliveries),
        failed=len(failed),
        status=str(newest.get("status") or ""),
    )


def url_of(hook: Json) -> str:
    return str((part(hook, "config") or hook).get("url") or "")
