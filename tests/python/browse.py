# SPDX-License-Identifier: Apache-2.0
"""What a person does with the page, in a browser.

browse.py SCENARIO ADDRESS_FILE SHOTS [ARGUMENT...]: plays one, leaves pictures in the folder SHOTS, prints "ok", or fails with what was wrong.
"""
import json
import os
import signal
import sys

from webdriver import Browser, Failed

ARROW_DOWN, ARROW_RIGHT, CONTROL, ENTER, ESCAPE, F6 = "\ue015", "\ue014", "\ue009", "\ue007", "\ue00c", "\ue036"
TERMINAL = "return document.querySelector('.xterm-rows')?.textContent.includes(arguments[0])"


def address(path):
    with open(path) as file:
        return file.read().strip()


def check(truth, what):
    if not truth:
        raise Failed(what)


def shot(browser, folder, name):
    os.makedirs(folder, exist_ok=True)
    browser.screenshot(f"{folder}/{name}.png")


def sign_in(b, path):
    b.open(address(path))
    b.wait_for(".l-open")
    check("token" not in b.js("return location.href"), "the token stayed in the address")


def choose(b, example):
    b.click("[data-tab=examples]")
    b.click(f"[data-example='{example}']")


# Notes when a text is first in sight below a selector: window.seen[name], in ms since 1970.
WATCH = """const [name, css, text] = arguments;
window.seen ??= {};
const look = () => {
    if (!(name in window.seen) && [...document.querySelectorAll(css)].some(e => e.textContent.includes(text)))
        window.seen[name] = Date.now();
};
new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
"""


def catalog(b, path, shots):
    """Run an example, see why it fails, allow that, see it pass."""
    sign_in(b, path)
    b.scheme("light")
    choose(b, "look")
    check(not b.find("[data-add-run]"), "there is a denial before anything ran")
    b.js(WATCH, "output", ".xterm-rows", "looking")
    b.js(WATCH, "denial", ".audit-list .row", "/etc/debian_version")
    b.js(WATCH, "exit", ".runner.on .state", "exit 3")
    started = b.js("return Date.now()")
    b.click("[data-run]")
    b.wait("the output", TERMINAL, "looking")
    b.wait_for(".audit-list .row", "/etc/debian_version")
    b.wait_for(".runner.on .state", "exit 3")
    seen = b.js("return window.seen")
    b.wait_for("[data-fill=ring]", "ring")
    events = b.js("return fetch('/api/audit').then(a => a.json()).then(a => a.events)")
    happened = b.js("return Date.parse(arguments[0])", next(e["first"] for e in events if e["target"] == "/etc/debian_version"))
    told = ", ".join(f"{name} {when - started} ms" for name, when in sorted(seen.items(), key=lambda row: row[1]))
    print(f"after the click: {told}; the denial was in sight {seen['denial'] - happened} ms after it happened")
    check(seen["denial"] - happened < 5000, "the denial came late")

    b.click(".audit-list .row", "/etc/debian_version")
    b.wait_for(".detail dd", "no allow entry matches")
    b.wait_for(".grant code", "--allow-read=/etc/debian_version")
    shot(b, shots, "denial-light")
    b.click("[data-copy-flag]")
    b.wait_for(".message", "Copied")
    b.click("[data-add-draft]")
    b.wait_for(".message", "Added to the draft policy")
    b.click("[data-add-run]")
    b.wait_for(".message", "--allow-read=/etc/debian_version")
    first = b.js("return document.querySelector('.runner.on').dataset.key")
    b.click(".screen .button", "Run again")
    b.wait("another runner", "return document.querySelector('.runner.on')?.dataset.key !== arguments[0]", first)
    b.wait("what the file holds", TERMINAL, open("/etc/debian_version").read().strip())
    b.wait_for(".runner.on .state", "exit 0")
    check(not b.find(".audit-list .row", "/etc/debian_version"), "it was denied again")


