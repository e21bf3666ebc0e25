#!/usr/bin/python3
"""Opens pages in headless Chromium and says what a reader would see.

    browser.py DIRECTORY PAGE...

A PAGE is a file, or NAME=URL; with NET=1 the browser gets a network for the latter.  For each page, width and colour scheme it writes a screenshot of the page,
DIRECTORY/NAME-WIDTH-SCHEME.png, and prints one line of JSON: title, width of the
window and of what would have to be scrolled, background, dialogs and requests, and the text with
the least contrast.  Chromium is driven through its pipe: no port, no other package.

Exit status: 0; 77 when Chromium is not installed.
"""

import base64
import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile

WIDTHS = tuple(map(int, os.environ.get("WIDTHS", "1280 400").split()))
SCHEMES = ("light", "dark")

# Relative luminance and contrast as in WCAG 2; the background is that of the nearest ancestor
# that has one.  What is taken out of sight is for screen readers.
MEASURE = r"""
(() => {
  const rgb = (text) => text.match(/[\d.]+/g).map(Number);
  const channel = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) =>
    0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const back = (element) => {
    for (; element; element = element.parentElement) {
      const colour = rgb(getComputedStyle(element).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const worst = {ratio: 21, text: ""};
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.data.trim(), element = walker.currentNode.parentElement;
    if (!text || element.closest(".unseen, title") || getComputedStyle(element).fontSize === "0px") continue;
    const a = luminance(rgb(getComputedStyle(element).color)), b = luminance(back(element));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < worst.ratio) Object.assign(worst, {ratio, text: text.slice(0, 60)});
  }
  const wide = [...document.querySelectorAll("body *")].filter((element) => {
    const box = element.getBoundingClientRect();
    return box.width > 0 && box.right > innerWidth + 0.5 && !element.closest(".cut, .unseen");
  });
  return {
    title: document.title,
    scripts: document.scripts.length,
    foreign: document.querySelectorAll("img, iframe, object, embed, link, audio, video").length,
    handlers: [...document.querySelectorAll("*")].filter((element) =>
      [...element.attributes].some((a) => a.name.startsWith("on"))).length,
    actions: [...document.forms].map((form) => form.action),
    window: innerWidth,
    content: document.documentElement.scrollWidth,
    height: document.documentElement.scrollHeight,
    scrolling: [...document.querySelectorAll(".card")].filter((e) =>
      e.scrollWidth > e.clientWidth).map((e) => e.id),
    cut_off: [...document.querySelectorAll(".scroll")].filter((e) =>
      e.scrollWidth > e.clientWidth).map((e) => e.innerText.slice(0, 40)),
    background: getComputedStyle(document.documentElement).backgroundColor,
    headline: document.querySelector("h1").innerText.trim(),
    contrast: Math.round(worst.ratio * 100) / 100,
    contrast_of: worst.text,
    wide: wide.slice(0, 5).map((e) => e.tagName + "." + e.className),
  };
})()
"""


class Browser:
    def __init__(self, home):
        self.home = home
        to_read, to_write = os.pipe()
        from_read, from_write = os.pipe()
        # Out of the way of 3 and 4, where Chromium looks for its ends.
        theirs = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in (to_read, from_write)]
        command = [
            "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-dev-shm-usage", "--hide-scrollbars", "--user-data-dir=" + home + "/profile",
            "--remote-debugging-pipe", "about:blank",
        ]

        def pipes():
            os.dup2(theirs[0], 3)
            os.dup2(theirs[1], 4)

        # Chromium looks for its vendor whatever it is told: it gets no network.
        self.process = subprocess.Popen(
            ["unshare", "-n"] + command if os.geteuid() == 0 and not os.environ.get("NET") else command,
            preexec_fn=pipes, close_fds=False, env=dict(os.environ, HOME=home),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=open(home + "/log", "w"))
        for fd in (to_read, from_write, *theirs):
            os.close(fd)
        self.input = os.fdopen(to_write, "wb", buffering=0)
        self.output = os.fdopen(from_read, "rb")
        self.last, self.rest, self.events, self.session = 0, b"", [], None

    def message(self):
        while b"\0" not in self.rest:
            data = self.output.raw.read(1 << 20)
            if not data:
                with open(self.home + "/log", encoding="utf-8", errors="replace") as log:
                    raise SystemExit("browser.py: chromium ended: " + log.read()[-2000:])
            self.rest += data
        line, self.rest = self.rest.split(b"\0", 1)
        return json.loads(line)

    def call(self, method, **arguments):
        self.last += 1
        request = {"id": self.last, "method": method, "params": arguments}
        if self.session:
            request["sessionId"] = self.session
        try:
            self.input.write(json.dumps(request).encode() + b"\0")
        except BrokenPipeError:
            pass  # message() says why
        while True:
            answer = self.message()
            if answer.get("id") == self.last:
                if "error" in answer:
                    raise SystemExit("browser.py: %s: %s" % (method, answer["error"]))
                return answer["result"]
            self.events.append(answer)

    def wait_for(self, event):
        while not any(e.get("method") == event for e in self.events):
            self.events.append(self.message())

    def open(self, url):
        self.events = []
        self.call("Page.navigate", url=url)
        self.wait_for("Page.loadEventFired")

    def attach(self):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(domain + ".enable")

    def seen(self, method):
        return [e for e in self.events if e.get("method") == method]

    def close(self):
        self.input.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def look(browser, page, width, scheme, directory):
    name, _, url = page.partition("=")
    if not url:
        name = os.path.splitext(os.path.basename(page))[0]
        url = "file://" + os.path.abspath(page)
    browser.call("Emulation.setDeviceMetricsOverride", width=width, height=900,
                 deviceScaleFactor=1, mobile=width < 600)
    browser.call("Emulation.setEmulatedMedia",
                 features=[{"name": "prefers-color-scheme", "value": scheme}])
    browser.open(url)
    result = browser.call("Runtime.evaluate", expression=MEASURE, returnByValue=True)["result"]
    seen = result["value"]
    picture = browser.call("Page.captureScreenshot", format="png", captureBeyondViewport=True,
                           clip={"x": 0, "y": 0, "width": width,
                                 "height": min(seen["height"], 3000), "scale": 1})
    path = "%s/%s-%d-%s.png" % (directory, name, width, scheme)
    with open(path, "wb") as file:
        file.write(base64.b64decode(picture["data"]))
    seen.update(page=name, console=[e["params"]["entry"]["text"] for e in browser.seen("Log.entryAdded")], width=width, scheme=scheme, picture=path,
                dialogs=len(browser.seen("Page.javascriptDialogOpening")),
                exceptions=len(browser.seen("Runtime.exceptionThrown")),
                requests=len(browser.seen("Network.requestWillBeSent")))
    print(json.dumps(seen), flush=True)


def main():
    if shutil.which("chromium") is None:
        sys.stderr.write("skip: no chromium (apt package chromium)\n")
        sys.exit(77)
    home = tempfile.mkdtemp(prefix="browser.")
    browser = Browser(home)
    try:
        browser.attach()
        for page in sys.argv[2:]:
            for width in WIDTHS:
                for scheme in SCHEMES:
                    look(browser, page, width, scheme, sys.argv[1])
    finally:
        browser.close()
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
