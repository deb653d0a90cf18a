"""What the scripts of this folder share: a server started in a directory of its own, on a free port, ended by its own pid.

Python's standard library only. A script makes one Service and calls main() with it.
"""

import json
import os
import pwd
import random
import signal
import socket
import subprocess
import sys
import time

USAGE = """usage: {name} start DIR | stop DIR | kill DIR | url DIR

Runs {title} on a free port of 127.0.0.1 with all its files in DIR.
  start   starts it (again, on the port it had before), waits until it answers, prints its URL
  stop    lets it finish
  kill    ends it at once, as a crash would
  url     prints its URL
"""

# What tests skip with, so that a skip names its reason.
NOT_INSTALLED = 69


class Service:
    """One server. What a script gives: its name, the command to run, how to ask whether it answers, its URL."""

    name = ""
    title = ""
    program = ""  # must exist
    user = None  # whom a root process runs it as
    term, quit = signal.SIGTERM, signal.SIGKILL

    def prepare(self, folder, port):
        """Before the first start: makes files."""

    def command(self, folder, port):
        raise NotImplementedError

    def answers(self, folder, port):
        raise NotImplementedError

    def url(self, folder, port):
        raise NotImplementedError

    def as_user(self, words):
        if self.user and os.getuid() == 0:
            return ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups", "--", *words]
        return words

    def give(self, path):
        if self.user and os.getuid() == 0:
            owner = pwd.getpwnam(self.user)
            os.chown(path, owner.pw_uid, owner.pw_gid)


NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


def openssl(folder, *words):
    subprocess.run(["openssl", *words], check=True, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def make_authority(folder, name):
    """NAME.crt and NAME.key in the folder."""
    openssl(folder, "req", "-x509", *NEW_KEY, "-days", "30", "-subj", f"/CN=distsys test authority {name}", "-keyout", f"{name}.key", "-out",
            f"{name}.crt")


def make_certificates(folder):
    """ca.crt, and server.crt with server.key for localhost, in the folder."""
    make_authority(folder, "ca")
    openssl(folder, "req", *NEW_KEY, "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr")
    with open(os.path.join(folder, "server.ext"), "w", encoding="utf-8") as file:
        file.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    openssl(folder, "x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30", "-extfile",
            "server.ext", "-out", "server.crt")


def free_port():
    """Below the ports that the system lends to clients: one of them would hold it when the server is to come back."""
    for _ in range(200):
        port = random.randrange(20000, 32768)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass
    sys.exit("no free port between 20000 and 32768")


def connects(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def wait_for(condition, seconds, step=0.02):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(step)
    return True


def state_file(folder):
    return os.path.join(folder, "service.json")


def read_state(folder):
    try:
        with open(state_file(folder), encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {}


def write_state(folder, state):
    with open(state_file(folder) + ".new", "w", encoding="utf-8") as file:
        json.dump(state, file)
    os.replace(state_file(folder) + ".new", state_file(folder))


def runs(pid, started):
    """Is this still the process that was started? Process ids are given out again."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            fields = file.read().rpartition(")")[2].split()
        return fields[0] != "Z" and fields[19] == started
    except (FileNotFoundError, ProcessLookupError):
        return False


def start_time(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return file.read().rpartition(")")[2].split()[19]


def start(service, folder):
    if not os.path.exists(service.program):
        sys.stderr.write(f"{service.name}: {service.program} is not installed (deploy/install-packages test)\n")
        return NOT_INSTALLED
    os.makedirs(folder, exist_ok=True)
    state = read_state(folder)
    if state.get("pid") and runs(state["pid"], state["started"]):
        print(service.url(folder, state["port"]))
        return 0
    port = state.get("port") or free_port()
    if not state:
        service.give(folder)
        service.prepare(folder, port)
    with open(os.path.join(folder, "log"), "ab") as log:
        process = subprocess.Popen(service.as_user(service.command(folder, port)), stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=subprocess.STDOUT, cwd=folder, start_new_session=True)
    write_state(folder, {"port": port, "pid": process.pid, "started": start_time(process.pid)})
    if not wait_for(lambda: process.poll() is not None or service.answers(folder, port), 60) or process.poll() is not None:
        with open(os.path.join(folder, "log"), encoding="utf-8", errors="replace") as log:
            sys.stderr.write("".join(log.readlines()[-20:]))
        sys.stderr.write(f"{service.name}: it does not answer; its log is {folder}/log\n")
        end(service, folder, signal.SIGKILL)
        return 1
    print(service.url(folder, port))
    return 0


def end(_service, folder, how):
    state = read_state(folder)
    if not state.get("pid") or not runs(state["pid"], state["started"]):
        return 0
    os.kill(state["pid"], how)
    if not wait_for(lambda: not runs(state["pid"], state["started"]), 30):
        os.kill(state["pid"], signal.SIGKILL)
        wait_for(lambda: not runs(state["pid"], state["started"]), 10)
    return 0


def main(service):
    usage = USAGE.format(name=service.name, title=service.title)
    if len(sys.argv) != 3 or sys.argv[1] not in ("start", "stop", "kill", "url"):
        sys.stderr.write(usage)
        return 0 if sys.argv[1:] in (["--help"], ["-h"]) else 64
    action, folder = sys.argv[1], os.path.abspath(sys.argv[2])
    if action == "start":
        return start(service, folder)
    if action == "url":
        state = read_state(folder)
        if not state:
            sys.stderr.write(f"{service.name}: nothing was started in {folder}\n")
            return 1
        print(service.url(folder, state["port"]))
        return 0
    return end(service, folder, service.term if action == "stop" else service.quit)
