# SPDX-License-Identifier: Apache-2.0
"""Nothing is installed that was not written down with its hash, and what is known against it is looked up if possible.

The data about vulnerabilities is on the internet (OSV), which a build machine in a hospital does not reach. Then the
last test is skipped with the words NOT AUDITED: it has not passed.
"""

import json
import re
import subprocess
import sys
import tomllib
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements.lock"
OSV = "https://api.osv.dev/v1/query"
# By identifier, with the reason why it does not concern us and until when that was looked at.
ACCEPTED: dict[str, str] = {}


def requirements(text):
    """Each requirement of a lock file on one line."""
    lines = re.sub(r"\\\n", " ", text).splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def name(text):
    return re.sub(r"[-_.]+", "-", re.match(r"[A-Za-z0-9._-]+", text)[0]).lower()


def dockerfiles():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    found = [ROOT / file for file in tracked] or list(ROOT.rglob("*ockerfile"))
    return [file for file in found if file.name.endswith("ockerfile")]


def commands(text):
    """The commands of a Dockerfile, one by one."""
    joined = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE))
    return [part for line in joined.splitlines() for part in re.split(r"&&|\|\||;|\{", line)]


def test_every_requirement_is_one_version_with_its_hashes():
    listed = requirements(LOCK.read_text(encoding="utf-8"))
    assert len(listed) > 100
    for one in listed:
        assert re.match(r"[A-Za-z0-9._-]+==[^ ]+ ", one), one
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", one), one
        assert "://" not in one, one


def test_every_direct_requirement_is_in_the_lock():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    direct = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    locked = {name(one) for one in requirements(LOCK.read_text(encoding="utf-8"))}
    assert {name(one) for one in direct} <= locked


def test_an_image_installs_only_what_was_checked_against_its_hash():
    seen = 0
    for file in dockerfiles():
        for command in commands(file.read_text(encoding="utf-8")):
            if re.search(r"\bpip3? +(install|download|wheel)\b", command):
                seen += 1
                # What is not fetched comes from the folder that the one command with hashes has filled.
                assert ("--require-hashes" in command) != ("--no-index" in command), (file.name, command)
            assert not re.match(r"\s*(RUN )?\s*(npm (ci|i|install)|curl|wget|pipx|uv) ", command), command
            if "npm pack" in command:
                assert "sha512sum --check --strict" in file.read_text(encoding="utf-8")
    assert seen >= 5
    fetching = [c for f in dockerfiles() for c in commands(f.read_text(encoding="utf-8")) if "--require-hashes" in c]
    assert len(fetching) == 1
    assert "requirements.lock" in fetching[0]


class NotAuditedError(Exception):
    """The data was not reached; nothing is known."""


def audit(lock, url):
    """Identifiers of what is known against the requirements of `lock`."""
    words = ["--requirement", str(lock), "--require-hashes", "--disable-pip", "--format", "json"]
    words += ["--vulnerability-service", "osv", "--osv-url", url, "--progress-spinner", "off", "--timeout", "10"]
    done = subprocess.run(
        [sys.executable, "-m", "pip_audit", *words], capture_output=True, text=True, check=False, timeout=300
    )
    try:
        told = json.loads(done.stdout)
    except json.JSONDecodeError:
        raise NotAuditedError((done.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1]) from None
    looked_at = [one for one in told["dependencies"] if "vulns" in one]
    if not looked_at:
        raise NotAuditedError("no requirement was looked at")
    return {vulnerability["id"] for one in looked_at for vulnerability in one["vulns"]}


@pytest.fixture
def osv():
    """A server that knows of one vulnerability, in version 1.0 of one package."""

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            known = {"id": "TEST-1", "summary": "bad", "affected": [], "published": "2026-01-01T00:00:00Z"}
            body = json.dumps({"vulns": [known]} if asked["version"] == "1.0" else {}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Answers)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1/query"
    server.shutdown()


def lock_of(folder, *requirements):
    path = folder / "lock"
    path.write_text("".join(f"{one} --hash=sha256:{'0' * 64}\n" for one in requirements))
    return path


def test_what_is_known_against_a_requirement_is_found(osv, tmp_path):
    assert audit(lock_of(tmp_path, "one==1.0", "two==2.0"), osv) == {"TEST-1"}
    assert audit(lock_of(tmp_path, "one==1.1", "two==2.0"), osv) == set()


def test_data_that_is_not_reached_is_no_audit(tmp_path):
    with pytest.raises(NotAuditedError):
        audit(lock_of(tmp_path, "one==1.1"), "http://127.0.0.1:9/v1/query")


def test_nothing_is_known_against_what_is_installed():
    try:
        found = audit(LOCK, OSV)
    except NotAuditedError as error:
        pytest.skip(f"NOT AUDITED: the data about vulnerabilities was not reached: {error}")
    assert found <= ACCEPTED.keys(), "a newer version, or a reason in ACCEPTED"
