#!/usr/bin/env python3
"""Uses the dashboard of a running tree as an operator does.

dashboard.py URL TOKEN SOURCE ORPHAN [SCREENSHOTS]

SOURCE is a video that the tree may read, ORPHAN a file in its workspace that is nobody's.
"""

import json
import os
import sys
import urllib.request

from webdriver import Browser

url, token, source, orphan = sys.argv[1:5]
shots = sys.argv[5] if len(sys.argv) > 5 else None
HOSTILE = '<img src=x onerror="window.pwned=1">'
TAB, ENTER = "\ue004", "\ue007"


def check(condition, what):
    if not condition:
        sys.exit(f"failed: {what}")
    print(f"ok: {what}")


def submit(job):
    request = urllib.request.Request(
        url + "/jobs",
        data=json.dumps(job).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {token}"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        check(answer.status == 202, f"{job['id']} is accepted")


def row(place, text):
    return f"[...document.querySelectorAll('{place} > *')].find(each => each.textContent.includes({json.dumps(text)}))"


def shoot(browser, name):
    if shots:
        browser.screenshot(os.path.join(shots, name))


def watch_a_job(browser):
    submit({"id": "clip-1", "mediaId": "holiday", "mediaType": "VIDEO", "source": f"file://{source}"})
    live = row("#jobs", "clip-1")
    browser.wait(f"{live}?.querySelector('progress').value > 0")
    check(True, "the job's progress is seen")
    browser.wait(f"Number({live}?.children[4].textContent) > 0")
    check(True, "the job's temp files are counted")
    browser.wait("document.querySelector('.worker .task').parentElement.parentElement && "
                 "[...document.querySelectorAll('.worker .task')].some(each => each.textContent === 'clip-1')")
    check(True, "a worker shows the job")
    shoot(browser, "live.png")
    browser.wait(f"{live}?.textContent.includes('completed')")
    check(browser.run(f"return {live}.querySelector('progress').value") == 100, "the job is seen to complete")


def hostile_names(browser):
    submit({"id": HOSTILE, "mediaId": HOSTILE, "mediaType": "IMAGE", "s3Key": "nowhere/<b>nothing</b>.jpg"})
    failed = row("#failures", HOSTILE)
    browser.wait(failed)
    check(browser.run("return document.querySelectorAll('main img, main b').length") == 0, "names are text, never HTML")
    browser.run(f"{failed}.querySelector('.link').click()")
    browser.wait("document.querySelector('#detail').open && document.querySelector('#detail-timeline').children.length > 3")
    check(browser.run("return document.querySelector('#detail-title').textContent") == HOSTILE, "details show the name")
    check(browser.run("return document.querySelector('#detail-error').textContent") != "", "details show the cause")
    shoot(browser, "detail.png")
    browser.click("#detail-close")
    check(browser.run("return window.pwned === undefined"), "nothing of a job has run as code")
    shoot(browser, "failures.png")
    first = browser.run(f"return {failed}.dataset.key")
    browser.run(f"[...{failed}.querySelectorAll('button')].pop().click()")
    browser.wait("document.querySelector('#notice').textContent.endsWith('runs again.')")
    check(True, "a failed job is retried by click")
    # Its element is another one, as it failed at another time.
    browser.wait(f"{failed} && {failed}.dataset.key !== args[0]", first)
    check(True, "the retried job has run again, and failed again")


def clean_an_orphan(browser):
    name = os.path.basename(orphan)
    browser.click("#look")
    browser.wait(row("#orphans", name))
    shoot(browser, "orphans.png")
    browser.click("#clean")
    browser.wait("document.querySelector('#orphans').children.length === 0")
    check(not os.path.exists(orphan), "the orphan is cleaned by click")
    check("1 file removed" in browser.run("return document.querySelector('#notice').textContent"), "and that is said")


def scale_a_pool(browser):
    card = "[...document.querySelectorAll('.stage')].find(each => each.dataset.pool === 'upload.image')"
    before = browser.run(f"return {card}.querySelectorAll('.worker').length")
    browser.run(f"{card}.querySelector('[aria-label^=\"One worker more\"]').click()")
    browser.wait(f"{card}.querySelectorAll('.dot.ready').length === {before + 1}")
    check(True, "a worker more is seen to be ready")


def keyboard_and_phone(browser):
    browser.run("document.activeElement.blur(); window.scrollTo(0, 0)")
    browser.press(TAB)
    check(browser.run("return document.activeElement.className") == "skip", "the first Tab is a way past the header")
    seen = set()
    for _ in range(80):
        browser.press(TAB)
        seen.add(browser.run("return document.activeElement.id || document.activeElement.textContent"))
    check({"look", "Restart"} <= seen, "every order is reached by Tab")
    browser.run("document.querySelector('#look').focus()")
    browser.press(ENTER)
    browser.tell("Emulation.setDeviceMetricsOverride", width=390, height=844, deviceScaleFactor=2, mobile=True)
    check(browser.run("return document.documentElement.scrollWidth <= innerWidth"), "a phone need not scroll sideways")
    shoot(browser, "phone.png")
    browser.tell("Emulation.clearDeviceMetricsOverride")
    browser.tell("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    light = browser.run("return getComputedStyle(document.body).backgroundColor")
    check(light == "rgb(16, 18, 26)", "a dark system gets a dark page")
    shoot(browser, "dark.png")


with Browser() as browser:
    browser.open(url + "/")
    browser.wait("document.querySelector('#status').textContent === 'Healthy'")
    check(True, "the tree is healthy, and the page says so")
    clean_an_orphan(browser)
    watch_a_job(browser)
    hostile_names(browser)
    scale_a_pool(browser)
    keyboard_and_phone(browser)
    loud = [entry["message"] for entry in browser.console() if entry["level"] == "SEVERE"]
    check(loud == [], f"the browser has nothing to complain of {loud}")
