# SPDX-License-Identifier: Apache-2.0
import importlib.util
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SPEC = importlib.util.spec_from_file_location("relocate", ROOT / "ohif" / "relocate.py")
relocate = importlib.util.module_from_spec(SPEC)
# Dataclasses look their module up by name.
sys.modules["relocate"] = relocate
SPEC.loader.exec_module(relocate)

PAGE = (
    '<meta name="msapplication-TileImage" content="/assets/tile.png">'
    '<script>console.time("x"),window.PUBLIC_URL="/"</script>'
    '<link rel="manifest" href="/manifest.json">'
    '<script rel="preload" as="script" src="/app-config.js"></script>'
    '<script rel="preload" as="script" type="module" src="/init-service-worker.js"></script>'
    '<script>function browserImportFunction(n){return import(n)}window.PUBLIC_URL="/"</script>'
    '<script defer src="/app.bundle.js"></script>'
)


@pytest.fixture
def dist(tmp_path):
    """A viewer with everything that has to be replaced, in as many files as the real one."""
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "ort").mkdir()
    (folder / "ort" / "ort.js").touch()
    (folder / "index.html").write_text(PAGE)
    for number in range(8):
        (folder / f"{number}.bundle.js").write_text('__webpack_require__.p = "/";')
    with (folder / "7.bundle.js").open("a") as file:
        file.write("browserImportFunction('/dicom-microscopy-viewer/x.js')")
    (folder / "app.bundle.css").write_text("@font-face{src:url(/a.woff2)}")
    (folder / "manifest.json").write_text('{"src": "/assets/a.png"}')
    (folder / "assets" / "browserconfig.xml").write_text('<x src="/assets/a.png"/>')
    for name in ("sw.js", "init-service-worker.js", "google.js", "0.bundle.js.map"):
        (folder / name).touch()
    return folder


@pytest.fixture
def config(tmp_path):
    file = tmp_path / "app-config.js"
    file.write_text("window.config = {};")
    return file


def test_nothing_points_at_the_old_path_any_more(dist, config, tmp_path):
    out = tmp_path / "out"
    relocate.relocate(dist, config, "/ohif/", out)
    for file in out.rglob("*"):
        if file.is_file():
            text = file.read_text()
            assert not re.search(r"""["'(]/(?!ohif/|>)""", text), file.name


def test_the_page_has_no_inline_script_and_no_service_worker(dist, config, tmp_path):
    out = tmp_path / "out"
    relocate.relocate(dist, config, "/ohif/", out)
    page = (out / "index.html").read_text()
    assert not re.search(r"<script>", page)
    assert "service-worker" not in page
    assert 'src="/ohif/inline.js"' in page
    assert (out / "inline.js").read_text().count('window.PUBLIC_URL="/ohif/"') == 2


def test_what_asks_other_servers_is_left_out(dist, config, tmp_path):
    out = tmp_path / "out"
    relocate.relocate(dist, config, "/ohif/", out)
    names = {path.name for path in out.rglob("*")}
    assert not names & {"sw.js", "init-service-worker.js", "google.js", "ort", "0.bundle.js.map"}


def test_our_configuration_takes_the_place_of_theirs(dist, config, tmp_path):
    (dist / "app-config.js").write_text("theirs")
    relocate.relocate(dist, config, "/ohif/", tmp_path / "out")
    assert (tmp_path / "out" / "app-config.js").read_text() == "window.config = {};"


@pytest.mark.parametrize("name", ["0.bundle.js", "app.bundle.css", "manifest.json", "assets/browserconfig.xml"])
def test_a_viewer_that_is_built_otherwise_fails_the_build(dist, config, tmp_path, name):
    (dist / name).write_text("built otherwise")
    with pytest.raises(relocate.DoesNotMatch):
        relocate.relocate(dist, config, "/ohif/", tmp_path / "out")


def test_a_third_inline_script_fails_the_build(dist, config, tmp_path):
    with (dist / "index.html").open("a") as file:
        file.write("<script>1</script>")
    with pytest.raises(relocate.DoesNotMatch, match="3 inline scripts"):
        relocate.relocate(dist, config, "/ohif/", tmp_path / "out")


@pytest.mark.parametrize("path", ["ohif/", "/ohif", "/", "/../"])
def test_a_path_without_slashes_at_both_ends_is_refused(dist, config, tmp_path, path):
    with pytest.raises(SystemExit):
        relocate.relocate(dist, config, path, tmp_path / "out")


def test_the_viewer_asks_one_server_and_no_address_from_the_url():
    text = (ROOT / "ohif" / "app-config.js").read_text()
    assert not re.findall(r"https?://", text)
    assert re.findall(r"namespace: '([^']*)'", text) == ["@ohif/extension-default.dataSourcesModule.dicomweb"]


def test_the_viewer_is_pinned_by_version_and_digest():
    version, digest = (ROOT / "ohif" / "package.pin").read_text().split()
    assert re.fullmatch(r"@ohif/app@3\.13\.\d+", version)
    assert re.fullmatch(r"sha512-[A-Za-z0-9+/]{86}==", digest)
