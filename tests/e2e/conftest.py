# SPDX-License-Identifier: Apache-2.0
"""A researcher in front of a browser."""

from __future__ import annotations

import functools
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response, sync_playwright
from playwright.sync_api import Error as PlaywrightError

ROOT = Path(__file__).parents[2]
CHROMIUM = "/usr/bin/chromium"
# Software rendering, so that the canvas has an image on a machine without a screen; and no calls home.
ARGUMENTS = (
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
)


@dataclass
class Watcher:
    """Everything that a page asked for, and everything that went wrong on it."""

    requests: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def follow(self, page: Page) -> None:
        page.on("request", self._asked)
        page.on("requestfailed", self._failed)
        page.on("response", self._answered)
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))

    def hosts(self) -> set[str]:
        """Host and port of everything that was asked over a network."""
        return {urlsplit(url).netloc for url in self.requests if url.startswith(("http", "ws"))}

    def _asked(self, request: Request) -> None:
        self.requests.append(request.url)

    def _failed(self, request: Request) -> None:
        self.wrong.append(f"failed: {request.url} {request.failure}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self.wrong.append(f"{response.status}: {response.url}")

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.wrong.append(f"console: {message.text}")


def undisturbed(test: Callable[..., None]) -> Callable[..., None]:
    """Repeat the test, at most twice, when the machine's own network changed under the browser.

    Chromium drops all connections when a network interface comes or goes, and each container that the tests run beside
    it has one. Any other failure counts at once.
    """

    @functools.wraps(test)
    def attempt(**fixtures: Any) -> None:
        watcher: Watcher = fixtures["watcher"]
        for _ in range(2):
            try:
                return test(**fixtures)
            except (AssertionError, PlaywrightError):
                if not any("ERR_NETWORK_CHANGED" in what for what in watcher.wrong):
                    raise
            fixtures["page"].goto("about:blank")
            watcher.requests.clear()
            watcher.wrong.clear()
        return test(**fixtures)

    return attempt


def gateway(*words: str) -> str:
    """What the operator's command prints."""
    done = subprocess.run([str(ROOT / "gateway"), *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def research() -> dict[str, str]:
    """Address, user and password of the research side."""
    if os.environ.get("GATEWAY_INSTALLATION", "deidgate") == "deidgate":
        pytest.fail("these tests fill a gateway: run them with ./gateway test e2e, on one of their own")
    found: dict[str, str] = json.loads(gateway("credentials", "--json"))["research"]
    return found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield running
        running.close()


@pytest.fixture
def watcher() -> Watcher:
    return Watcher()


@pytest.fixture
def page(browser: Browser, research: dict[str, str], watcher: Watcher) -> Iterator[Page]:
    """A page of a researcher who has logged in."""
    context = browser.new_context(
        ignore_https_errors=True,
        http_credentials={"username": research["user"], "password": research["password"]},
        viewport={"width": 1280, "height": 900},
    )
    opened = context.new_page()
    watcher.follow(opened)
    yield opened
    context.close()
