"""The process that dbt runs in: `python -m warehouse.dbt_child PARSED ARGUMENT...`, PARSED being a file of `warehouse.project` or `-`.

It ends with exit code 0, 1 where models or tests failed, 2 where dbt could not run.
"""

from __future__ import annotations

import gc
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from warehouse.lean_dbt import lean


def main(parsed: str, *arguments: str) -> int:
    """Run dbt once, without reading the project where it is known what it says."""
    if sys.platform == "linux":
        import ctypes

        # PR_SET_PDEATHSIG: a task that is killed must not leave a dbt behind that holds the working file.
        ctypes.CDLL(None).prctl(1, 9)
    # What dbt loads stays until it ends, so Python need not look through it for garbage.
    gc.disable()
    from dbt.cli.main import dbtRunner

    lean()
    manifest = None if parsed == "-" else _manifest(Path(parsed))
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)
    gc.enable()
    done = dbtRunner(manifest=manifest).invoke(list(arguments))
    if done.exception:
        sys.stderr.write(f"{done.exception}\n")
        return 2
    return 0 if done.success else 1


def _manifest(path: Path) -> Any:
    """Return what dbt understood of the project as dbt itself reads it back (dbt.parser.manifest, partial parsing); None where it cannot."""
    from dbt.contracts.graph.manifest import Manifest
    from dbt.parser.manifest import extended_mashumuro_decoder

    try:
        manifest: Any = Manifest.from_msgpack(path.read_bytes(), decoder=extended_mashumuro_decoder)
    except Exception as error:
        sys.stderr.write(f"{path.name} cannot be read ({type(error).__name__}); the project is read anew\n")
        path.unlink(missing_ok=True)
        return None
    # As dbt does, so that what it writes bears the hour of this run.
    manifest.metadata.generated_at = datetime.now(UTC).replace(tzinfo=None)
    manifest.build_flat_graph()
    return manifest


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
