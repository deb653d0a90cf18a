"""The load generator's outcomes: thresholds, the highest rate, reports, comparisons, and when a run is not to be believed."""

import json
import re
import time

import pytest
from loadgen_support import Scripted, answer, load, measure


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the default data directory is relative


def test_thresholds_end_with_exit_1_and_say_by_how_much():
    with Scripted(lambda n, *_: answer(status=500 if n % 10 == 0 else 200)) as s:
        passed = load("--target", s.url, "-n", 100, "--fail-if", "p99>10s", "--fail-if", "5xx>20% && p50>1us")
        failed = load("--target", s.url, "-n", 100, "--fail-if", "5xx>5%", "--fail-if", "errors>0", code=1)
        r = measure("--target", s.url, "-n", 100, "--fail-if", "5xx>5%", code=1)
    assert passed.stdout.count("Passed") == 2
    assert re.search(r"FAILED +fail if 5xx>5%  \(5xx was 10.0 %: > 5.0 %, 5.0 % \(100 %\) over\)", failed.stdout)
    assert re.search(r"Passed +fail if errors>0", failed.stdout)
    [threshold] = r["thresholds"]
    assert threshold["fail_if"] == "5xx>5%" and threshold["failed"]
    assert threshold["parts"][0]["measured"] == pytest.approx(0.1)


def test_what_was_not_measured_fails_a_threshold():
    with Scripted(lambda *_: answer()) as s:
        out = load("--target", s.url, "-n", 10, "--fail-if", "hit_ratio<80%", code=1).stdout
    assert "hit_ratio was not measured" in out


def test_the_highest_rate_that_holds():
    def slow(*_):
        time.sleep(0.01)
        return answer()

    with Scripted(slow) as s:  # one connection: 100 a second at most
        options = ["--target", s.url, "-c", 1, "--rate", 20, "--find-max", "p50<30ms && errors<1%", "--duration", "700ms", "--max-send-lag", "1s",
                   "--warm-up", "100ms"]  # fmt: skip
        r = measure(*options)
    found = r["find_max"]
    assert 40 <= found["rate"] <= 100, found
    assert found["failed_at"] > found["rate"]
    assert found["verified"] and found["held"] >= 2 and found["runs"] == 3
    assert [step["why"] for step in found["steps"]][:3] == ["first", "doubled", "doubled"]
    assert all(step["notes"] for step in found["steps"] if not step["held"])
    assert r["config"]["rate"] == found["rate"]


def test_a_search_is_bounded_and_says_so():
    with Scripted(lambda *_: answer()) as s:
        begun = time.monotonic()
        options = ["--target", s.url, "--rate", 10, "--find-max", "p50<10s", "--duration", "300ms", "--warm-up", "0s", "--max-send-lag", "1s"]
        out = load(*options, "--find-max-time", "2s").stdout
    assert time.monotonic() - begun < 10
    assert "not verified: the time for the search (--find-max-time) was over" in out
    assert out.count("held") >= 3  # the steps, as they came
    refused = load("--target", "http://localhost:1/", "--find-max", "p50<1s", "--arrivals", "burst:5/1s", code=78)
    assert "--find-max chooses the rates itself" in refused.stderr


def test_no_rate_that_holds_is_exit_1():
    with Scripted(lambda *_: answer(status=500)) as s:
        out = load("--target", s.url, "--rate", 4, "--find-max", "5xx<1%", "--duration", "300ms", "--warm-up", "0s", code=1).stdout
    assert "no rate holds 5xx<1%" in out


def test_a_report_is_one_file_that_escapes_what_it_shows(tmp_path):
    with Scripted(lambda *_: answer(extra=b"Cache-Status: c; hit\r\n")) as s:
        load("--target", s.url + "?q=<script>alert(1)</script>", "--rate", 200, "--duration", "1s", "--max-send-lag", "1s", "--report", tmp_path / "r.html",
             "--save", tmp_path / "r.json", "--fail-if", "p99>9s", "-H", "Authorization: hush")  # fmt: skip
    page = (tmp_path / "r.html").read_text()
    assert "<script" not in page and "hush" not in page and "http-equiv" in page
    for part in ("Latency over time", "Latency by percentile", "Cache hits", "Thresholds", "Valid run"):
        assert part in page
    saved = json.loads((tmp_path / "r.json").read_text())
    assert sum(saved["timeline"]["answers"]) == saved["requests"] == 200
    assert saved["curve"]["percent"][-1] == 100
    assert saved["environment"]["processors"] > 0
    assert list(tmp_path.glob("*.part")) == []


def test_runs_are_compared(tmp_path):
    with Scripted(lambda *_: answer()) as s:
        load("--target", s.url, "-n", 300, "--save", tmp_path / "a.json")
    with Scripted(lambda *_: (time.sleep(0.02), answer())[1]) as s:
        load("--target", s.url, "-n", 100, "--save", tmp_path / "b.json")
    both = ["--compare", tmp_path / "a.json", tmp_path / "b.json"]
    out = load(*both, "--report", tmp_path / "both.html").stdout
    assert out == load("--compare", tmp_path / "a.json", "--compare", tmp_path / "b.json").stdout
    assert "unexpected word" in load("--compare", tmp_path / "a.json", "--quiet", tmp_path / "b.json", code=64).stderr
    assert "a.json" in out and "b.json" in out
    assert re.search(r"p50 .*\+\d+", out)
    page = (tmp_path / "both.html").read_text()
    assert "Load tests compared" in page and "a.json" in page
    (tmp_path / "c.json").write_text('{"no": "run"}')
    refused = load("--compare", tmp_path / "a.json", "--compare", tmp_path / "c.json", code=78)
    assert "c.json is not what --json or --save of a run writes" in refused.stderr


def test_files_that_cannot_be_written_are_refused_before_the_run():
    for option in ("--report", "--save", "--hdr-log"):
        assert "cannot write" in load("--target", "http://localhost:1/", option, "/no/such/folder/x", code=64).stderr


def test_a_valid_run_says_so_and_an_hdr_log_is_written(tmp_path):
    with Scripted(lambda *_: answer()) as s:
        r = measure("--target", s.url, "--rate", 100, "--duration", "1s", "--hdr-log", tmp_path / "log")
    assert set(r["validity"]["bounds"]) == {"busiest_loop_percent", "send_lag_p99_us"}
    assert r["valid"] == (r["validity"]["reasons"] == [])
    lines = (tmp_path / "log").read_text().splitlines()
    assert lines[1] == "#[Histogram log format version 1.3]"
    assert all(re.fullmatch(r"[\d.]+,[\d.]+,[\d.]+,HISTFAAA[\w+/=]+", line) for line in lines[5:]) and len(lines) > 50