def policy(b, path, shots):
    """The draft: what lint says, what it comes to, what it would change."""
    sign_in(b, path)
    choose(b, "look")
    b.click("[data-run]")
    b.click(".audit-list .row", "/etc/debian_version")
    b.click("[data-add-draft]")
    b.click("[data-tab=policy]")
    b.wait_for("[data-lint=good]")
    draft = json.loads(b.js("return document.querySelector('[data-draft]').value"))
    check(draft["permissions"]["read"]["allow"] == ["/etc/debian_version"], f"the draft is {draft}")
    b.wait_for(".effective", "nothing is allowed")
    b.click(".choice label", "Under the draft")
    b.wait_for(".effective .value", "/etc/debian_version")
    shot(b, shots, "policy")
    b.click(".choice label", "Plan")
    b.wait_for(".plan .tier", "T1")
    b.wait_for(".plan", "everything else")
    shot(b, shots, "plan")
    b.click(".choice label", "Replay")
    b.click("[data-replay]")
    b.wait_for(".replay [role=status]", "1 would open")
    b.clear("[data-draft]")
    b.type("[data-draft]", '{"podshimPolicy": 1,\n"permissions": {"read": ["/srv"]},\n"nope": 1}')
    b.wait_for("[data-lint=bad]")
    b.wait_for(".findings .error", "unknown member 'nope'")
    check(b.find(".findings", "line 3"), "the finding has no line")
    b.clear("[data-draft]")
    b.type("[data-draft]", "{ no policy")
    b.wait_for(".findings .error")


INERT = """const made = document.querySelectorAll('img, a[href], iframe, object, embed, #app script, body > script, base, form[action], [onerror], [onclick], [style*=expression]');
return [...made].map(e => e.outerHTML.slice(0, 200));"""


def hostile(b, path, shots):
    """Output, names and paths that try to be more than text."""
    sign_in(b, path)
    choose(b, "hostile")
    b.click("[data-run]")
    b.wait("the end of the output", TERMINAL, "the end")
    inert(b, shots, "hostile", "colours", "rgb(20, 60, 90)")


def terminal(b, path, shots):
    """A program in a terminal: typed at, resized, interrupted; what it prints and asks does nothing else."""
    sign_in(b, path)
    b.click("[data-tab=examples]")
    b.click("[data-example=command]")
    b.type("[aria-label=Command]", "sh")
    b.click("[data-tty]")
    b.wait_for(".command-line code", "--tty")
    for label in b.js("return [...document.querySelectorAll('.permission')].filter(e => e.querySelector('.perm-name').textContent === 'run').map(e => e.querySelectorAll('.choice label')[2])"):
        b.call("POST", f"/element/{next(iter(label.values()))}/click", {})
    b.wait_for(".command-line code", "--allow-run")
    b.click("[data-run]")
    b.wait_for(".terminal.types")
    b.wait("the focus is the terminal's", "return document.activeElement.classList.contains('xterm-helper-textarea')")
    b.keys(*"echo pst?/1 $((6*7))", ENTER)
    b.wait("what was typed, and no shortcut", TERMINAL, "pst?/1 42")
    check(not b.js("return document.querySelector('dialog')") and len(b.js("return [...document.querySelectorAll('.screen')]")) == 1, "a key was the page's")
    check(not b.find("[data-input]"), "there is a line for input, too")
    first = told_size(b)
    b.size(900, 700)
    second = told_size(b, other_than=first)
    check(second[0] < first[0], f"{first}, then {second}")
    b.size(1440, 900)
    # Ctrl+C is the program's.
    b.keys(*"sleep 600", ENTER)
    b.chord(CONTROL, "c")
    b.wait("the prompt", "return /\\^C\\s+[#$]\\s*$/.test(document.querySelector('.xterm-rows').innerText)")
    b.keys(*"echo after $((6*9))", ENTER)
    b.wait("the prompt after Ctrl+C", TERMINAL, "after 54")
    # Questions of what it prints: no answer is typed.
    b.keys(*"clear; printf '\\033[c\\033[>c\\033[5n\\033[6n\\033[?6n\\033[?1$p\\033[18t\\033[?1004h\\033]11;?\\007\\033]52;c;?\\007\\033]0;owned\\007'; cat -v", ENTER)
    b.keys(F6)
    b.wait("F6 leaves", "return !document.activeElement.closest('.terminal')")
    b.click(".terminal.types .xterm-screen")
    b.keys(*"nothing", ENTER)
    b.wait("what cat says", "return (document.querySelector('.xterm-rows').innerText.match(/nothing/g) ?? []).length === 2")
    text = b.js("return document.querySelector('.xterm-rows').innerText")
    check("^[" not in text and text.count("nothing") == 2, f"something was answered: {text!r}")
    check(b.title() == "podshim", "the title is another")
    shot(b, shots, "terminal")
    b.chord(CONTROL, "d")
    b.keys(*"exit 4", ENTER)
    b.wait_for(".runner.on .state", "exit 4")
    b.wait("the end of typing", "return !document.querySelector('.terminal.types')")
    check(b.console() == [], "the browser complained")


