"""W&B's server on the loopback: it answers the real client's GraphQL calls with runs of which the client wrote logs."""

from __future__ import annotations

import base64
import io
import json
import re
import struct
import threading
import zlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq

KEY = "canary" + "5ecre7" * 5 + "beef"  # the client wants forty characters

#: A row of history, by its keys; the values are JSON text, as the log has them.
Row = dict[str, str]


@dataclass
class Run:
    """A run as the server knows it."""

    name: str
    config: dict[str, Any]
    summary: dict[str, Any]
    rows: Sequence[Row]  # by step
    state: str = "finished"
    created: str = "2026-01-01T00:00:00Z"
    heartbeat: str = "2026-01-01T01:00:00Z"
    exported: int = 0  # rows that stand in Parquet files
    metadata: dict[str, Any] = field(default_factory=dict)

    def attributes(self) -> dict[str, Any]:
        """Give what a RunFragment asks for."""
        return {
            "id": "UnVu" + self.name,
            "projectId": "7",
            "name": self.name,
            "displayName": self.name,
            "state": self.state,
            "createdAt": self.created,
            "heartbeatAt": self.heartbeat,
            "tags": ["a"],
            "readOnly": True,
            "config": json.dumps({k: {"value": v} for k, v in self.config.items()}),
            "summaryMetrics": json.dumps(self.summary),
            "systemMetrics": "{}",
            "historyLineCount": len(self.rows),
            "historyKeys": self.keys(),
            "user": {"name": "Canary Seven", "username": "canary7"},
            **dict.fromkeys(["sweepName", "group", "jobType", "commit", "description", "notes"]),
        }

    def keys(self) -> dict[str, Any] | None:
        """Give what W&B knows of the keys of its history."""
        return {"lastStep": step(self.rows[-1]), "keys": {}, "sets": []} if len(self.rows) else None


def step(row: Row) -> int:
    """Give the step of a row."""
    return int(row["_step"])


def text(row: Row) -> str:
    """Write a row as JSON."""
    return "{" + ",".join(json.dumps(k) + ":" + v for k, v in row.items()) + "}"


def parquet(rows: Sequence[Row]) -> bytes:
    """Write rows as W&B exports them: a column a key, of the type of its values."""
    out = io.BytesIO()
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: [json.loads(row[name]) if name in row else None for row in rows] for name in names}
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def offline_run(log: Path) -> Run:
    """Read the log that the client wrote of an offline run."""
    from wandb.proto.wandb_internal_pb2 import Record

    run = Run(log.stem.removeprefix("run-"), {}, {}, [], state="crashed")
    rows: list[Row] = []
    for data in _records(log.read_bytes()):
        record = Record.FromString(data)
        if record.HasField("run"):
            run.config |= {item.key: json.loads(item.value_json) for item in record.run.config.update}
        run.config |= {item.key: json.loads(item.value_json) for item in record.config.update}
        for item in record.summary.update:
            _put(run.summary, item.key, item.nested_key, json.loads(item.value_json))
        if record.HasField("history"):
            row: dict[str, Any] = {}
            for item in record.history.item:
                _put(row, item.key, item.nested_key, json.loads(item.value_json))
            rows.append({key: json.dumps(value) for key, value in row.items()})
        if record.HasField("exit"):
            run.state = "failed" if record.exit.exit_code else "finished"
    run.rows = rows
    return run


def _put(into: dict[str, Any], key: str, nested: Sequence[str], value: Any) -> None:
    *path, last = nested or [key]
    for part in path:
        into = into.setdefault(part, {})
    into[last] = value


def _records(log: bytes) -> Iterator[bytes]:
    """Join the fragments of a LevelDB log, whose blocks have 32 KiB; 7 bytes stand before them."""
    assert log[:4] == b":W&B"
    at, record = 7, b""
    while at < len(log):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
            continue
        checksum, size, kind = struct.unpack_from("<IHB", log, at)
        assert checksum == zlib.crc32(log[at + 6 : at + 7 + size])
        record += log[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):
            yield record
            record = b""


@dataclass
class Fault:
    """An answer that goes wrong, as often as it says."""

    operation: str
    status: int = 200
    error: str = ""
    times: int = 1


