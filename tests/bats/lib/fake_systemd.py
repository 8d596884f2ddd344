# SPDX-License-Identifier: Apache-2.0
"""A systemd to talk to: fake_systemd.py SOCKET DIR [--direct].

It speaks D-Bus at SOCKET, as a bus or (--direct) as systemd's private socket does, and makes units in cgroups below the one
that DIR/root names.  What it was called with is appended to DIR/calls as JSON lines.  DIR/mode says how it misbehaves, asked
at each call: the name of a call and what happens to it ("StartTransientUnit stall"), one a line:
stall (no answer, ever), die, error, garbage, huge; for the job: "job stall", "job failed"; "move nowhere": says done, does nothing;
"auth stall", "auth reject".  DIR/units holds a file for each unit, with its state.
"""

import json
import os
import socket
import struct
import sys
import threading
import time

SOCKET, DIR = sys.argv[1:3]
DIRECT = "--direct" in sys.argv
MANAGER = "/org/freedesktop/systemd1"
ALIGN = {"y": 1, "g": 1, "v": 1, "n": 2, "q": 2, "x": 8, "t": 8, "d": 8, "(": 8, "{": 8}
FIXED = {"y": "B", "n": "h", "q": "H", "b": "I", "i": "i", "u": "I", "x": "q", "t": "Q", "d": "d"}


def type_end(sig, at=0):
    if sig[at] == "a":
        return type_end(sig, at + 1)
    if sig[at] == "(":
        at += 1
        while sig[at] != ")":
            at = type_end(sig, at)
    return at + 1


class Reader:
    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def pad(self, n):
        self.at += -self.at % n

    def one(self, sig):
        kind = sig[0]
        self.pad(ALIGN.get(kind, 4))
        if kind in FIXED:
            size = struct.calcsize(FIXED[kind])
            (value,) = struct.unpack_from("<" + FIXED[kind], self.data, self.at)
            self.at += size
            return bool(value) if kind == "b" else value
        if kind in "sog":
            n = self.one("y" if kind == "g" else "u")
            value = self.data[self.at : self.at + n].decode()
            assert self.data[self.at + n] == 0
            self.at += n + 1
            return value
        if kind == "v":
            inner = self.one("g")
            return [inner, self.one(inner)]
        if kind == "a":
            n = self.one("u")
            self.pad(ALIGN.get(sig[1], 4))
            end, values = self.at + n, []
            while self.at < end:
                values.append(self.one(sig[1 : type_end(sig, 1)]))
            assert self.at == end
            return values
        return self.all(sig[1 : type_end(sig) - 1])

    def all(self, sig):
        values, at = [], 0
        while at < len(sig):
            end = type_end(sig, at)
            values.append(self.one(sig[at:end]))
            at = end
        return values


def put(out, kind, value):
    out += b"\0" * (-len(out) % ALIGN.get(kind, 4))
    if kind in FIXED:
        out += struct.pack("<" + FIXED[kind], value)
    elif kind in "so":
        out += struct.pack("<I", len(value.encode())) + value.encode() + b"\0"
    elif kind == "g":
        out += bytes([len(value)]) + value.encode() + b"\0"
    elif kind == "v":
        put(out, "g", value[0])
        put(out, value[0], value[1])


def message(kind, serial, fields, sig="", values=()):
    body = bytearray()
    for k, v in zip(sig, values):
        put(body, k, v)
    head = bytearray(struct.pack("<cBBBII", b"l", kind, 1, 1, len(body), serial))
    array = bytearray()
    for code, k, v in fields + ([(8, "g", sig)] if sig else []):
        array += b"\0" * (-len(array) % 8) + bytes([code])
        put(array, "g", k)
        # Behind 16 bytes of head, alignment is the same.
        put(array, k, v)
    head += struct.pack("<I", len(array)) + array
    return bytes(head + b"\0" * (-len(head) % 8) + body)


def read(name):
    try:
        with open(os.path.join(DIR, name), encoding="utf-8") as f:
            return f.read().strip()
    except FileNotFoundError:
        return ""