def told_size(b, other_than=None):
    """What the program says that its terminal has: rows and columns."""
    for _ in range(100):
        b.keys(*"clear; stty size", ENTER)
        found = b.wait("a size", "return /^ *([0-9]+) ([0-9]+) *$/m.exec(document.querySelector('.xterm-rows').innerText)?.slice(1).map(Number)")
        if found != other_than:
            return found
    raise Failed(f"the size is still {other_than}")


def raw(b, path, shots):
    """The same from a server that passes on what it gets."""
    b.open(address(path))
    b.click(".runner .name", "hostile")
    inert(b, shots, "raw", "true colour", "rgb(20, 60, 90)")


def inert(b, shots, name, coloured, colour):
    b.wait("the markup, as text", TERMINAL, "<img src=x onerror=alert(1)>")
    b.wait("a colour", "return [...document.querySelectorAll('.xterm-rows span')].some(e => e.style.backgroundColor === arguments[0] && arguments[1].startsWith(e.textContent.trim().split(' ')[0]))", colour, coloured)
    b.wait_for(".audit-list .row", "<img src=x")
    rows = b.js("return [...document.querySelectorAll('.audit-list .target')].map(e => e.textContent)")
    for text in ("\\u{202e}", "\\u{a}", "\\u{1b}]0;owned\\u{7}", "\\u{200b}"):
        check(any(text in row for row in rows), f"{text} is not shown in {rows}")
    for row in rows:
        check(not any(ord(c) < 32 or c in "\u202e\u200b\u2066" for c in row), f"a control character is in {row!r}")
    for row in range(min(len(rows), 6)):
        b.js("document.querySelectorAll('.audit-list .row')[arguments[0]].click()", row)
    b.wait_for(".detail")
    b.keys("/")
    b.type(".find-all input", "img")
    b.wait_for(".hit", "<img src=x")
    shot(b, shots, name)
    b.keys(ESCAPE)
    b.wait("no dialog of the page", "return !document.querySelector('dialog')")
    check(b.js("return document.querySelector('.terminal').innerText.includes('click')"), "the text of the link is missing")
    b.js("""const screen = document.querySelector('.xterm-screen').getBoundingClientRect();
        for (const type of ['mousemove', 'mousedown', 'mouseup', 'click'])
            for (let y = 4; y < 200; y += 8)
                document.elementFromPoint(screen.x + 20, screen.y + y)?.dispatchEvent(new MouseEvent(type, { bubbles: true, clientX: screen.x + 20, clientY: screen.y + y }));""")
    check(b.dialog() is None, f"a dialog opened: {b.dialog()}")
    check(b.title() == "podshim", f"the title became {b.title()!r}")
    made = b.js(INERT)
    check(made == [], f"elements were made: {made}")
    check(b.js("return window.owned === undefined && !document.querySelector('.xterm-underline-5')"), "a script or a link of the output came to be")
    check(b.call("GET", "/window/handles") == [b.call("GET", "/window")], "a window opened")
    complaints = b.console()
    check(complaints == [], f"the browser complained: {complaints}")


def keyboard(b, path, shots):
    """Everything without a pointer."""
    focused = "return document.activeElement.closest('[data-pane]')?.dataset.pane"
    outline = "return getComputedStyle(document.activeElement).outlineStyle"
    sign_in(b, path)
    b.wait_for(".runner .name", "web")
    b.keys("?")
    b.wait_for("dialog.help")
    shot(b, shots, "keys")
    b.keys(ESCAPE)
    b.wait("no dialog", "return !document.querySelector('dialog')")
    b.keys("1")
    b.wait("the tree", f"{focused} === 'runners'")
    check(b.js("return document.activeElement.getAttribute('role')") in ("treeitem", "searchbox", None), "the focus is elsewhere")
    b.keys("/")
    b.type(".find-all input", "webnode")
    b.keys(ENTER)
    b.wait_for(".runner.on .name", "web")
    b.keys("3")
    b.wait("the audit", f"{focused} === 'audit'")
    b.js("document.querySelector('.audit-list [tabindex=\"0\"]').focus()")
    before = b.js("return document.activeElement.textContent")
    b.keys(ARROW_DOWN)
    b.wait("the next row", "return document.activeElement.classList.contains('row') && document.activeElement.textContent !== arguments[0]", before)
    check(b.js(outline) != "none", "the focus cannot be seen")
    b.keys(ARROW_RIGHT)
    b.wait_for(".detail")
    check(b.js("return document.activeElement.getAttribute('aria-expanded')") == "true", "the row does not say that it is open")
    for pane in ("timeline", "policy", "examples", "runners", "output"):
        b.keys(F6)
        b.wait(f"F6 to {pane}", f"{focused} === arguments[0]", pane)
    b.keys(ESCAPE)
    b.keys("2")
    b.wait("the output", f"{focused} === 'output'")
    b.wait("the input line", "return document.activeElement.hasAttribute('data-input')")
    b.keys("p")
    check(b.js("return document.activeElement.value") == "p", "a letter in a field was taken as a shortcut")
    b.keys(ESCAPE, "p")
    b.wait_for(".link", "paused")
    b.keys("p", "s")
    b.wait("two outputs", "return document.querySelectorAll('.screen').length === 2")
    b.keys("s", "t")
    b.wait("the light theme", "return document.documentElement.dataset.theme === 'light'")
    unnamed = b.js("""return [...document.querySelectorAll('button, input, select, textarea, [role=treeitem], [role=radiogroup], [role=tab]')]
        .filter(e => e.checkVisibility() && !(e.ariaLabel || e.textContent.trim() || e.labels?.[0]?.textContent.trim())).map(e => e.outerHTML.slice(0, 160))""")
    check(unnamed == [], f"without a name: {unnamed}")


