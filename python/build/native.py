"""Links ddcore's native parts; needs Go, a C/C++ compiler and nothing else.

    python python/build/native.py [--version 0.1.0] [--lib-only] FOLDER

makes, with the layout of the wheel,

    FOLDER/lib/libddcore_duckdb.so   DuckDB: its C API and nothing else
    FOLDER/lib/libddcore.so          the Go core behind capi/ddcore.h
    FOLDER/bin/ddcore                the CLI, which uses the same DuckDB library
    FOLDER/THIRD_PARTY_LICENSES.txt

docs/abi.md tells why there are two libraries and what the flags are for. On
macOS, where nobody has tried it yet, the libraries end in .dylib.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GO = (1, 26)
TAGS = "duckdb_arrow,duckdb_use_static_lib"  # the second: no DuckDB but the one that we link
SYSTEMS = {"Linux": "linux", "Darwin": "darwin"}  # macOS: not tried
ARCHES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}  # arm64: not tried
MACOS = platform.system() == "Darwin"
SUFFIX = ".dylib" if MACOS else ".so"
PARTS = (f"lib/libddcore{SUFFIX}", f"lib/libddcore_duckdb{SUFFIX}", "bin/ddcore", "THIRD_PARTY_LICENSES.txt")
NEEDS = f"ddcore is built from Go sources: it needs Go >= {GO[0]}.{GO[1]} and a C and a C++ compiler (gcc, g++)"


class BuildError(Exception):
    """The build cannot go on; the text says what is missing."""


def run(*command: str | Path, **env: str) -> str:
    """Run a command in the repository; give what it prints."""
    done = subprocess.run(
        [str(c) for c in command], cwd=ROOT, env={**os.environ, **env}, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode != 0:
        raise BuildError(f"{shlex.join(map(str, command))}\nended with status {done.returncode}")
    return done.stdout


def compilers() -> tuple[str, str]:
    """Give the C and C++ compilers; fail unless they and Go are there."""
    if platform.system() not in SYSTEMS or platform.machine() not in ARCHES:
        raise BuildError(f"ddcore builds on Linux and macOS, x86-64 and arm64, not on {platform.platform()}")
    if shutil.which("go") is None:
        raise BuildError(f"no `go` on PATH. {NEEDS}")
    version = re.match(r"go(\d+)\.(\d+)", run("go", "env", "GOVERSION"))
    if version is None or tuple(map(int, version.groups())) < GO:
        raise BuildError(f"Go is too old: {run('go', 'version').strip()}. {NEEDS}")
    cc, cxx = run("go", "env", "CC", "CXX").split("\n")[:2]
    for compiler in (cc, cxx):
        if shutil.which(shlex.split(compiler)[0]) is None:
            raise BuildError(f"no `{compiler}` on PATH. {NEEDS}")
    return cc, cxx


def duckdb_folder() -> Path:
    """Give the folder of DuckDB's static archives, in Go's module cache."""
    module = f"github.com/duckdb/duckdb-go-bindings/lib/{SYSTEMS[platform.system()]}-{ARCHES[platform.machine()]}"
    return Path(json.loads(run("go", "mod", "download", "-json", module))["Dir"])


def _so(archives: Path, names: list[str], lib: Path) -> list[str]:
    script = lib / "libddcore_duckdb.map"
    script.write_text("DDCORE_DUCKDB_1 {\n  global: " + "; ".join(names) + ";\n  local: *;\n};\n")
    others = [f"-l:{a.name}" for a in sorted(archives.glob("*.a")) if a.name != "libduckdb_static.a"]
    return [
        *("-shared", "-Wl,-soname,libddcore_duckdb.so", f"-L{archives}"),
        # The others whole too would give duplicate objects.
        *("-Wl,--whole-archive", "-l:libduckdb_static.a", "-Wl,--no-whole-archive"),
        *("-Wl,--start-group", *others, "-Wl,--end-group"),
        *("-s", "-Wl,--gc-sections", "-Wl,-Bsymbolic", "-Wl,-z,defs", "-Wl,-z,now"),
        *(f"-Wl,--version-script={script}", "-static-libstdc++", "-lm", "-ldl", "-lpthread"),
    ]


def _dylib(archives: Path, names: list[str], lib: Path) -> list[str]:
    """Do the same for macOS, whose libraries name the library of each symbol: no -Bsymbolic, no DEEPBIND."""
    return [
        *("-dynamiclib", "-Wl,-install_name,@rpath/libddcore_duckdb.dylib"),
        f"-Wl,-force_load,{archives / 'libduckdb_static.a'}",
        *(str(a) for a in sorted(archives.glob("*.a")) if a.name != "libduckdb_static.a"),
        *("-Wl,-dead_strip", "-Wl,-x", _exported(lib / "libddcore_duckdb.exports", names)),
    ]


def _exported(path: Path, names: list[str]) -> str:
    """Write a list of symbols for macOS's linker; give its flag."""
    path.write_text("".join(f"_{name}\n" for name in names))
    return f"-Wl,-exported_symbols_list,{path}"


