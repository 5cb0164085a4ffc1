"""Servers on the loopback: PostgreSQL and, for S3, versitygw, for shared lakes; the hub, for downloads."""

from __future__ import annotations

import dataclasses
import glob
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

USER, PASSWORD, BUCKET = "tester", "canary-pg-password", "bucket"
S3_KEYS = {"AWS_ACCESS_KEY_ID": "CANARYKEYID", "AWS_SECRET_ACCESS_KEY": "canary-s3-secret", "AWS_REGION": "us-east-1"}


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port: int = s.getsockname()[1]
        return port


@contextmanager
def running(command: list[str], port: int, **more: Any) -> Iterator[None]:
    """Run a server until the block ends."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more) as process:
        try:
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                except OSError:
                    assert process.poll() is None, f"{command[0]} ended"
                    time.sleep(0.02)
            yield
        finally:
            process.send_signal(signal.SIGINT)  # PostgreSQL then does not wait for its clients


@contextmanager
def postgres() -> Iterator[int]:
    """Run PostgreSQL, which refuses to be root's; give its port."""
    initdb = shutil.which("initdb") or max(glob.glob("/usr/lib/postgresql/*/bin/initdb"), default=None)
    if initdb is None:
        pytest.skip("no PostgreSQL server: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="ddcore-server"))
    who: dict[str, Any] = {}
    if os.getuid() == 0:
        owner = pwd.getpwnam("postgres")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        who = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
    try:
        secret, data, port = folder / "password", folder / "data", free_port()
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        init = [initdb, "-D", data, "-U", USER, "--auth=scram-sha-256", f"--pwfile={secret}", "--locale=C", "--no-sync"]
        subprocess.run([*init, "--encoding=UTF8"], check=True, capture_output=True, cwd=folder, **who)
        settings = (
            "listen_addresses=127.0.0.1",
            f"port={port}",
            "unix_socket_directories=",
            "fsync=off",
            "lc_messages=C",
        )
        options = [word for setting in settings for word in ("-c", setting)]
        program = str(Path(initdb).resolve().with_name("postgres"))
        with running([program, "-D", str(data), *options], port, cwd=folder, **who):
            yield port
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_sql(port: int, database: str, sql: str) -> str:
    command = ["psql", "-h", "127.0.0.1", "-p", str(port), "-U", USER, "-d", database, "-qAtc", sql]
    for _ in range(200):  # it refuses while it starts
        done = subprocess.run(
            command, env={**os.environ, "PGPASSWORD": PASSWORD}, capture_output=True, text=True, check=False
        )
        if done.returncode == 0:
            return done.stdout
        assert "starting up" in done.stderr, done.stderr
        time.sleep(0.05)
    raise AssertionError("the server does not start")


@contextmanager
def s3(folder: Path) -> Iterator[dict[str, str]]:
    """Run an S3 server; give the environment that leads to it."""
    program = Path(__file__).parents[2] / "build/tools/versitygw"
    if not program.exists():
        pytest.skip("no S3 server: `make build/tools/versitygw` builds it")
    port = free_port()
    (folder / BUCKET).mkdir()
    keys = {
        "ROOT_ACCESS_KEY_ID": S3_KEYS["AWS_ACCESS_KEY_ID"],
        "ROOT_SECRET_ACCESS_KEY": S3_KEYS["AWS_SECRET_ACCESS_KEY"],
    }
    command = [str(program), "--port", f"127.0.0.1:{port}", "posix", str(folder)]
    with running(command, port, env={**os.environ, **keys}):
        yield {**S3_KEYS, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}


@dataclasses.dataclass(frozen=True)
class Hub:
    """The server of core/hub/hubtest, as a process."""

    url: str

    def set(self, **faults: Any) -> None:
        """Set what it does wrong (hubtest.Faults); nothing clears it."""
        urllib.request.urlopen(self.url + "/-/faults", json.dumps(faults).encode()).close()

    def log(self) -> list[dict[str, Any]]:
        """Give the requests since the last time."""
        with urllib.request.urlopen(self.url + "/-/log") as answer:
            return json.load(answer) or []


@contextmanager
def hub_server(folder: Path) -> Iterator[Hub]:
    """Serve a folder as the Hugging Face Hub does; it ends with its standard input."""
    program = Path(__file__).parents[2] / "build/tools/hubserver"
    if not program.exists():
        pytest.skip("no server of the hub's protocol: `make build/tools/hubserver` builds it")
    command = [str(program), str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Hub(process.stdout.readline().strip())
        finally:
            process.communicate()
