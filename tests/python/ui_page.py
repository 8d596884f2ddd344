# SPDX-License-Identifier: Apache-2.0
"""What a page says to podshim-ui: HTTP and web socket, by hand, so that wrong things can be said, too.

ui_page.py TOKEN_FILE SCENARIO: runs it, prints "ok", or fails with what was wrong.
"""
import base64
import hashlib
import http.client
import json
import os
import re
import socket
import statistics
import struct
import sys
import time

PATIENCE = 30


def read_address(path):
    deadline = time.monotonic() + PATIENCE
    while not os.path.exists(path):
        assert time.monotonic() < deadline, "no token file"
        time.sleep(0.02)
    with open(path) as f:
        found = re.fullmatch(r"http://(127\.0\.0\.1|localhost)(?::(\d+))?/#token=([0-9a-f]{64})\n", f.read())
    assert found, "the token file is not as expected"
    return found[1], int(found[2] or 0), found[3]


class Page:
    def __init__(self, token_file, unix=None):
        self.token_file, self.unix = token_file, unix
        self.address, self.port, self.token = read_address(token_file)
        self.host = f"{self.address}:{self.port}" if self.port else self.address
        self.origin = f"http://{self.host}"
        self.cookie = None

    def socket(self, receive_buffer=None):
        s = socket.socket(socket.AF_UNIX if self.unix else socket.AF_INET)
        if receive_buffer:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        s.settimeout(PATIENCE)
        s.connect(self.unix or (self.address, self.port))
        return s

    def ask(self, method, path, body=None, host=..., origin=..., cookie=..., kind="application/json"):
        """(status, headers, body); ... means as a page would, None: without."""
        connection = http.client.HTTPConnection("page", timeout=PATIENCE)
        connection.sock = self.socket()
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Host": self.host if host is ... else host,
                   "Origin": (self.origin if method == "POST" else None) if origin is ... else origin,
                   "Cookie": self.cookie if cookie is ... else cookie,
                   "Content-Type": kind if data is not None else None,
                   "Content-Length": None if data is None else str(len(data))}
        for name, value in headers.items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders(data)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, answer.headers, text

    def login(self):
        status, headers, _ = self.ask("POST", "/api/login", {"token": self.token})
        assert status == 200, status
        cookie = headers["set-cookie"]
        assert "HttpOnly" in cookie and "SameSite=Strict" in cookie, cookie
        self.cookie = cookie.split(";")[0]
        return self

    def get(self, path):
        status, _, text = self.ask("GET", path)
        assert status == 200, (path, status, text)
        return strict(text)

    def post(self, path, body, expected=200):
        status, _, text = self.ask("POST", path, body)
        assert status == expected, (path, status, text)
        return strict(text)

    def run(self, **what):
        return self.post("/api/run", what)["n"]

    def runner(self, n):
        return self.get(f"/api/runners/{n}")

    def ended(self, n):
        return until(lambda: (r := self.runner(n))["state"] in ("exited", "failed", "gone") and r)

    def upgrade(self, host=..., origin=..., cookie=..., protocol="podshim.v1", path="/ws", receive_buffer=None):
        """The status of the answer, and the socket."""
        s = self.socket(receive_buffer)
        key = base64.b64encode(os.urandom(16)).decode()
        headers = {"Host": self.host if host is ... else host, "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": key,
                   "Sec-WebSocket-Version": "13", "Sec-WebSocket-Protocol": protocol, "Origin": self.origin if origin is ... else origin,
                   "Cookie": self.cookie if cookie is ... else cookie}
        s.sendall((f"GET {path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items() if v is not None) + "\r\n").encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            got = s.recv(1)
            if not got:
                return 0, s
            answer += got
        status = int(answer.split()[1])
        if status == 101:
            accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest())
            assert accept in answer and b"podshim.v1" in answer, answer
        return status, s

    def live(self, **options):
        status, s = self.upgrade(**options)
        assert status == 101, status
        return Live(s)


def strict(text):
    """JSON, UTF-8, and no control character in it as it is."""
    text = text.decode("utf-8", "strict")
    assert not re.search(r"[\x00-\x08\x0b-\x1f]", text), "control characters"
    return json.loads(text, parse_constant=lambda c: sys.exit(f"{c} is no JSON"))


def until(is_so):
    deadline = time.monotonic() + PATIENCE
    while not (result := is_so()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
    return result


class Live:
    """A web socket."""
    def __init__(self, s):
        self.s, self.rows, self.events, self.output, self.gaps, self.output_gaps, self.seq = s, {}, [], {}, [], {}, 0

    def exactly(self, n):
        data = b""
        while len(data) < n:
            got = self.s.recv(n - len(data))
            if not got:
                raise EOFError
            data += got
        return data

    def frame(self):
        """(opcode, payload) of a whole message."""
        kind, payload = 0, b""
        while True:
            first, second = self.exactly(2)
            size = second & 127
            size = struct.unpack(">H", self.exactly(2))[0] if size == 126 else struct.unpack(">Q", self.exactly(8))[0] if size == 127 else size
            assert not second & 128, "servers do not mask"
            kind = first & 15 or kind
            payload += self.exactly(size)
            if first & 128:
                return kind, payload

    def say(self, what, kind=1):
        data = what if isinstance(what, bytes) else json.dumps(what).encode()
        size = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + struct.pack(">H", len(data))
        mask = os.urandom(4)
        self.s.sendall(bytes([0x80 | kind]) + size + mask + bytes(c ^ mask[i % 4] for i, c in enumerate(data)))

    def type(self, n, data, stream=0):
        self.say(struct.pack("<IB", n, stream) + data, 2)

    def sub(self, **what):
        self.say({"type": "sub", **what})
        return self

    def turn(self):
        """One frame, into what is known; a batch is returned."""
        kind, payload = self.frame()
        if kind == 2:
            n, stream, offset = struct.unpack_from("<IBQ", payload)
            data = self.output.setdefault(n, {"next": offset, 1: b"", 2: b""})
            data["lost"] = data.get("lost", 0) + offset - data["next"]
            data[stream] += payload[13:]
            data["next"] = offset + len(payload) - 13
            return None
        assert kind == 1, (kind, payload)
        message = strict(payload)
        if message["type"] != "batch":
            return message
        if "gap" in message:
            assert message["gap"]["from"] == self.seq + 1 or not self.seq, (message["gap"], self.seq)
            self.gaps.append(message["gap"])
        self.rows.update((r["n"], r) for r in message.get("runners", []))
        for n in message.get("gone", []):
            self.rows.pop(n, None)
        self.events += message.get("events", [])
        for gap in message.get("outputGaps", []):
            self.output_gaps[gap["n"]] = self.output_gaps.get(gap["n"], 0) + gap["bytes"]
        self.seq = message["seq"]
        return message

    def until(self, is_so):
        deadline = time.monotonic() + PATIENCE
        while not is_so():
            assert time.monotonic() < deadline, "waited in vain"
            self.turn()

    def until_ended(self, n):
        self.until(lambda: n in self.rows and self.rows[n]["state"] == "exited" and self.rows[n]["status"] is not None)


# ---- Scenarios ----

def doors(page):
    wrong_hosts = ["evil.example", f"evil.example:{page.port}", f"127.0.0.1:{page.port + 1}", f"{page.host}.evil.example", "", f"{page.host} evil"]
    for host in wrong_hosts + [None]:
        for path in ("/", "/api/pods"):
            status = page.ask("GET", path, host=host)[0]
            assert status in (400, 403), (host, path, status)
    status, headers, text = page.ask("GET", "/")
    assert status == 200 and b"<html" in text
    assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self'") and "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff" and headers["x-frame-options"] == "DENY" and headers["referrer-policy"] == "no-referrer"
    assert page.ask("GET", "/", origin="http://evil.example")[0] == 403
    assert page.ask("GET", "/../../etc/passwd")[0] in (400, 403, 404)
    assert page.ask("GET", "/nothing")[0] == 404
    assert page.ask("PUT", "/api/pods")[0] in (403, 405)

    for wrong in ("http://evil.example", f"https://{page.host}", f"http://{page.host}.evil.example", "null", None):
        assert page.ask("POST", "/api/login", {"token": page.token}, origin=wrong)[0] == 403, wrong
    assert page.ask("POST", "/api/login", {"token": "0" * 64})[0] == 401
    assert page.ask("POST", "/api/login", {"token": page.token[:-1]})[0] == 401
    assert page.ask("POST", "/api/login", {"token": page.token}, kind="text/plain")[0] == 400
    assert page.ask("POST", "/api/login", b"{")[0] == 400
    assert oct(os.stat(page.token_file).st_mode & 0o777) == "0o600"
    for path in ("/api/pods", "/api/runners", "/api/audit", "/api/examples", "/api/policy"):
        assert page.ask("GET", path)[0] == 401, path
        assert page.ask("GET", path, cookie="podshim_ui=" + "0" * 64)[0] == 401, path
    page.login()
    assert page.ask("POST", "/api/login", {"token": page.token})[0] == 401, "a token works once"
    assert read_address(page.token_file)[2] != page.token
    assert page.get("/api/pods") == {"pods": []} or page.get("/api/pods")["pods"]
    assert page.ask("GET", "/api/pods", host="evil.example")[0] == 403
    assert page.ask("GET", "/api/pods", origin="http://evil.example")[0] == 403
    assert page.ask("GET", "/api/pods", cookie="x=y; " + page.cookie + "; z=1")[0] == 200
    assert page.ask("GET", "/api/runners/99999999")[0] == 404
    assert page.ask("GET", "/api/audit?since=x")[0] == 400

    for wrong in ({"origin": "http://evil.example"}, {"origin": None}, {"host": "evil.example"}, {"cookie": None},
                  {"cookie": "podshim_ui=" + "f" * 64}, {"protocol": None}, {"protocol": "http"}, {"protocol": "other"}, {"path": "/api/pods"}):
        status, s = page.upgrade(**wrong)
        s.close()
        assert status != 101, wrong
    assert page.upgrade()[0] == 101


def frames_that_are_wrong(page):
    page.login()
    for wrong in (b"{", b"[]", b'{"type":"sub","since":-1}', b'{"type":"sub","runners":["x"]}', b'{"type":"sub","pods":7}', b"\xff"):
        live = page.live()
        assert live.turn()["type"] == "hello"
        live.say(wrong)
        kind, payload = live.frame()
        assert kind == 8 and struct.unpack_from(">H", payload)[0] in (1007, 1008), (wrong, kind, payload)
    for wrong in (b"", b"\1\0\0", b"\1\0\0\0\1x", {"type": "size", "n": 1, "rows": 0, "cols": 80}, {"type": "size", "n": 1, "rows": 24, "cols": 1001}, {"type": "type"}):
        refused(page, wrong)
    # It is there all the same.
    assert page.live().turn()["type"] == "hello"


def refused(page, frame):
    """The reason that the connection is closed with."""
    live = page.live()
    assert live.turn()["type"] == "hello"
    live.say(frame, 2 if isinstance(frame, bytes) else 1)
    kind, payload = live.frame()
    assert kind == 8 and struct.unpack_from(">H", payload)[0] == 1008, (frame, kind, payload)
    return payload[2:].decode()


def beat(page):
    live = page.login().live()
    hello = live.turn()
    assert hello["type"] == "hello" and hello["version"] == 1 and hello["batchMs"] == 200, hello
    live.sub()
    times = []
    while len(times) < 16:
        if live.turn():
            times.append(time.monotonic())
    between = [b - a for a, b in zip(times[1:], times[2:])]
    # The machine may be busy; most of them are in time.
    assert 0.15 <= statistics.median(between) <= 0.25 and sorted(between)[len(between) // 4] >= 0.1, between


def show_only(page):
    page.login()
    for path, body in (("run", {"argv": ["true"]}), ("runners/1/send", {"text": "x"}), ("runners/1/stop", {}), ("runners/1/interrupt", {}),
                       ("policy/lint", {"policy": "{}"}), ("policy/show", {}), ("policy/test", {"n": 1}), ("explain", {"perm": "read", "target": "/"})):
        answer = page.post("/api/" + path, body, 403)
        assert "--actions" in answer["error"], answer
    assert page.live().turn()["actions"] is False
    for frame in (struct.pack("<IB", 1, 0) + b"x", {"type": "size", "n": 1, "rows": 24, "cols": 80}):
        assert "--actions" in refused(page, frame)


FLOOD = "import sys\nfor i in range(int(sys.argv[1])):\n    try: open('/etc/ssl/' + sys.argv[2] + str(i % int(sys.argv[3])))\n    except OSError: pass\n"


def flood(page, count, tag, distinct):
    return page.run(code=FLOOD, suffix=".py", flags=["--deny-read=/etc/ssl"], args=[str(count), tag, str(distinct)])


def of_flood(events, n, tag):
    return [e for e in events if e.get("n") == n and e["type"] == "audit" and e["target"].startswith("/etc/ssl/" + tag)]


def denials(page):
    live = page.login().live().sub(since=0)
    # As many targets as accesses, and few.
    for distinct in (5000, 7):
        n = flood(page, 5000, "f", distinct)
        live.until_ended(n)
        # A row has the total before the last of so many events are here.
        newest = page.get("/api/runners")["seq"]
        live.until(lambda: live.seq >= newest)
        seen = of_flood(live.events, n, "f")
        assert live.rows[n]["denied"] == 5000, live.rows[n]
        assert sum(e["count"] for e in seen) == 5000 and len({e["target"] for e in seen}) == distinct, len(seen)
        assert all(e["result"] == "deny" for e in seen) and not live.rows[n]["lost"]
        assert page.runner(n)["denied"] == 5000
        assert page.get(f"/api/audit?n={n}")["events"][-1]["n"] == n and not live.gaps


def slow(page):
    page.login()
    live = page.live(receive_buffer=4096)
    live.sub(since=0, runners=None)
    first = live.turn()
    assert first["type"] == "hello"
    ended = [page.ended(flood(page, 5000, t, 5000)) for t in "abc"]
    loud = page.ended(page.run(code="print('x' * 2999999)", suffix=".py"))
    until(lambda: page.runner(loud["n"])["output"] == 3000000)
    assert all(r["denied"] == 5000 for r in ended), ended
    newest = page.get("/api/runners")["seq"]
    live.until(lambda: live.seq >= newest and live.output.get(loud["n"], {}).get("next") == 3000000)
    assert live.gaps and all(g["from"] <= g["to"] for g in live.gaps), live.gaps
    seqs = [e["seq"] for e in live.events]
    missing = {s for g in live.gaps for s in range(g["from"], g["to"] + 1)}
    assert seqs == sorted(set(seqs)) and not missing & set(seqs)
    assert set(range(live.gaps[0]["from"], newest + 1)) <= set(seqs) | missing, "what is not told of is in a gap"
    assert all(live.rows[r["n"]]["denied"] == 5000 for r in ended), "totals are right whatever was skipped"
    until(lambda: live.turn() is not None)
    out = live.output[loud["n"]]
    assert out["lost"] + len(out[1]) == 3000000 - (out["next"] - out["lost"] - len(out[1])) or live.output_gaps, out["next"]
    assert len(out[1]) < 3000000 and set(out[1]) == set(b"x\n")


HOSTILE = ("</script><img src=x onerror=alert(1)>", "a\nb\rc", "\x1b]0;title\x07\x1b[2J", "\u202egpj.exe", '","result":"allow', "\\u0000", "\ud800")


def hostile(page):
    live = page.login().live().sub(since=0, runners=None)
    code = ("import os, sys\nfor name in sys.argv[1:]:\n    try: open(b'/etc/ssl/' + os.fsencode(name) + b'\\xff\\xfe')\n    except OSError: pass\n"
            "sys.stdout.buffer.write(bytes(range(256)) * 4)\nsys.stdout.flush()\nos.write(2, b'\\xc3\\x28\\x1b[31m{\"type\":\"batch\"}')\n")
    names = [n for n in HOSTILE if "\ud800" not in n]
    stdout, stderr = bytes(range(256)) * 4, b'\xc3\x28\x1b[31m{"type":"batch"}'
    n = page.run(code=code, suffix=".py", flags=["--deny-read=/etc/ssl"], args=names)
    live.until_ended(n)
    live.until(lambda: live.output.get(n, {}).get("next") == len(stdout + stderr))
    assert live.output[n][1] == stdout and live.output[n][2] == stderr, live.output[n]
    seen = of_flood(live.events, n, "")
    assert len(seen) == len(names) and live.rows[n]["denied"] == len(names), seen
    assert all(e["result"] == "deny" for e in seen)
    # A command line of that kind, and a flag that is none.
    n = page.run(argv=["printf", "%s"] + names)
    assert names[0] in page.ended(n)["command"]
    page.get("/api/runners")
    for flag in ("--audit=/etc/passwd", "--broker=/tmp/x", "--policy=/etc/x", "--root=/x", "--allow-read\n", "--", "-t", "--bind=/:/x", "--memory"):
        assert "is no flag" in page.post("/api/run", {"argv": ["true"], "flags": [flag]}, 400)["error"], flag
    for body in (b"", b"[]", b"{\"argv\":[1]}", b"{\"argv\":\"true\"}", b"{\"code\":\"x\",\"suffix\":\"/../x\"}", b"{\"example\":\"../x\"}", b"{\"argv\":[\"a\"],\"code\":\"x\"}",
                 b"\xff", b"[" * 5000, b"{\"argv\":[\"a\\u0000b\"]}"):
        status, _, text = page.ask("POST", "/api/run", body)
        assert status in (400, 404) and strict(text)["error"], (body, status, text)
    assert page.ask("POST", "/api/run", b"{\"argv\":[\"" + b"x" * 300000 + b"\"]}")[0] == 413


def catalog(page):
    live = page.login().live().sub(since=0, runners=None)
    examples = page.get("/api/examples")["examples"]
    assert examples[0]["title"] == "Says what it hears" and examples[0]["risk"] == "low", examples
    n = page.run(example="parrot")
    row = page.runner(n)
    assert row["own"] and row["example"] == "parrot" and row["flags"] == ["--deny-read=/etc/shadow"], row
    live.until(lambda: b"ready\n" in live.output.get(n, {1: b""})[1])
    until(lambda: page.runner(n)["state"] == "running")
    assert page.post(f"/api/runners/{n}/send", {"text": "hello\n"}) == {"ok": True, "taken": 6}
    live.until(lambda: b"heard hello\n" in live.output[n][1])
    page.post(f"/api/runners/{n}/send", {"text": "bye", "eof": True})
    live.until_ended(n)
    live.until(lambda: any(e["type"] == "state" and e.get("n") == n and e["state"] == "exited" for e in live.events))
    assert live.rows[n]["status"] == 7 and live.rows[n]["denied"] == 1 and not live.rows[n]["input"], live.rows[n]
    states = [e["state"] for e in live.events if e["type"] == "state" and e.get("n") == n]
    assert states[0] == "preparing" and "running" in states and "exited" in states, states
    assert page.post(f"/api/runners/{n}/send", {"text": "x"}, 409)["error"]
    # Its flags explain what it met; others would not have been denied.
    answer = page.post("/api/explain", {"perm": "read", "target": "/etc/shadow", "n": n})
    assert answer["status"] == 1 and answer["result"]["verdict"] == "deny", answer
    answer = page.post("/api/explain", {"perm": "read", "target": "/etc/shadow", "flags": ["--allow-read=/etc/shadow"]})
    assert answer["status"] == 0 and answer["result"]["verdict"] == "allow", answer
    answer = page.post("/api/policy/test", {"n": n, "flags": ["--allow-read"]})
    assert "/etc/shadow" in json.dumps(answer["result"]), answer
    # The same with other permissions.
    n = page.run(example="parrot", flags=[], policy='{"podshimPolicy":1,"permissions":{"read":["/etc/hosts"]}}')
    assert page.runner(n)["flags"] == []
    until(lambda: page.runner(n)["output"] == 6)
    assert page.post(f"/api/runners/{n}/interrupt", {})["status"] == 0
    assert page.ended(n)["status"] == 130
    assert page.post("/api/run", {"example": "other"}, 404)["error"]


def has_shown(live, n, text):
    live.until(lambda: text in live.output.get(n, {1: b""})[1])


def size_reaches(live, n, rows, cols):
    """Says it, and asks until the program sees it: it is told by a signal."""
    live.say({"type": "size", "n": n, "rows": rows, "cols": cols})
    deadline = time.monotonic() + PATIENCE
    while b"\n%d %d\r" % (rows, cols) not in live.output[n][1]:
        assert time.monotonic() < deadline, live.output[n]
        asked = live.output[n][1].count(b"asked")
        live.type(n, b"stty size; echo as''ked\r")
        live.until(lambda: live.output[n][1].count(b"asked") > asked)


def shell(live, n):
    live.type(n, b"echo typed $((6*7))\r")
    has_shown(live, n, b"typed 42\r\n")
    size_reaches(live, n, 20, 50)
    # Any byte there is; a control character does what it does.
    live.type(n, b"cat -v\r\x16\x00\xfe\r")
    has_shown(live, n, b"^@M-~\r\n")
    live.type(n, b"\x03")
    # The prompt; some shells ask behind it where the cursor is, which nobody answers.
    live.until(lambda: re.search(rb"\^C\s+[^\n]*[#$] (\x1b\[6n)?$", live.output[n][1]))
    live.type(n, b"echo back $((6*9))\r")
    has_shown(live, n, b"back 54\r\n")


def terminal(page):
    live = page.login().live().sub(since=0, runners=None)
    n = page.run(argv=["sh", "-c", "stty size; exec sh"], flags=["--tty", "--allow-run"], size={"rows": 31, "cols": 97})
    live.until(lambda: n in live.rows and live.rows[n]["state"] == "running")
    assert live.rows[n]["tty"] and live.rows[n]["input"], live.rows[n]
    has_shown(live, n, b"31 97\r\n")
    shell(live, n)
    assert page.post(f"/api/runners/{n}/send", {"text": "exit $((2+3))\r"})["taken"] == 14
    live.until_ended(n)
    assert live.rows[n]["status"] == 5 and not live.rows[n]["input"], live.rows[n]
    # Its permissions are asked about without the flag; keys for who has ended are nobody's.
    assert page.post("/api/explain", {"perm": "run", "target": "/usr/bin/id", "n": n})["status"] == 0
    live.type(n, b"x")
    live.say({"type": "size", "n": n, "rows": 9, "cols": 9})
    # End of file, as a character.
    n = page.run(argv=["cat"], flags=["--tty", "--allow-run"])
    live.until(lambda: n in live.rows and live.rows[n]["state"] == "running")
    page.post(f"/api/runners/{n}/send", {"text": "", "eof": True})
    live.until_ended(n)
    # One that does not read: what is too much is told of, and nobody waits.
    n = page.run(argv=["sleep", "600"], flags=["--tty"])
    live.until(lambda: n in live.rows and live.rows[n]["state"] == "running")
    for _ in range(6):
        live.type(n, b"x" * 30000)
    live.until(lambda: any(e["type"] == "input-lost" and e["n"] == n for e in live.events))
    assert page.post(f"/api/runners/{n}/stop", {"force": True})["status"] == 0
    live.until_ended(n)
    for size in ({}, {"rows": 0, "cols": 80}, {"rows": 24, "cols": 1001}, 7):
        assert "rows and cols" in page.post("/api/run", {"argv": ["true"], "flags": ["--tty"], "size": size}, 400)["error"], size


def pod_terminal(page):
    """POD of the environment: a pod whose runner is a shell in a terminal."""
    live = page.login().live().sub(since=0, runners=None)
    live.until(lambda: any(r["pod"] == os.environ["POD"] and r["state"] == "running" and r["input"] and r["tty"] for r in live.rows.values()))
    n = next(n for n, r in live.rows.items() if r["tty"])
    has_shown(live, n, b"in a pod")
    shell(live, n)
    live.type(n, b"exit 6\r")
    live.until(lambda: live.rows[n]["status"] == 6)


def policies(page):
    page.login()
    answer = page.post("/api/policy/lint", {"policy": '{"podshimPolicy":1,"x":1}'})
    assert answer["status"] == 1 and answer["result"][0]["level"] == "error" and "'x'" in answer["result"][0]["message"], answer
    answer = page.post("/api/policy/lint", {"policy": "{"})
    assert answer["status"] == 1, answer
    answer = page.post("/api/policy/show", {"flags": ["--allow-net=example.com:443"]})
    assert "example.com:443" in json.dumps(answer["result"]["permissions"]["net"]), answer
    answer = page.post("/api/policy/show", {"policy": '{"podshimPolicy":1,"permissions":{"run":["git"]}}'})
    assert "git" in json.dumps(answer["result"]["permissions"]["run"]), answer
    answer = page.post("/api/policy/show", {"flags": ["--allow-net=127.1:80"]})
    assert answer["status"] and answer["result"] is None and "127.1" in answer["error"], answer
    # What enforces it: of a runner, and of permissions that are tried.
    answer = page.post("/api/policy/check", {"flags": ["--allow-net=example.com:443"]})
    assert any(e["kind"] == "net" and e["value"] == "example.com:443" and e["by"] and "tier" in e for e in answer["result"]["entries"]), answer
    n = page.run(argv=["true"], flags=["--deny-read=/etc/shadow", "--timeout=60s"])
    page.ended(n)
    answer = page.get(f"/api/plan?n={n}")
    assert any(e["value"] == "/etc/shadow" and e["by"] == ["mask", "landlock"] and e["tier"] == 1 for e in answer["result"]["entries"]), answer
    assert page.ask("GET", "/api/plan?n=999")[0] == 404
    # A target is never a flag.
    answer = page.post("/api/explain", {"perm": "read", "target": "--root=/x"})
    assert answer["result"]["verdict"] == "deny", answer


def resume(page):
    live = page.login().live().sub(since=0, runners=None)
    n = page.run(argv=["sh", "-c", "echo one; read x; echo two; exit 3"])
    live.until(lambda: live.output.get(n, {}).get("next") == 4)
    live.until(lambda: n in live.rows and live.rows[n]["state"] == "running")
    seq, events, live = live.seq, live.events, live.s.close() or page.live()
    page.post(f"/api/runners/{n}/send", {"text": "\n"})
    page.ended(n)
    live.sub(since=seq, runners=[n], offsets={str(n): 4})
    live.until_ended(n)
    live.until(lambda: live.output.get(n, {}).get("next") == 8)
    assert live.output[n][1] == b"two\n" and not live.gaps
    seqs = [e["seq"] for e in events + live.events]
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs))), "each once"
    # Only what is asked for; then only what is new.
    other = page.live().sub(since=0, pods=["none"], runners=[])
    for _ in range(3):
        other.turn()
    assert not other.rows and not other.events and not other.output


