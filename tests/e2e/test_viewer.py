# SPDX-License-Identifier: Apache-2.0
"""A researcher opens, in the viewer, a study that a clinic has sent."""

import csv
import re
from dataclasses import dataclass

import numpy as np
import pytest
from playwright.sync_api import expect
from pydicom import dcmread
from tests.e2e.conftest import gateway, undisturbed
from tests.e2e.drawn import difference, wait_for_image

from deidgate.prove.phantom import write_study

PATIENT = "E2E-4711"
NAME = "Muster"
WINDOW_CENTER, WINDOW_WIDTH = 40, 400


@dataclass(frozen=True)
class Study:
    """One study on both sides."""

    new_uid: str
    slices: tuple[np.ndarray, ...]
    """What a radiologist at the clinic sees of each slice: ``(rows, columns) uint8``."""


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A study that went through the gateway."""
    folder = tmp_path_factory.mktemp("study")
    files = write_study(folder / "sent", patient_id=PATIENT, slices=4)
    gateway("send", str(folder / "sent"))
    gateway("wait", "--timeout", "180")
    tables = ("--uids", str(folder / "uids.csv"), "--patients", str(folder / "patients.csv"))
    gateway("mapping", "export", *tables, "--why", "test")
    with (folder / "uids.csv").open(newline="") as file:
        uids = dict(csv.reader(file))
    originals = [dcmread(path) for path in files]
    return Study(uids[originals[0].StudyInstanceUID], tuple(shown(one) for one in originals))


def shown(instance):
    """The instance's pixels as gray values, through its own window."""
    units = instance.pixel_array * float(instance.RescaleSlope) + float(instance.RescaleIntercept)
    low = WINDOW_CENTER - WINDOW_WIDTH / 2
    return (np.clip((units - low) / WINDOW_WIDTH, 0, 1) * 255).astype(np.uint8)


def test_without_a_password_there_is_no_page(browser, research):
    page = browser.new_context(ignore_https_errors=True).new_page()
    for path in ("/", "/ohif/", "/explorer/app/explorer.html", "/dicom-web/studies"):
        assert page.request.get(research["url"] + path).status == 401, path


@undisturbed
def test_the_start_page_leads_to_the_viewer(page, research, watcher):
    page.goto(research["url"])
    page.get_by_role("link", name="Viewer").click()
    expect(page.get_by_text("Study List")).to_be_visible(timeout=60_000)
    assert watcher.wrong == []


@undisturbed
def test_the_list_shows_the_study_under_its_pseudonym_only(page, research, watcher, study):
    page.goto(research["url"] + "/ohif/")
    expect(page.get_by_text("Study List")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("CT", exact=True).first).to_be_visible(timeout=60_000)
    text = page.locator("body").inner_text()
    assert NAME not in text
    assert PATIENT not in text
    assert watcher.wrong == []


@undisturbed
def test_the_viewer_draws_the_image_that_the_clinic_sent(page, research, watcher, study):
    page.goto(f"{research['url']}/ohif/viewer?StudyInstanceUIDs={study.new_uid}")
    drawn = wait_for_image(page)
    assert min(difference(drawn, original) for original in study.slices) < 4
    # The measure itself: another picture is far away.
    assert min(difference(drawn, np.flipud(original)) for original in study.slices) > 10
    text = page.locator("body").inner_text()
    assert NAME not in text
    assert PATIENT not in text
    assert watcher.wrong == []


@undisturbed
def test_nothing_is_asked_of_any_other_server(page, research, watcher, study):
    page.goto(f"{research['url']}/ohif/viewer?StudyInstanceUIDs={study.new_uid}")
    wait_for_image(page)
    page.goto(research["url"] + "/explorer/app/explorer.html")
    page.get_by_role("link", name="All studies").click()
    page.wait_for_load_state("networkidle")
    assert watcher.hosts() == {research["url"].removeprefix("https://")}


@undisturbed
def test_explorer_lists_the_study_and_offers_no_identity(page, research, watcher, study):
    page.goto(research["url"] + "/explorer/app/explorer.html")
    page.get_by_role("link", name="All studies").click()
    expect(page.locator("#all-studies li").filter(has_text=re.compile("study", re.IGNORECASE)).first).to_be_visible(
        timeout=30_000
    )
    text = page.locator("body").inner_text()
    assert NAME not in text
    assert PATIENT not in text


def test_explorer_can_be_looked_at_only(page, research, study):
    page.goto(research["url"] + "/explorer/app/explorer.html")
    found = page.request.post(research["url"] + "/explorer/tools/find", data={"Level": "Study", "Query": {}})
    assert found.status == 200
    [one, *_] = found.json()
    assert page.request.delete(f"{research['url']}/explorer/studies/{one}").status == 403
    assert page.request.get(f"{research['url']}/explorer/studies/{one}").status == 200


def test_a_page_may_not_be_put_into_another_ones_frame(page, research):
    for path in ("/", "/ohif/", "/explorer/app/explorer.html"):
        headers = page.request.get(research["url"] + path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["strict-transport-security"]
        assert headers["x-content-type-options"] == "nosniff"
