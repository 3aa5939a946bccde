"""Checks what an attempt left as proof: the chain of its evidence, the hash on record, and each sealed file's bytes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.errors import BadInput, NeedsHuman
from oneshot_dagster.domain.evidence import Verified, verify
from oneshot_dagster.domain.quoting import one_line
from oneshot_dagster.steps.anchor import anchored
from oneshot_dagster.steps.evidence import FILE
from oneshot_dagster.steps.services import Services


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """`broken` names the first thing that does not hold, None where all does; `files` were compared with their hashes.
    `anchor`: what GitHub said of the head; of a file, where it is kept there, "" for nowhere."""

    lines: int
    head: str
    files: int = 0
    broken: str | None = None
    anchor: str = "not asked"


def prove_file(content: bytes, *, head: str | None) -> Proof:
    """Needs nothing but the bytes; `head` is the hash of the last line as it was kept elsewhere."""
    found = verify(content, head)
    return Proof(
        lines=found.lines, head=found.head, broken=_broken(found), anchor=_kept_at(content) if found.ok else ""
    )


def prove_attempt(services: Services, attempt: Attempt, *, anchors: bool = True) -> Proof:
    """The sealed evidence in the store, against the hash on the attempt's row, every file that it seals, and, where
    `anchors`, the hash in the pull request and in its deployment, which whoever rewrites the store does not reach."""
    file = next((f for f in services.store.artifacts.files(attempt.id) if f.name == FILE), None)
    if file is None or attempt.evidence_head is None:
        raise BadInput(
            tried=f"verify the evidence of {attempt.key}, attempt {attempt.number}",
            found=f"none sealed; the attempt stands in {attempt.state}",
            do="ask again when the attempt has ended",
        )
    content, problem = _bytes(services, file.sha256)
    if content is None:
        return Proof(lines=0, head="", broken=f"{FILE}: {problem}")
    found = verify(content, attempt.evidence_head)
    if not found.ok:
        return Proof(lines=found.lines, head=found.head, broken=_broken(found))
    checked, broken = _sealed_files(services, content)
    kept = anchored(services, attempt) if anchors else dict[str, str | None]()
    other = next((where for where, head in kept.items() if head not in {None, found.head}), None)
    if broken is None and other is not None:
        broken = f"{other} says its head is {kept[other]}, here it is {found.head}"
    return Proof(
        lines=found.lines,
        head=found.head,
        files=checked,
        broken=broken,
        anchor=_said(kept) if anchors else "GitHub was not asked",
    )


def _said(kept: Mapping[str, str | None]) -> str:
    said = [f"{where} says {'the same' if head else 'nothing of it'}" for where, head in kept.items()]
    return ", ".join(said) or "there is no pull request and no deployment to ask"


def _kept_at(content: bytes) -> str:
    """Where the head of such a file is kept, by its own header."""
    header = cast("dict[str, object]", json.loads(content.split(b"\n")[0]))
    found = header.get("about")
    about = cast("dict[str, object]", found) if isinstance(found, dict) else {}
    number = about.get("pull_request")
    if not isinstance(number, int):
        return ""
    repository, attempt = one_line(str(about.get("repository")), 120), one_line(str(header.get("attempt")), 20)
    return f"in our comment on attempt {attempt} on pull request #{number} of {repository}"


def _broken(found: Verified) -> str | None:
    return None if found.ok else f"line {found.broken_line}: {found.problem}"


def _sealed_files(services: Services, content: bytes) -> tuple[int, str | None]:
    seal = cast("dict[str, list[Mapping[str, str]]]", json.loads(content.splitlines()[-1]))
    checked = 0
    for artifact in seal["artifacts"]:
        if "sha256" not in artifact:
            continue
        _, problem = _bytes(services, artifact["sha256"])
        if problem is not None:
            return checked, f"{artifact['name']}, sealed as {artifact['sha256']}: {problem}"
        checked += 1
    return checked, None


def _bytes(services: Services, sha256: str) -> tuple[bytes | None, str | None]:
    try:
        content = services.blobs.get(sha256)
    except NeedsHuman as error:
        return None, str(error)
    return content, None if content is not None else "no bytes of it are stored"
