"""What tests of the binary share: where it is, a clean environment, and processes that are always ended."""

import json
import queue
import subprocess
import threading
import time
import urllib.error
import urllib.request

import backends
import pytest
from cache_process import Cache, Store, feature
from program import BINARY, EIGHTH, ENVIRONMENT


def pytest_generate_tests(metafunc):
    if forms := getattr(metafunc.module, "FORMS", None):
        metafunc.parametrize("backend", forms, indirect=True)


@pytest.fixture(scope="session")
def running_servers():
    """Of all tests; a module whose tests stop servers has its own by this name."""
    servers = backends.Running()
    yield servers
    servers.stop()


@pytest.fixture(autouse=True)
def backend(request):
    """Behind what the test runs; embedded where its module says nothing."""
    embedded = getattr(request, "param", "embedded") == "embedded"
    backends.current = backends.Embedded() if embedded else backends.Servers(request.getfixturevalue("running_servers"))
    yield backends.current
    backends.current.end()
    backends.current = backends.Embedded()


@pytest.fixture
def run(tmp_path):
    """Runs the program to its end; run(..., program=EIGHTH, environment={...})."""

    def runner(*arguments, environment=None, program=BINARY, timeout=20):
        return subprocess.run(
            [str(program), *arguments],
            capture_output=True,
            text=True,
            timeout=timeout,
            cwd=tmp_path,
            env={**ENVIRONMENT, **(environment or {})},
        )

    return runner


class Process:
    """A running program; its log lines are JSON objects."""

    def __init__(self, arguments, cwd, environment):
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(
            arguments, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.log = []
        self.lines = queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stderr:
            try:
                entry = json.loads(line)
            except ValueError:
                entry = {"message": line.rstrip("\n"), "text": True}
            self.log.append(entry)
            self.lines.put(entry)
        self.lines.put(None)

    def wait_for_log(self, message, timeout=10):
        """The next log entry of that message."""
        end = time.monotonic() + timeout
        while True:
            entry = self.lines.get(timeout=max(0.01, end - time.monotonic()))
            assert entry is not None, f"ended without '{message}': {self.log}"
            if entry["message"] == message:
                return entry

    def wait_until_started(self):
        self.addresses = {}
        while True:
            entry = self.lines.get(timeout=10)
            assert entry is not None, f"did not start: {self.log}"
            if entry["message"] == "serving":
                self.addresses[entry["role"]] = entry["address"]
            if entry["message"] == "started":
                self.operations = entry["operations"]
                self.start_up_seconds = time.monotonic() - self.started_at
                return self

    def signal(self, number):
        self.process.send_signal(number)

    def exit_code(self, timeout=15):
        code = self.process.wait(timeout)
        self.reader.join(5)
        return code

    def messages(self):
        return [entry["message"] for entry in self.log]


@pytest.fixture
def start(tmp_path):
    """Starts a program that is killed at the end of the test, whatever happens."""
    running = []

    def starter(*arguments, environment=None, program=EIGHTH, operations="127.0.0.1:0", wait=True):
        command = [str(program), *arguments, *backends.current.options(tmp_path / "data", backends.roles_of(arguments))]
        if operations is not None:
            command.append(f"--operations={operations}")
        p = Process(command, tmp_path, {**ENVIRONMENT, **(environment or {})})
        running.append(p)
        return p.wait_until_started() if wait else p

    yield starter
    for p in running:
        if p.process.poll() is None:
            p.process.kill()
        p.process.wait()
        p.process.stdout.close()


def http(address, method="GET", body=None, timeout=10):
    """Status, headers and text of an answer, whatever its status."""
    request = urllib.request.Request(address, data=body, method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=timeout) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers, answer.read().decode()


def eventually(condition, timeout=10):
    """What condition() says first that is true."""
    end = time.monotonic() + timeout
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.02)


@pytest.fixture
def store(tmp_path):
    """Puts events into the database of a folder."""
    return Store(tmp_path)


@pytest.fixture
def start_cache(store):
    """Starts caches on the database of `store`."""
    running = []

    def begin(*options, **more):
        running.append(Cache(store.data_dir, *options, **more))
        return running[-1]

    yield begin
    for cache in running:
        cache.kill()


@pytest.fixture
def city(store, start_cache):
    """Five events about Santiago and two at the antimeridian, and a cache that keeps answers for a minute."""
    store.put(
        feature("centre", -70.66, -33.45, "jam", 5),
        feature("near", -70.67, -33.45, "hazard", 2),
        feature("north", -70.66, -33.36, "accident", 8),
        feature("far", -71.62, -33.05, "hazard", 4),
        feature("a/b c", -70.0, -30.0, "police", 1),
        feature("west-of", 179.9, -17.0, "hazard", 3),
        feature("east-of", -179.9, -17.0, "hazard", 3),
    )
    return start_cache("--cache.ttl=60s")