def ends(page):
    page.login()
    n = page.run(code="import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('deaf', flush=True)\ntime.sleep(600)\n", suffix=".py")
    until(lambda: page.runner(n)["output"] == 5)
    assert page.post(f"/api/runners/{n}/stop", {})["status"] == 0
    until(lambda: page.runner(n)["state"] in ("running", "stopping"))
    assert page.post(f"/api/runners/{n}/stop", {"force": True})["status"] == 0
    assert page.ended(n)["status"] == 137
    assert page.post(f"/api/runners/{n}/stop", {}, 409)["error"]


def again(page):
    """WATCH of the environment is the pid of podshim watch: it dies, another one tells the history, and nothing counts twice."""
    live = page.login().live().sub(since=0)
    live.until_ended(flood(page, 10, "a", 10))
    before = [e for e in live.events]
    os.kill(int(os.environ["WATCH"]), 9)
    notices = []
    until(lambda: notices.append((live.turn() or {}).get("notice")) or notices[-1])
    assert "podshim watch ended with status 137" in notices[-1], notices
    n = page.run(argv=["sh", "-c", "read x"])
    live.until(lambda: n in live.rows and live.rows[n]["state"] == "running")
    page.post(f"/api/runners/{n}/send", {"text": "", "eof": True})
    live.until(lambda: any(e["type"] == "exit" and e.get("n") == n for e in live.events))
    told = [(e.get("n"), e["time"], e["type"], e.get("target")) for e in live.events]
    assert len(told) == len(set(told)) and live.events[:len(before)] == before, "told twice"


