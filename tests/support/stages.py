"""The stages of tests/run: what is built and tested, in what order, and how it is counted. Python's standard library only."""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from tally import Outcome, count_ctest, count_junit, count_tap
from tidy_files import LOOK_BACK, TIDY_LIMIT, tidy_files

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
LOGS = os.path.join(ROOT, "build", "tests")
CPUS = len(os.sched_getaffinity(0))

# part -> the stages it needs, in order
PARTS = {
    "includes": ["includes"],
    "format": ["format"],
    "asan": ["build asan", "test asan"],
    "tsan": ["build tsan", "test tsan"],
    "unit": ["build asan", "test asan", "build tsan", "test tsan"],
    "debug": ["build debug", "test debug"],
    "fuzz": ["build asan", "fuzz"],
    "tidy": ["tidy"],
    "e2e": ["build release", "build asan", "e2e"],  # asan: distsys_eighth, the program with one role more
    "browser": ["build release", "browser"],
}
DEFAULT = ["includes", "format", "unit", "fuzz", "tidy", "e2e", "browser"]

# Two lanes share the processors, so that a link or a slow test of one never leaves the machine idle; a stage waits for
# what it needs of the other. What measures time comes after them, alone.
LANES = [
    ["includes", "format", "build release", "build tsan", "test tsan", "fuzz"],
    ["build asan", "test asan", "tidy", "build debug", "test debug"],
]
ALONE = ["e2e", "browser"]
BUILT = {"release": "distsys", "asan": "all", "tsan": "all", "debug": "all"}

BINARIES = {
    "DISTSYS_BINARY": os.path.join(ROOT, "build", "release", "distsys"),
    "DISTSYS_EIGHTH": os.path.join(ROOT, "build", "asan", "distsys_eighth"),
}

HELP = f"""parts (default: {" ".join(DEFAULT)}):
  includes   who may include whom, and the test of that check
  format     clang-format of every source
  unit       unit, conformance and integration tests, under asan and under tsan
  asan tsan debug
             the same in one of these builds
  fuzz       each fuzz target for DISTSYS_FUZZ_SECONDS (default 60)
  tidy       clang-tidy of what changed since origin/main, or on it in {LOOK_BACK} commits; at most {TIDY_LIMIT} files
  e2e        the release binary as a user runs it (pytest)
  browser    the pages in headless Chromium (node)"""


class Run:
    """What the stages share: options, the console, the logs."""

    def __init__(self, options, wanted):
        self.options = options
        self.wanted = wanted
        self.jobs = CPUS
        # Taken out of the environment, because the program refuses DISTSYS_ variables that it does not know.
        self.fuzz_seconds = os.environ.pop("DISTSYS_FUZZ_SECONDS", "60")
        self.console = threading.Lock()
        self.ended = {stage: threading.Event() for stage in wanted}
        self.started = time.monotonic()

    def say(self, text):
        with self.console:
            elapsed = int(time.monotonic() - self.started)
            print(f"[{elapsed // 60:02}:{elapsed % 60:02}] {text}", flush=True)

    def command(self, words, log, **environment):
        """Runs it in the project's root, all output into build/tests/LOG; returns the exit code."""
        with open(os.path.join(LOGS, log), "ab") as file:
            file.write(f"$ {' '.join(words)[:500]}\n".encode())
            file.flush()
            return subprocess.run(words, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
                                  env={**os.environ, **environment}, check=False).returncode


def log_of(stage):
    return stage.replace(" ", "-") + ".log"


def tail_of(log, lines=40):
    with open(os.path.join(LOGS, log), encoding="utf-8", errors="replace") as file:
        return "".join(line if len(line) < 400 else line[:400] + "…\n" for line in file.readlines()[-lines:])


# --- stages ----------------------------------------------------------------------------------------------------------------


def build(run, preset, outcome):
    log = f"build-{preset}.log"
    folder = os.path.join("build", preset)
    if not os.path.exists(os.path.join(ROOT, folder, "build.ninja")):
        if run.command(["cmake", "--preset", preset], log) != 0:
            outcome.fail("CMake could not configure the build")
            return
    stop = threading.Event()

    def watch():
        while not stop.wait(60):
            steps = re.findall(r"^\[(\d+/\d+)\]", tail_of(log, 5), re.M)
            if steps:
                run.say(f"build {preset}: {steps[-1]}")

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    target = BUILT[preset]
    if preset == "asan" and not {"test asan", "fuzz"} & run.wanted:
        target = "distsys_eighth"
    code = run.command(["ninja", "-C", folder, "-j", str(run.jobs), "-k", "0", target], log)
    stop.set()
    watcher.join()
    if code != 0:
        outcome.fail("the build failed")


