# SPDX-License-Identifier: Apache-2.0
"""ipc/python/podshim.py: its numbers, messages, streams, links (with itself and with C), and a scripted pod."""

import fcntl
import gc
import os
import re
import select
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "ipc", "python"))
import podshim  # noqa: E402

try:
    import numpy
except ImportError:
    numpy = None


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as f:
        return f.read()


def descriptors():
    return len(os.listdir("/proc/self/fd"))


class Numbers(unittest.TestCase):
    def rows(self, macro, text):
        body = re.search(r"#define " + macro + r"\(X\)(.*?)(?<!\\)\n", text, re.S).group(1)
        return [[cell.strip() for cell in row.split(",")] for row in re.findall(r"X\(([^)]*)\)", body)]

    def test_are_those_of_the_table(self):
        text = read("ipc/msg_table.h")
        seen = 0
        for macro in ("MSG_TYPES", "MSG_FLAGS", "MSG_OPTIONS", "MSG_FEATURES", "MSG_FD_KINDS"):
            for symbol, number, *_ in self.rows(macro, text):
                self.assertEqual(getattr(podshim, symbol), int(number), symbol)
                seen += 1
        self.assertGreater(seen, 30)
        tags = {row[2].strip('"'): (int(row[1]), row[3], row[4]) for row in self.rows("MSG_TAGS", text)}
        self.assertGreater(len(tags), 40)
        self.assertEqual(podshim.TAGS, tags)

    def test_are_those_of_the_library(self):
        text = read("ipc/podshim.h")
        for name, symbol in (("READY", "READY"), ("DATA", "DATA"), ("CODE", "CODE_TEXT"), ("STDOUT", "STDOUT"),
                             ("RESULT", "RESULT"), ("STOP", "STOP"), ("MORE", "MORE"), ("REPR", "REPR"),
                             ("E_PEER", "E_PEER"), ("E_NOTFOUND", "E_NOTFOUND"), ("E_BUG", "E_BUG")):
            number = re.search(r"PODSHIM_" + symbol + r" = (\d+)", text).group(1)
            self.assertEqual(getattr(podshim, name), int(number), name)


class Messages(unittest.TestCase):
    def test_golden_launch(self):
        self.assertEqual(
            podshim.encode(podshim.MSG_LAUNCH,
                           {"arg": ["ls", "-l"], "memory": 64 << 20, "cwd": "/var/tmp", "pids": None}, id_=7),
            bytes([88, 0, 0, 0, 32, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0])
            + bytes([32, 0, 0, 0, 3, 0, 0, 0]) + b"ls\0" + bytes(5)
            + bytes([32, 0, 0, 0, 3, 0, 0, 0]) + b"-l\0" + bytes(5)
            + bytes([35, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0])
            + bytes([34, 0, 0, 0, 9, 0, 0, 0]) + b"/var/tmp\0" + bytes(7))

    def test_permissions_must_be_understood(self):
        self.assertEqual(
            podshim.encode(podshim.MSG_LAUNCH, {"permission": ["--deny-net"]}, id_=7),
            bytes([40, 0, 0, 0, 32, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0])
            + bytes([1, 128, 0, 0, 11, 0, 0, 0]) + b"--deny-net\0" + bytes(5))

    def test_come_out_as_they_went_in(self):
        m = podshim.Message(podshim.encode(
            podshim.MSG_LIST, {"runner": [{"n": 1, "id": "web.1"}, {"n": 2, "data": b"a\0b"}], "warm": 3},
            podshim.MSG_REPLY, 5))
        self.assertEqual((m.type, m.flags, m.id, m.error), (podshim.MSG_LIST, 1, 5, None))
        self.assertEqual([(r.n, r.id, r.data) for r in m.info.runner], [(1, "web.1", None), (2, None, b"a\0b")])
        self.assertEqual((m.info.warm, m.info.arg, m.info.pid), (3, [], None))
        with self.assertRaises(AttributeError):
            m.info.nonsense

    def test_failures(self):
        m = podshim.Message(podshim.encode(33, {"text": "busy", "where": "a: /b", "errno": 16}, 1, 9, 3))
        self.assertEqual((m.error.code, m.error.text, m.error.where, m.error.errno), (3, "busy", "a: /b", 16))
        self.assertEqual(str(m.error), "a: /b: busy")

    def test_what_cannot_be_sent(self):
        with self.assertRaisesRegex(podshim.Error, "field 'cwd' holds a NUL"):
            podshim.encode(32, {"cwd": "a\0b"})
        with self.assertRaisesRegex(podshim.Error, "a control message of 20.... bytes: at most 196608"):
            podshim.encode(32, {"arg": ["x" * 200000]})

    def test_malformed(self):
        def head(n):
            return struct.pack("<IHHIi", n, 16, 0, 1, 0)

        n_is_1 = struct.pack("<HHIQ", 16, 0, 8, 1)
        for b, why in (
            (b"", "it is shorter than a header"),
            (head(17), "its header tells another length"),
            (struct.pack("<IHHIi", 16, 16, 0, 1, -1), "its status is negative"),
            (head(23) + n_is_1[:7], "it ends within a field's head"),
            (head(24) + struct.pack("<HHI", 16, 0, 8), "a field is longer than the rest"),
            (head(24) + struct.pack("<HHI", 16, 0, 0xFFFFFFFF), "a field is longer than the rest"),
            (head(26) + struct.pack("<HHI", 7, 0, 2) + b"a\0", "a field is not padded"),
            (head(32) + struct.pack("<HHIQ", 16, 1, 8, 1), "a reserved byte that is not 0"),
            (head(32) + struct.pack("<HHI", 7, 0, 2) + b"a\0\0x\0\0\0\0", "padded with bytes that are not 0"),
            (head(32) + struct.pack("<HHIQ", 16, 0, 4, 1), "field 'n' has 4 bytes, must have 8"),
            (head(24) + struct.pack("<HHI", 7, 0, 0), "field 'text' is not text"),
            (head(32) + struct.pack("<HHI8s", 7, 0, 3, b"a\0\0"), "field 'text' is not text"),
            (head(48) + n_is_1 * 2, "field 'n' is there twice"),
            (head(40) + struct.pack("<HHIHHIHHI", 26, 0, 16, 26, 0, 8, 26, 0, 0), "a group inside of a group"),
            (head(24) + struct.pack("<HHI", 32768, 0, 0), "a receiver that knows field 32768"),
            (head(32) + struct.pack("<HHIQ", 5, 0, 8, 1), "it names 1 descriptors and came with 0"),
        ):
            with self.assertRaisesRegex(podshim.Error, why):
                podshim.Message(b)
        b = head(40) + struct.pack("<HHI", 32767, 0, 0) + n_is_1
        self.assertEqual(podshim.Message(b).info.n, 1)

    def test_descriptors_of_a_bad_message_are_closed(self):
        before = descriptors()
        with self.assertRaises(podshim.Error):
            podshim.Message(b"short", [os.dup(0), os.dup(0)])
        self.assertEqual(descriptors(), before)


