"""A browser without a window, by chromedriver's HTTP interface (W3C WebDriver)."""

import base64
import json
import re
import subprocess
import tempfile
import urllib.error
import urllib.request


class Browser:
    def __init__(self):
        self.profile = tempfile.TemporaryDirectory(prefix="media-processor-browser-", ignore_cleanup_errors=True)
        self.driver = subprocess.Popen(
            ["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.base = None
        try:
            for line in self.driver.stdout:
                found = re.search(r"on port (\d+)", line)
                if found and "successfully" in line:
                    self.base = f"http://127.0.0.1:{found[1]}/session"
                    break
            if self.base is None:
                raise RuntimeError("chromedriver did not start")
            arguments = [
                "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-first-run",
                "--disable-background-networking", f"--user-data-dir={self.profile.name}", "--window-size=1360,1000",
            ]
            options = {"args": arguments, "binary": "/usr/bin/chromium"}
            wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
            answer = self._call("POST", "", {"capabilities": {"alwaysMatch": wanted}})
            self.base += "/" + answer["sessionId"]
            self._call("POST", "/timeouts", {"script": 90_000, "pageLoad": 60_000})
        except BaseException:
            self._end()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self._call("DELETE", "")
        finally:
            self._end()

    def _end(self):
        self.driver.terminate()
        self.driver.wait(30)
        self.profile.cleanup()

    def _call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.base + path, data=data, method=method, headers={"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{method} {path}: {error.read().decode()[:2000]}") from None

    def open(self, url):
        self._call("POST", "/url", {"url": url})

    def run(self, script, *arguments):
        return self._call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def wait(self, condition, *arguments):
        """Returns the first true value of a JavaScript expression, looked at whenever the page changes."""
        script = f"""
            const args = [...arguments], done = args.pop();
            const check = () => {{ const value = ({condition}); if (value) {{ observer.disconnect(); done(value); }} }};
            const observer = new MutationObserver(check);
            observer.observe(document, {{ subtree: true, childList: true, characterData: true, attributes: true }});
            check();
        """
        try:
            return self._call("POST", "/execute/async", {"script": script, "args": list(arguments)})
        except RuntimeError as error:
            text = self.run("return document.body.innerText")
            raise RuntimeError(f"never: {condition}\n{error}\nthe page says:\n{text}") from None

    def click(self, selector):
        element = self._call("POST", "/element", {"using": "css selector", "value": selector})
        self._call("POST", f"/element/{next(iter(element.values()))}/click", {})

    def press(self, *keys):
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._call("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def tell(self, command, **parameters):
        """A command of the DevTools protocol."""
        return self._call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def console(self):
        return self._call("POST", "/se/log", {"type": "browser"})

    def screenshot(self, path):
        # A page in a window of its own height, so that nothing is cut off.
        with open(path, "wb") as file:
            file.write(base64.b64decode(self._call("GET", "/screenshot")))