def test(run, preset, outcome):
    junit = os.path.join(LOGS, f"test-{preset}.xml")
    code = run.command(["ctest", "--test-dir", f"build/{preset}", "-j", str(run.jobs), "--output-on-failure",
                        "--test-output-size-passed", "1000000", "--test-output-size-failed", "1000000",
                        "--output-junit", junit], f"test-{preset}.log")
    count_ctest(outcome, junit)
    if code != 0 and outcome.failed == 0:
        outcome.fail(f"ctest ended with exit code {code}")


def pytest(run, folder, log, outcome):
    junit = os.path.join(LOGS, log.replace(".log", ".xml"))
    code = run.command(["/usr/bin/python3", "-m", "pytest", "-p", "no:cacheprovider", "-ra", f"--junitxml={junit}", folder], log,
                       PYTHONDONTWRITEBYTECODE="1", **BINARIES)
    count_junit(outcome, junit)
    if code != 0 and outcome.failed == 0:
        outcome.fail(f"pytest ended with exit code {code}")


def includes(run, outcome):
    pytest(run, "tests/support", "includes.log", outcome)


def tracked(*patterns):
    names = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
                           cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    return sorted(name for name in set(names) if os.path.exists(os.path.join(ROOT, name)))


def format_check(run, outcome):
    files = tracked("*.cpp", "*.hpp")
    if not files:
        outcome.fail("no sources")
        return
    run.command(["clang-format-19", "--dry-run", *files], "format.log")
    wrong = set(re.findall(r"^(\S+?):\d+:\d+: (?:warning|error):", tail_of("format.log", 1_000_000), re.M))
    outcome.passed += len(files) - len(wrong)
    for name in sorted(wrong):
        outcome.fail(f"{name}: not formatted (clang-format-19 -i {name})")


def fuzz(run, outcome):
    # On every processor, whatever the other lane does: what a target gets is a time, so a lane alone would idle.
    run.command(["tests/fuzz/run", f"--jobs={CPUS}", f"--seconds={run.fuzz_seconds}"], "fuzz.log")
    match = re.search(r"^(\d+) passed, (\d+) failed$", tail_of("fuzz.log"), re.M)
    if not match:
        outcome.fail("the fuzz runner gave no result")
        return
    outcome.passed, outcome.failed = int(match.group(1)), int(match.group(2))
    outcome.notes += re.findall(r"^\w+: (?:FAILED|not built).*$", tail_of("fuzz.log"), re.M)


def tidy(run, outcome):
    if run.command(["cmake", "--preset", "tidy"], "tidy.log") != 0:
        outcome.fail("CMake could not configure build/tidy")
        return
    with open(os.path.join(ROOT, "build", "tidy", "compile_commands.json"), encoding="utf-8") as file:
        commands = json.load(file)
    names = (os.path.relpath(os.path.realpath(entry["file"]), ROOT) for entry in commands)
    compiled = sorted({name for name in names if name.endswith(".cpp") and not name.startswith(("build/", "cmake/", ".."))})
    chosen, left_out = tidy_files(ROOT, compiled, everything=run.options.tidy_all)
    if left_out:
        run.say(f"tidy: {left_out} files left out of this run (--tidy-all reads all)")

    def check(name):
        log = os.path.join("tidy", name.replace("/", "_") + ".log")
        return name, log, run.command(["clang-tidy-19", "--quiet", "-p", "build/tidy", name], log)

    shutil.rmtree(os.path.join(LOGS, "tidy"), ignore_errors=True)
    os.makedirs(os.path.join(LOGS, "tidy"))
    with ThreadPoolExecutor(CPUS) as pool:  # the other lane may have ended, or fuzzes for a fixed time
        for name, log, code in pool.map(check, chosen):
            if code == 0:
                outcome.passed += 1
                continue
            text = tail_of(log, 1000)
            with open(os.path.join(LOGS, "tidy.log"), "a", encoding="utf-8") as file:
                file.write(text)
            finding = re.search(r"^.*?:\d+:\d+: (?:error|warning): .*$", text, re.M)
            said = finding.group(0).replace(ROOT + "/", "") if finding else f"{name}: clang-tidy ended with exit code {code}"
            outcome.fail(said)


def e2e(run, outcome):
    pytest(run, "tests/e2e", "e2e.log", outcome)


def browser(run, outcome):
    folder = os.path.join(ROOT, "tests", "browser")
    lock = os.path.join(folder, "package-lock.json")
    stamp = os.path.join(folder, "node_modules", ".package-lock.json")
    if os.path.exists(lock) and (not os.path.exists(stamp) or os.path.getmtime(stamp) < os.path.getmtime(lock)):
        if run.command(["npm", "ci", "--prefix", folder, "--no-audit", "--no-fund"], "browser.log") != 0:
            outcome.fail("npm could not install the packages of tests/browser")
            return
    files = tracked("tests/browser/*.test.mjs", "tests/browser/*.test.js")
    if not files:
        outcome.fail("there are no browser tests")
        return
    tap = os.path.join(LOGS, "browser.tap")
    code = run.command(["sh", "-c", 'out=$1; shift; node --test --test-reporter=tap --test-concurrency=1 "$@" >"$out"; code=$?; '
                        'cat "$out"; exit $code', "sh", tap, *files], "browser.log", **BINARIES)
    count_tap(outcome, tap)
    if code != 0 and outcome.failed == 0:
        outcome.fail(f"node ended with exit code {code}")


