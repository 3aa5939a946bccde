"""What `git diff` prints, made by hand: entries of the raw list, counts, sections of a patch."""

OLD, NEW, NOTHING = "a" * 40, "b" * 40, "0" * 40


def raw(letter: str, *names: bytes) -> bytes:
    return b"\0".join([f":100644 100755 {OLD} {NEW} {letter}".encode(), *names]) + b"\0"


def counted(plus: str, minus: str, *names: bytes) -> bytes:
    head = f"{plus}\t{minus}\t".encode()
    return head + names[0] + b"\0" if len(names) == 1 else head + b"\0" + b"\0".join(names) + b"\0"


def section(name: str, body: str, *, old: str = OLD, new: str = NEW) -> str:
    return head(name, old=old, new=new) + f"--- a/{name}\n+++ b/{name}\n@@ -1 +1 @@\n{body}"


def unread(name: str, *, old: str = OLD, new: str = NEW) -> str:
    """Of a binary file, or one that is too large."""
    return head(name, old=old, new=new) + f"Binary files a/{name} and b/{name} differ\n"


def head(name: str, *, old: str = OLD, new: str = NEW) -> str:
    return f"diff --git a/{name} b/{name}\nindex {old}..{new} 100644\n"
