"""The build hook of pyproject.toml: puts the native parts into the wheel."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).parent))
import native


class NativeBuildHook(BuildHookInterface[Any]):
    """Builds the libraries and the CLI, and names the platform in the tag."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Run before the wheel is packed."""
        folder = Path(self.root) / "build" / "native"
        try:
            native.build(folder, self.metadata.version)
            tag = native.wheel_tag(folder)
        except native.BuildError as error:
            self.app.abort(str(error))
        if version == "editable":
            return  # ddcore._where finds build/native
        build_data["pure_python"] = False
        build_data["tag"] = tag
        for name in native.PARTS:
            build_data["force_include"][str(folder / name)] = f"ddcore/{name}"
