"""Whether a change of a repository can get through at all: every finding on a situation, the impossible first. Pure.
`oneshot doctor` shows them, intake refuses by the first impossible one, in the same words."""

from oneshot_dagster.domain.readiness_access import of_access, of_policy, of_repository, of_webhook
from oneshot_dagster.domain.readiness_checks import of_checks
from oneshot_dagster.domain.readiness_deployment import of_deployment
from oneshot_dagster.domain.readiness_facts import Finding, Level, Situation
from oneshot_dagster.domain.readiness_pushes import of_head
from oneshot_dagster.domain.readiness_rules import of_base

_ORDER = tuple(Level)


def findings(situation: Situation) -> tuple[Finding, ...]:
    """By level, the gravest first; a rule that stands twice is told once."""
    found = (
        *of_repository(situation),
        *of_access(situation),
        *of_policy(situation),
        *of_deployment(situation),
        *of_head(situation),
        *of_checks(situation),
        *of_base(situation),
        *of_webhook(situation.webhook),
    )
    return tuple(sorted(dict.fromkeys(found), key=lambda finding: _ORDER.index(finding.level)))


def impossible(situation: Situation) -> Finding | None:
    """The first thing for which no change could ever get through."""
    gravest = findings(situation)[:1]
    return gravest[0] if gravest and gravest[0].level is Level.IMPOSSIBLE else None
