"""CPU time and memory of the processes of a benchmark, read from Linux."""

import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_SERVICES = {
    "local.ministack": "local AWS",
    "local.step_functions": "Step Functions",
    "custom_labels": "Custom Labels",
}
_CHILDREN_OF = {"local AWS": "functions"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessUsage:
    """One process of the tree: its service, its CPU seconds and those of its exited children."""

    pid: int
    name: str
    seconds: float
    children_seconds: float


def process_tree(root: int = 0) -> list[ProcessUsage]:
    """Return a process and all its descendants. The root is this process by default."""
    cpu_seconds: dict[int, tuple[float, float]] = {}
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:  # It exited meanwhile.
            continue
        user, system, children_user, children_system = (int(field) / _TICKS for field in fields[11:15])
        pid = int(stat.parent.name)
        cpu_seconds[pid] = user + system, children_user + children_system
        children.setdefault(int(fields[1]), []).append(pid)

    def subtree(pid: int, name: str) -> Iterator[ProcessUsage]:
        seconds, children_seconds = cpu_seconds.get(pid, (0.0, 0.0))
        yield ProcessUsage(pid=pid, name=name, seconds=seconds, children_seconds=children_seconds)
        for child in children.get(pid, ()):
            yield from subtree(child, _service_name(child) or _CHILDREN_OF.get(name, name))

    return list(subtree(root or os.getpid(), "benchmark"))


def _service_name(pid: int) -> str:
    """Return the service that a process was started for, or an empty string."""
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return ""
    return next((_SERVICES[argument] for argument in arguments if argument in _SERVICES), "")


def cpu_seconds_by_service() -> dict[str, float]:
    """Return the CPU seconds so far of each service."""
    seconds: dict[str, float] = defaultdict(float)
    for process in process_tree():
        seconds[process.name] += process.seconds
        seconds[_CHILDREN_OF.get(process.name, process.name)] += process.children_seconds
    return seconds


def memory_mb() -> float:
    """Return the proportional memory of the whole process tree, in MB."""
    total = 0
    for process in process_tree():
        try:
            rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return total / 1024
