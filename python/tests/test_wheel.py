"""What the wheel holds, and what its libraries show and need."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import ddcore
import native
from abi import INSTALLED, ROOT, header_functions, run, tool
from ddcore import _native, errors

LIBRARIES = ["libddcore.so", "libddcore_duckdb.so"]


def exported(library: str) -> set[str]:
    """The symbols that a library defines for others."""
    lines = tool("nm", "-D", "--defined-only", INSTALLED / "lib" / library).splitlines()
    return {name.split("@")[0] for _, kind, name in map(str.split, lines) if kind != "A"}


def test_libddcore_exports_what_the_header_declares() -> None:
    assert exported("libddcore.so") == header_functions()


def test_libddcore_duckdb_exports_the_c_api_only() -> None:
    header = (native.duckdb_folder() / "duckdb.h").read_text()
    names = exported("libddcore_duckdb.so")
    assert names <= set(re.findall(r"\b(duckdb_\w+)\(", header))
    assert not {n for n in names if n.startswith("duckdb_je_")}


def test_the_tag_names_the_glibc_that_is_needed() -> None:
    files = [INSTALLED / "lib" / name for name in LIBRARIES] + [INSTALLED / "bin/ddcore"]
    major, minor = native.glibc_needed(*files)
    tags = importlib.metadata.distribution("ddcore").read_text("WHEEL") or ""
    assert f"Tag: py3-none-manylinux_{major}_{minor}_" in tags
    assert (major, minor) <= (2, 34)


def test_nothing_but_glibc_is_needed() -> None:
    allowed = {"libc.so.6", "libm.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}
    for file in [*(INSTALLED / "lib" / name for name in LIBRARIES), INSTALLED / "bin/ddcore"]:
        needed = set(re.findall(r"NEEDED.*\[(.+)\]", tool("readelf", "-dW", file)))
        assert needed <= allowed | {"libddcore_duckdb.so"}, file


def test_little_thread_local_storage() -> None:
    # Go makes its library's TLS static, and glibc keeps only 1,664 bytes for
    # libraries that are loaded later. DuckDB's own 11 KB must stay dynamic.
    sizes = re.findall(
        r"^ +TLS +\S+ \S+ \S+ \S+ (\S+)", tool("readelf", "-lW", INSTALLED / "lib/libddcore.so"), re.MULTILINE
    )
    assert sum(int(size, 16) for size in sizes) <= 64
    assert "STATIC_TLS" not in tool("readelf", "-dW", INSTALLED / "lib/libddcore_duckdb.so")


def test_one_copy_of_duckdb() -> None:
    for file in (INSTALLED / "lib/libddcore.so", INSTALLED / "bin/ddcore"):
        dynamic = tool("readelf", "-dW", file)
        assert "libddcore_duckdb.so" in dynamic
        assert "$ORIGIN" in dynamic
    assert (INSTALLED / "bin/ddcore").stat().st_size < 40 << 20


def test_the_wheel_is_small() -> None:
    wheels = sorted(ROOT.glob("dist/*.whl"), key=lambda p: p.stat().st_mtime)
    if not wheels:
        pytest.skip("no wheel in dist/")
    assert wheels[-1].stat().st_size <= 36 << 20


def test_no_machine_paths_in_the_libraries() -> None:
    for file in [*(INSTALLED / "lib" / name for name in LIBRARIES), INSTALLED / "bin/ddcore"]:
        data = file.read_bytes()
        assert str(native.duckdb_folder()).encode() not in data
        assert str(ROOT).encode() + b"/" not in data


def test_kinds_are_those_of_the_core() -> None:
    text = (ROOT / "core/contract/error.go").read_text()
    kinds = dict(re.findall(r'^\t(\w+) +Kind = "(\w+)"', text, re.MULTILINE))
    rows = re.findall(r'\{(\w+), \d+, "(\w+)", "(\w+)"\}', text)
    assert {(kinds[k], cls, base) for k, cls, base in rows} == {
        (kind, cls.__name__, cls.__bases__[1].__name__) for kind, cls in errors.CLASSES.items()
    }
    assert "#define INVALID " + re.findall(r"\{Invalid, (\d+),", text)[0] in (ROOT / "capi/exports.c").read_text()


def test_one_version_everywhere() -> None:
    rows = _native.table("version").to_pylist()
    versions = {row["component"]: row["version"] for row in rows}
    assert versions["ddcore"] == importlib.metadata.version("ddcore") == native.project_version()
    assert versions["duckdb"].encode() == _native.DUCKDB
    pins = re.findall(r"duckdb-extension-[\w-]+==([\d.]+)", (ROOT / "pyproject.toml").read_text())
    assert {f"v{pin}".encode() for pin in pins} == {_native.DUCKDB}
    major, minor, patch = map(int, _native.DUCKDB.decode()[1:].split("."))
    bindings = re.search(r"duckdb-go-bindings v0\.(\d+)\.", (ROOT / "go.mod").read_text())
    assert bindings is not None
    assert int(bindings[1]) == major * 10000 + minor * 100 + patch


def test_our_prototypes_agree_with_duckdbs_header(tmp_path: Path) -> None:
    source = tmp_path / "both.c"
    source.write_text(
        f'#include "{native.duckdb_folder()}/duckdb.h"\n'
        "#define DUCKDB_API_EXCLUDE_TYPES_FOR_TEST\n"
        '#include "duckdb_min.h"\n'
    )
    subprocess.run(["gcc", "-std=gnu11", "-Wall", "-Werror", "-fsyntax-only", f"-I{ROOT / 'capi'}", source], check=True)


def test_the_header_is_c_and_cxx() -> None:
    for compiler in ("gcc -xc -std=c99", "g++ -xc++"):
        command = [*compiler.split(), "-Wall", "-Wextra", "-Werror", "-fsyntax-only", str(ROOT / "capi/ddcore.h")]
        subprocess.run(command, check=True)


def test_import_is_light() -> None:
    run(
        """
assert "pyarrow" not in sys.modules and "ctypes.util" not in sys.modules
assert "libddcore" not in open("/proc/self/maps").read()
_native.library()
print("ok")
"""
    )


def test_the_command_starts_the_go_program_without_pyarrow() -> None:
    command = Path(sysconfig.get_path("scripts")) / "ddcore"
    assert importlib.metadata.version("ddcore") in tool(command, "version")
    code = "import sys; sys.argv = ['ddcore', 'version']; import ddcore._cli; assert 'pyarrow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_licences_are_in_the_wheel() -> None:
    text = (INSTALLED / "THIRD_PARTY_LICENSES.txt").read_text()
    for name in ("DuckDB", "github.com/apache/arrow-go", "Go go1."):
        assert f"==== {name}" in text
    assert ddcore.__file__ is not None
    assert (INSTALLED / "py.typed").exists()