class Area:
    """A forged output stream that stays writable."""

    def __init__(self, size=65536, seals=7):
        self.fd = os.memfd_create("forged", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(self.fd, 4096 + size)
        os.pwrite(self.fd, b"podstrm\0" + struct.pack("<IIII", 1, 4096, size, min(65536, size // 4)), 0)
        fcntl.fcntl(self.fd, fcntl.F_ADD_SEALS, seals)
        self.size, self.head, self.bytes = size, 0, 0

    def words(self, head, tail=0, flags=0):
        os.pwrite(self.fd, struct.pack("<QQI", head, tail, flags), 128)

    def record(self, data, stream=1, n=None):
        b = struct.pack("<QQIHH", self.bytes, 77, len(data) if n is None else n, stream, 0) + data + bytes(-len(data) % 8)
        at = self.head % self.size
        os.pwrite(self.fd, b[:self.size - at], 4096 + at)
        os.pwrite(self.fd, b[self.size - at:], 4096)
        self.head += len(b)
        self.bytes += len(data)

    def stream(self):
        return podshim._Stream(os.dup(self.fd))


class Streams(unittest.TestCase):
    def setUp(self):
        self.a = Area()

    def tearDown(self):
        os.close(self.a.fd)

    def test_reads_in_order_and_around_the_end(self):
        s = self.a.stream()
        self.assertIsNone(s.read())
        for i in range(200):
            data = bytes([i]) * (1000 + i)
            before = self.a.head
            self.a.record(data, 1 + i % 2)
            self.a.words(self.a.head, before)
            self.assertEqual(s.read(), (1 + i % 2, data, 77, 0))
        self.assertFalse(s.ended())
        self.a.words(self.a.head, self.a.head, 1)
        self.assertTrue(s.ended())
        s.close()

    def test_tells_what_was_lost(self):
        s = self.a.stream()
        self.a.record(b"x" * 100)
        tail = self.a.head
        self.a.record(b"new")
        self.a.words(self.a.head, tail)
        self.assertEqual(s.read(), (1, b"new", 77, 100))
        s.close()

    def test_lies_are_errors(self):
        for head, tail, n in ((8, 0, 0), (32, 0, 9), (60000, 0, 16385), (65544, 0, 8), (1 << 63, 0, 8)):
            a = Area()
            a.record(b"", n=n)
            a.words(head, tail)
            s = a.stream()
            with self.assertRaisesRegex(podshim.Error, "damaged at position 0"):
                s.read()
            a.words(64, 128)  # a tail that is always ahead
            self.assertIsNone(s.read())
            s.close()
            os.close(a.fd)

    def test_what_is_no_stream(self):
        before = descriptors()
        with self.assertRaisesRegex(podshim.Error, "its size is not sealed"):
            podshim._Stream(os.open("/dev/null", os.O_RDONLY))
        a = Area(seals=0)
        with self.assertRaisesRegex(podshim.Error, "its size is not sealed"):
            a.stream()
        os.close(a.fd)
        a = Area(size=65536 + 4096)
        with self.assertRaisesRegex(podshim.Error, "it has no such size"):
            a.stream()
        os.close(a.fd)
        a = Area()
        os.pwrite(a.fd, b"q", 0)
        with self.assertRaisesRegex(podshim.Error, "not an output stream of version 1"):
            a.stream()
        os.close(a.fd)
        self.assertEqual(descriptors(), before)


def pair(size=65536):
    host, fds = podshim.Link.offer(size)
    return host, podshim.Link.accept(fds)


class Links(unittest.TestCase):
    def setUp(self):
        self.fds = descriptors()
        self.host, self.runner = pair()

    def tearDown(self):
        self.host.close()
        self.runner.close()
        self.host = self.runner = None  # with the records that were not released
        gc.collect()
        self.assertEqual(descriptors(), self.fds)

    def test_records_go_both_ways(self):
        for a, b in ((self.host, self.runner), (self.runner, self.host)):
            a.send(b"hello", podshim.DATA, 7)
            a.send(b"", 4711)
            r = b.receive(0)
            self.assertEqual((r.type, r.flags, bytes(r.data), r.data.readonly), (2, 7, b"hello", True))
            r = b.receive(0)
            self.assertEqual((r.type, len(r.data)), (4711, 0))
            b.release()
            with self.assertRaises(podshim.Timeout):
                b.receive(0)

    def test_golden_bytes(self):
        self.host.send(b"abc", 0x1234, 0x5678)
        own = self.host._own
        self.assertEqual(bytes(own[:32]), b"podring\0" + struct.pack("<IIIIII", 1, 1, podshim._DATA_AT, 65536, 32760, 0))
        self.assertEqual(bytes(own[4096:4104]), struct.pack("<Q", 16))
        at = podshim._DATA_AT
        self.assertEqual(bytes(own[at:at + 11]), struct.pack("<IHH", 3, 0x1234, 0x5678) + b"abc")

    def test_around_the_end(self):
        first, second = bytes(30000), os.urandom(32000)
        for i in range(40):  # each length ends elsewhere, so the records cross the end of the data at many places
            for data in (first, second[i * 8:]):
                self.host.send(data, i)
                record = self.runner.receive(0)
                self.assertEqual((record.type, record.data.readonly), (i, True))
                self.assertTrue(record.data == data)
                self.runner.release()
            view = self.host.reserve(32000)
            view[:20000] = second[:20000]
            self.host.commit(4711, n=20000 - i * 8)  # less than was reserved
            self.host.flush()
            self.assertTrue(self.runner.receive(0).data == second[:20000 - i * 8])
            self.runner.release()

    def test_zero_copy_and_release(self):
        view = self.host.reserve(16)
        view[:5] = b"12345"
        self.host.commit(podshim.DATA, n=5)
        self.host.send(b"second")
        first, second = self.runner.receive(0), self.runner.receive(0)
        inside = first.data[1:3]
        with self.assertRaises(BufferError):
            self.runner.release()
        self.assertEqual(bytes(inside), b"23")
        inside.release()
        self.runner.release()
        with self.assertRaises(ValueError):
            second.data[0]

    def test_views_outlive_the_link(self):
        self.host.send(b"still here")
        data = self.runner.receive(0).data
        self.runner.close()
        self.host.close()
        self.host = self.runner = None
        gc.collect()
        self.assertEqual(bytes(data), b"still here")
        self.host, self.runner = pair()

    def test_memory_is_given_back(self):
        def mappings():
            with open("/proc/self/maps", encoding="utf-8") as f:
                return sum("podshim-" in line for line in f)

        gc.collect()
        before = mappings()
        host, runner = pair()
        self.assertGreater(mappings(), before)
        for _ in range(10):
            host.close()
            runner.close()
            host, runner = pair()
        host.close()
        runner.close()
        del host, runner
        gc.collect()
        self.assertEqual(mappings(), before)

    @unittest.skipUnless(numpy, "needs numpy")
    def test_numpy(self):
        self.host.send(numpy.arange(1000, dtype="f8"))
        record = self.runner.receive(0)
        a = numpy.frombuffer(record.data, "f8")
        self.assertEqual(a.sum(), 499500)
        self.assertFalse(a.flags.owndata or a.flags.writeable)
        with self.assertRaises(BufferError):
            self.runner.release()
        del a
        gc.collect()
        self.runner.release()

    def test_full_and_empty(self):
        data = os.urandom(3000)
        sent = 0
        with self.assertRaises(podshim.Timeout):
            while True:
                self.host.send(data, timeout=0)
                sent += 1
        self.assertGreater(sent * 3008, 60000)
        for _ in range(sent):
            self.assertEqual(bytes(self.runner.receive(0).data), data)
            self.runner.release()
        self.host.send(data, timeout=0)
        with self.assertRaisesRegex(podshim.Error, "record of 32761 bytes, allowed are 32760"):
            self.host.reserve(32761)

    def test_close(self):
        self.host.send(b"last", flush=False)
        self.host.close()
        self.assertEqual(bytes(self.runner.receive(0).data), b"last")
        self.assertIsNone(self.runner.receive())
        self.assertIsNone(self.runner.receive())
        with self.assertRaisesRegex(podshim.Closed, "reads no more"):
            while True:
                self.runner.send(bytes(1000))

    def test_end(self):
        self.host.send(b"last", flush=False)
        self.host.end()
        self.assertEqual(bytes(self.runner.receive(0).data), b"last")
        self.assertIsNone(self.runner.receive(0))
        with self.assertRaisesRegex(podshim.Error, "write to the ring: it was ended"):
            self.host.send(b"more")
        self.runner.send(b"answer")  # the other way goes on
        self.assertEqual(bytes(self.host.receive(0).data), b"answer")
        self.assertIs(self.host._hung_up, False)

    def test_arm_for_room(self):
        self.assertTrue(self.host.arm(send=1000))
        self.host.disarm()
        while True:
            try:
                self.host.send(bytes(1000), timeout=0)
            except podshim.Timeout:
                break
        self.assertFalse(self.host.arm(receive=False, send=1000))
        self.assertFalse(select.select([self.host], [], [], 0)[0])
        while self.runner._something():
            self.runner.receive(0)
        self.runner.release()
        self.assertTrue(select.select([self.host], [], [], 60)[0])
        self.host.disarm()
        self.assertTrue(self.host.arm(send=1000))
        self.host.disarm()
        self.host.send(bytes(1000), timeout=0)

    def test_a_dead_peer(self):
        self.host.send(b"last")
        self.host._bell.close()  # as when its process is killed: nothing is marked closed
        self.assertEqual(bytes(self.runner.receive(0).data), b"last")
        with self.assertRaisesRegex(podshim.Closed, "the peer process is gone"):
            self.runner.receive()
        with self.assertRaisesRegex(podshim.Closed, "the peer process is gone"):
            while True:
                self.runner.send(bytes(30000))

    def test_pollable(self):
        self.assertFalse(self.runner.arm())
        self.assertFalse(select.select([self.runner], [], [], 0)[0])
        self.host.send(b"x")
        self.assertTrue(select.select([self.runner], [], [], 10)[0])
        self.runner.disarm()
        self.assertTrue(self.runner.arm())
        self.runner.disarm()

    def test_two_threads(self):
        n, total = 20000, 0

        def produce():
            for i in range(n):
                self.host.send(i.to_bytes(8, "little") * (i % 50), timeout=60)
            self.host.close()

        thread = threading.Thread(target=produce)
        thread.start()
        for i, record in enumerate(self.runner):
            self.assertEqual(record.data, i.to_bytes(8, "little") * (i % 50))
            total += 1
        thread.join()
        self.assertEqual(total, n)

    def test_hostile_positions(self):
        for head in (4, 65544, 1 << 63):
            struct.pack_into("<Q", self.host._own, 4096, head)
            with self.assertRaisesRegex(podshim.Error, "the peer went from position 0 to"):
                self.runner.receive(0)
            struct.pack_into("<Q", self.host._own, 4096, 0)
            with self.assertRaises(podshim.Error):  # for good
                self.runner.receive(0)
            self.tearDown()
            self.setUp()
        struct.pack_into("<Q", self.host._own, 8192, 60024)
        self.runner.send(bytes(30000))
        self.runner.send(bytes(30000))
        with self.assertRaisesRegex(podshim.Error, "the peer went from position 0 to 60024, at most 60016"):
            self.runner.send(bytes(30000), timeout=0)

    def test_hostile_lengths(self):
        for n in (9, 32761, 0xFFFFFFFF):
            self.host.send(b"12345678")
            struct.pack_into("<I", self.host._own, podshim._DATA_AT, n)
            with self.assertRaisesRegex(podshim.Error, f"record of {n} bytes"):
                self.runner.receive(0)
            self.tearDown()
            self.setUp()

    def test_what_is_no_link(self):
        before = descriptors()
        host, fds = podshim.Link.offer(65536)
        for i, why in ((0, "the host's area is no memfd"), (1, "the runner's area is no memfd"), (2, "the bell is no socket")):
            bad = [os.dup(fd) for fd in fds]
            os.close(bad[i])
            bad[i] = os.open("/dev/null", os.O_RDWR)
            with self.assertRaisesRegex(podshim.Error, why):
                podshim.Link.accept(bad)
        swapped = [os.dup(fds[i]) for i in (1, 0, 2)]
        with self.assertRaisesRegex(podshim.Error, "the host's area has seals"):
            podshim.Link.accept(swapped)
        with self.assertRaisesRegex(podshim.Error, "2 descriptors, not 3"):
            podshim.Link.accept([os.dup(0), os.dup(0)])
        for fd in fds:
            os.close(fd)
        host.close()
        with self.assertRaisesRegex(podshim.Error, "12345 bytes is no power of two"):
            podshim.Link.offer(12345)
        self.assertEqual(descriptors(), before)


def with_channel(command, ours, **kw):
    """A program with the other end of a channel."""
    ours_end, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    env = dict(os.environ, PODSHIM_CHANNEL_FD=str(theirs.fileno()),
               PYTHONPATH=os.path.join(TOP, "ipc", "python"), **kw)
    process = subprocess.Popen(command, env=env, pass_fds=[theirs.fileno()])
    theirs.close()
    ours.append(ours_end)
    return process


def give_link(channel, size=1 << 20):
    link, fds = podshim.Link.offer(size)
    socket.send_fds(channel, [struct.pack("<II", 1, 1)], fds)
    for fd in fds:
        os.close(fd)
    return link


def echo(test, link, records):
    """Send and receive as there is room, so that neither side waits in vain."""
    waiting = []
    for i, data in enumerate(records):
        while True:
            try:
                link.send(data, podshim.DATA, i & 0xFFFF, timeout=0, flush=i % 3 == 0)
                break
            except podshim.Timeout:
                check(test, link, waiting)
        waiting.append((i & 0xFFFF, data))
    while waiting:
        check(test, link, waiting)


def check(test, link, waiting):
    flags, data = waiting.pop(0)
    record = link.receive(60)
    test.assertEqual((record.type, record.flags), (podshim.DATA, flags))
    test.assertTrue(record.data == data)
    link.release()


class WithC(unittest.TestCase):
    """The echo program of example/client-c, and podshim.py on the other side."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.program = os.path.join(cls.folder.name, "echo")
        library = os.path.join(os.environ.get("B") or os.path.join(TOP, "build"), "libpodshim.a")
        if not os.path.exists(library):
            raise unittest.SkipTest("needs libpodshim.a")
        subprocess.run([os.environ.get("CC", "cc"), "-I", os.path.join(TOP, "ipc"), "-o", cls.program,
                        os.path.join(TOP, "example", "client-c", "echo.c"), library], check=True)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_echo(self):
        ends = []
        process = with_channel([self.program], ends)
        for size, count, n in ((65536, 2000, 1000), (1 << 20, 400, 65536), (65536, 20000, 40)):
            with give_link(ends[0], size) as link:
                blocks = [os.urandom(n) for _ in range(7)]
                echo(self, link, (blocks[i % 7][:n - i % 13] for i in range(count)))
        with give_link(ends[0]) as link:  # one at a time: both sides sleep each time
            for i in range(2000):
                link.send(i.to_bytes(4, "little"))
                self.assertEqual(link.receive(60).data, i.to_bytes(4, "little"))
                link.release()
            link.send(b"", podshim.STOP)
            self.assertIsNone(link.receive(60))
        ends[0].close()
        self.assertEqual(process.wait(60), 0)

    def test_killed_peer(self):
        ends = []
        process = with_channel([self.program], ends)
        with give_link(ends[0]) as link:
            link.send(b"x")
            self.assertEqual(link.receive(60).data, b"x")
            link.release()
            process.kill()
            process.wait()
            with self.assertRaisesRegex(podshim.Closed, "the peer process is gone"):
                link.receive(60)
        ends[0].close()


class Channels(unittest.TestCase):
    def test_none(self):
        os.environ.pop("PODSHIM_CHANNEL_FD", None)
        with self.assertRaisesRegex(podshim.Error, "PODSHIM_CHANNEL_FD is not set"):
            podshim.Channel.from_env()
        for text in ("x", "-1", "99999", "999999999999999999999"):
            os.environ["PODSHIM_CHANNEL_FD"] = text
            with self.assertRaisesRegex(podshim.Error, f"PODSHIM_CHANNEL_FD={text} is no such socket"):
                podshim.Channel.from_env()
        del os.environ["PODSHIM_CHANNEL_FD"]

    def test_python_inside(self):
        inside = ("import podshim\nc = podshim.Channel.from_env()\nc.ready()\n"
                  "with c.accept() as link:\n    for r in link:\n        link.send(bytes(r.data)[::-1])\n"
                  "assert c.accept() is None\n")
        ends = []
        process = with_channel([sys.executable, "-c", inside], ends)
        self.assertEqual(ends[0].recv(100), struct.pack("<II", 2, 1))
        socket.send_fds(ends[0], [struct.pack("<II", 99, 1)], [0])  # unknown: skipped
        with give_link(ends[0]) as link:
            link.send(b"abc")
            self.assertEqual(link.receive(60).data, b"cba")
        ends[0].close()
        self.assertEqual(process.wait(60), 0)

    def test_example_runner(self):
        runner = os.path.join(TOP, "example", "python-runner", "runner.py")
        ends, printed = [], []
        process = with_channel([sys.executable, "-S", runner], ends)
        self.assertEqual(ends[0].recv(100), struct.pack("<II", 2, 1))
        with give_link(ends[0], 65536) as link:
            r = link.run_code("import sys\nprint('hi')\nprint('oops', file=sys.stderr)\n{'a': [1, 2]}",
                              lambda *a: printed.append(a), 60)
        self.assertEqual((r.status, r.text, r.is_repr), (0, '{"a": [1, 2]}', False))
        self.assertEqual(printed, [(1, b"hi\n"), (2, b"oops\n")])
        self.assertEqual(process.wait(60), 0)
        ends[0].close()

    def test_example_runner_results(self):
        runner = os.path.join(TOP, "example", "python-runner", "runner.py")
        for code, status, text, is_repr, printed in (
            ("1 + 1", 0, "2", False, b""),
            ("x = 1", 0, "null", False, b""),
            ("", 0, "null", False, b""),
            ("{1}", 0, "{1}", True, b""),
            ("print('x' * 100000)", 0, "null", False, b"x" * 100000 + b"\n"),
            ("'y' * 100000", 0, '"' + "y" * 100000 + '"', False, b""),
            ("1 / 0", 1, "ZeroDivisionError: division by zero", True, b""),
            ("print('a', end='')\n1 +", 1, "SyntaxError", True, b""),
            ("import sys; sys.exit(7)", 7, "7", True, b""),
            ("import sys; sys.exit('bad')", 1, "bad", True, b""),
            ("def f(): return f()\nf()", 1, "RecursionError", True, b""),
        ):
            ends = []
            process = with_channel([sys.executable, "-S", runner], ends)
            ends[0].recv(100)
            with give_link(ends[0], 65536) as link:
                r = link.run_code(code, timeout=60)
            ends[0].close()
            self.assertEqual((r.status, r.is_repr, r.printed), (status, is_repr, printed), code)
            if status:
                self.assertIn(text, r.text)
            else:
                self.assertEqual(r.text, text)
            self.assertEqual(process.wait(60), 0)


class FakePod(threading.Thread):
    """Answers as a test scripted: a dict of functions by message type, each given (pod, message)."""

    def __init__(self, root, name, answers, version=1):
        super().__init__(daemon=True)
        os.makedirs(os.path.join(root, ".pods", name))
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(os.path.join(root, ".pods", name, "control.sock"))
        self.listener.listen()
        self.answers, self.version, self.seen = answers, version, []
        self.start()

    def say(self, type_, fields, flags=0, id_=0, fds=(), status=0):
        b = podshim.encode(type_, fields, flags, id_, status)
        if fds:
            socket.send_fds(self.sock, [b], fds)
        else:
            self.sock.send(b)

    def reply(self, m, fields, flags=0, fds=(), status=0):
        self.say(m.type, fields, flags | 1, m.id, fds, status)

    def run(self):
        self.sock, _ = self.listener.accept()
        self.listener.close()
        try:
            self.say(podshim.MSG_HELLO, {"version": self.version, "pod": "web", "pid": 4711, "features": 15,
                                         "ring_size": 131072})
            while True:
                b, fds, _, _ = socket.recv_fds(self.sock, 1 << 18, 8)
                if not b:
                    break
                m = podshim.Message(b, fds)
                self.seen.append(m)
                answer = self.answers.get(m.type)
                if answer:
                    answer(self, m)
                elif m.id:
                    self.reply(m, {})
                m.close()
        except OSError:
            pass
        self.sock.close()


class Pods(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = self.folder.name
        self.fds = descriptors()
        self.pod = None

    def tearDown(self):
        if self.pod:
            self.pod.close()
            self.fake.join(60)
        gc.collect()
        self.assertEqual(descriptors(), self.fds)
        self.folder.cleanup()

    def start(self, answers):
        self.fake = FakePod(self.root, "web", answers)
        self.pod = podshim.Pod.connect("web", self.root)
        return self.pod

    def test_connect(self):
        pod = self.start({})
        self.assertEqual((pod.name, pod.pid, pod.features), ("web", 4711, 15))
        for name, why in (("nope", "is named 'nope'"), ("", "is no name"), ("a/b", "is no name"), (".pods", "is no name")):
            with self.assertRaisesRegex(podshim.Error, why):
                podshim.Pod.connect(name, self.root)
        os.mkdir(os.path.join(self.root, "plain"))
        with self.assertRaisesRegex(podshim.Error, "'plain' has no channel"):
            podshim.Pod.connect("plain", self.root)

    def test_permissions(self):
        seen = []

        def launch(pod, m):
            seen.append(m.info.permission)
            pod.reply(m, {"text": "no"}, status=podshim.E_UNSUPP)

        pod = self.start({podshim.MSG_LAUNCH: launch})
        for given in ((), "--deny-net", ["--allow-read=/srv/in", "--deny-net"]):
            with self.assertRaisesRegex(podshim.Error, "no"):
                pod.launch(["true"], permissions=given)
        self.assertEqual(seen, [[], ["--deny-net"], ["--allow-read=/srv/in", "--deny-net"]])

    def test_version(self):
        fake = FakePod(self.root, "future", {}, version=2)
        with self.assertRaisesRegex(podshim.Error, "'future' speaks version 2, known is 1"):
            podshim.Pod.connect("future", self.root)
        fake.join(60)

    def test_output_input_and_status(self):
        area = Area()

        def launch(pod, m):
            self.assertEqual((m.info.arg, m.info.env, m.info.cpus, m.info.flags), (["cat", "-"], ["A=b"], 1500, 17))
            pod.input, write_end = os.pipe()
            pod.reply(m, {"n": 7, "id": "web.7", "pid": 9, "fd": [podshim.FD_OUTPUT, podshim.FD_INPUT]}, 0,
                      [area.fd, write_end])
            os.close(write_end)

        def ack(pod, m):
            data = os.read(pod.input, 1000)
            if data:
                area.record(data)
                area.words(area.head)
            else:
                area.words(area.head, 0, 1)
                pod.say(podshim.MSG_EXIT, {"n": 7, "status": 3, "reason": "exited"})
            pod.say(podshim.MSG_OUTPUT, {"n": 7, "head": area.head})

        pod = self.start({podshim.MSG_LAUNCH: launch, podshim.MSG_ACK: ack, podshim.MSG_WAIT: lambda p, m: None})
        with pod.launch(["cat", "-"], {"A": "b"}, cpus=1.5, stdin=True, lossless=True) as r:
            self.assertEqual((r.n, r.id, r.pid), (7, "web.7", 9))
            self.assertTrue(select.select([], [r.input_fileno()], [], 0)[1])
            r.input(b"hello")
            self.assertEqual(r.output().data, b"hello")
            r.close_input()
            self.assertEqual(list(r), [])
            self.assertEqual((r.wait(), r.reason), (3, "exited"))
        os.close(self.fake.input)
        os.close(area.fd)

    def test_acknowledgements(self):
        area, flood, acks = Area(262144), 8 << 20, []

        def ack(pod, m):
            pos = m.info.pos
            is_new = pos not in acks
            acks.append(pos)
            if area.bytes < flood and is_new:
                pod.say(podshim.MSG_OUTPUT, {"n": 7, "head": pos})  # stale: nothing is behind `pos`
            while area.bytes < flood and area.head + 4096 <= pos + area.size:
                area.record(bytes(4072))
                area.words(area.head, max(0, area.head - area.size), area.bytes >= flood)
            pod.say(podshim.MSG_OUTPUT, {"n": 7, "head": area.head, "finished": int(area.bytes >= flood)})

        def launch(pod, m):
            pod.reply(m, {"n": 7, "fd": [podshim.FD_OUTPUT]}, 0, [area.fd])

        pod = self.start({podshim.MSG_LAUNCH: launch, podshim.MSG_ACK: ack})
        with pod.launch(["flood"], lossless=True) as r:
            got = lost = 0
            for piece in r:
                got, lost = got + len(piece.data), lost + piece.lost
        self.assertEqual((got, lost), (area.bytes, 0))
        # One for each quarter of the history, one for each time that there was nothing to read, and none from where it was.
        self.assertEqual(acks, sorted(set(acks)))
        self.assertLessEqual(len(acks), flood // area.size * 6)
        self.assertGreater(pod.received, len(acks))
        os.close(area.fd)

    def test_ring_size(self):
        pod = self.start({podshim.MSG_LINK: lambda p, m: p.reply(m, {})})
        self.assertEqual(pod.ring_size, 131072)
        for size, record in ((None, 65528), (65536, 32760)):
            with pod.link(3, size) as link:
                self.assertEqual(link.max, record)

    def test_counts(self):
        def stats(pod, m):
            self.assertEqual(m.info.after, 0xFFFFFFFF)
            pod.reply(m, {"warm": 1, "warm_wanted": 2, "launched": 3})

        pod = self.start({podshim.MSG_STATS: stats})
        self.assertEqual(pod.counts(), (1, 2, 3, 0))

    def test_failures(self):
        pod = self.start({podshim.MSG_LAUNCH: lambda p, m: p.reply(m, {"text": "no runner is free"}, 0, (), 3)})
        with self.assertRaisesRegex(podshim.Error, "no runner is free") as e:
            pod.launch(["x"])
        self.assertEqual(e.exception.code, podshim.E_STATE)
        with self.assertRaisesRegex(podshim.Error, "no runner is free"):
            pod.launch(code=True)

    def test_lists(self):
        def rows(pod, m):
            after = m.info.after or 0
            pod.reply(m, {"runner": [{"n": after + i, "state": "running"} for i in (1, 2)]}, 2 if after < 4 else 0)

        pod = self.start({podshim.MSG_LIST: rows, podshim.MSG_STATS: rows})
        self.assertEqual([r.n for r in pod.list()], [1, 2, 3, 4, 5, 6])
        self.assertEqual([r.state for r in pod.stats()], ["running"] * 6)

    def test_events(self):
        def subscribe(pod, m):
            pod.reply(m, {})
            pod.say(podshim.MSG_STATE, {"n": 1, "id": "web.1", "state": "running"})
            pod.say(podshim.MSG_EXIT, {"n": 1, "id": "web.1", "status": 0, "reason": "exited"})

        pod = self.start({podshim.MSG_SUBSCRIBE: subscribe, podshim.MSG_SHUTDOWN: lambda p, m: p.sock.shutdown(2)})
        events = pod.events()
        self.assertEqual(next(events), ("state", 1, "web.1", "running", None, None))
        self.assertEqual(next(events), ("exit", 1, "web.1", None, 0, "exited"))
        with self.assertRaises(podshim.Timeout):
            next(pod.events(0))
        with self.assertRaises(podshim.Closed):
            pod.shutdown()
        self.assertEqual(list(pod.events()), [])

    def test_code(self):
        area = Area()

        def launch(pod, m):
            fds = [m.take(k) for k in (podshim.FD_HOST_AREA, podshim.FD_RUNNER_AREA, podshim.FD_BELL)]
            pod.reply(m, {"n": 1, "fd": [podshim.FD_OUTPUT]}, 0, [area.fd])
            with podshim.Link.accept(fds) as link:
                code = bytes(link.receive(60).data)
                link.send(b"printed", podshim.STDOUT, 1)
                link.send(code.upper(), podshim.RESULT, podshim.REPR)

        pod = self.start({podshim.MSG_LAUNCH: launch})
        self.assertEqual(pod.run_code("abc", timeout=60), (0, "ABC", True, b"printed"))
        self.assertEqual(self.fake.seen[-1].info.flags, podshim.MSG_CODE)
        ready, _fds = pod._spare  # made while the code ran; each serves once
        self.assertEqual(pod.run_code("def", timeout=60).text, "DEF")
        self.assertTrue(ready.closed)
        self.assertIsNot(pod._spare[0], ready)
        link, fds = pod._offer(65536)
        self.assertEqual(link._size, 65536)
        self.assertIsNone(pod._spare)
        link.close()
        podshim._close_all(fds)
        os.close(area.fd)
        pod._runners[1].close()

    def test_orders(self):
        area = Area()
        pod = self.start({podshim.MSG_OBSERVE: lambda p, m: p.reply(m, {"fd": [podshim.FD_OUTPUT]}, 0, [area.fd]),
                          podshim.MSG_WAIT: lambda p, m: p.reply(m, {"status": 137, "reason": "stopped"})})
        r = pod.observe(4)
        with self.assertRaisesRegex(podshim.Error, "runner 4 of 'web' is observed already"):
            pod.observe(4)
        self.assertEqual(r.input_fileno(), -1)
        r.detach()
        self.assertEqual((self.fake.seen[-1].type, self.fake.seen[-1].info.flags), (19, podshim.MSG_DETACHED))
        r.signal(10)
        r.interrupt()
        r.resize(24, 80)
        r.input(b"x" * 100000)
        r.end_input()
        r.remove(force=True)
        self.assertEqual(r.wait(), 137)
        r.stop()
        r.close()
        self.assertEqual(
            [(m.type, m.info.n, m.info.signal, m.info.rows, m.info.data and len(m.info.data), m.info.eof)
             for m in self.fake.seen if m.type not in (podshim.MSG_OBSERVE, podshim.MSG_WAIT, podshim.MSG_STOP)],
            [(36, 4, 10, None, None, None), (37, 4, None, None, None, None), (35, 4, None, 24, None, None),
             (34, 4, None, None, 65536, None), (34, 4, None, None, 34464, None), (34, 4, None, None, None, 1),
             (39, 4, None, None, None, None)])
        os.close(area.fd)

    def test_rubbish(self):
        pod = self.start({podshim.MSG_LIST: lambda p, m: p.sock.send(b"rubbish")})
        with self.assertRaisesRegex(podshim.Error, "it is shorter than a header"):
            list(pod.list())
        with self.assertRaises(podshim.Closed):
            list(pod.list())

    def test_create_tells_why_not(self):
        with self.assertRaisesRegex(podshim.Error, "false ended with 1"):
            podshim.Pod.create("/nowhere", program="false")


if __name__ == "__main__":
    unittest.main()
