# SPDX-License-Identifier: Apache-2.0
"""How fast folders are de-identified, beside other tools and beside plain copying, in one run.

    python tests/bench/toolbox.py --files 2000 --others VENV/bin      # speed
    python tests/bench/toolbox.py --memory 100000                     # memory in the number of files

Speed: CT series of 512 x 512 pixels (0.5 MB) with 120-odd elements on a warm disk; the policy reads headers only
(basic). Each tool makes a folder of the same files; results are checked for their number. dicognito and
dicom-anonymizer are looked for in the folder that ``--others`` names; gdcmanon in the path. Other work on the machine
falsifies the figures: the load before each measurement is printed, and so is the machine's processor time meanwhile.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "plugins")]

from tests.data.toolbox_series import ct, encoded, write_studies  # noqa: E402 - a script

TAGS = ("0010,0010", "0010,0020", "0010,0030", "0008,0050", "0008,0080", "0008,0090", "0008,1070", "0010,1040")
"""What gdcmanon's fast mode is told to empty: a fraction of a profile."""


@dataclass(frozen=True)
class Measured:
    """One tool's run."""

    name: str
    files: int
    seconds: float
    processor_s: float
    load: float

    @property
    def rate(self) -> float:
        """Files per second."""
        return self.files / self.seconds


def measure(name: str, expected: int, place: Path, work: Callable[[Path], None]) -> Measured:
    """Run `work`, which has to leave `expected` files below the folder that it is given.

    The folder stays until everything is measured: ext4 gives out no inode again for minutes after it was deleted, and
    who comes next would pay for the search.
    """
    out = place / f"out-{name.replace(' ', '-')}"
    os.sync()
    load = os.getloadavg()[0]
    before = _processor_s()
    began = time.perf_counter()
    work(out)
    seconds = time.perf_counter() - began
    made = sum(1 for path in out.rglob("*") if path.is_file())
    if made < expected:
        raise SystemExit(f"{name}: {made} of {expected} files")
    one = Measured(name, expected, seconds, _processor_s() - before, load)
    each = one.processor_s / one.files * 1000
    print(f"{name:30} {one.rate:8.0f} files/s  {each:7.2f} ms of processor each  (load before: {load:.1f})", flush=True)
    return one


def _processor_s() -> float:
    """Seconds that the machine's processors were at work; children of children are in it, as is all else."""
    user, nice, system = (int(word) for word in Path("/proc/stat").read_text(encoding="ascii").split()[1:4])
    return (user + nice + system) / os.sysconf("SC_CLK_TCK")


def run(*command: object) -> None:
    """A program, to its end; what it prints is not wanted."""
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False, env=_environment()
    )
    if done.returncode:
        raise SystemExit(f"{command[0]} failed: {done.stderr[-500:]}")


def _environment() -> dict[str, str]:
    # As installed: modules are compiled once and not at every start.
    kept = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    compiled = Path(tempfile.gettempdir()) / "deidgate-bench-compiled"
    return {**kept, "PYTHONPATH": str(ROOT / "plugins"), "PYTHONPYCACHEPREFIX": str(compiled)}


def deidgate(source: Path, out: Path, place: Path, jobs: int) -> None:
    """Our own command, as a user starts it."""
    command = [sys.executable, "-c", "from deidgate.cli import main; main()", "run", "--policy", "basic", "--quiet"]
    run(*command, "--mapping", place / "mapping.db", "--jobs", jobs, source, out)


def copy(source: Path, out: Path) -> None:
    """Two processes that copy half of the folders each, and a flush: the limit."""
    halves = [sorted(source.iterdir())[n::2] for n in (0, 1)]
    out.mkdir(parents=True)
    processes = [subprocess.Popen(["cp", "-r", *map(str, half), str(out)]) for half in halves if half]
    for process in processes:
        process.wait()
    os.sync()


def gdcm_dumb(source: Path, out: Path) -> None:
    """gdcmanon without its profile: eight elements emptied."""
    words = [word for tag in TAGS for word in ("--empty", tag)]
    run("gdcmanon", "--dumb", *words, "-r", "--continue", "-i", source, "-o", out)


def gdcm_profile(source: Path, out: Path, place: Path) -> None:
    """gdcmanon with its Basic Profile, which encrypts the originals into the result."""
    if not (place / "certificate.pem").exists():
        subject = ["-subj", "/CN=bench", "-days", "2", "-nodes"]
        keys = ["-keyout", str(place / "key.pem"), "-out", str(place / "certificate.pem")]
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", *subject, *keys], check=True, capture_output=True
        )
    run("gdcmanon", "-e", "-c", place / "certificate.pem", "-r", "--continue", "-i", source, "-o", out)