CONTRAST = """
const luminance = ([r, g, b]) => [r, g, b].map(v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((n, v, i) => n + v * [0.2126, 0.7152, 0.0722][i], 0);
const parse = c => { const v = c.match(/[\\d.]+/g)?.map(Number) ?? [0, 0, 0, 0]; return v.length < 4 ? [...v, 1] : v; };
const behind = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c[3] === 1) return c; } return [255, 255, 255, 1]; };
const low = [];
const walk = document.createTreeWalker(document.querySelector('#app'), NodeFilter.SHOW_TEXT);
while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || e.closest('.xterm, :disabled, .sr') || !e.checkVisibility())
        continue;
    let opacity = 1;
    for (let up = e; up; up = up.parentElement)
        opacity *= Number(getComputedStyle(up).opacity);
    const back = behind(e), front = parse(getComputedStyle(e).color).slice(0, 3).map((v, i) => v * opacity + back[i] * (1 - opacity));
    const [a, b] = [luminance(front), luminance(back)].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5)
        low.push(`${walk.currentNode.data.trim().slice(0, 30)} ${((a + 0.05) / (b + 0.05)).toFixed(2)}`);
}
return low;"""

OVERFLOW = """return [...document.querySelectorAll('header > *, .pane *, nav *')].filter(e => e.checkVisibility() && !e.closest('.xterm, .edit, canvas, .sr, pre') && e.getBoundingClientRect().width > 0
    && (e.getBoundingClientRect().right > innerWidth + 0.5 || e.getBoundingClientRect().left < -0.5)).map(e => e.outerHTML.slice(0, 120))"""


def looks(b, path, shots):
    """Light and dark, wide and narrow: nothing is cut off, everything can be read."""
    b.open(address(path))
    b.click(".runner .name", "web")
    b.wait_for(".audit-list .row")
    for scheme in ("light", "dark"):
        b.scheme(scheme)
        b.size(1440, 900)
        for view in ("output", "policy", "examples"):
            b.click(f"nav.views [data-tab={view}]")
            if view == "examples":
                b.click("[data-example=build]")
            b.wait("what policy counts", "return arguments[0] !== 'policy' || document.querySelector('.effective')", view)
            shot(b, shots, f"wide-{scheme}-{view}")
            low = b.js(CONTRAST)
            check(low == [], f"{scheme} {view}: too little contrast: {low}")
        b.size(360, 740, 2)
        for view in ("runners", "output", "audit", "policy", "examples"):
            b.click(f"nav.narrow [data-tab={view}]")
            b.wait("one pane", "return [...document.querySelectorAll('.panes > .pane')].filter(e => e.checkVisibility()).length <= 2")
            shot(b, shots, f"narrow-{scheme}-{view}")
            check(b.js("return document.documentElement.scrollWidth") == 360, f"{view} is wider than the window")
            cut = b.js(OVERFLOW)
            check(cut == [], f"{view}: outside the window: {cut}")
    check(b.console() == [], f"the browser complained: {b.console()}")


