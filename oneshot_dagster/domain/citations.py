"""The places that an opinion cites, held against the tree at the head: what does not exist there makes the opinion void.
Reading the tree is steps/judging."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from oneshot_dagster.domain.opinion import Decision, JudgeFailure, ModelOpinion
from oneshot_dagster.domain.snapshot import FileStatus, Snapshot

_SHOWN = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Citation:
    path: str
    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.path}:{self.first}" + (f"-{self.last}" if self.last != self.first else "")


def citations(opinion: ModelOpinion) -> tuple[Citation, ...]:
    """Of everything that is called covered, each once."""
    return tuple(dict.fromkeys(_citation(entry.where) for entry in opinion.coverage if entry.covered))


def _citation(where: str) -> Citation:
    path, _, lines = where.rpartition(":")
    first, _, last = lines.partition("-")
    return Citation(path=path, first=int(first), last=int(last or first))


def checked(
    opinion: ModelOpinion, *, lines: Mapping[str, int], touched: Collection[str]
) -> ModelOpinion | JudgeFailure:
    """`lines` is how many lines each cited path has, as far as it exists; `touched` what the change leaves or takes away."""
    cited = citations(opinion)
    wrong = [f"{place} ({_why(place, lines)})" for place in cited if not _exists(place, lines)]
    if wrong:
        more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        return JudgeFailure(f"it cites what is not there: {', '.join(wrong[:_SHOWN])}{more}")
    if opinion.decision is Decision.PASS and touched and not any(place.path in touched for place in cited):
        return JudgeFailure("it says pass and cites nothing of what the change touches")
    return opinion


def _exists(place: Citation, lines: Mapping[str, int]) -> bool:
    return place.path in lines and place.first <= place.last <= lines[place.path]


def _why(place: Citation, lines: Mapping[str, int]) -> str:
    if place.path not in lines:
        return "no such file at the head"
    if place.first > place.last:
        return "the lines are the wrong way round"
    return f"the file has {lines[place.path]} line(s)"


def lines_gone(snapshot: Snapshot) -> dict[str, int]:
    """Of files that the change takes away: their lines at the base may be cited."""
    return {f.path: f.deletions or 0 for f in snapshot.files if f.status is FileStatus.DELETED}


def count_lines(content: bytes) -> int:
    return content.count(b"\n") + (not content.endswith(b"\n") and bool(content))
