# SPDX-License-Identifier: Apache-2.0
"""Runs in the witness: prints the memory of every process of the containers, a line of JSON each time.

Arguments are the seconds between two samples, and SERVICE=PID for the first process of each container. Counted is what
a process has to itself (anonymous and shared memory), in bytes. Pages of files that the system caches are not its own.
"""

import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

PROC = Path("/proc")
OWN = ("RssAnon:", "RssShmem:")


def children() -> Mapping[int, list[int]]:
    """The processes that each process has started."""
    found = defaultdict(list)
    for path in PROC.glob("[0-9]*/stat"):
        try:
            # The name, which is in brackets, may have spaces.
            parent = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        found[parent].append(int(path.parent.name))
    return found


def below(pid: int, started: Mapping[int, list[int]]) -> Iterator[int]:
    """`pid` and all that it has started. What is run in a container from outside, as health checks are, is not."""
    yield pid
    for child in sorted(started.get(pid, ())):
        yield from below(child, started)


def own(pid: int) -> tuple[str, int] | None:
    """Name and memory of a process; None if it is no more."""
    try:
        lines = (PROC / str(pid) / "status").read_text().splitlines()
    except OSError:
        return None
    fields = {name: rest for name, _, rest in (line.partition("\t") for line in lines)}
    return fields["Name:"], sum(int(fields[name].split()[0]) * 1024 for name in OWN if name in fields)


def main() -> None:
    pause_s, *named = sys.argv[1:]
    roots = {service: int(pid) for service, _, pid in (word.partition("=") for word in named)}
    while True:
        started = children()
        processes = [
            [service, pid, *found]
            for service, root in roots.items()
            for pid in below(root, started)
            if (found := own(pid)) is not None
        ]
        print(json.dumps({"at": time.time(), "processes": processes}), flush=True)
        time.sleep(float(pause_s))


if __name__ == "__main__":
    main()
