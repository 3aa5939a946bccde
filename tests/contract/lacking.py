"""What GitHub's description lacks, or says otherwise than GitHub does: each with its reason, nothing is left out silently.
A session of all tests fails where one of these was not met: it is stale then."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from contract.problem import Problem
from contract.rest import error_problems


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """`operation`, `what` and `said` are as in a problem; `*` is anything. `error`: the body is still an error object."""

    operation: str
    what: str
    reason: str
    said: str = "*"
    error: bool = False

    def __str__(self) -> str:
        return f"{self.operation} {self.what} ({self.reason})"

    def covers(self, problem: Problem) -> bool:
        pairs = ((self.operation, problem.operation), (self.what, problem.what), (self.said, problem.said))
        return all(_glob(pattern).fullmatch(text) for pattern, text in pairs)


GAPS = (
    Gap(operation="*", what="status 401", error=True, reason="any call with a bad token, said on one page for all"),
    Gap(operation="*", what="status 403", error=True, reason="missing permission and limits, said on one page for all"),
    Gap(operation="*", what="status 404", error=True, reason="what is not there or not ours to see, said once for all"),
    Gap(operation="*", what="status 418", error=True, reason="the forge's own: file lists come from git"),
    Gap(operation="*", what="status 304", reason="conditional requests, said on one page for all; it has no body"),
    Gap(operation="*", what="status 400", error=True, reason="a version that GitHub does not support, or no JSON"),
    Gap(
        operation="*", what="status 429", error=True, reason="limits, which GitHub answers with 403 or 429 as it likes"
    ),
    Gap(
        operation="*",
        what="status 422",
        said="*Validation Failed by a fault*",
        error=True,
        reason="a refusal where none is described; tests make it by a fault",
    ),
    Gap(operation="*", what="status 502", error=True, reason="a server that fails; tests make it by a fault"),
    Gap(
        operation="*",
        what="answer 4* .status",
        reason="every error object of GitHub has it, the description only gives it to some",
    ),
    Gap(
        operation="*",
        what="answer *.archived_*",
        reason="labels have archived_at and archived_by in the newer description that githubkit's models are made from",
    ),
    Gap(
        operation="*/merge-async*",
        what="*",
        said="Additional properties are not allowed ('bypass_rules' was unexpected)",
        reason="bypass_rules stands in the newer description that githubkit's models are made from",
    ),
    Gap(operation="*/merge-async*", what="* .*bypass_rules", reason="the same, as a field that is not known"),
    Gap(
        operation="PUT /repos/{owner}/{repo}/branches/{branch}/protection",
        what="body .required_status_checks",
        said='"contexts" is a required property',
        reason="contexts is on its way out: GitHub takes checks in its place",
    ),
    Gap(
        operation="* /repos/{owner}/{repo}/issues*",
        what="answer 20* *.pull_request.merged_at",
        reason="version 2026-03-10 calls it never null, but a pull request that is not merged has no such time",
    ),
    Gap(
        operation="* /repos/{owner}/{repo}/pulls*",
        what="answer 20* *labels[].description",
        said='null is not of type "string"',
        reason="a label without a description has null in every other description of one",
    ),
    Gap(
        operation="GET /repos/{owner}/{repo}/pulls/{pull_number}/comments",
        what="answer 200 [].line",
        said='null is not of type "integer"',
        reason="a comment whose line is gone has none; GitHub tells original_line beside it",
    ),
    Gap(
        operation="GET /app/installations",
        what="answer 200 [].account*",
        reason="the list's own copy of an installation wants an account to be a user and an enterprise at once",
    ),
    Gap(
        operation="GET /app/installations",
        what="answer 200 [].client_id",
        reason="the list's own copy of an installation is older than the description of a single one, which has it",
    ),
)


def remaining(problems: Iterable[Problem], met: set[Gap]) -> Iterator[Problem]:
    """What no gap explains; the gaps that did are added to `met`."""
    for problem in problems:
        gap = next((gap for gap in GAPS if gap.covers(problem)), None)
        if gap is None:
            yield problem
            continue
        met.add(gap)
        if gap.error:
            yield from error_problems(problem.operation, problem.what, problem.body or "")


@cache
def _glob(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in text.split("*")))