class Server:
    """Serves projects until it is closed; counts the calls by operation."""

    most_rows = 10_000  # in a page of history

    def __init__(self) -> None:
        """Listen on a free port."""
        self.projects: dict[str, list[Run]] = {}
        self.faults: list[Fault] = []
        self.calls: Counter[str] = Counter()
        self.before: Callable[[str, dict[str, Any]], None] = lambda *_: None  # sees each call first
        self.lock = threading.Lock()
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self.http.shutdown()
        self.http.server_close()

    def fault(self, operation: str) -> Fault | None:
        """Count a call; give the fault that it meets, if any."""
        with self.lock:
            self.calls[operation] += 1
            for f in self.faults:
                if f.operation == operation and f.times > 0:
                    f.times -= 1
                    return f
        return None

    def answer(self, operation: str, v: dict[str, Any], query: str) -> dict[str, Any]:
        """Answer an operation with these variables."""
        if operation in ("Viewer", "GetDefaultEntity"):
            viewer = {"id": "u", "entity": "ml", "username": "canary7", "email": "canary7@example.org", "flags": "{}"}
            return {"viewer": {**viewer, "teams": {"edges": []}}}
        path = f"{v['entity']}/{v['project']}"
        if path not in self.projects:
            return {"project": None}
        if operation == "Runs":
            return {"project": self._page(self.projects[path], v, query)}
        name = v.get("runName") or v.get("run") or v.get("name")
        run = next((r for r in self.projects[path] if r.name == name), None)
        if run is None:
            return {"project": {"run": None}}
        answers: dict[str, Callable[[], dict[str, Any]]] = {
            "Run": run.attributes,
            "RunHistoryKeys": lambda: {"historyKeys": run.keys()},
            "RunParquetHistory": lambda: self._exports(run, v, path),
            "HistoryPage": lambda: self._rows(run, v),
            "RunFiles": lambda: self._files(run, v, path),
        }
        return {"project": {"run": answers[operation]()}}

    def _page(self, runs: list[Run], v: dict[str, Any], query: str) -> dict[str, Any]:
        """Give one page of runs; without config and summary to who does not ask for them."""
        key, order = {"created_at": "created", "heartbeat_at": "heartbeat"}, v["order"]
        runs = sorted(runs, key=lambda r: (getattr(r, key[order[1:]]), r.name), reverse=order[0] == "-")
        start, n = int(v.get("cursor") or 0), v["perPage"]
        heavy = ("config", "summaryMetrics", "systemMetrics", "historyKeys")
        edges = []
        for i, run in enumerate(runs[start : start + n], start + 1):
            node = {k: x for k, x in run.attributes().items() if k not in heavy or k in query}
            edges.append({"node": node, "cursor": str(i)})
        info = {"endCursor": str(start + len(edges)), "hasNextPage": start + n < len(runs)}
        return {"internalId": "7", "runCount": len(runs), "readOnly": True, "runs": {"edges": edges, "pageInfo": info}}

    def _exports(self, run: Run, v: dict[str, Any], path: str) -> dict[str, Any]:
        live = [{k: json.loads(row[k]) for k in v["liveKeys"] if k in row} for row in run.rows[run.exported :]]
        urls = [f"{self.url}/parquet/{path}/{run.name}/{run.exported}"] if run.exported else []
        return {"parquetHistory": {"parquetUrls": urls, "liveData": live}}

    def _rows(self, run: Run, v: dict[str, Any]) -> dict[str, Any]:
        """Give the rows of a stretch of steps, also those that were exported; thinned out if they are too many."""
        first, last = (bisect_left(run.rows, v[key], key=step) for key in ("minStep", "maxStep"))
        found = run.rows[first:last]
        most = min(v["pageSize"], self.most_rows)
        return {"history": [text(row) for row in found[:: -(-len(found) // most) or 1]]}

    def _files(self, run: Run, v: dict[str, Any], path: str) -> dict[str, Any]:
        data = json.dumps(run.metadata).encode()
        url = f"{self.url}/files/{path}/{run.name}"
        node = {
            "id": "f",
            "name": v["fileNames"][0],
            "url": url,
            "directUrl": url,
            "sizeBytes": len(data),
            "mimetype": "application/json",
            "updatedAt": run.heartbeat,
            "md5": "",
        }
        edges = [{"node": node, "cursor": "1"}] if run.metadata else []
        return {
            "fileCount": len(edges),
            "files": {"edges": edges, "pageInfo": {"endCursor": "1", "hasNextPage": False}},
        }


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def reply(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            kind, entity, project, name, *rest = urlsplit(self.path).path.strip("/").split("/")
            server.calls[kind] += 1
            run = next(r for r in server.projects[f"{entity}/{project}"] if r.name == name)
            self.reply(
                200, parquet(run.rows[: int(rest[0])]) if kind == "parquet" else json.dumps(run.metadata).encode()
            )

        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path != "/graphql":
                server.calls[self.path] += 1  # the client's measurements of itself
                self.reply(404, b"")
                return
            body = json.loads(data)
            query, v = body["query"], body.get("variables") or {}
            operation = re.search(r"(?:query|mutation)\s+(\w+)", query)
            assert operation, query
            server.before(operation[1], v)
            if KEY not in _credentials(self.headers["Authorization"]):
                self.reply(401, b'{"errors":[{"message":"user is not logged in"}]}')
                return
            fault = server.fault(operation[1])
            if fault and fault.status != 200:
                self.reply(fault.status, json.dumps({"errors": [{"message": fault.error}]}).encode())
            elif fault:
                self.reply(200, json.dumps({"errors": [{"message": fault.error, "path": ["project"]}]}).encode())
            else:
                self.reply(200, json.dumps({"data": server.answer(operation[1], v, query)}).encode())

    return Handler


def _credentials(header: str | None) -> str:
    scheme, _, word = (header or "").partition(" ")
    return base64.b64decode(word).decode() if scheme == "Basic" else word
