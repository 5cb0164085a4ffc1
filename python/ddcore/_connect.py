"""Lakes and files in the DuckDB of Python: `Lake.connect` and `ddcore.attach`."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from . import _arguments, _native, errors

if TYPE_CHECKING:
    import duckdb

    from .lake import Lake

READERS = {
    ".parquet": "read_parquet",
    ".csv": "read_csv",
    ".tsv": "read_csv",
    ".json": "read_json",
    ".jsonl": "read_json",
    ".ndjson": "read_json",
}
DATABASES = (".duckdb", ".db", ".ddb")
COMPRESSED = (".gz", ".zst")


def connect(lake: Lake, name: str) -> duckdb.DuckDBPyConnection:
    """Give a new connection with the lake attached."""
    driver = _driver()
    config: dict[str, Any] = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}
    if lake.threads is not None:
        config["threads"] = lake.threads
    if lake.memory_limit is not None:
        config["memory_limit"] = lake.memory_limit
    con: duckdb.DuckDBPyConnection = driver.connect(config=config)
    try:
        _run(con, lake._read("connect", {"name": name}).to_pylist())
    except BaseException:
        con.close()
        raise
    return con


def attach(con: duckdb.DuckDBPyConnection, source: str | os.PathLike[str] | Lake, *, name: str | None = None) -> str:
    """Bring a lake, a database or files into a DuckDB session of Python, to be read.

    Several of them may be attached to one session and joined. Keys come from the environment at that
    moment and stay in the session's memory.

    Args:
        con: A connection of the `duckdb` package, of the version that ddcore is built for (1.5.5).
        source: A lake (as `ddcore.open` takes it, or what it gave) is attached under `name`, as is a DuckDB
            file (.duckdb, .db, .ddb) and "md:database" (its own extension and token are needed: see the
            guide on hosting). Files (.parquet, .csv, .json, .jsonl; local, "s3://", "https://" or "hf://",
            also with * in their names) become a view.
        name: What to call it; default: the last part of the source's name.

    Returns:
        The name under which it is found in SQL.

    Raises:
        InvalidError: duckdb is of another version, the source is of no known kind, or the name is taken.
        NotFoundError: There is no such lake or file, or an extension is missing.
        StorageError: It cannot be read.

    Example:
        >>> lake.export("full_eval", "4M.parquet", params="4M", progress=False).num_rows
        1
        >>> con = lake.connect()
        >>> ddcore.attach(con, "4M.parquet", name="small")
        'small'
        >>> con.sql("SELECT count(*) FROM small JOIN recipes ON recipe = data").fetchall()
        [(30,)]
    """
    from . import lake as lakes

    _check_version(con)
    if isinstance(source, lakes.Lake):
        return _attach_lake(con, source, name)
    text = os.fspath(source)
    stem, ending = _ending(text)
    if text.startswith("md:"):
        return _attach_motherduck(con, text, name)
    if ending in READERS:
        return _attach_files(con, text, READERS[ending], name or _named(stem))
    if ending in DATABASES and "://" not in text:
        path = _arguments.path(text)
        if not os.path.isfile(path):
            raise _error(errors.NotFoundError, f"attach {text}: there is no such file", "name a DuckDB file")
        name = name or _named(stem)
        _refuse_database(con, text, name)
        _execute(con, f"ATTACH {_text(path)} AS {_identifier(name)} (READ_ONLY)", text)
        return name
    if text.startswith("hf://") or "*" in text:
        raise _arguments.invalid(
            f"attach {text}: it is not clear what these files are", f"name files that end in {', '.join(READERS)}"
        )
    return _attach_lake(con, lakes.open(text), name)


def _attach_lake(con: duckdb.DuckDBPyConnection, lake: Lake, name: str | None) -> str:
    name = name or _named(lake.path)
    _refuse_database(con, lake.path, name)
    steps = lake._read("connect", {"name": name}).to_pylist()
    _run(con, [step for step in steps if step["kind"] != "use"])
    return name


def _attach_files(con: duckdb.DuckDBPyConnection, text: str, reader: str, name: str) -> str:
    _refuse_table(con, text, name)
    if "://" in text:
        _load(con, "httpfs")
    else:
        text = os.path.abspath(_arguments.path(text))
    secrets = {"s3": s3_secret, "hf": hf_secret}
    scheme = text.partition("://")[0]
    if scheme in secrets and (secret := secrets[scheme]()):
        _execute(con, secret, "the keys", bound=True)
    _execute(con, f"CREATE OR REPLACE TEMP VIEW {_identifier(name)} AS FROM {reader}({_text(text)})", text)
    return name


def _refuse_table(con: duckdb.DuckDBPyConnection, text: str, name: str) -> None:
    """Refuse a view that would hide a table; a former view of the name is replaced."""
    database, schema = con.execute("SELECT current_database(), current_schema()").fetchall()[0]
    try:
        con.execute(f"FROM {_identifier(database)}.{_identifier(schema)}.{_identifier(name)} LIMIT 0").fetchall()
    except Exception:  # what comes next says more of it, if it is anything but a free name
        return
    raise _arguments.invalid(f"attach {text}: there is a table {name} already", "give another name=")


def _refuse_database(con: duckdb.DuckDBPyConnection, text: str, name: str) -> None:
    """Refuse a name that is taken: DuckLake's own refusal breaks the lake that has it."""
    if con.execute("FROM duckdb_databases() WHERE lower(database_name) = lower(?)", [name]).fetchall():
        raise _arguments.invalid(f"attach {text}: there is a database {name} already", "give another name=")


