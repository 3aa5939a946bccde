"""Many pull requests in one GraphQL query, each as a digest of what the gate depends on: whether it is worth a reading.
A glance decides nothing; what a pull request says is read by reading.py."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from oneshot_dagster.domain.errors import NeedsHuman
from oneshot_dagster.domain.gate_conditions import OUR_CHECK
from oneshot_dagster.services.github.answers import Json, part, shaped
from oneshot_dagster.services.github.connection import Connection

BATCH = 25  # pull requests a query: about two points of the hourly 5,000, and far from GitHub's limit of nodes

_SHOWN = """
fragment shown on PullRequest {
  state isDraft headRefOid baseRefName mergeStateStatus
  labels(first: 50) { nodes { name } }
  reviews(last: 50) { nodes { state author { login } commit { oid } } }
  reviewThreads(first: 100) { nodes { isResolved } }
  commits(last: 1) { nodes { commit { statusCheckRollup { contexts(first: 100) { nodes {
    __typename
    ... on CheckRun { name status conclusion }
    ... on StatusContext { context state }
  } } } } } }
}
"""


class Glances:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def at(self, pulls: Sequence[tuple[str, int]]) -> Mapping[tuple[str, int], str]:
        """A token is an owner's, so a query is too. What a token does not reach is left out."""
        found: dict[tuple[str, int], str] = {}
        for _, group in groupby(sorted(pulls), key=lambda pull: pull[0].partition("/")[0]):
            of_owner = list(group)
            for first in range(0, len(of_owner), BATCH):
                found |= self._reached(of_owner[first : first + BATCH])
        return found

    def _reached(self, pulls: Sequence[tuple[str, int]]) -> Mapping[tuple[str, int], str]:
        """One repository that an App was taken away from does not hide its owner's others."""
        try:
            return self._batch(pulls)
        except NeedsHuman:
            groups = [list(group) for _, group in groupby(pulls, key=lambda pull: pull[0])]
        if len(groups) == 1:
            return {}
        return {pull: seen for group in groups for pull, seen in self._reached(group).items()}

    def _batch(self, pulls: Sequence[tuple[str, int]]) -> Mapping[tuple[str, int], str]:
        query, variables = _asked(pulls)
        data = self._connection.graph_of_many(query, variables, repository=pulls[0][0])
        return {
            pull: shaped(_digest, part(part(data, f"p{place}"), "pullRequest"), asked=f"{pull[0]}#{pull[1]}")
            for place, pull in enumerate(pulls)
        }


def _asked(pulls: Sequence[tuple[str, int]]) -> tuple[str, dict[str, object]]:
    declared: list[str] = []
    fields: list[str] = []
    variables: dict[str, object] = {}
    for place, (repository, number) in enumerate(pulls):
        owner, _, name = repository.partition("/")
        declared.append(f"$o{place}: String!, $r{place}: String!, $n{place}: Int!")
        variables |= {f"o{place}": owner, f"r{place}": name, f"n{place}": number}
        fields.append(
            f"  p{place}: repository(owner: $o{place}, name: $r{place}) "
            f"{{ pullRequest(number: $n{place}) {{ ...shown }} }}"
        )
    return f"query({', '.join(declared)}) {{\n" + "\n".join(fields) + "\n}" + _SHOWN, variables


def _digest(node: Json) -> str:
    """Without our own check, which says what we know. Of one that is not there: that of nothing."""
    shown: dict[str, Any] = dict(node)
    for commit in node["commits"]["nodes"] if node else ():
        rollup = commit["commit"]["statusCheckRollup"]
        nodes = rollup["contexts"]["nodes"] if rollup else ()
        shown["commits"] = sorted(json.dumps(one, sort_keys=True) for one in nodes if one.get("name") != OUR_CHECK)
    return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()
