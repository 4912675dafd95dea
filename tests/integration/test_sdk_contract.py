# SPDX-License-Identifier: Apache-2.0
"""The fake Orthanc that other tests believe in, and the Protocols of the code, are true of the real one."""

import base64
import inspect
import json
import subprocess

import pytest
from tests.data.fake_orthanc import FakeOrthanc
from tests.data.instances import dataset, file_bytes

from deidgate.orthanc_io import sdk

# Runs in place of our own plugin, in a container of its own: says what the real module has, and what it does when a
# callback raises.
PROBE = """
import json, orthanc, threading

def described(value):
    if isinstance(value, type):
        return {name: entry for name, entry in vars(value).items() if isinstance(entry, int)}
    return callable(value)

told = {name: described(getattr(orthanc, name)) for name in dir(orthanc) if not name.startswith("_")}
told["DicomInstance"] = {name: 0 for name in dir(orthanc.DicomInstance)}
told["RestOutput"] = {name: 0 for name in dir(orthanc.RestOutput)}

def received(data, origin):
    raise ValueError

def http(uri, **request):
    if "raise" in uri:
        raise ValueError
    return "no" not in uri

def tell(output, uri, **request):
    output.AnswerBuffer(json.dumps(told), "application/json")

orthanc.RegisterReceivedInstanceCallback(received)
orthanc.RegisterIncomingHttpRequestFilter(http)
orthanc.RegisterRestCallback("/told", tell)
"""

CONFIGURATION = {
    "StorageDirectory": "/tmp/db",
    "IndexDirectory": "/tmp/db",
    "Plugins": ["/usr/share/orthanc/plugins/libOrthancPython.so"],
    "PythonScript": "/tmp/probe.py",
    "AuthenticationEnabled": False,
    "RemoteAccessAllowed": False,
    "DicomServerEnabled": False,
}

ASK = """
import base64, json, sys, time, urllib.error, urllib.request
base = "http://localhost:8042"

def ask(path, data=None):
    try:
        with urllib.request.urlopen(base + path, data=data, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, b""

for _ in range(120):
    try:
        status, body = ask("/told")
        break
    except urllib.error.URLError:
        time.sleep(0.25)
file = base64.b64decode(sys.argv[1])
found = {"told": json.loads(body)}
found["raises"] = json.loads(ask("/instances", file)[1])["Status"]
found["filter raises"] = ask("/raise")[0]
found["filter says no"] = ask("/no")[0]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def real():
    """What the real module says and does."""
    script = (
        f"cat > /tmp/probe.py <<'PROBE'\n{PROBE}\nPROBE\n"
        f"cat > /tmp/ask.py <<'ASK'\n{ASK}\nASK\n"
        f"echo '{json.dumps(CONFIGURATION)}' > /tmp/orthanc.json\n"
        "Orthanc /tmp/orthanc.json >/tmp/log 2>&1 &\n"
        f"python3 /tmp/ask.py {base64.b64encode(file_bytes(dataset())).decode()} || (tail /tmp/log >&2; exit 1)\n"
    )
    words = ["docker", "run", "--rm", "-i", "--network=none", "--tmpfs=/tmp:mode=1777", "deidgate/ingest:local", "sh"]
    done = subprocess.run(words, input=script, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


ENUMERATIONS = ("ReceivedInstanceAction", "InstanceOrigin", "HttpMethod", "ChangeType")


@pytest.mark.parametrize("name", ENUMERATIONS)
def test_the_numbers_of_the_fake_are_the_real_ones(real, name):
    fake = vars(getattr(FakeOrthanc, name))
    assert fake.items() <= real["told"][name].items()


def functions(protocol):
    return {name for name, _ in inspect.getmembers(protocol, inspect.isfunction) if not name.startswith("_")}


def test_every_function_that_the_code_uses_is_there(real):
    for name in functions(sdk.Orthanc):
        assert real["told"][name] is True, name
    for protocol in (sdk.DicomInstance, sdk.RestOutput):
        assert functions(protocol) <= set(real["told"][protocol.__name__])


def test_the_fake_has_every_function_that_the_code_uses():
    assert functions(sdk.Orthanc) <= functions(FakeOrthanc)


def test_the_received_callback_fails_open_as_the_gate_assumes(real):
    assert real["raises"] == "Success"


def test_the_http_filter_fails_closed_as_the_gate_assumes(real):
    assert real["filter raises"] == 500
    assert real["filter says no"] == 403
