"""W&B's server on the loopback: it answers the real client's GraphQL calls with runs of which the client wrote logs."""

from __future__ import annotations

import io
import json
import re
import struct
import threading
import zlib
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

    def step(self, i: int) -> int:
        return int(self.rows[i]["_step"])

    def attributes(self) -> dict[str, Any]:
        """Give what a RunFragment asks for."""
        return {
            "id": "UnVu" + self.name, "projectId": "7", "name": self.name, "displayName": self.name, "state": self.state,
            "tags": ["a"], "sweepName": None, "group": None, "jobType": None, "commit": None, "readOnly": True,
            "createdAt": self.created, "heartbeatAt": self.heartbeat, "description": "", "notes": None,
            "config": json.dumps({k: {"value": v} for k, v in self.config.items()}),
            "systemMetrics": "{}", "summaryMetrics": json.dumps(self.summary), "historyLineCount": len(self.rows),
            "user": {"name": "Canary Seven", "username": "canary7"}, "historyKeys": self.keys(),
        }  # fmt: skip

    def keys(self) -> dict[str, Any] | None:
        return {"lastStep": self.step(-1), "keys": {}, "sets": []} if len(self.rows) else None


def text(row: Row) -> str:
    return "{" + ",".join(json.dumps(k) + ":" + v for k, v in row.items()) + "}"


def parquet(rows: Sequence[Row]) -> bytes:
    """Write rows as W&B exports them: a column a key, of the type of its values."""
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([json.loads(text(row)) for row in rows]), out)
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
    if_variables: Callable[[dict[str, Any]], bool] = lambda _: True


class Server:
    """Serves projects until it is closed; counts the calls by operation."""

    def __init__(self) -> None:
        self.projects: dict[str, list[Run]] = {}
        self.faults: list[Fault] = []
        self.calls: Counter[str] = Counter()
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.before: Callable[[str, dict[str, Any]], None] = lambda *_: None  # sees each call first
        self.lock = threading.Lock()
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.shutdown()
        self.http.server_close()

    def fault(self, operation: str, variables: dict[str, Any]) -> Fault | None:
        with self.lock:
            self.calls[operation] += 1
            self.asked.append((operation, variables))
            for f in self.faults:
                if f.operation == operation and f.times > 0 and f.if_variables(variables):
                    f.times -= 1
                    return f
        return None

    def answer(self, operation: str, v: dict[str, Any], query: str) -> dict[str, Any]:
        if operation in ("Viewer", "GetDefaultEntity"):
            return {"viewer": {"id": "VXNlcjox", "entity": "ml", "username": "canary7", "email": "canary7@example.org", "flags": "{}", "teams": {"edges": []}}}
        entity, project = v.get("entity"), v.get("project")
        runs = self.projects.get(f"{entity}/{project}")
        if runs is None:
            return {"project": None}
        if operation == "Runs":
            return {"project": self.page(runs, v, query)}
        run = next((r for r in runs if r.name == (v.get("runName") or v.get("run") or v.get("name"))), None)
        if run is None:
            return {"project": {"run": None}}
        return {"project": {"run": getattr(self, "answer_" + operation)(run, v, f"{entity}/{project}")}}

    def page(self, runs: list[Run], v: dict[str, Any], query: str) -> dict[str, Any]:
        """Give one page of runs; without config and summary to who does not ask for them."""
        key, order = {"created_at": "created", "heartbeat_at": "heartbeat"}, v["order"]
        runs = sorted(runs, key=lambda r: (getattr(r, key[order[1:]]), r.name), reverse=order[0] == "-")
        start, n = int(v.get("cursor") or 0), v["perPage"]
        edges = []
        for i, run in enumerate(runs[start : start + n], start + 1):
            node = run.attributes()
            if "summaryMetrics" not in query:
                node = {k: x for k, x in node.items() if k not in ("config", "summaryMetrics", "systemMetrics", "historyKeys")}
            edges.append({"node": node, "cursor": str(i)})
        info = {"endCursor": str(start + len(edges)), "hasNextPage": start + n < len(runs)}
        return {"internalId": "7", "runCount": len(runs), "readOnly": True, "runs": {"edges": edges, "pageInfo": info}}

    def answer_Run(self, run: Run, _: dict[str, Any], __: str) -> dict[str, Any]:  # noqa: N802
        return run.attributes()

    def answer_RunHistoryKeys(self, run: Run, _: dict[str, Any], __: str) -> dict[str, Any]:  # noqa: N802
        return {"historyKeys": run.keys()}

    def answer_RunParquetHistory(self, run: Run, v: dict[str, Any], path: str) -> dict[str, Any]:  # noqa: N802
        live = [{k: json.loads(row[k]) for k in v["liveKeys"] if k in row} for row in run.rows[run.exported :]]
        urls = [f"{self.url}/parquet/{path}/{run.name}/{run.exported}"] if run.exported else []
        return {"parquetHistory": {"parquetUrls": urls, "liveData": live}}

    def answer_HistoryPage(self, run: Run, v: dict[str, Any], _: str) -> dict[str, Any]:  # noqa: N802
        found = [text(row) for row in run.rows if v["minStep"] <= int(row["_step"]) < v["maxStep"]]
        return {"history": found[: v["pageSize"]]}

    def answer_RunFiles(self, run: Run, v: dict[str, Any], path: str) -> dict[str, Any]:  # noqa: N802
        data = json.dumps(run.metadata).encode()
        url = f"{self.url}/files/{path}/{run.name}"
        node = {"id": "f", "name": v["fileNames"][0], "url": url, "directUrl": url, "sizeBytes": len(data), "mimetype": "application/json", "updatedAt": run.heartbeat, "md5": ""}
        edges = [{"node": node, "cursor": "1"}] if run.metadata else []
        return {"fileCount": len(edges), "files": {"edges": edges, "pageInfo": {"endCursor": "1", "hasNextPage": False}}}


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

        def do_GET(self) -> None:  # noqa: N802
            kind, entity, project, name, *rest = urlsplit(self.path).path.strip("/").split("/")
            server.calls[kind] += 1
            run = next(r for r in server.projects[f"{entity}/{project}"] if r.name == name)
            self.reply(200, parquet(run.rows[: int(rest[0])]) if kind == "parquet" else json.dumps(run.metadata).encode())

        def do_POST(self) -> None:  # noqa: N802
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
            fault = server.fault(operation[1], v)
            if fault and fault.status != 200:
                self.reply(fault.status, json.dumps({"errors": [{"message": fault.error}]}).encode())
            elif fault:
                self.reply(200, json.dumps({"errors": [{"message": fault.error, "path": ["project"]}]}).encode())
            else:
                self.reply(200, json.dumps({"data": server.answer(operation[1], v, query)}).encode())

    return Handler


def _credentials(header: str | None) -> str:
    import base64

    scheme, _, word = (header or "").partition(" ")
    return base64.b64decode(word).decode() if scheme == "Basic" else word
