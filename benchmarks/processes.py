"""What the processes of a benchmark cost: processor seconds and memory, read from Linux."""

import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_SERVICES = {
    "local.aws": "local AWS",
    "local.step_functions": "Step Functions",
    "local.custom_labels": "Custom Labels",
}
_OF_CHILDREN = {"local AWS": "functions"}


@dataclass(frozen=True, slots=True)
class Process:
    """One process of the family: whose work it does, its processor seconds and those of its dead children."""

    pid: int
    name: str
    seconds: float
    childrens_seconds: float


def family(root: int = 0) -> list[Process]:
    """A process, this one unless another is named, and all its descendants."""
    spent: dict[int, tuple[float, float]] = {}
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:  # It ended meanwhile.
            continue
        user, system, childrens_user, childrens_system = (int(field) / _TICKS for field in fields[11:15])
        pid = int(stat.parent.name)
        spent[pid] = user + system, childrens_user + childrens_system
        children.setdefault(int(fields[1]), []).append(pid)

    def below(pid: int, name: str) -> Iterator[Process]:
        yield Process(pid, name, *spent.get(pid, (0.0, 0.0)))
        for child in children.get(pid, ()):
            yield from below(child, _service(child) or _OF_CHILDREN.get(name, name))

    return list(below(root or os.getpid(), "benchmark"))


def _service(pid: int) -> str:
    """The service that a process was started for, empty when it is none of ours."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return ""
    return next((_SERVICES[word] for word in words if word in _SERVICES), "")


def processor_seconds() -> dict[str, float]:
    """Processor seconds so far, by whose work it was."""
    spent: dict[str, float] = defaultdict(float)
    for process in family():
        spent[process.name] += process.seconds
        spent[_OF_CHILDREN.get(process.name, process.name)] += process.childrens_seconds
    return spent


def memory_mb() -> float:
    """Proportional memory of the whole family, in MB."""
    total = 0
    for process in family():
        try:
            rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return total / 1024
