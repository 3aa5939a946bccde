"""Runs the unit tests, or those of another folder, and writes JUnit XML:
python3 tests/run.py [integration] [--junit FILE]. Exit code 5: there was no test."""

import argparse
import sys
import time
import unittest
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent


class Results(unittest.TextTestResult):
    """Remembers each case: name, outcome, seconds, message."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.cases = {}
        self._started = 0.0

    def startTest(self, test):
        super().startTest(test)
        self._started = time.monotonic()

    def _note(self, test, outcome, message=""):
        self.cases.setdefault(test.id(), (outcome, time.monotonic() - self._started, message))

    def addSuccess(self, test):
        super().addSuccess(test)
        self._note(test, "passed")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._note(test, "failure", self._exc_info_to_string(err, test))

    def addError(self, test, err):
        super().addError(test, err)
        self._note(test, "error", self._exc_info_to_string(err, test))

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._note(test, "skipped", reason)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._note(subtest, "failure", self._exc_info_to_string(err, test))


def junit(cases):
    suite = ElementTree.Element("testsuite", name="shop", tests=str(len(cases)))
    for name, (outcome, seconds, message) in cases.items():
        group, _, short = name.rpartition(".")
        case = ElementTree.SubElement(suite, "testcase", classname=group, name=short, time=f"{seconds:.4f}")
        if outcome != "passed":
            last_line = message.strip().rpartition("\n")[2]
            ElementTree.SubElement(case, outcome, message=last_line).text = message
    return ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", nargs="?", default="tests")
    parser.add_argument("--junit", type=Path)
    asked = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    tests = unittest.defaultTestLoader.discover(str(ROOT / asked.folder), pattern="test_*.py")
    results = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=Results).run(tests)
    if asked.junit:
        asked.junit.write_bytes(junit(results.cases))
    if not results.cases:
        return 5
    return 0 if results.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
