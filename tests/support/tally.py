"""Counts what the test runners report: ctest (with Catch2 in it), pytest, node."""

import os
import re
import xml.etree.ElementTree as xml
from dataclasses import dataclass, field

# A skip is a failure in CI, unless its reason begins with this: what can be installed must be installed there.
MAY_SKIP = "not installable:"


@dataclass
class Outcome:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    notes: list = field(default_factory=list)
    seconds: float = 0.0

    def fail(self, note):
        self.failed += 1
        self.notes.append(note)

    def skip(self, name, reason):
        if os.environ.get("CI") == "true" and not reason.startswith(MAY_SKIP):
            self.fail(f"{name}: skipped in CI: {reason or 'no reason given'}")
        else:
            self.skipped += 1
            self.notes.append(f"{name}: skipped: {reason}")


def count_junit(outcome, path):
    """pytest's file."""
    try:
        cases = list(xml.parse(path).getroot().iter("testcase"))
    except (OSError, xml.ParseError) as problem:
        outcome.fail(f"no results: {problem}")
        return
    for case in cases:
        name = f"{case.get('classname', '')}::{case.get('name')}".lstrip(":")
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            outcome.fail(name)
        elif skipped is not None:
            outcome.skip(name, skipped.get("message") or "")
        else:
            outcome.passed += 1


def count_ctest(outcome, path):
    """ctest's file: a test is an executable, and the Catch2 cases in it are what is counted."""
    try:
        tests = list(xml.parse(path).getroot().iter("testcase"))
    except (OSError, xml.ParseError) as problem:
        outcome.fail(f"no results: {problem}")
        return
    if not tests:
        outcome.fail("ctest found no tests")
    for test in tests:
        name, status = test.get("name"), test.get("status")
        output = test.findtext("system-out") or ""
        every = re.search(r"All tests passed \(\d+ assertions? in (\d+) test cases?\)", output)
        some = re.search(r"^test cases:.*$", output, re.M)
        element = next((test.find(tag) for tag in ("failure", "skipped") if test.find(tag) is not None), None)
        reason = (element.get("message") if element is not None else "") or "ended without a result"
        for what, why in re.findall(r"^skipped: (.+?): (.*)$", output, re.M):  # tests/support/services.hpp
            outcome.skip(f"{name}: {what}", why)
        if status == "run":
            outcome.passed += int(every.group(1)) if every else 1
        elif status in ("disabled", "notrun") and reason.startswith(("SKIP", "Disabled")):
            outcome.skip(name, reason)
        elif some:
            numbers = dict((word, int(count)) for count, word in re.findall(r"(\d+) (passed|failed)", some.group(0)))
            outcome.passed += numbers.get("passed", 0)
            outcome.failed += max(1, numbers.get("failed", 0))
            where = re.findall(r"^(?:\.\./)*(\S+:\d+): FAILED:\n\s*(.*)$", output, re.M)
            outcome.notes += [f"{name}: {place}: {what}" for place, what in where[:5]] or [f"{name}: {some.group(0)}"]
        else:
            outcome.fail(f"{name}: {reason}")


def count_tap(outcome, path):
    """node --test's file. Leaves are counted; a subtest's parent is not a test of its own."""
    with open(path, encoding="utf-8", errors="replace") as file:
        lines = file.read().splitlines()
    totals = {match.group(1): int(match.group(2)) for line in lines if (match := re.match(r"# (pass|fail|cancelled|skipped|todo) (\d+)", line))}
    if "pass" not in totals:
        outcome.fail("node gave no totals")
        return
    outcome.passed += totals["pass"]
    for line in lines:
        match = re.match(r"\s*not ok \d+ - (.*)", line)
        if match and "# TODO" not in line:
            outcome.notes.append(match.group(1))
        match = re.match(r"\s*ok \d+ - (.*?) # SKIP ?(.*)", line)
        if match:
            outcome.skip(match.group(1), match.group(2))
    outcome.failed += totals.get("fail", 0) + totals.get("cancelled", 0)
    if outcome.passed + outcome.failed + outcome.skipped == 0:
        outcome.fail("node ran no test")
