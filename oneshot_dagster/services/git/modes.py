"""What git calls the kind of an entry, in its octal letters (git-fast-import(1)); NOTHING is that of a side that has no entry."""

LINK, REPOSITORY, EXECUTABLE, NOTHING = "120000", "160000", "100755", "000000"
