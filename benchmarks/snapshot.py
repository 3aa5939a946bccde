"""Our git against the same git by hand, as ratios in one run: snapshots of 1 to 2,000 files of 50,000, and a warm worktree."""

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.snapshot import FileChange, Snapshot
from oneshot_dagster.services.git.protocol import Identity
from oneshot_dagster.services.git.repositories import GitRepositories

PLAIN = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
}
KEY = ChangeKey("acme", "large", 1)
SIZES = (1, 20, 2000)
Save = Callable[[str, str, Iterable[FileChange]], Snapshot]  # base and head


def main(*, files: int = 50_000, rounds: int = 7, save: Save) -> dict[str, dict[str, float]]:
    """Milliseconds, medians of `rounds` taken in turn; `save` writes a snapshot's rows while git prints its files."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        world = World(Path(folder), files)
        results = {
            f"snapshot of {n:,} {'file' if n == 1 else 'files'}": world.snapshots(world.heads[n], rounds, save)
            for n in SIZES
        }
        results["warm worktree, 20 files away"] = world.warm(rounds)
    print(_table(results, files))
    return results


class World:
    def __init__(self, root: Path, files: int) -> None:
        self.remote = root / "large.git"
        git(root, "init", "-q", "--bare", "-b", "main", str(self.remote))
        git(self.remote, "fast-import", "--quiet", stdin=_history(files))
        self.base = git(self.remote, "rev-parse", "main")
        self.heads = {size: git(self.remote, "rev-parse", f"changed-{size}") for size in SIZES}
        self.ours = GitRepositories(
            home=root / "home",
            worktrees=root / "worktrees",
            remote_url=lambda _: self.remote.as_uri(),
            token=lambda _: None,
            identity=Identity(name="Benchmark", email="benchmark@example.test"),
        )
        self.ours.fetch(KEY.repository)
        self.bare = root / "home/repos/acme/large.git"

    def snapshots(self, head: str, rounds: int, save: Save) -> dict[str, float]:
        def raw() -> None:
            git(self.bare, "diff", "--raw", "--numstat", "-z", "-M", "--no-abbrev", self.base, head)
            git(self.bare, "diff", "-U3", "-M", self.base, head)

        def ours() -> None:
            files = self.ours.changed_files(KEY, base_sha=self.base, head_sha=head)
            save(self.base, head, files)

        return _compare(raw, ours, rounds)

    def warm(self, rounds: int) -> dict[str, float]:
        """To and fro between two commits; by hand without asking what lies in the worktree."""
        there = [self.heads[20], self.base]
        ours_tree = self.ours.provision(KEY, base="main", head="x", recorded_head=self.base, branch="x").path
        plain = ours_tree.parent / "by-hand"
        git(self.bare, "worktree", "add", "-q", "--detach", str(plain), self.base)

        def raw() -> None:
            git(self.bare, "fetch", "-q", "--prune", self.remote.as_uri(), "+refs/heads/*:refs/remotes/origin/*")
            git(plain, "reset", "-q", "--hard", there[0])
            git(plain, "clean", "-ffdxq")

        def ours() -> None:
            self.ours.provision(KEY, base="main", head="x", recorded_head=there[0], branch="x")
            there.reverse()

        return _compare(raw, ours, rounds)


def git(folder: Path, *arguments: str, stdin: bytes | None = None) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, env=PLAIN, input=stdin, check=True, capture_output=True)
    return done.stdout.decode(errors="replace").strip()


def _compare(raw: Callable[[], None], ours: Callable[[], None], rounds: int) -> dict[str, float]:
    """In turn, so that both meet the same load."""
    raw()
    ours()
    times: dict[str, list[float]] = {"raw": [], "ours": []}
    for _ in range(rounds):
        for name, act in (("raw", raw), ("ours", ours)):
            started = time.perf_counter()
            act()
            times[name].append((time.perf_counter() - started) * 1000)
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    least = {f"least {name}": min(taken) for name, taken in times.items()}
    return {
        **medians,
        **least,
        "ratio": statistics.median(o / r for r, o in zip(times["raw"], times["ours"], strict=True)),
        "least ratio": least["least ours"] / least["least raw"],
    }


def _history(files: int) -> bytes:
    """One commit with all the files, and from it a branch for each size, each of whose files has another middle line."""
    stamp = "Benchmark <benchmark@example.test> 1700000000 +0000"
    lines = [f"commit refs/heads/main\nmark :1\ncommitter {stamp}\ndata 4\nbase\n"]
    lines += [_file(n, "the same") for n in range(files)]
    for size in SIZES:
        lines.append(f"commit refs/heads/changed-{size}\ncommitter {stamp}\ndata 4\nhead\nfrom :1\n")
        lines += [_file(n * (files // max(SIZES)), "another") for n in range(min(size, files))]
    return "".join(lines).encode()


def _file(number: int, middle: str) -> str:
    content = "".join(f"line {line} of {number}\n" for line in range(20)) + f"{middle} {number}\n"
    content += "".join(f"line {line} of {number}\n" for line in range(20, 40))
    return f"M 100644 inline d{number % 100:02}/e{number // 100 % 10}/f{number}.txt\ndata {len(content)}\n{content}\n"


def _table(results: dict[str, dict[str, float]], files: int) -> str:
    lines = [
        f"Git on a repository of {files:,} files, ms (median, least in brackets)",
        "",
        "| what | by hand | ours | ours / by hand | over it |",
        "|---|---|---|---|---|",
    ]
    for name, r in results.items():
        times = f"{r['raw']:.0f} ({r['least raw']:.0f}) | {r['ours']:.0f} ({r['least ours']:.0f})"
        lines.append(f"| {name} | {times} | {r['ratio']:.2f} ({r['least ratio']:.2f}) | {r['ours'] - r['raw']:.0f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