def long_one(page):
    """For a test that ends the server while this runs; with a deaf one."""
    page.login()
    n = page.run(code="import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('deaf', flush=True)\ntime.sleep(600)\n", suffix=".py")
    until(lambda: page.runner(n)["output"] == 5)
    print(page.runner(n)["id"])


def pod(page):
    """POD of the environment: a pod whose runner says "out", then what it hears."""
    name = os.environ["POD"]
    live = page.login().live().sub(since=0, runners=None)
    live.until(lambda: any(r["id"].startswith(name + ".") and r["state"] == "running" and r["pod"] == name and r["input"] for r in live.rows.values()))
    row = next(r for r in live.rows.values() if r["id"].startswith(name + ".") and r["state"] == "running")
    n = row["n"]
    assert row["command"].startswith("sh -c") and not row["own"], row
    live.until(lambda: live.output.get(n, {1: b""})[1] == b"out\n")
    mine = [p for p in page.get("/api/pods")["pods"] if p["name"] == name]
    assert mine and mine[0]["state"] == "running" and mine[0]["running"] == 1, mine
    assert page.post(f"/api/runners/{n}/send", {"text": "in\n"})["taken"] == 3
    live.until(lambda: live.output[n][1] == b"out\nheard in\n")
    live.until(lambda: live.rows[n]["cpuNs"] is not None)
    live.until(lambda: live.rows[n]["ringUsed"] and live.rows[n]["ringRoom"] == 262144 and live.rows[n]["tapeUsed"] and live.rows[n]["tapeRoom"] == 65536)
    plan = page.get(f"/api/plan?n={n}")
    assert plan["status"] == 0 and plan["result"]["target"] == row["id"], plan
    assert [(e["value"], e["by"]) for e in plan["result"]["entries"] if e["kind"] == "read" and e["action"] == "deny"] == [("/etc/shadow", ["mask"])], plan
    assert page.get(f"/api/policy?n={n}")["status"] == 0
    only = page.live().sub(since=0, pods=[name])
    only.until(lambda: n in only.rows)
    assert {r["pod"] for r in only.rows.values()} == {name}
    assert page.post(f"/api/runners/{n}/stop", {"force": True})["status"] == 0
    live.until(lambda: live.rows[n]["reason"] == "stopped")


