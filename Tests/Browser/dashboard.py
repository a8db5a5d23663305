#!/usr/bin/env python3
"""Uses the dashboard of a running tree as an operator does.

dashboard.py URL TOKEN SOURCE ORPHAN [SCREENSHOTS]

SOURCE is a video that the tree may read, ORPHAN a file in its workspace that is nobody's.
"""

import json
import os
import re
import signal
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


def ask(path):
    with urllib.request.urlopen(url + path, timeout=30) as answer:
        return json.load(answer)


def row(place, text):
    return f"[...document.querySelectorAll('{place} > *')].find(each => each.textContent.includes({json.dumps(text)}))"


def shoot(browser, name):
    if shots:
        browser.screenshot(os.path.join(shots, name))


def before_the_first_data(browser):
    """Nobody says that nothing has failed, or that no job is under way, before the tree has said so."""
    script = browser.tell(
        "Page.addScriptToEvaluateOnNewDocument", source="window.fetch = () => new Promise(() => {});"
    )
    browser.open(url + "/")
    browser.wait("document.readyState === 'complete'")
    text = browser.run("return document.body.innerText")
    check("connecting" in text, "the page is there before the tree has answered")
    words = ("Nothing has failed", "No job is", "Nothing in the workspace", "Progress")
    told = [word for word in words if word in text]
    check(told == [], f"it tells nothing that it does not know yet {told}")
    shoot(browser, "before.png")
    browser.tell("Page.removeScriptToEvaluateOnNewDocument", identifier=script["identifier"])


def find_jobs(browser):
    def find(text):
        browser.run("document.querySelector('#search-text').value = arguments[0]", text)
        browser.click("#search [type=submit]")

    for text in ("clip-1", "holiday", f"file://{source}"):
        find(text)
        browser.wait(f"document.querySelector('#jobs-note').textContent === '1 job of “' + args[0] + '”'", text)
        shown = browser.run("return [...document.querySelectorAll('#jobs .link')].map(each => each.textContent)")
        check(shown == ["clip-1"], f"the job is found by {text}")
    shoot(browser, "found.png")
    browser.run(f"{row('#jobs', 'clip-1')}.querySelector('.link').click()")
    browser.wait("document.querySelector('#detail').open")
    told = browser.run("return document.querySelector('#detail-source').textContent")
    check(told == f"source file://{source}", "its details tell the source")
    browser.click("#detail-close")
    find("clip")
    browser.wait("document.querySelector('#jobs').children.length === 0"
                 " && !document.querySelector('#jobs-empty').hidden")
    check(True, "a part of an id finds nothing, and the page says so")
    find(HOSTILE)
    browser.wait("document.querySelector('#jobs').children.length === 1")
    elements = browser.run("return document.querySelectorAll('main img, main b').length")
    check(elements == 0, "what is searched for is text")
    browser.click("#search-end")
    browser.wait("document.querySelector('#jobs-note').textContent === ''")
    check(browser.run("return document.querySelector('#search-text').value") == "", "all jobs are shown again")


def restarts_and_deaths(browser):
    card = "[...document.querySelectorAll('.stage')].find(each => each.dataset.pool === 'download.image')"
    before = [pool for pool in ask("/overview")["pools"] if pool["name"] == "download.image"][0]
    browser.run(f"[...{card}.querySelectorAll('button')].find(each => each.textContent === 'Restart').click()")
    old = before["workers"][0]["name"]
    browser.wait(f"{card}.querySelectorAll('.dot.ready').length === 1 && "
                 f"!{card}.textContent.includes('#' + args[0])", old.split(".")[-1])
    check(browser.run(f"return {card}.lastChild.hidden"), "a restart that was asked for is no death")
    pool = [pool for pool in ask("/overview")["pools"] if pool["name"] == "download.image"][0]
    os.kill(pool["workers"][0]["pid"], signal.SIGKILL)
    browser.wait(f"{card}.lastChild.textContent.includes('1 death')")
    check("SIGKILL" in browser.run(f"return {card}.lastChild.textContent"), "a death is one, with its signal")
    browser.wait("document.querySelector('#status').textContent === 'Healthy'")


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
    browser.wait("document.querySelector('.stage[data-pool=\"process.video\"] .worker progress')?.value > 20")
    shoot(browser, "live.png")
    browser.wait(f"{live}?.textContent.includes('completed')")
    check(browser.run(f"return {live}.querySelector('progress').value") == 100, "the job is seen to complete")