def link_duckdb(cxx: str, lib: Path) -> None:
    """Link the static archives to a shared library that shows the C API only."""
    archives = duckdb_folder()
    header = (archives / "duckdb.h").read_text()
    names = sorted(set(re.findall(r"DUCKDB_C_API[^;{]*?\b(duckdb_\w+)\(", header)))
    target = lib / f"libddcore_duckdb{SUFFIX}"
    command = [*shlex.split(cxx), "-o", str(target), *(_dylib if MACOS else _so)(archives, names, lib)]
    stamp = lib / "libddcore_duckdb.cmd"
    if stamp.exists() and stamp.read_text() == shlex.join(command):
        return  # the archives' path holds their version
    run(*command)
    stamp.write_text(shlex.join(command))


def go_build(target: str, package: str, lib: Path, version: str, flags: list[str], link: list[str], tags: str) -> None:
    """Build a Go package that takes DuckDB from lib."""
    # Through -extldflags and not CGO_LDFLAGS: the compiled packages then stay in
    # Go's cache whatever the folder is, and the script is given only once.
    link = [f"-L{lib}", "-lddcore_duckdb", *([] if MACOS else ["-Wl,-z,now"]), *link]
    external = " ".join(f"'{flag}'" for flag in link)
    run(
        *("go", "build", "-trimpath", "-tags", tags, "-o", target, *flags),
        *("-ldflags", f'-s -w -X ddcore/core.Version={version} "-extldflags={external}"', package),
        CGO_ENABLED="1",
    )


def link_library(lib: Path, version: str, extra_tags: str = "") -> None:
    """Build libddcore into lib, where libddcore_duckdb is."""
    script = ROOT / "capi/ddcore.map"
    if MACOS:
        names = re.findall(r"\bddcore_\w+", script.read_text())
        link = ["-Wl,-rpath,@loader_path", _exported(lib / "libddcore.exports", names)]
    else:
        link = ["-Wl,-z,defs", "-Wl,-Bsymbolic", "-Wl,-rpath,$ORIGIN", f"-Wl,--version-script={script}"]
    target = lib / f"libddcore{SUFFIX}"
    go_build(str(target), "./capi", lib, version, ["-buildmode=c-shared"], link, TAGS + extra_tags)
    target.with_suffix(".h").unlink(missing_ok=True)  # Go's; ours is capi/ddcore.h
    target.chmod(0o755)


def third_party_licences() -> str:
    """Give the licences of all that is linked."""
    template = "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}\t{{.Dir}}{{end}}{{end}}"
    packages = run("go", "list", "-deps", "-tags", TAGS, "-f", template, "./capi", "./cmd/ddcore")
    modules = dict(line.split("\t") for line in sorted(set(packages.splitlines())) if line)
    modules["Go " + run("go", "env", "GOVERSION").strip()] = run("go", "env", "GOROOT").strip()
    modules["DuckDB"] = str(duckdb_folder())
    parts: list[str] = []
    for name, folder in modules.items():
        files = sorted(Path(folder).glob("LICEN[CS]E*"))
        parts += [f"==== {name}: {file.name}\n\n{file.read_text()}" for file in files]
    return "\n".join(parts)


def glibc_needed(*files: Path) -> tuple[int, int]:
    """Give the oldest glibc that has all symbols which the files need."""
    found = re.findall(r"\bGLIBC_(\d+)\.(\d+)", run("readelf", "--version-info", "--wide", *files, LC_ALL="C"))
    return max((int(major), int(minor)) for major, minor in found)


def wheel_tag(folder: Path) -> str:
    """Give the tag of the wheel that holds what build made in folder."""
    if MACOS:
        oldest = os.environ.get("MACOSX_DEPLOYMENT_TARGET", "12.0")  # Go 1.26 needs 12
        return f"py3-none-macosx_{oldest.replace('.', '_')}_{platform.machine()}"
    major, minor = glibc_needed(*folder.glob("lib/*.so"), *folder.glob("bin/*"))
    return f"py3-none-manylinux_{major}_{minor}_{platform.machine()}"


def build(folder: Path, version: str, lib_only: bool = False) -> None:
    """Build everything into folder."""
    _, cxx = compilers()
    folder = folder.resolve()
    lib = folder / "lib"
    lib.mkdir(parents=True, exist_ok=True)
    link_duckdb(cxx, lib)
    link_library(lib, version)
    if lib_only:
        return
    here = "@loader_path" if MACOS else "$ORIGIN"
    go_build(str(folder / "bin/ddcore"), "./cmd/ddcore", lib, version, [], [f"-Wl,-rpath,{here}/../lib"], TAGS)
    (folder / "THIRD_PARTY_LICENSES.txt").write_text(third_party_licences())


def project_version() -> str:
    """Read the version from pyproject.toml, its only home."""
    found = re.search(r'^version = "([^"]+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    if found is None:
        raise BuildError("pyproject.toml has no version")
    return found[1]


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--version", default=None)
    parser.add_argument("--lib-only", action="store_true", help="no CLI and no licences")
    args = parser.parse_args()
    try:
        build(args.folder, args.version or project_version(), args.lib_only)
        print(wheel_tag(args.folder))
    except BuildError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