STAGES = {
    "includes": includes,
    "format": format_check,
    "fuzz": fuzz,
    "tidy": tidy,
    "e2e": e2e,
    "browser": browser,
    **{f"build {preset}": (lambda run, outcome, preset=preset: build(run, preset, outcome)) for preset in BUILT},
    **{f"test {preset}": (lambda run, outcome, preset=preset: test(run, preset, outcome))
       for preset in ("asan", "tsan", "debug")},
}
# A sanitizer's build goes on after an error, so what could be built is still tested; these would only repeat the error.
NEEDS = {"fuzz": ["build asan"], "e2e": ["build release", "build asan"], "browser": ["build release"]}


# --- running ---------------------------------------------------------------------------------------------------------------


def run_lane(run, lane, outcomes):
    for stage in lane:
        try:
            run_stage(run, stage, outcomes)
        except Exception as problem:  # the console is gone, say: nothing that follows may wait for ever, or count as passed
            outcomes[stage].fail(f"{type(problem).__name__}: {problem}")
        finally:
            run.ended[stage].set()


def run_stage(run, stage, outcomes):
    outcome = outcomes[stage]
    for needed in NEEDS.get(stage, []):
        run.ended[needed].wait()
        if outcomes[needed].failed:
            outcome.fail(f"not run: {needed} failed")
            return
    run.say(f"{stage} …")
    start = time.monotonic()
    log = log_of(stage)
    if os.path.exists(os.path.join(LOGS, log)):
        os.remove(os.path.join(LOGS, log))
    try:
        STAGES[stage](run, outcome)
    except Exception as problem:  # a broken stage is a failed one; the others go on
        outcome.fail(f"{type(problem).__name__}: {problem}")
    outcome.seconds = time.monotonic() - start
    counts = f": {outcome.passed} passed, {outcome.failed} failed" if outcome.passed or outcome.failed else ""
    run.say(f"{stage} done in {outcome.seconds:.0f} s{counts}")
    if outcome.failed and os.path.exists(os.path.join(LOGS, log)):
        with run.console:
            print(f"--- the end of build/tests/{log}\n{tail_of(log)}---", flush=True)


def run_all(run):
    wanted = run.wanted
    outcomes = {stage: Outcome() for stage in wanted}
    lanes = [[stage for stage in lane if stage in wanted] for lane in LANES]
    lanes = [lane for lane in lanes if lane]
    # A lane that begins by waiting for the other one leaves it all processors.
    busy = [lane for lane in lanes if not wanted.intersection(NEEDS.get(lane[0], []))]
    run.jobs = max(1, CPUS // max(1, len(busy)))
    threads = [threading.Thread(target=run_lane, args=(run, lane, outcomes)) for lane in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run.jobs = CPUS
    run_lane(run, [stage for stage in ALONE if stage in wanted], outcomes)
    return outcomes


def report(run, outcomes):
    order = [stage for stage in [*LANES[0], *LANES[1], *ALONE] if stage in outcomes]
    print(f"\n{'stage':<15}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}")
    for stage in order:
        outcome = outcomes[stage]
        print(f"{stage:<15}{outcome.passed:>8}{outcome.failed:>8}{outcome.skipped:>9}{outcome.seconds:>9.0f}")
    print(f"in all {time.monotonic() - run.started:.0f} s\n")
    for stage in order:
        for note in outcomes[stage].notes:
            print(f"{stage}: {note}")
    passed, failed, skipped = (sum(getattr(outcome, name) for outcome in outcomes.values())
                               for name in ("passed", "failed", "skipped"))
    if passed + failed == 0:
        failed = 1
        print("no test ran")
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(prog="tests/run", formatter_class=argparse.RawDescriptionHelpFormatter, epilog=HELP,
                                     description="Installs what is missing, builds, and runs the tests; logs are in build/tests.")
    parser.add_argument("parts", nargs="*", metavar="part", help="what to run; see below")
    parser.add_argument("--tidy-all", action="store_true", help="clang-tidy on every source, not only on what changed")
    parser.add_argument("--no-install", action="store_true", help="do not look for missing packages")
    options = parser.parse_args()
    unknown = [part for part in options.parts if part not in PARTS]
    if unknown:
        parser.error(f"no part is called {', '.join(unknown)}; there are: {', '.join(PARTS)}")
    parts = options.parts or DEFAULT
    if options.tidy_all and "tidy" not in parts:
        parts = [*parts, "tidy"]
    os.makedirs(LOGS, exist_ok=True)
    run = Run(options, {stage for part in parts for stage in PARTS[part]})
    return report(run, run_all(run))


if __name__ == "__main__":
    sys.exit(main())
