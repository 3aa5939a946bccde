"""Which symbolic links of a tree lead out of it, also through other links. Pure: paths and targets are bytes as git has them."""

from collections.abc import Mapping

_MOST_HOPS = 40  # as the kernel: then opening it fails, which leads nowhere


def leading_outside(links: Mapping[bytes, bytes]) -> frozenset[bytes]:
    """`links` holds every link of the tree: its path and its target. Into `.git` is outside too."""
    return frozenset(path for path in links if _leads_outside(path, links))


def _leads_outside(path: bytes, links: Mapping[bytes, bytes]) -> bool:
    at = path.split(b"/")[:-1]
    waiting: list[bytes] = []
    target = links[path]
    for _ in range(_MOST_HOPS):
        if target.startswith(b"/"):
            return True
        waiting.extend(reversed(target.split(b"/")))
        outside, following = _walk(at, waiting, links)
        if following is None:
            return outside
        target = following
    return False


def _walk(at: list[bytes], waiting: list[bytes], links: Mapping[bytes, bytes]) -> tuple[bool, bytes | None]:
    """Goes on to the next link and gives its target; a folder that is not there counts as one that is."""
    while waiting:
        part = waiting.pop()
        if part == b"..":
            if not at:
                return True, None
            at.pop()
        elif part not in {b"", b"."}:
            at.append(part)
            if at[0].lower() == b".git":
                return True, None
            target = links.get(b"/".join(at))
            if target is not None:
                at.pop()
                return False, target
    return False, None