def hostile_names(browser):
    submit({"id": HOSTILE, "mediaId": HOSTILE, "mediaType": "IMAGE", "s3Key": "nowhere/<b>nothing</b>.jpg"})
    failed = row("#failures", HOSTILE)
    browser.wait(failed)
    check(browser.run("return document.querySelectorAll('main img, main b').length") == 0, "names are text, never HTML")
    browser.run(f"{failed}.querySelector('.link').click()")
    browser.wait("document.querySelector('#detail').open"
                 " && document.querySelector('#detail-timeline').children.length > 3")
    check(browser.run("return document.querySelector('#detail-title').textContent") == HOSTILE, "details show the name")
    check(browser.run("return document.querySelector('#detail-error').textContent") != "", "details show the cause")
    times = browser.run("return [...document.querySelectorAll('#detail-timeline li')].map((line) => line.textContent)")
    check(all(re.match(r"\d\d:\d\d:\d\d  ", line) for line in times), "times of day have 24 hours")
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
    # A page that nobody has clicked into.
    browser.open(url + "/")
    browser.wait("document.querySelector('#status').textContent === 'Healthy'")
    browser.press(TAB)
    check(browser.run("return document.activeElement.className") == "skip", "the first Tab is a way past the header")
    seen = set()
    for _ in range(80):
        browser.press(TAB)
        seen.add(browser.run("return document.activeElement.id || document.activeElement.textContent"))
    check({"look", "Restart"} <= seen, "every order is reached by Tab")
    browser.run("document.querySelector('#look').focus()")
    browser.press(ENTER)
    phone(browser)
    browser.tell("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    light = browser.run("return getComputedStyle(document.body).backgroundColor")
    check(light == "rgb(16, 18, 26)", "a dark system gets a dark page")
    shoot(browser, "dark.png")


# Elements that reach beyond the page, or whose text reaches beyond them, and so cannot be read whole.
CLIPPED = """
    return [...document.querySelectorAll('body *')].filter(each => {
        const box = each.getBoundingClientRect(), style = getComputedStyle(each);
        if (box.width === 0 || each.closest('.hidden, .skip, thead, progress, input')) return false;
        return box.right > 390.5 || box.left < -0.5
            || style.textOverflow === 'ellipsis' && style.whiteSpace === 'nowrap'
            || style.overflowX !== 'visible' && each.scrollWidth > each.clientWidth + 1;
    }).map(each => each.tagName + '#' + each.id + '.' + each.className + ': ' + each.textContent.slice(0, 60));
"""


def phone(browser):
    long = "p" * 128
    submit({"id": long, "mediaId": long, "mediaType": "IMAGE", "s3Key": f"nowhere/{long}.jpg"})
    browser.wait(row("#failures", long))
    browser.tell("Emulation.setDeviceMetricsOverride", width=390, height=844, deviceScaleFactor=2, mobile=True)
    check(browser.run("return document.documentElement.scrollWidth <= innerWidth && innerWidth === 390"),
          "a phone need not scroll sideways")
    check(browser.run("return document.querySelector('#work').getBoundingClientRect().top < "
                      "document.querySelector('#stages').getBoundingClientRect().top"), "jobs come before stages there")
    browser.run("document.querySelector('#search-text').value = arguments[0]", long)
    browser.click("#search [type=submit]")
    browser.wait("document.querySelector('#jobs-note').textContent.startsWith('1 job of')")
    clipped = browser.run(CLIPPED)
    check(clipped == [], f"nothing is clipped {clipped}")
    shoot(browser, "phone.png")
    browser.run(f"{row('#failures', long)}.querySelector('.link').click()")
    browser.wait("document.querySelector('#detail').open")
    clipped = browser.run(CLIPPED)
    check(clipped == [], f"nor in the details of a job {clipped}")
    shoot(browser, "phone-detail.png")
    browser.click("#detail-close")
    browser.click("#search-end")
    browser.tell("Emulation.clearDeviceMetricsOverride")


with Browser() as browser:
    before_the_first_data(browser)
    browser.open(url + "/")
    browser.wait("document.querySelector('#status').textContent === 'Healthy'")
    check(True, "the tree is healthy, and the page says so")
    clean_an_orphan(browser)
    watch_a_job(browser)
    hostile_names(browser)
    find_jobs(browser)
    scale_a_pool(browser)
    restarts_and_deaths(browser)
    keyboard_and_phone(browser)
    loud = [entry["message"] for entry in browser.console() if entry["level"] == "SEVERE"]
    check(loud == [], f"the browser has nothing to complain of {loud}")
