"""What all methods of a lake stand on: where it is, how it is opened, and the call of a verb."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .. import _arguments, _native

if TYPE_CHECKING:
    import pyarrow as pa
    from typing_extensions import Self


def place(path: str | os.PathLike[str]) -> str:
    """Make a path absolute; what is no path stays."""
    text = os.fspath(path)
    return text if text.startswith(("ducklake:", "md:")) or "://" in text else os.path.abspath(_arguments.path(path))


class Base:
    """A lake's path and options; `Lake` says what they mean.

    A frozen dataclass in all but name: that module would take a quarter of the time that ddcore needs to load.
    """

    path: str
    data: str | None
    threads: int | None
    memory_limit: str | None
    snapshot: int | None

    def __init__(
        self,
        path: str,
        data: str | None = None,
        threads: int | None = None,
        memory_limit: str | None = None,
        snapshot: int | None = None,
    ) -> None:
        vars(self).update(path=path, data=data, threads=threads, memory_limit=memory_limit, snapshot=snapshot)

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse: lakes are compared and found by their values."""
        raise AttributeError(f"a lake cannot be changed; to set {name}, open another")

    def __delattr__(self, name: str) -> None:
        """Refuse, as `__setattr__` does."""
        raise AttributeError(f"a lake cannot be changed; it keeps {name}")

    def __eq__(self, other: object) -> bool:
        """Compare path and options."""
        return type(other) is type(self) and vars(other) == vars(self)

    def __hash__(self) -> int:
        """Hash path and options."""
        return hash(tuple(vars(self).values()))

    def _with(self, **options: Any) -> Self:
        """Give the same lake with other options."""
        return type(self)(**{**vars(self), **options})

    def __repr__(self) -> str:
        """Write the call that makes this lake."""
        path = (
            self.path if place(self.path) == self.path and not os.path.isabs(self.path) else os.path.relpath(self.path)
        )
        options = [f", {name}={value!r}" for name, value in self._options().items()]
        return f"ddcore.open({path if not path.startswith('..') else self.path!r}{''.join(options)})"

    def _options(self) -> dict[str, Any]:
        options = {n: getattr(self, n) for n in ("data", "threads", "memory_limit", "snapshot")}
        return {k: v for k, v in options.items() if v is not None}

    def _read(self, verb: str, arguments: Mapping[str, Any] | None = None, report: Any = None) -> pa.Table:
        return _native.table(verb, self.path, arguments, self._options(), report)

    def _scan(self, verb: str, arguments: Mapping[str, Any]) -> pa.RecordBatchReader:
        return _native.call(verb, self.path, arguments, self._options())
