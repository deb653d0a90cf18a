"""The runners' reports are counted right, failures and skips above all."""

import pytest

from tally import Outcome, count_ctest, count_junit, count_tap

CTEST = """<?xml version="1.0"?><testsuite name="x">
<testcase name="unit_a" status="run"><system-out>All tests passed (12 assertions in 5 test cases)</system-out></testcase>
<testcase name="unit_b" status="fail"><failure message=""/><system-out>
test cases:  7 |  4 passed | 3 failed
assertions: 20 | 17 passed | 3 failed</system-out></testcase>
<testcase name="unit_c" status="fail"><failure message="SEGFAULT"/><system-out>dead</system-out></testcase>
<testcase name="unit_d" status="notrun"><skipped message="Unable to find executable"/></testcase>
<testcase name="unit_e" status="notrun"><skipped message="SKIP_RETURN_CODE=4"/></testcase>
<testcase name="unit_f" status="run"><system-out>skipped: redis: not installed
All tests passed (3 assertions in 1 test case)</system-out></testcase>
</testsuite>"""

PYTEST = """<testsuites><testsuite>
<testcase classname="a" name="good"/>
<testcase classname="a" name="bad"><failure message="no"/></testcase>
<testcase classname="a" name="broken"><error message="no"/></testcase>
<testcase classname="a" name="left"><skipped message="no strace"/></testcase>
<testcase classname="a" name="cannot"><skipped message="not installable: a container engine"/></testcase>
</testsuite></testsuites>"""

NODE = """TAP version 13
ok 1 - shows the map
not ok 2 - shows an event
ok 3 - phone # SKIP no screen
1..3
# tests 3
# pass 1
# fail 1
# cancelled 0
# skipped 1
# todo 0
"""


@pytest.mark.parametrize("ci, report, count, expected", [
    ("false", CTEST, count_ctest, (10, 5, 2)),
    ("true", CTEST, count_ctest, (10, 7, 0)),
    ("false", PYTEST, count_junit, (1, 2, 2)),
    ("true", PYTEST, count_junit, (1, 3, 1)),
    ("false", NODE, count_tap, (1, 1, 1)),
    ("true", NODE, count_tap, (1, 2, 0)),
    ("false", "<testsuite/>", count_ctest, (0, 1, 0)),
    ("false", "<testsuite", count_ctest, (0, 1, 0)),
    ("false", "", count_tap, (0, 1, 0)),
])
def test_counts(tmp_path, monkeypatch, ci, report, count, expected):
    monkeypatch.setenv("CI", ci)
    file = tmp_path / "report"
    file.write_text(report)
    outcome = Outcome()
    count(outcome, str(file))
    assert (outcome.passed, outcome.failed, outcome.skipped) == expected