def _attach_motherduck(con: duckdb.DuckDBPyConnection, text: str, name: str | None) -> str:
    if "?" in text:
        raise _arguments.invalid(
            "attach md:...: its name holds settings", "give the token in the variable motherduck_token"
        )
    try:
        con.execute("LOAD motherduck")
    except Exception:
        raise _error(
            errors.NotFoundError,
            f"attach {text}: DuckDB's extension motherduck is not here",
            "run con.execute('INSTALL motherduck') once, with the network; the token is in motherduck_token",
        ) from None
    name = name or _named(text[3:])
    _execute(con, f"ATTACH {_text(text)} AS {_identifier(name)}", text)
    return name


def s3_secret() -> str | None:
    """Write the secret of S3 as the core does, for files that are no lake's."""
    names = {"KEY_ID": "AWS_ACCESS_KEY_ID", "SECRET": "AWS_SECRET_ACCESS_KEY", "SESSION_TOKEN": "AWS_SESSION_TOKEN"}
    options = [f"{option} ${variable}" for option, variable in names.items() if os.environ.get(variable)]
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if region:
        options.append(f"REGION {_text(region)}")
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    if endpoint:
        scheme, _, host = endpoint.partition("://")
        if scheme not in ("http", "https") or not host or "@" in host:
            raise _arguments.invalid(
                "AWS_ENDPOINT_URL is no address of a server", "for example https://ACCOUNT.r2.cloudflarestorage.com"
            )
        options += [f"ENDPOINT {_text(host.rstrip('/'))}", "URL_STYLE 'path'", f"USE_SSL {scheme == 'https'}"]
    return f"CREATE OR REPLACE SECRET ddcore_s3 ({', '.join(['TYPE s3', *options])})" if options else None


def hf_secret() -> str | None:
    """Write the secret of the Hugging Face hub, where there is a token."""
    return (
        "CREATE OR REPLACE SECRET ddcore_hf (TYPE huggingface, TOKEN $HF_TOKEN)" if os.environ.get("HF_TOKEN") else None
    )


def _driver() -> Any:
    try:
        import duckdb
    except ImportError:
        raise _error(
            errors.NotFoundError, "connect: the package duckdb is not here", "pip install 'ddcore[duckdb]'"
        ) from None
    if duckdb.__version__ != _wanted():
        raise _wrong_version(duckdb.__version__)
    return duckdb


def _wanted() -> str:
    return _native.DUCKDB.decode().removeprefix("v")


def _check_version(con: duckdb.DuckDBPyConnection) -> None:
    found = con.execute("SELECT version()").fetchall()[0][0].removeprefix("v")
    if found != _wanted():
        raise _wrong_version(found)


def _wrong_version(found: str) -> errors.Error:
    return _arguments.invalid(
        f"connect: duckdb is {found}, and DuckDB's extensions are here for {_wanted()} only",
        f"pip install duckdb=={_wanted()}; ddcore itself works beside any version",
    )


def _run(con: duckdb.DuckDBPyConnection, steps: list[dict[str, str]]) -> None:
    for step in steps:
        bound = step["kind"] == "secret"
        _execute(con, step["sql"], "the keys" if bound else "the lake", bound=bound)


def _load(con: duckdb.DuckDBPyConnection, extension: str) -> None:
    from . import _where

    for folder in (*os.environ.get("DDCORE_EXTENSION_DIR", "").split(os.pathsep), *_where.extension_dirs()):
        file = f"{extension}.duckdb_extension"
        for path in (
            os.path.join(folder, file),
            os.path.join(folder, f"duckdb_extension_{extension}", "extensions", f"v{_wanted()}", file),
        ):
            if os.path.isfile(path):
                _execute(con, f"LOAD {_text(path)}", extension)
                return
    raise _error(
        errors.NotFoundError,
        f"load DuckDB extension {extension}: it was not found",
        f"pip install duckdb-extension-{extension.replace('_', '-')}=={_wanted()}",
    )


def _execute(con: duckdb.DuckDBPyConnection, sql: str, target: str, *, bound: bool = False) -> None:
    values = {name: os.environ.get(name, "") for name in re.findall(r"\$(\w+)", sql)} if bound else None
    try:
        con.execute(sql, values)
    except Exception as error:
        if bound:  # DuckDB's message may hold them
            raise _arguments.invalid(
                "set up S3: DuckDB does not accept the settings", "look at AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, ..."
            ) from None
        kind = errors.StorageError if type(error).__name__ in ("IOException", "HTTPException") else errors.InvalidError
        raise _error(
            kind, f"attach {target}: {str(error).splitlines()[0]}", "does it exist, and may you read it?"
        ) from error


def _ending(text: str) -> tuple[str, str]:
    stem, ending = os.path.splitext(text)
    if ending in COMPRESSED:
        stem, ending = os.path.splitext(stem)
    return stem, ending.lower()


def _named(text: str) -> str:
    """Make a name for SQL of the last part of a path or address."""
    database = re.search(r"dbname=(\w+)", text)
    part = database.group(1) if database else os.path.basename(text.rstrip("/")).removesuffix(".lake")
    return re.sub(r"\W+", "_", part).strip("_") or "lake"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _error(kind: type[errors.Error], problem: str, hint: str) -> errors.Error:
    error = kind(f"{problem} ({hint})")
    error.hint = hint
    return error
