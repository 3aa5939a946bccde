"""Routes: rulesets, and what they add up to on a branch."""

from dataclasses import replace

from oneshot_dagster.local.forge import untyped
from oneshot_dagster.local.forge.auth import permission
from oneshot_dagster.local.forge.calls import Answer, Call, Endpoint, invalid, not_found
from oneshot_dagster.local.forge.guards import bypass, guards
from oneshot_dagster.local.forge.rule_records import Ruleset
from oneshot_dagster.local.forge.shapes import rules as shapes
from oneshot_dagster.local.forge.shapes.people import Json
from oneshot_dagster.local.forge.world import now

_ENFORCEMENTS = {"active", "disabled", "evaluate"}
_TARGETS = {"branch", "push"}
# What the forge enforces; GitHub has more, and one that would not be enforced here is refused rather than kept.
_TYPES = {
    "branch": {
        "creation",
        "update",
        "deletion",
        "non_fast_forward",
        "required_linear_history",
        "required_signatures",
        "pull_request",
        "required_status_checks",
        "merge_queue",
        "commit_message_pattern",
    },
    "push": {"file_path_restriction", "max_file_size"},
}


def list_rulesets(call: Call) -> Answer:
    rows = call.forge.world.all(Ruleset, call.repository)
    return call.page([shapes.ruleset_line(call.urls, call.repository, r) for r in rows])


def create_ruleset(call: Call) -> Answer:
    fresh = Ruleset(
        id=call.forge.world.next_id(),
        repository=call.repository.id,
        name=call.text("name"),
        target=call.text("target", "branch"),
        enforcement=call.text("enforcement"),
        include=(),
        exclude=(),
        rules=(),
        bypass=(),
        created_at=now(),
        updated_at=now(),
    )
    return Answer(status=201, body=_shown(call, call.forge.world.put(_changed(call, fresh))))


def _ruleset(call: Call) -> Ruleset:
    found = call.forge.world.get(Ruleset, call.number("ruleset"))
    return found if found and found.repository == call.repository.id else not_found()


def get_ruleset(call: Call) -> Answer:
    return Answer(body=_shown(call, _ruleset(call)))


def put_ruleset(call: Call) -> Answer:
    """GitHub keeps what the body leaves out."""
    row = _ruleset(call)
    named = replace(
        row,
        name=call.text("name", row.name),
        enforcement=call.text("enforcement", row.enforcement),
        updated_at=now(),
    )
    return Answer(body=_shown(call, call.forge.world.put(_changed(call, named))))


def delete_ruleset(call: Call) -> Answer:
    call.forge.world.drop(_ruleset(call))
    return Answer(status=204)


def _changed(call: Call, row: Ruleset) -> Ruleset:
    if row.enforcement not in _ENFORCEMENTS:
        invalid("enforcement", "invalid")
    if row.target not in _TARGETS:
        invalid("target", "invalid")
    if "conditions" in call.body:
        named = untyped.mapping((call.mapping("conditions") or {}).get("ref_name")) or {}
        row = replace(row, include=_words(named.get("include")), exclude=_words(named.get("exclude")))
    if "bypass_actors" in call.body:
        actors = untyped.mappings(call.body["bypass_actors"])
        row = replace(row, bypass=tuple({"bypass_mode": "always", **actor} for actor in actors))
    if "rules" in call.body:
        row = replace(row, rules=tuple(_rule(row.target, r) for r in untyped.mappings(call.body["rules"])))
    return row


def _rule(target: str, asked: Json) -> Json:
    if asked.get("type") not in _TYPES[target]:
        invalid("rules", "invalid", f"Invalid rule '{asked.get('type')}': this forge does not enforce it on a {target}")
    parameters = untyped.mapping(asked.get("parameters"))
    return {"type": asked["type"], **({"parameters": parameters} if parameters else {})}


def _words(value: object) -> tuple[str, ...]:
    return tuple(str(word) for word in untyped.items(value))


def _shown(call: Call, row: Ruleset) -> Json:
    held = bypass(call.forge.world, row, call.repository, call.user.login)
    admin = permission(call.repository, call.user.login) == "admin"
    return shapes.ruleset(call.urls, call.repository, row, bypass=held, admin=admin)


def branch_rules(call: Call) -> Answer:
    """Of active rulesets, for everybody: a bypass is not taken into account, nor classic protection."""
    found = guards(call.forge.world, call.repository, call.path["branch"])
    return call.page([r for g in found if not g.classic for r in shapes.branch_rules(call.repository, g)])


_RULESETS = "/repos/{owner}/{repo}/rulesets"
ENDPOINTS = (
    Endpoint(method="GET", pattern=_RULESETS, handler=list_rulesets),
    Endpoint(method="POST", pattern=_RULESETS, handler=create_ruleset, needs="admin"),
    Endpoint(method="GET", pattern=_RULESETS + "/{ruleset}", handler=get_ruleset),
    Endpoint(method="PUT", pattern=_RULESETS + "/{ruleset}", handler=put_ruleset, needs="admin"),
    Endpoint(method="DELETE", pattern=_RULESETS + "/{ruleset}", handler=delete_ruleset, needs="admin"),
    Endpoint(method="GET", pattern="/repos/{owner}/{repo}/rules/branches/{branch:path}", handler=branch_rules),
)