def note(member, args):
    with open(os.path.join(DIR, "calls"), "a", encoding="utf-8") as f:
        f.write(json.dumps({"member": member, "args": args}) + "\n")


def mode(what):
    for line in read("mode").splitlines():
        if line.split()[0] == what:
            return line.split()[1]
    return ""


def hierarchies():
    with open("/proc/self/mountinfo", encoding="utf-8") as f:
        for line in f:
            words = line.split()
            kind = words[words.index("-") + 1]
            if kind == "cgroup2" or (kind == "cgroup" and "name=systemd" in words[-1]):
                yield words[4]


def expand(slice_name):
    if slice_name == "-.slice":
        return ""
    parts = slice_name[: -len(".slice")].split("-")
    return "".join("/" + escape("-".join(parts[: i + 1]) + ".slice") for i in range(len(parts)))


def escape(name):
    return "_" + name if name.split(".")[0] in ("cpu", "memory", "io", "pids") else name


def unit_file(unit):
    return os.path.join(DIR, "units", unit)


def dirs_of(path):
    return [h + read("root") + path for h in hierarchies()]


def pids_in(path):
    found = []
    for d in dirs_of(path):
        try:
            with open(d + "/cgroup.procs", encoding="ascii") as f:
                found += f.read().split()
        except OSError:
            pass
    return found


def known(unit):
    """Its record, if it is there; a scope that nobody is in is not."""
    try:
        with open(unit_file(unit), encoding="utf-8") as f:
            u = json.load(f)
    except FileNotFoundError:
        return None
    if u["state"] == "active" and unit.endswith(".scope") and not pids_in(u["path"]):
        forget(unit, u)
        return None
    return u


def forget(unit, u):
    os.unlink(unit_file(unit))
    for d in dirs_of(u["path"]):
        try:
            os.rmdir(d)
        except OSError:
            pass


