"""Behind what a test runs: the embedded backends, or real servers. Each data directory has a database of its own in both.

A module whose tests hold for both says so: FORMS = backends.BOTH. Its tests then run twice.
"""

import contextlib
import hashlib
import pathlib
import shutil
import socket
import sqlite3
import tempfile
import threading

import pytest
import services

try:
    import psycopg2
except ImportError:  # the tests on servers are skipped, and say so
    psycopg2 = None

BOTH = ("embedded", "servers")
# What reading a database that is not there yet may raise.
NOT_YET = (sqlite3.Error, *([psycopg2.Error] if psycopg2 else []))


class Embedded:
    name = "embedded"

    def options(self, data_dir, roles):
        return [f"--data-dir={data_dir}"]

    def rows(self, data_dir, sql, *parameters):
        with contextlib.closing(sqlite3.connect(f"file:{data_dir}/geo.db?mode=ro", uri=True, timeout=10)) as db:
            return db.execute(sql, parameters).fetchall()

    def check(self, data_dir):
        """Nothing is damaged."""
        assert self.rows(data_dir, "PRAGMA integrity_check") == [("ok",)]

    def is_writable(self, data_dir):
        """Nobody is within a transaction that writes."""
        with contextlib.closing(sqlite3.connect(f"{data_dir}/geo.db", timeout=0, isolation_level=None)) as db:
            try:
                db.execute("BEGIN IMMEDIATE")
                db.execute("ROLLBACK")
            except sqlite3.OperationalError:
                return False
        return True

    def end(self):
        pass


class Relay:
    """Forwards a port; silent() lets connections stand and carries nothing, as a cut cable does."""

    def __init__(self, target):
        self.target, self.open, self.flows = target, threading.Event(), []
        self.open.set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                self.open.wait()
                try:
                    far = socket.create_connection(("127.0.0.1", self.target), timeout=5)
                    far.settimeout(None)
                except OSError:
                    near.close()
                    continue
                self.flows += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self.open.wait()
                sink.sendall(data)
        for s in (source, sink):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)

    def silent(self):
        self.open.clear()

    def resume(self):
        self.open.set()

    def end(self):
        self.resume()
        for s in [self.listener, *self.flows]:
            s.close()


class Running:
    """PostgreSQL and Redis, for many tests."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="distsys-services-"))
        self.folder.chmod(0o755)  # servers run as other users
        self.started = []
        self.postgres, self.redis = self.start("postgres"), self.start("redis")

    def start(self, name):
        self.started.append(services.Server(name, self.folder / name).start())
        return self.started[-1]

    def revive(self):
        """Starts what a test has stopped."""
        for service in self.started:
            if not service.up:
                service.start()

    def stop(self):
        for service in self.started:
            service.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Servers:
    """Of one test: its databases on servers, which run when it begins."""

    name = "servers"

    def __init__(self, running):
        if psycopg2 is None:
            pytest.skip("python3-psycopg2 is not installed (deploy/install-packages test)")
        self.running = running
        self.made = {}
        running.revive()

    def options(self, data_dir, roles):
        words = [f"--data-dir={data_dir}", f"--database={self.database(data_dir)}"]
        if {"cache", "all"} & set(roles.split(",")):
            words.append(f"--cache.kv-store={self.running.redis.url}")
        return words

    def database(self, data_dir):
        """The URL of the directory's database, made when it is first asked for."""
        data_dir = str(data_dir)
        if data_dir not in self.made:
            name = "test_" + hashlib.sha256(data_dir.encode()).hexdigest()[:16]
            self.administer(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", f"CREATE DATABASE {name}")
            self.made[data_dir] = name
        return self.url_of(self.made[data_dir])

    def url_of(self, name):
        return self.running.postgres.url.rsplit("/", 1)[0] + "/" + name

    def administer(self, *statements):
        with contextlib.closing(psycopg2.connect(self.running.postgres.url)) as db:
            db.autocommit = True
            for statement in statements:
                db.cursor().execute(statement)

    def rows(self, data_dir, sql, *parameters):
        with contextlib.closing(psycopg2.connect(self.database(data_dir))) as db, db.cursor() as cursor:
            cursor.execute(sql.replace("%", "%%").replace("?", "%s"), parameters)
            return cursor.fetchall()

    def is_writable(self, data_dir):
        """Nobody is within a transaction."""
        within = (
            "SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend' "
            "AND datname = current_database() AND xact_start IS NOT NULL"
        )
        return self.rows(data_dir, within) == [(0,)]

    def check(self, data_dir):
        assert self.rows(data_dir, "SELECT 1") == [(1,)]

    def end(self):
        self.running.revive()
        for name in self.made.values():
            self.administer(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


# The one of the test that runs: set by a fixture before anything else.
current = Embedded()


def rows_of(data_dir, sql, *parameters):
    """Of the geographic database of a data directory; `?` stands for a parameter."""
    return current.rows(data_dir, sql, *parameters)


def roles_of(words):
    return next((str(w).split("=", 1)[1] for w in words if str(w).startswith("--role=")), "")
