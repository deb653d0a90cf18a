"""What bench programs start and ask: free ports, a clean environment, and web services in Python as people run them."""

import contextlib
import os
import socket
import subprocess
import sys
import time

VENV = os.path.expanduser("~/.cache/distsys/bench-venv")
PACKAGES = {"flask": "flask", "gunicorn": "gunicorn", "redis": "redis", "psycopg2": "psycopg2-binary"}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def clean_environment(**more):
    """Without DISTSYS_ variables, which would change what is measured."""
    return {**{k: v for k, v in os.environ.items() if not k.startswith("DISTSYS_")}, **more}


def wait_for(port, process):
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"nothing listens on port {port}")
            time.sleep(0.02)


def install_web_services():
    """Flask, gunicorn, redis-py and psycopg2 from PyPI."""
    if not os.path.exists(f"{VENV}/bin/python"):
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
    wanted = "import " + ", ".join(PACKAGES)
    if subprocess.run([f"{VENV}/bin/python", "-c", wanted], stderr=subprocess.DEVNULL, check=False).returncode != 0:
        subprocess.run([f"{VENV}/bin/pip", "install", "-q", *PACKAGES.values()], check=True)


@contextlib.contextmanager
def flask(program, folder, **environment):
    """A Flask program under gunicorn with two workers; the port it listens on."""
    with open(os.path.join(folder, "app.py"), "w", encoding="utf-8") as file:
        file.write(program)
    port = free_port()
    process = subprocess.Popen([f"{VENV}/bin/gunicorn", "-w", "2", "-b", f"127.0.0.1:{port}", "--chdir", folder, "--log-level", "error",
                                "app:app"], env=clean_environment(**environment))
    try:
        wait_for(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(30)