class Peer:
    def __init__(self, sock):
        self.sock, self.serial, self.buffer = sock, 0, b""

    def bytes(self, n):
        while len(self.buffer) < n:
            more = self.sock.recv(65536)
            if not more:
                raise EOFError
            self.buffer += more
        taken, self.buffer = self.buffer[:n], self.buffer[n:]
        return taken

    def line(self):
        text = b""
        while not text.endswith(b"\r\n"):
            text += self.bytes(1)
        return text[:-2].decode()

    def send(self, *args, **kwargs):
        self.serial += 1
        self.sock.sendall(message(args[0], self.serial, *args[1:], **kwargs))

    def answer(self, call, sig="", *values):
        self.send(2, [(5, "u", call), (7, "s", "org.freedesktop.systemd1")], sig, values)

    def error(self, call, name, text):
        self.send(3, [(5, "u", call), (4, "s", name)], "s", (text,))

    def job(self, call, unit):
        path = MANAGER + "/job/7"
        self.answer(call, "o", path)
        # Others' come, too, and what is none.
        self.send(4, [(1, "o", MANAGER + "/unit/x"), (2, "s", "org.freedesktop.DBus.Properties"), (3, "s", "PropertiesChanged")],
                  "s", ("org.freedesktop.systemd1.Unit",))
        fields = [(1, "o", MANAGER), (2, "s", "org.freedesktop.systemd1.Manager"), (3, "s", "JobRemoved")]
        self.send(4, fields, "uoss", (6, MANAGER + "/job/6", "other.service", "failed"))
        if mode("job") == "stall":
            time.sleep(3600)
        self.send(4, fields, "uoss", (7, path, unit, mode("job") or "done"))

    def start(self, call, args):
        unit, properties = args[0], {k: v[1] for k, v in args[2]}
        if known(unit):
            return self.error(call, "org.freedesktop.systemd1.UnitExists", "Unit %s already exists." % unit)
        path = expand(unit) if unit.endswith(".slice") else expand(properties["Slice"]) + "/" + escape(unit)
        if mode("move") != "nowhere":
            for d in dirs_of(path):
                os.makedirs(d, exist_ok=True)
                for pid in properties.get("PIDs", []):
                    with open(d + "/cgroup.procs", "w", encoding="ascii") as f:
                        f.write(str(pid))
        with open(unit_file(unit), "w", encoding="utf-8") as f:
            json.dump({"state": "active", "path": path}, f)
        return self.job(call, unit)

    def call(self, serial, path, member, args):
        if member in ("Hello", "AddMatch"):
            assert not DIRECT
            return self.answer(serial, *(("s", ":1.7") if member == "Hello" else ()))
        if member == "Get" and path == MANAGER:
            values = {"ControlGroup": read("root"), "Version": read("version") or "252.39-1~deb12u2"}
            return self.answer(serial, "v", ["s", values[args[1]]])
        if member == "Get":
            unit = bytes.fromhex(path.rsplit("/", 1)[1]).decode()
            return self.answer(serial, "v", ["s", known(unit)["state"]])
        if member == "StartTransientUnit":
            return self.start(serial, args)
        u = known(args[0])
        if not u:
            return self.error(serial, "org.freedesktop.systemd1.NoSuchUnit", "Unit %s not loaded." % args[0])
        if member == "GetUnit":
            return self.answer(serial, "o", MANAGER + "/unit/" + args[0].encode().hex())
        if member == "AttachProcessesToUnit":
            for d in dirs_of(u["path"] + args[1]):
                for pid in args[2]:
                    with open(d + "/cgroup.procs", "w", encoding="ascii") as f:
                        f.write(str(pid))
            return self.answer(serial)
        if member == "StopUnit":
            forget(args[0], u)
            return self.job(serial, args[0])
        if member == "SetUnitProperties":
            assert args[1] is True
            return self.answer(serial)
        assert member == "ResetFailedUnit" and u["state"] == "failed"
        forget(args[0], u)
        return self.answer(serial)

    def run(self):
        assert self.bytes(1) == b"\0"
        if mode("auth"):
            note("auth", [])
        if mode("auth") == "stall":
            time.sleep(3600)
        assert self.line() == "AUTH EXTERNAL"
        if mode("auth") == "reject":
            self.sock.sendall(b"REJECTED EXTERNAL\r\n")
            return
        self.sock.sendall(b"DATA\r\n")
        assert self.line() == "DATA"
        self.sock.sendall(b"OK " + b"0123456789abcdef" * 2 + b"\r\n")
        assert self.line() == "BEGIN"
        while True:
            self.one()

    def one(self):
        head = self.bytes(16)
        body, serial, fields = struct.unpack_from("<III", head, 4)
        rest = self.bytes(-(-fields // 8) * 8 + body)
        data = head + rest
        reader, got = Reader(data, 16), {}
        while reader.at < 16 + fields:
            reader.pad(8)
            code = reader.one("y")
            got[code] = reader.one("v")[1]
        args = Reader(data[len(data) - body :]).all(got.get(8, ""))
        member = got[3]
        assert (6 in got) != DIRECT, "a destination"
        note(member, args)
        what = mode(member)
        if what == "stall":
            time.sleep(3600)
        elif what == "die":
            os._exit(1)
        elif what == "error":
            self.error(serial, "org.freedesktop.DBus.Error.Failed", "there is no more room")
        elif what == "garbage":
            self.sock.sendall(b"l\2\1\1" + b"\xff" * 60)
        elif what == "huge":
            self.sock.sendall(b"l\2\1\1" + struct.pack("<III", 1 << 26, 9, 16))
        else:
            self.call(serial, got[1], member, args)


def serve(sock):
    try:
        Peer(sock).run()
    except (EOFError, ConnectionError):
        pass
    finally:
        sock.close()


os.makedirs(os.path.join(DIR, "units"), exist_ok=True)
listener = socket.socket(socket.AF_UNIX)
listener.bind(SOCKET + ".new")
listener.listen(16)
os.rename(SOCKET + ".new", SOCKET)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