def picture(b, path, shots):
    """The picture of the README: a runner at work, what it was denied, and why."""
    b.scheme("light")
    b.size(1200, 720)
    b.open(address(path))
    b.click(".runner .name", "web")
    b.wait_for(".audit-list .row", "169.254.169.254")
    b.wait("some output", "return document.querySelector('.xterm-rows').innerText.split('\\n').filter(l => l.includes('GET')).length > 5", seconds=60)
    b.click(".audit-list .row", "/etc/shadow")
    b.wait_for(".grant code")
    b.screenshot(f"{shots}/picture.webp", format="webp", quality=82)


def flood(b, path, shots):
    """5000 events and 1000 lines a second."""
    b.open(address(path))
    b.click(".runner .name", "web")
    b.wait_for(".audit-list .row", "/srv/data/part-")
    b.js("""window.frames_ = []; let last = performance.now();
        const f = now => { window.frames_.push(now - last); last = now; requestAnimationFrame(f); }; requestAnimationFrame(f);
        window.long_ = 0; new PerformanceObserver(l => l.getEntries().forEach(e => { window.long_ = Math.max(window.long_, e.duration); })).observe({ type: 'longtask' });""")
    first = b.js("return Number(document.querySelector('.audit .foot').textContent.match(/of (\\d+)/)[1])")
    b.wait("more and more targets", "return Number(document.querySelector('.audit .foot').textContent.match(/of (\\d+)/)[1]) > arguments[0] + 1500", first)
    b.click(".chip.allow")
    b.wait("only the others", "return [...document.querySelectorAll('.audit-list .result')].every(e => e.textContent !== 'allow')")
    b.keys("p")
    b.wait_for(".link", "paused")
    b.keys("p")
    rows = b.js("return document.querySelectorAll('.audit-list .row').length")
    elements = b.js("return document.querySelectorAll('*').length")
    slow, most = b.js("return [window.frames_.filter(f => f > 100).length, Math.max(...window.frames_, window.long_)]")
    print(f"{rows} rows, {elements} elements; {slow} frames of more than 100 ms, the longest {most:.0f} ms")
    shot(b, shots, "flood")
    check(rows < 120, f"{rows} rows are in the document")
    check(elements < 4000, f"{elements} elements are in the document")
    check(most < 5000, f"the page stood still for {most} ms")


def signed_out(b, path, shots):
    """Without a cookie it asks for the token, and says when one is wrong."""
    url = address(path)
    b.open(url.split("#")[0])
    b.wait_for(".login input")
    shot(b, shots, "login")
    b.type(".login input", "0" * 64)
    b.keys(ENTER)
    b.wait("a refusal", "return document.querySelector('.login [role=alert]').textContent.length > 0")
    b.clear(".login input")
    b.type(".login input", url)
    b.keys(ENTER)
    b.wait_for(".l-open")


def read_only(b, path, shots):
    """Without --actions nothing can be started, and the page says so."""
    sign_in(b, path)
    b.wait_for(".link", "read-only")
    choose(b, "look")
    b.wait_for("[data-run]")
    check(b.js("return document.querySelector('[data-run]').disabled"), "Run is offered")
    shot(b, shots, "read-only")


def others(b, path, shots):
    """Another user's pod is marked; nothing can be done with its runner, and the page says why."""
    sign_in(b, path)
    b.wait_for(".node.pod [data-only]", "uid 0, read-only")
    check(b.js("return document.querySelector('.node.pod .name').offsetWidth > 40"), "the pod's name has no room")
    b.click(".runner .command", "sh -c")
    b.wait("what it printed", TERMINAL, "seen")
    b.wait_for(".screen [data-only]", "read-only")
    for label in "Interrupt", "Stop":
        button = f"document.querySelector('.screen .tools [aria-label={label}]')"
        check(b.js(f"return {button}.disabled && {button}.title.includes('another user')"), f"{label} is offered")
    check(not b.find("[data-input]"), "there is a line for input")
    b.click("[data-tab=policy]")
    b.wait_for(".about .empty", "look at what it does, and no more")
    b.click(".choice label", "Plan")
    b.wait_for(".about .empty-title", "No plan")
    b.wait_for(".about .empty", "look at what it does, and no more")
    shot(b, shots, "others")


SCENARIOS = {f.__name__: f for f in (catalog, policy, hostile, terminal, raw, keyboard, looks, picture, flood, signed_out, read_only, others)}


def main():
    scenario, path, shots = sys.argv[1:4]
    # So that the browser ends, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with Browser() as browser:
        try:
            SCENARIOS[scenario](browser, path, shots)
        except Failed:
            try:
                shot(browser, shots, f"failed-{scenario}")
                print("\n".join(browser.console()), file=sys.stderr)
            except Failed:
                pass
            raise
    print("ok")


main()
