"""Real servers for tests of the binary (tests/services), each test its own."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import pytest
from program import ROOT


class Server:
    """A server of tests/services with a folder of its own."""

    def __init__(self, name, folder):
        self.script, self.folder = ROOT / "tests" / "services" / name, folder

    def _run(self, word):
        done = subprocess.run([str(self.script), word, str(self.folder)], capture_output=True, text=True, timeout=60)
        if done.returncode == 69:
            pytest.skip(f"not installable: {done.stderr.strip()}")
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def start(self):
        self.url = self._run("start")
        self.up = True
        return self

    def stop(self):
        self.up = False
        self._run("stop")

    def kill(self):
        self.up = False
        self._run("kill")

    @contextlib.contextmanager
    def hanging(self):
        """It keeps its connections, and says nothing."""
        pid = json.loads((self.folder / "service.json").read_text())["pid"]
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def running(name):
    """A server that is ended whatever happens."""
    folder = pathlib.Path(tempfile.mkdtemp())
    os.chmod(folder, 0o755)  # a server may run as another user
    server = Server(name, folder / name)
    try:
        yield server.start()
    finally:
        subprocess.run([str(server.script), "kill", str(server.folder)], capture_output=True, timeout=60)
        shutil.rmtree(folder, ignore_errors=True)
