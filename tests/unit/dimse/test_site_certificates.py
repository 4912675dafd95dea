# SPDX-License-Identifier: Apache-2.0
"""The bundle of the sites' certificates, and what is issued, trusted and taken back in it."""

import json
import shutil
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from deidgate.custody import sites as custody
from deidgate.custody.generate import SITES, Folder, generate
from deidgate.dimse.sites import read_bundle, write_bundle
from deidgate.errors import ConfigurationError
from deidgate.policy.routes import load_routes

NOW = datetime(2026, 11, 21, tzinfo=UTC)
ROUTES = """
[[route]]
name = "north"
calling = ["NORTH_*"]
site = "north"
project = "p"
policy = "basic"
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    path = tmp_path_factory.mktemp("secrets")
    generate(Folder(path, None), ("localhost",), NOW)
    return path


@pytest.fixture
def secrets(made, tmp_path):
    folder = tmp_path / "secrets"
    shutil.copytree(made, folder)
    (folder / SITES).chmod(0o600)
    return folder


def bundle(secrets):
    return read_bundle((secrets / SITES).read_text())


def test_a_new_installation_trusts_nobody(secrets):
    assert bundle(secrets) == ()


def test_what_is_issued_is_kept_without_its_key_and_trusted_for_its_site(secrets):
    pem = custody.issue(secrets, "north", NOW)
    [one] = bundle(secrets)
    assert one.site == "north"
    assert b"PRIVATE KEY" in pem
    assert "PRIVATE KEY" not in (secrets / SITES).read_text()
    x509.load_pem_x509_certificate(pem).verify_directly_issued_by(
        x509.load_pem_x509_certificate((secrets / "ca.pem").read_bytes())
    )
    # Key and certificate belong together.
    both = secrets / "client.pem"
    both.write_bytes(pem)
    ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(both)


def test_a_key_that_is_handed_in_with_a_certificate_is_not_kept(secrets, tmp_path):
    pem = custody.issue(secrets, "north", NOW)
    custody.revoke(secrets, bundle(secrets)[0].fingerprint)
    custody.trust(secrets, "north", pem)
    assert "PRIVATE KEY" not in (secrets / SITES).read_text()


def test_one_certificate_speaks_for_one_site_only(secrets):
    pem = custody.issue(secrets, "north", NOW)
    with pytest.raises(ConfigurationError, match="certificate-twice"):
        custody.trust(secrets, "south", pem)


def test_what_is_no_certificate_is_not_trusted(secrets):
    with pytest.raises(ConfigurationError, match="not-a-certificate"):
        custody.trust(secrets, "north", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")


def test_only_the_certificate_that_is_named_is_taken_back(secrets):
    for site in ("north", "south"):
        custody.issue(secrets, site, NOW)
    custody.revoke(secrets, next(one.fingerprint for one in bundle(secrets) if one.site == "north")[:12].upper())
    assert [one.site for one in bundle(secrets)] == ["south"]


@pytest.mark.parametrize("beginning", ["", "0", "00000000"])
def test_a_beginning_that_names_no_single_certificate_takes_none_back(secrets, beginning):
    custody.issue(secrets, "north", NOW)
    with pytest.raises(ConfigurationError, match="no-such-fingerprint"):
        custody.revoke(secrets, beginning)
    assert len(bundle(secrets)) == 1


def test_the_file_is_changed_in_its_place_where_a_container_has_it(secrets):
    before = (secrets / SITES).stat().st_ino
    custody.issue(secrets, "north", NOW)
    custody.revoke(secrets, bundle(secrets)[0].fingerprint)
    assert (secrets / SITES).stat().st_ino == before
    assert (secrets / SITES).read_text() == ""


def test_a_bundle_is_read_as_it_was_written(secrets):
    for site in ("north", "south"):
        custody.issue(secrets, site, NOW)
    found = bundle(secrets)
    assert [(one.site, one.fingerprint) for one in read_bundle(write_bundle(found))] == [
        (one.site, one.fingerprint) for one in found
    ]


def test_a_certificate_without_a_site_is_an_error(secrets):
    custody.issue(secrets, "north", NOW)
    with pytest.raises(ConfigurationError, match="certificate-without-site"):
        read_bundle((secrets / SITES).read_text().replace("site: north\n", ""))


def test_every_site_of_the_routes_is_listed_and_every_certificate(secrets, tmp_path, capsys):
    routes = tmp_path / "routes.toml"
    routes.write_text(ROUTES)
    custody.main(["issue", str(secrets), str(routes), "north"])
    capsys.readouterr()
    custody.main(["list", str(secrets), str(routes)])
    [found] = json.loads(capsys.readouterr().out)
    assert (found["site"], found["calling"], found["tls"]) == ("north", ["NORTH_*"], False)
    assert [len(one["fingerprint"]) for one in found["certificates"]] == [64]


def test_a_certificate_for_a_site_that_no_route_names_is_refused(secrets, tmp_path):
    routes = tmp_path / "routes.toml"
    routes.write_text(ROUTES)
    with pytest.raises(ConfigurationError, match="no-such-site"):
        custody.main(["issue", str(secrets), str(routes), "nroth"])


def test_a_route_that_is_added_is_read_as_it_was_said(tmp_path):
    said = {"name": "s", "calling": ['A"B', "C"], "site": "south", "project": "p", "policy": "basic", "tls": True}
    path = tmp_path / "routes.toml"
    path.write_text(custody.with_route(ROUTES, said))
    found = load_routes(path).routes
    assert [route.site for route in found] == ["north", "south"]
    assert (found[1].calling, found[1].tls) == (('A"B', "C"), True)


def test_a_route_that_would_make_the_file_wrong_is_not_added():
    with pytest.raises(ConfigurationError):
        custody.with_route(ROUTES, {"name": "north", "site": "x", "project": "p", "policy": "b"})


def test_the_shipped_routes_can_be_added_to():
    shipped = Path(__file__).parents[3] / "orthanc-ingest" / "routes.toml"
    text = shipped.read_text()
    assert custody.with_route(text, {"name": "x", "site": "x", "project": "p", "policy": "b"}).startswith(text.rstrip())