def speed(files: int, others: Path | None, room: Path | None) -> None:
    """Print a line for each tool, and the ratios that are asked for."""
    with tempfile.TemporaryDirectory(prefix="deidgate-bench-", dir=room) as name:
        place = Path(name)
        source = place / "in"
        patients = 8
        made = sum(1 for _ in write_studies(source, patients, files // patients // 2))
        few = place / "few"
        less = sum(1 for _ in write_studies(few, 2, max(files // 40, 10)))
        size = sum(path.stat().st_size for path in source.rglob("*.dcm"))
        print(f"{made} files of {size / made / 1e6:.2f} MB; slow tools: {less}; {os.cpu_count()} processors")
        deidgate(few, place / "warm", place, 2)
        results = [measure("plain copy, two processes", made, place, lambda out: copy(source, out))]
        for jobs in (1, 2):
            results.append(
                measure(
                    f"deidgate run --jobs {jobs}",
                    made,
                    place,
                    lambda out, jobs=jobs: deidgate(source, out, place, jobs),
                )
            )
        if shutil.which("gdcmanon"):
            results.append(measure("gdcmanon --dumb, 8 elements", made, place, lambda out: gdcm_dumb(source, out)))
            results.append(measure("gdcmanon, its profile", less, place, lambda out: gdcm_profile(few, out, place)))
        if others is not None:
            results.append(
                measure(
                    "dicognito",
                    less,
                    place,
                    lambda out: run(others / "python", "-m", "dicognito", "--quiet", "-o", out, few),
                )
            )
            results.append(measure("dicom-anonymizer", less, place, lambda out: _anonymizer(others, few, out)))
        ours = next(one for one in results if one.name.endswith("--jobs 2"))
        for one in results:
            if one is not ours:
                print(f"deidgate --jobs 2 is {ours.rate / one.rate:6.2f} times {one.name}")


def _anonymizer(others: Path, source: Path, out: Path) -> None:
    # It takes one flat folder.
    flat = source.parent / "flat"
    if not flat.exists():
        flat.mkdir()
        for number, path in enumerate(sorted(source.rglob("*.dcm"))):
            shutil.copy(path, flat / f"{number}.dcm")
    out.mkdir(exist_ok=True)
    run(others / "dicom-anonymizer", flat, out)


def memory(files: int, room: Path | None) -> None:
    """Print the largest memory of a run over a tenth of the files, and over all of them."""
    with tempfile.TemporaryDirectory(prefix="deidgate-bench-", dir=room) as name:
        place = Path(name)
        template = encoded(ct(1, 1, 1, 1, rows=2))
        # Values of one length are exchanged in the bytes: making each with pydicom would take the day.
        uid, number = b"1.2.826.0.1.3680043.10.99999.1.1.1.1", 0
        template = template.replace(uid, uid[:-8] + b"00000000") if uid in template else template
        for count in (files // 10, files):
            source = place / f"in{count}"
            for number in range(count):
                folder = source / f"SE{number // 5000}"
                if number % 5000 == 0:
                    folder.mkdir(parents=True)
                path = folder / f"IM{number:06d}"
                path.write_bytes(template.replace(uid[:-8] + b"00000000", uid[:-8] + b"1%07d" % number))
            began = time.perf_counter()
            peak = _peak_of(source, place / f"out{count}", place)
            rate = count / (time.perf_counter() - began)
            print(f"{count:8} files: {peak / 1024:7.0f} MB at most in one process, {rate:6.0f} files/s")
            shutil.rmtree(source)


def _peak_of(source: Path, out: Path, place: Path) -> int:
    """Kilobytes of the largest process of a run."""
    script = (
        "import resource, sys\n"
        "from deidgate import Deidentifier\n"
        "if __name__ == '__main__':\n"
        "    with Deidentifier('basic', mapping=sys.argv[3]) as one:\n"
        "        summary = one.run([sys.argv[1]], sys.argv[2], jobs=2)\n"
        "    assert summary.complete, summary\n"
        "    print(max(resource.getrusage(w).ru_maxrss for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))\n"
    )
    (place / "run.py").write_text(script)
    command = [sys.executable, str(place / "run.py"), str(source), str(out), str(place / "mapping.db")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=_environment())
    return int(done.stdout.split()[-1])


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--others", type=Path, help="folder of dicognito and dicom-anonymizer")
    parser.add_argument("--room", type=Path, help="where the files are made")
    parser.add_argument("--memory", type=int, metavar="FILES")
    given = parser.parse_args()
    if given.memory:
        memory(given.memory, given.room)
    else:
        speed(given.files, given.others, given.room)


if __name__ == "__main__":
    main()
