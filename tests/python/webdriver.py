# SPDX-License-Identifier: Apache-2.0
"""A browser driven over the WebDriver protocol: headless Chromium through chromedriver, with nothing but the standard library."""
import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Failed(Exception):
    """The browser refused a command, or a condition did not come true."""


class Browser:
    def __init__(self, width=1440, height=900):
        self.folder = tempfile.mkdtemp(prefix="webdriver.")
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                       stdin=subprocess.DEVNULL, text=True, start_new_session=True)
        self.session = None
        try:
            self.base = f"http://127.0.0.1:{self._port()}"
            arguments = ["--headless=new", f"--window-size={width},{height}", f"--user-data-dir={self.folder}", "--no-first-run",
                         "--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
                         "--no-proxy-server"]
            if os.geteuid() == 0:
                arguments.append("--no-sandbox")
            answer = self._call("POST", "/session", {"capabilities": {"alwaysMatch": {
                "browserName": "chrome", "goog:chromeOptions": {"args": arguments}, "goog:loggingPrefs": {"browser": "ALL"},
                "unhandledPromptBehavior": "ignore"}}})
            self.session = f"/session/{answer['sessionId']}"
            self.size(width, height)
        except BaseException:
            self.close()
            raise

    def _port(self):
        for line in self.driver.stdout:
            found = re.search(r"started successfully on port (\d+)", line)
            if found:
                return int(found[1])
        raise Failed("chromedriver ended before it listened")

    def _call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            value = json.load(error)["value"]
            raise Failed(f"{method} {path}: {value['error']}: {value['message'].splitlines()[0]}") from None

    def call(self, method, path, body=None):
        return self._call(method, self.session + path, body)

    def close(self):
        if self.session:
            try:
                self.call("DELETE", "")
            except (Failed, OSError):
                pass
        self.driver.terminate()
        try:
            self.driver.wait(10)
        except subprocess.TimeoutExpired:
            self.driver.kill()
            self.driver.wait()
        self.driver.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def open(self, url):
        self.call("POST", "/url", {"url": url})

    def cdp(self, command, **params):
        return self.call("POST", "/goog/cdp/execute", {"cmd": command, "params": params})

    def size(self, width, height, scale=1):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=False)

    def scheme(self, name):
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def js(self, script, *args):
        return self.call("POST", "/execute/sync", {"script": script, "args": list(args)})

    def find(self, css, text=None):
        """The first element in sight that matches, and whose text contains `text`; None if there is none."""
        return self.js("""const [css, text] = arguments;
            return [...document.querySelectorAll(css)].find(e => e.checkVisibility() && (text === null || e.textContent.includes(text))) ?? null""", css, text)

    def wait(self, what, script, *args, seconds=20):
        """The first true value of `script`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            value = self.js(script, *args)
            if value:
                return value
            time.sleep(0.05)
        raise Failed(f"not within {seconds} s: {what}")

    def wait_for(self, css, text=None, seconds=20):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = self.find(css, text)
            if found:
                return found
            time.sleep(0.05)
        raise Failed(f"not within {seconds} s: {css} {text or ''}")

    def click(self, css, text=None):
        self.call("POST", f"/element/{self.wait_for(css, text)[ELEMENT]}/click", {})

    def type(self, css, text):
        self.call("POST", f"/element/{self.wait_for(css)[ELEMENT]}/value", {"text": text})

    def clear(self, css):
        self.call("POST", f"/element/{self.wait_for(css)[ELEMENT]}/clear", {})

    def keys(self, *keys):
        """Presses keys one after the other, wherever the focus is."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self.call("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def chord(self, *keys):
        """Presses keys together."""
        actions = [{"type": "keyDown", "value": key} for key in keys] + [{"type": "keyUp", "value": key} for key in reversed(keys)]
        self.call("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def title(self):
        return self.call("GET", "/title")

    def dialog(self):
        """The text of an open alert, or None."""
        try:
            return self.call("GET", "/alert/text")
        except Failed:
            return None

    def console(self):
        """What the page complained about since the last call."""
        return [entry["message"] for entry in self.call("POST", "/se/log", {"type": "browser"}) if entry["level"] in ("SEVERE", "WARNING")]

    def screenshot(self, path, **how):
        """As PNG, or as `how` of Page.captureScreenshot says."""
        data = self.cdp("Page.captureScreenshot", **how)["data"] if how else self.call("GET", "/screenshot")
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))
