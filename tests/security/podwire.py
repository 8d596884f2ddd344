# SPDX-License-Identifier: Apache-2.0
"""Control messages by hand, for clients that a library would not let be so rude (ipc/PROTOCOL.md)."""
import array
import os
import select
import socket
import struct

T = dict(hello=1, error=2, state=3, exit=4, output=5, list=16, stats=17, subscribe=18, observe=19, ack=20, wait=21,
         launch=32, link=33, input=34, resize=35, signal=36, interrupt=37, stop=38, remove=39, shutdown=40)
NAMES = {v: k for k, v in T.items()}
TAG = dict(version=1, pod=2, pid=3, features=4, fd=5, flags=6, text=7, where=8, errno=9, n=16, id=17, state=18,
           status=19, reason=20, command=21, tape=25, runner=26, after=27, arg=32, env=33, cwd=34, memory=35, pids=36,
           cpus=37, timeout_ms=38, output_limit=39, rows=40, cols=41, history=42, pos=48, head=49, finished=50,
           data=51, eof=52, signal=53, output_bytes=68, warm=69, launched=71, failed=72)
TAG_NAMES = {v: k for k, v in TAG.items()}
TEXTS = {'pod', 'text', 'where', 'id', 'state', 'reason', 'command', 'tape', 'arg', 'env', 'cwd'}
LOSSLESS, DETACHED, CODE, TTY, STDIN, FORCE = 1, 2, 4, 8, 16, 32
HOST_AREA, RUNNER_AREA, BELL = 3, 4, 5


def field(tag, value):
    if isinstance(value, int):
        value = struct.pack('<Q', value)
    elif isinstance(value, str):
        value = value.encode() + b'\0'
    return struct.pack('<HHI', tag, 0, len(value)) + value + bytes(-len(value) % 8)


def message(kind, ident, **fields):
    body = b''.join(field(TAG[k], v) for k, vs in fields.items() for v in (vs if isinstance(vs, list) else [vs]))
    return struct.pack('<IHHIi', 16 + len(body), T.get(kind, kind), 0, ident, 0) + body


def parse(raw):
    _, kind, flags, ident, status = struct.unpack_from('<IHHIi', raw)
    m = {'type': NAMES.get(kind, kind), 'reply': flags & 1, 'to': ident, 'code': status, 'runners': []}
    m.update(fields_of(raw[16:], m['runners']))
    return m


def fields_of(raw, groups):
    found, at = {}, 0
    while at < len(raw):
        tag, _, n = struct.unpack_from('<HHI', raw, at)
        value, name = raw[at + 8:at + 8 + n], TAG_NAMES.get(tag, tag)
        if name == 'runner':
            groups.append(fields_of(value, []))
        elif name in TEXTS:
            found[name] = value[:-1].decode(errors='replace')
        elif name != 'data':
            found[name] = struct.unpack('<Q', value)[0]
        at += 8 + n + -n % 8
    return found


class Wire:
    """One connection; what it is sent is kept in order in `seen` until a reply is looked for."""

    def __init__(self, path):
        self.s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.s.connect(path)
        self.next_id = 1
        self.seen = []
        self.fds = []

    def send(self, kind, fds=(), ident=None, **fields):
        if ident is None:
            ident, self.next_id = self.next_id, self.next_id + 1
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', fds))] if fds else []
        self.s.sendmsg([message(kind, ident, **fields)], rights)
        return ident

    def receive(self, timeout=10):
        if not select.select([self.s], [], [], timeout)[0]:
            raise TimeoutError
        raw, control, _, _ = self.s.recvmsg(1 << 18, socket.CMSG_SPACE(32))
        for level, kind, data in control:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                got = array.array('i')
                got.frombytes(data)
                self.fds += list(got)
        if not raw:
            raise EOFError
        return parse(raw)

    def until(self, match, timeout=10):
        for i, m in enumerate(self.seen):
            if match(m):
                return self.seen.pop(i)
        while True:
            m = self.receive(timeout)
            if match(m):
                return m
            self.seen.append(m)

    def reply(self, ident, timeout=10):
        return self.until(lambda m: m['reply'] and m['to'] == ident, timeout)

    def ask(self, kind, fds=(), timeout=10, **fields):
        return self.reply(self.send(kind, fds, **fields), timeout)

    def launch(self, *args, flags=0, timeout=10, **fields):
        return self.ask('launch', arg=list(args), flags=flags, timeout=timeout, **fields)

    def runners(self):
        return {r['n']: r for r in self.ask('list')['runners']}

    def close(self):
        self.s.close()
        for fd in self.fds:
            os.close(fd)
        self.fds = []
