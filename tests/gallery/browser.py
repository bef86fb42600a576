"""A real browser for the gallery's page: Debian's chromium, driven by Playwright."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

CHROMIUM = "/usr/bin/chromium"
# Nothing but the page is asked for: the machine that the tests run on may have no network.
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
MISSING = "the gallery's page is tested in chromium, which is missing: apt-get install -y chromium"


@contextmanager
def launched() -> Iterator[Browser]:
    """The browser, in a profile of its own that is gone afterwards."""
    assert shutil.which(CHROMIUM), MISSING
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS])
        yield browser
        browser.close()
