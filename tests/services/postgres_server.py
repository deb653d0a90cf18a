"""PostgreSQL for tests, with and without TLS: see service.py. `kill` is its immediate shutdown: nothing is flushed, the next start
recovers."""

import glob
import os
import signal
import subprocess

from service import Service, make_certificates

PASSWORD = "a:pass/word@1"  # with what a URL must encode
ENCODED = "a%3Apass%2Fword%401"
BINARIES = (sorted(glob.glob("/usr/lib/postgresql/*/bin")) or ["/usr/lib/postgresql/15/bin"])[-1]


class Postgres(Service):
    name, title, user = "postgres", "PostgreSQL", "postgres"
    program = os.path.join(BINARIES, "postgres")
    term, quit = signal.SIGINT, signal.SIGQUIT  # fast and immediate shutdown

    login = ["--auth=trust"]
    settings = {}

    def prepare(self, folder, port):
        subprocess.run(self.as_user([os.path.join(BINARIES, "initdb"), "-D", os.path.join(folder, "data"), "-U", "distsys", *self.login,
                                     "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]), check=True, stdout=subprocess.DEVNULL, cwd=folder)

    def command(self, folder, port):
        # Without fsync: here processes are killed, never the machine, and a database a test is made and dropped quickly.
        settings = {"fsync": "off", "port": port, "unix_socket_directories": folder, "listen_addresses": "127.0.0.1", "max_connections": 200,
                    "shared_buffers": "128MB", "log_min_messages": "warning", **self.settings}
        return [self.program, "-D", os.path.join(folder, "data"), *(f"--{key}={value}" for key, value in settings.items())]

    def answers(self, folder, port):
        return subprocess.run([os.path.join(BINARIES, "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)], check=False).returncode == 0

    def url(self, folder, port):
        return f"postgres://distsys@127.0.0.1:{port}/postgres"


class PostgresTls(Postgres):
    name, title = "postgres-tls", "PostgreSQL with TLS and a password"
    login = ["--auth=scram-sha-256", "--pwfile=password"]
    settings = {"listen_addresses": "127.0.0.1,127.0.0.2",  # the second is none of its certificate's
                "ssl": "on", "ssl_cert_file": "../server.crt", "ssl_key_file": "../server.key"}

    def prepare(self, folder, port):
        make_certificates(folder)
        with open(os.path.join(folder, "password"), "w", encoding="utf-8") as file:
            file.write(PASSWORD)
        for name in ("password", "server.crt", "server.key"):
            os.chmod(os.path.join(folder, name), 0o600)
            self.give(os.path.join(folder, name))
        super().prepare(folder, port)

    def url(self, folder, port):
        return f"postgres://distsys:{ENCODED}@127.0.0.1:{port}/postgres?sslmode=verify-full&sslrootcert={folder}/ca.crt"