def flag_id(page):
    """A container is called --all."""
    page.login()
    n = until(lambda: next((r["n"] for r in page.get("/api/runners")["runners"] if r["id"] == "--all" and r["state"] == "running"), 0))
    answer = page.post("/api/explain", {"n": n, "perm": "read", "target": "/etc/shadow"})
    assert "enforce" in json.dumps(answer["result"]), answer
    answer = page.post(f"/api/runners/{n}/stop", {"force": True})
    assert answer["status"] == 0, answer
    page.ended(n)


def others(page):
    """RUNNER of another user's pod below OTHER prints "seen"; below NOWHERE there is none."""
    live = page.login().live()
    notices = []
    live.sub(since=0, runners=None)

    def row():
        message = live.turn()
        notices.append((message or {}).get("notice") or "")
        return next((r for r in live.rows.values() if r["id"] == os.environ["RUNNER"] and r["state"] == "running"), None)

    n = until(row)["n"]
    r = live.rows[n]
    assert r["owner"] == 0 and not r["own"] and not r["input"] and r["command"].startswith("sh -c"), r
    assert r["pod"] == f"{r['id'].rpartition('.')[0]} (uid 0, {os.environ['OTHER']})", r
    assert [(p["owner"], p["state"]) for p in page.get("/api/pods")["pods"] if p["name"] == r["pod"]] == [(0, "running")]
    live.until(lambda: live.output.get(n, {1: b""})[1] == b"seen\n")
    live.until(lambda: live.rows[n]["cpuNs"] is not None and live.rows[n]["ringRoom"] and live.rows[n]["tapeRoom"])
    live.until(lambda: any(e["type"] == "state" and e["n"] == n and e["state"] == "running" for e in live.events))
    until(lambda: row() and any(os.environ["NOWHERE"] in text for text in notices))
    for verb, body in ("send", {"text": "x"}), ("stop", {"force": True}), ("interrupt", {}):
        assert "of uid 0" in page.post(f"/api/runners/{n}/{verb}", body, 403)["error"]
    for path in "policy/show", "policy/check", "explain":
        assert "of uid 0" in page.post(f"/api/{path}", {"n": n, "perm": "read", "target": "/etc"}, 403)["error"]
    for path in "policy", "plan":
        assert page.ask("GET", f"/api/{path}?n={n}")[0] == 403


def others_denied(page):
    """The pods below OTHER let only others look on."""
    page.login()
    pods = until(lambda: page.get("/api/pods")["pods"])
    assert [(p["owner"], p["state"]) for p in pods] == [(0, "denied")], pods
    assert page.get("/api/runners")["runners"] == []


def by_socket(page):
    page.unix = os.environ["SOCKET"]
    for host in ("evil.example", None):
        assert page.ask("GET", "/", host=host)[0] in (400, 403)
    assert page.ask("GET", "/", host="localhost:8080")[0] == 200
    page.login()
    assert page.get("/api/runners")["runners"] is not None
    page.host, page.origin = "127.0.0.1:9000", "http://127.0.0.1:9000"
    assert page.live().turn()["type"] == "hello"


def main():
    token_file, scenario = sys.argv[1:]
    globals()[scenario](Page(token_file))
    print("ok")


if __name__ == "__main__":
    main()
