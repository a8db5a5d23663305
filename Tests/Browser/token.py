#!/usr/bin/env python3
"""Uses the dashboard of a tree that wants its token.

token.py URL NAME TOKEN

NAME is one of HTTP_HOSTS that leads to the tree as well.
"""

import sys
from urllib.parse import urlsplit

from webdriver import Browser

url, name, token = sys.argv[1:4]
CARD = "[...document.querySelectorAll('.stage')].find(each => each.dataset.pool === 'upload.image')"


def check(condition, what):
    if not condition:
        sys.exit(f"failed: {what}")
    print(f"ok: {what}")


def enter_token(browser):
    browser.wait("!document.querySelector('#unlock').hidden")
    browser.click("#unlock")
    browser.run("document.querySelector('#token').value = arguments[0]", token)
    # The page loads itself again.
    browser.run("window.isOld = true")
    browser.click("#ask-form button[type=submit]")
    browser.wait("!window.isOld && document.querySelector('#status').textContent === 'Healthy'")


def one_worker_more(browser):
    browser.run(f"{CARD}.querySelector('[aria-label^=\"One worker more\"]').click()")


with Browser() as browser:
    browser.open(url + "/")
    browser.wait("document.querySelector('#status').textContent === 'Healthy'")
    check(browser.run("return document.querySelector('#unlock').hidden"), "this machine reads without the token")
    before = browser.run(f"return {CARD}.querySelectorAll('.worker').length")
    one_worker_more(browser)
    browser.wait("document.querySelector('#notice').textContent.startsWith('That did not work')")
    after = browser.run(f"return {CARD}.querySelectorAll('.worker').length")
    check(after == before, "it changes nothing without the token")
    enter_token(browser)
    one_worker_more(browser)
    browser.wait(f"{CARD}.querySelectorAll('.dot.ready').length === {before + 1}")
    check(True, "with the token the page changes something")

    browser.open(f"http://{name}:{urlsplit(url).port}/")
    browser.wait("!document.querySelector('#unlock').hidden")
    stages = browser.run("return document.querySelectorAll('.stage').length")
    check(stages == 0, "by the proxy's name nothing is shown without it")
    enter_token(browser)
    browser.wait("document.querySelectorAll('.stage').length > 0")
    check(True, "with the token the page shows the tree by the proxy's name")
