"""What the numbers were taken on: enough to judge them, nothing that names the machine."""

import os
import platform
from pathlib import Path


def machine() -> dict[str, str | int]:
    """Cores, memory, kernel and file system."""
    information = dict(
        line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal")
    )
    return {
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(int(information["MemTotal"].split()[0]) / (1 << 20)),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "filesystem": filesystem(Path.cwd()),
    }


def filesystem(path: Path) -> str:
    """The type of the file system that holds `path`."""
    mounts = (line.split() for line in Path("/proc/mounts").read_text().splitlines())
    holding = [(len(point), kind) for _, point, kind, *_ in mounts if path.is_relative_to(point)]
    return max(holding)[1]
