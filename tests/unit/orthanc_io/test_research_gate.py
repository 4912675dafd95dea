# SPDX-License-Identifier: Apache-2.0
"""Research stores nothing without a mark, by no door, whatever goes wrong."""

import base64
import threading

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.data.fake_orthanc import FakeOrthanc
from tests.data.instances import dataset, elements, file_bytes

from deidgate.dicom.status import NOT_AUTHORIZED
from deidgate.errors import ConfigurationError
from deidgate.marks import RESERVED, sign
from deidgate.orthanc_io.research.access import ALLOWED, allows, user_of
from deidgate.orthanc_io.research.gate import Gate
from deidgate.orthanc_io.research.plugin import install
from deidgate.settings import Settings

KEY = Ed25519PrivateKey.from_private_bytes(b"1" * 32)
UNMARKED = file_bytes(dataset())
MARKED = sign(
    file_bytes(
        dataset(
            PatientIdentityRemoved="YES",
            DeidentificationMethod=list(RESERVED),
            DeidentificationMethodCodeSequence=[elements(CodeValue="113100")],
        )
    ),
    KEY,
)


@pytest.fixture
def research(tmp_path):
    public = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "mark.pub").write_bytes(public)
    orthanc = FakeOrthanc()
    install(orthanc, Settings(mark_public_key_file=tmp_path / "mark.pub"))
    return orthanc


def test_marked_instances_are_stored_by_both_doors(research):
    assert research.rest_store(MARKED) == "Success"
    assert research.c_store(MARKED) == 0
    assert len(research.instances) == 1


def test_an_unmarked_instance_by_rest_is_thrown_away(research):
    assert research.rest_store(UNMARKED) == "FilteredOut"
    assert research.instances == {}


def test_the_sender_of_an_unmarked_instance_by_c_store_learns_that_it_was_refused(research):
    assert research.c_store(UNMARKED) == NOT_AUTHORIZED
    assert research.instances == {}


def test_a_forged_mark_is_refused(research):
    forged = sign(MARKED, Ed25519PrivateKey.from_private_bytes(b"2" * 32))
    assert research.rest_store(forged) == "FilteredOut"
    assert research.c_store(forged) == NOT_AUTHORIZED


@pytest.mark.parametrize("error", [ValueError, MemoryError, RecursionError, KeyboardInterrupt, SystemExit])
def test_a_check_that_fails_in_any_way_stores_nothing(error):
    def check(_file):
        raise error

    orthanc = FakeOrthanc()
    gate = Gate(orthanc, check)
    orthanc.RegisterReceivedInstanceCallback(gate.received)
    assert orthanc.rest_store(MARKED) == "FilteredOut"
    assert orthanc.instances == {}


def test_the_check_does_not_run_on_the_small_stack_of_the_thread_that_asks():
    """An exception near the end of a stack is never freed, nor is the file that it was raised over."""
    checked_in = []
    gate = Gate(FakeOrthanc(), lambda _file: checked_in.append(threading.current_thread()))
    gate.received(MARKED, FakeOrthanc.InstanceOrigin.REST_API)
    assert checked_in
    assert threading.current_thread() not in checked_in


def test_a_c_store_check_that_fails_stores_nothing():
    def check(_file):
        raise ValueError

    orthanc = FakeOrthanc()
    gate = Gate(orthanc, check)
    orthanc.RegisterReceivedInstanceCallback(gate.received)
    orthanc.RegisterIncomingCStoreInstanceFilter(gate.c_store)
    assert orthanc.c_store(MARKED) != 0
    assert orthanc.instances == {}


def test_refusals_are_counted_and_logged_without_a_value(research):
    research.rest_store(UNMARKED)
    assert '"refused": 1' in research.ask("/deidgate/status")
    assert research.log == ["deidgate refused an instance: claims-missing"]


def test_without_a_key_the_plugin_does_not_start(tmp_path):
    with pytest.raises(ConfigurationError):
        install(FakeOrthanc(), Settings(mark_public_key_file=tmp_path / "none"))


# -- who may do what ----------------------------------------------------------------------

WRITING = [
    ("POST", "/instances"),
    ("POST", "/dicom-web/studies"),
    ("POST", "/instances/0a-1b/modify"),
    ("POST", "/studies/0a-1b/anonymize"),
    ("POST", "/tools/create-dicom"),
    ("POST", "/tools/execute-script"),
    ("POST", "/tools/reset"),
    ("POST", "/peers/x/store"),
    ("POST", "/modalities/x/store"),
    ("POST", "/jobs/x/resubmit"),
    ("PUT", "/instances/0a-1b/attachments/1024"),
    ("PUT", "/studies/0a-1b/metadata/1024"),
    ("PUT", "/modalities/x"),
    ("DELETE", "/studies/0a-1b"),
    ("POST", "/instances/0a-1b/attachments/dicom/verify-md5"),
]


@pytest.mark.parametrize(("method", "uri"), WRITING)
def test_a_reader_changes_nothing(research, method, uri):
    assert not research.http("reader", method, uri)


@pytest.mark.parametrize(("method", "uri"), WRITING)
def test_delivery_only_stores_and_withdraws(research, method, uri):
    allowed = {("POST", "/instances"), ("DELETE", "/studies/0a-1b"), WRITING[-1]}
    assert research.http("delivery", method, uri) == ((method, uri) in allowed)


@pytest.mark.parametrize("uri", ["/instances", "/dicom-web/studies", "/app/explorer.html", "/studies/0a/archive", "/"])
def test_a_reader_reads(research, uri):
    assert research.http("reader", "GET", uri)
    assert research.http("reader", "POST", "/tools/find")


@pytest.mark.parametrize("uri", ["/jobs", "/modalities", "/peers/x", "/storage-area"])
def test_a_reader_does_not_see_the_set_up(research, uri):
    assert not research.http("reader", "GET", uri)


@pytest.mark.parametrize("user", ["", "admin", "Reader", "orthanc"])
def test_a_user_who_is_not_in_the_list_may_do_nothing(research, user):
    assert not research.http(user, "GET", "/system")


def test_a_line_break_in_an_address_does_not_widen_what_is_allowed():
    assert not allows("delivery", "POST", "/instances\n/x")
    assert not allows("delivery", "DELETE", "/studies/0a/../../tools")


@pytest.mark.parametrize("header", ["", "Bearer abc", "Basic !!!", "Basic " + base64.b64encode(b"\xff\xfe").decode()])
def test_credentials_that_cannot_be_read_are_nobodys(header):
    assert user_of({"authorization": header}) == ""
    assert user_of({}) == ""


def test_a_password_may_hold_a_colon():
    header = "Basic " + base64.b64encode(b"reader:a:b").decode()
    assert user_of({"authorization": header}) == "reader"


def test_only_two_users_are_known():
    assert set(ALLOWED) == {"reader", "delivery"}
