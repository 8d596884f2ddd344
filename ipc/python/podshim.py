# SPDX-License-Identifier: Apache-2.0
"""Launch runners in a podshim pod, read their output, talk to them through shared memory.

The client's half connects to a pod, or to a container with a channel:

    with podshim.Pod.connect("web") as pod:
        runner = pod.launch(["ls", "-l"])
        for piece in runner:
            sys.stdout.buffer.write(piece.data)
        print(runner.wait())

The runner's half serves a program inside: `Channel.from_env()`, `Channel.accept()`.

Python 3.9 and its standard library are all that is needed.  Methods that wait take `timeout` in seconds, None being for
ever, and raise Timeout.  No object is for several threads at a time.  The bytes are those of ipc/PROTOCOL.md.
"""

import ctypes
import errno
import fcntl
import mmap
import os
import platform
import select
import signal as _signal
import socket
import struct
import subprocess
import threading
import time
from collections import deque, namedtuple
from pickle import PickleBuffer

__all__ = [
    "Pod", "Runner", "Link", "Channel", "Record", "Output", "Info", "Event", "Result", "Counts", "Error", "Timeout", "Closed",
    "READY", "DATA", "CODE", "STDOUT", "RESULT", "STOP", "MORE", "REPR",
]

# ---- Numbers of the control messages; tests/python/test_podshim.py holds them against ipc/msg_table.h ----

MSG_HELLO, MSG_ERROR, MSG_STATE, MSG_EXIT, MSG_OUTPUT = 1, 2, 3, 4, 5
MSG_LIST, MSG_STATS, MSG_SUBSCRIBE, MSG_OBSERVE, MSG_ACK, MSG_WAIT = 16, 17, 18, 19, 20, 21
MSG_LAUNCH, MSG_LINK, MSG_INPUT, MSG_RESIZE, MSG_SIGNAL = 32, 33, 34, 35, 36
MSG_INTERRUPT, MSG_STOP, MSG_REMOVE, MSG_SHUTDOWN, MSG_GUARD = 37, 38, 39, 40, 41

MSG_REPLY, MSG_HAS_MORE = 1, 2
MSG_LOSSLESS, MSG_DETACHED, MSG_CODE, MSG_TTY, MSG_STDIN, MSG_FORCE = 1, 2, 4, 8, 16, 32
MSG_CAN_LAUNCH, MSG_CAN_CODE, MSG_CAN_LINK, MSG_CAN_WRITE = 1, 2, 4, 8
FD_OUTPUT, FD_INPUT, FD_HOST_AREA, FD_RUNNER_AREA, FD_BELL, FD_GUARD = 1, 2, 3, 4, 5, 6
MSG_TAG_CRITICAL = 0x8000

# name: (tag, kind, often)
TAGS = {
    "version": (1, "U64", "ONE"),
    "pod": (2, "TEXT", "ONE"),
    "pid": (3, "U64", "ONE"),
    "features": (4, "U64", "ONE"),
    "fd": (5, "U64", "LIST"),
    "flags": (6, "U64", "ONE"),
    "text": (7, "TEXT", "ONE"),
    "where": (8, "TEXT", "ONE"),
    "errno": (9, "U64", "ONE"),
    "n": (16, "U64", "ONE"),
    "id": (17, "TEXT", "ONE"),
    "state": (18, "TEXT", "ONE"),
    "status": (19, "U64", "ONE"),
    "reason": (20, "TEXT", "ONE"),
    "command": (21, "TEXT", "ONE"),
    "created_ns": (22, "U64", "ONE"),
    "started_ns": (23, "U64", "ONE"),
    "exited_ns": (24, "U64", "ONE"),
    "tape": (25, "TEXT", "ONE"),
    "runner": (26, "GROUP", "LIST"),
    "after": (27, "U64", "ONE"),
    "arg": (32, "TEXT", "LIST"),
    "env": (33, "TEXT", "LIST"),
    "cwd": (34, "TEXT", "ONE"),
    "memory": (35, "U64", "ONE"),
    "pids": (36, "U64", "ONE"),
    "cpus": (37, "U64", "ONE"),
    "timeout_ms": (38, "U64", "ONE"),
    "output_limit": (39, "U64", "ONE"),
    "rows": (40, "U64", "ONE"),
    "cols": (41, "U64", "ONE"),
    "history": (42, "U64", "ONE"),
    "pos": (48, "U64", "ONE"),
    "head": (49, "U64", "ONE"),
    "finished": (50, "U64", "ONE"),
    "data": (51, "BYTES", "ONE"),
    "eof": (52, "U64", "ONE"),
    "signal": (53, "U64", "ONE"),
    "cpu_ns": (64, "U64", "ONE"),
    "memory_used": (65, "U64", "ONE"),
    "memory_peak": (66, "U64", "ONE"),
    "pids_used": (67, "U64", "ONE"),
    "output_bytes": (68, "U64", "ONE"),
    "warm": (69, "U64", "ONE"),
    "warm_wanted": (70, "U64", "ONE"),
    "launched": (71, "U64", "ONE"),
    "failed": (72, "U64", "ONE"),
    "ring_size": (73, "U64", "ONE"),
    "denied": (74, "U64", "ONE"),
    "warned": (75, "U64", "ONE"),
    "allowed": (76, "U64", "ONE"),
    "dropped": (77, "U64", "ONE"),
    "output_kept": (78, "U64", "ONE"),
    "output_room": (79, "U64", "ONE"),
    "tape_used": (80, "U64", "ONE"),
    "tape_room": (81, "U64", "ONE"),
    "permission": (32769, "TEXT", "LIST"),
}
_TAG_OF_NUMBER = {tag: (name, kind, often) for name, (tag, kind, often) in TAGS.items()}
_MSG_MAX = 192 * 1024
_DATA_MAX = 64 * 1024
_FDS_MAX = 8
_CONTROL_ROOM = socket.CMSG_LEN(_FDS_MAX * 4)

# Types and flags of records on a link.
READY, DATA, CODE, STDOUT, RESULT, STOP = 1, 2, 3, 4, 5, 6
MORE, REPR = 1, 2

E_OS, E_CONFIG, E_STATE, E_DENIED, E_UNSUPP, E_PEER, E_USAGE, E_NOTFOUND, E_EXISTS, E_BUG = 1, 2, 3, 4, 5, 6, 7, 8, 9, 100

Output = namedtuple("Output", "stream data time_ns lost")
Output.__doc__ = "A piece of output: stream 1 or 2, bytes, when, and how many bytes before it were overwritten unread."
Event = namedtuple("Event", "type n id state status reason")
Event.__doc__ = "type 'state' or 'exit'; None where it does not apply."
Counts = namedtuple("Counts", "warm warm_wanted launched failed")
Counts.__doc__ = "Runners that are prepared, that the pod keeps prepared; launched and failed since it was made."
Result = namedtuple("Result", "status text is_repr printed")
Result.__doc__ = "Of code: exit status, JSON text (is_repr: text for people), and what it printed unless that went elsewhere."


class Error(Exception):
    """What went wrong: `code` is an error class of ipc/PROTOCOL.md, `errno` and `where` may be 0 and ''."""

    def __init__(self, code, text, number=0, where=""):
        super().__init__(f"{where}: {text}" if where else text)
        self.code, self.text, self.errno, self.where = code, text, number, where


class Timeout(Error, TimeoutError):
    def __init__(self, text):
        Error.__init__(self, E_PEER, text, errno.ETIMEDOUT)


class Closed(Error, ConnectionError):
    """The peer is gone, or has closed its side."""

    def __init__(self, text):
        Error.__init__(self, E_PEER, text, errno.EPIPE)


def _deadline(timeout):
    return None if timeout is None else time.monotonic() + timeout


def _left(deadline):
    return None if deadline is None else max(0.0, deadline - time.monotonic())


def _readable(fd, timeout, events=select.POLLIN):
    poller = select.poll()
    poller.register(fd, events)
    return bool(poller.poll(None if timeout is None else timeout * 1000))


def _close_all(fds):
    for fd in fds:
        os.close(fd)


def _receive_fds(sock, n):
    """(bytes, descriptors, flags).  socket.recv_fds() of 3.11 drops the flags that it is given: those leak to children."""
    b, control, flags, _ = sock.recvmsg(n, _CONTROL_ROOM, socket.MSG_CMSG_CLOEXEC)
    return b, memoryview(control[0][2]).cast("i").tolist() if control else [], flags


# ---- Control messages ----


class Info:
    """The fields of a message or of one runner in a list, as attributes; lists are lists, missing ones are None."""

    def __init__(self, fields):
        self.__dict__.update(fields)

    def __getattr__(self, name):
        if name in TAGS:
            return [] if TAGS[name][2] == "LIST" else None
        raise AttributeError(name)

    def __repr__(self):
        return "Info(" + ", ".join(f"{k}={v!r}" for k, v in self.__dict__.items()) + ")"


def _encode_field(name, value):
    tag, kind, _often = TAGS[name]
    if kind == "U64":
        value = struct.pack("<Q", value)
    elif kind == "TEXT":
        value = os.fsencode(value)
        if b"\0" in value:
            raise Error(E_USAGE, f"field '{name}' holds a NUL")
        value += b"\0"
    elif kind == "GROUP":
        value = _encode_fields(value)
    else:
        value = bytes(value)
    return struct.pack("<HHI", tag, 0, len(value)) + value + bytes(-len(value) % 8)


def _encode_fields(fields):
    parts = []
    for name, value in fields.items():
        if value is None:
            continue
        for one in value if TAGS[name][2] == "LIST" else [value]:
            parts.append(_encode_field(name, one))
    return b"".join(parts)


def encode(type_, fields, flags=0, id_=0, status=0):
    """One control message; lists in `fields` are lists, None is left out."""
    body = _encode_fields(fields)
    if 16 + len(body) > _MSG_MAX:
        raise Error(E_USAGE, f"a control message of {16 + len(body)} bytes: at most {_MSG_MAX}")
    return struct.pack("<IHHIi", 16 + len(body), type_, flags, id_, status) + body


def _malformed(why):
    return Error(E_PEER, "malformed message: " + why)


def _decode_value(name, kind, value, in_group):
    if kind == "U64":
        if len(value) != 8:
            raise _malformed(f"field '{name}' has {len(value)} bytes, must have 8")
        return struct.unpack("<Q", value)[0]
    if kind == "TEXT":
        if not value or value.find(b"\0") != len(value) - 1:
            raise _malformed(f"field '{name}' is not text with one NUL at its end")
        return os.fsdecode(value[:-1])
    if kind == "GROUP":
        if in_group:
            raise _malformed("a group inside of a group")
        return Info(_decode_fields(value, True))
    if len(value) > _DATA_MAX:
        raise _malformed(f"field '{name}' has {len(value)} bytes, at most {_DATA_MAX}")
    return value


def _decode_fields(b, in_group=False):
    fields, at = {}, 0
    while at < len(b):
        if len(b) - at < 8:
            raise _malformed("it ends within a field's head")
        tag, zero, length = struct.unpack_from("<HHI", b, at)
        end = at + 8 + length
        if end > len(b):
            raise _malformed("a field is longer than the rest of the message")
        at, begin = end + -length % 8, at + 8
        if at > len(b):
            raise _malformed("a field is not padded")
        if zero:
            raise _malformed("a field's head has a reserved byte that is not 0")
        if any(b[end:at]):
            raise _malformed("a field is padded with bytes that are not 0")
        if tag not in _TAG_OF_NUMBER:
            if tag >= MSG_TAG_CRITICAL:
                raise Error(E_UNSUPP, f"the message needs a receiver that knows field {tag}")
            continue
        name, kind, often = _TAG_OF_NUMBER[tag]
        value = _decode_value(name, kind, b[begin:end], in_group)
        if often == "LIST":
            fields.setdefault(name, []).append(value)
        elif name in fields:
            raise _malformed(f"field '{name}' is there twice")
        else:
            fields[name] = value
    return fields


class Message:
    """A received message: type, flags, id, error (None or an Error), info, and its descriptors by kind."""

    def __init__(self, b, fds=()):
        self.fds = {}
        try:
            if len(b) < 16:
                raise _malformed("it is shorter than a header")
            length, self.type, self.flags, self.id, status = struct.unpack_from("<IHHIi", b)
            if len(b) > _MSG_MAX:
                raise _malformed("it is longer than any message")
            if length != len(b):
                raise _malformed("its header tells another length")
            if status < 0:
                raise _malformed("its status is negative")
            self.info = Info(_decode_fields(b[16:]))
            kinds = self.info.fd
            if len(kinds) != len(fds) or len(set(kinds)) != len(kinds):
                raise _malformed(f"it names {len(kinds)} descriptors and came with {len(fds)}")
        except Error:
            _close_all(fds)
            raise
        self.fds = dict(zip(kinds, fds))
        self.error = None
        if status:
            i = self.info
            self.error = Error(status, i.text or "the pod gave no reason", i.errno or 0, i.where or "")

    def take(self, kind):
        """The descriptor of that kind, now the caller's; -1 without."""
        return self.fds.pop(kind, -1)

    def close(self):
        _close_all(self.fds.values())
        self.fds = {}


# ---- Output streams ----


class _Stream:
    """Reads an output stream; see ipc/stream_layout.h for the order of loads."""

    _SEALS = 1 | 2 | 4  # SEAL, SHRINK, GROW
    _TRIES = 64

    def __init__(self, fd):
        try:
            size = os.fstat(fd).st_size
            data = size - 4096
            if fcntl.fcntl(fd, fcntl.F_GET_SEALS) & self._SEALS != self._SEALS:
                raise Error(E_PEER, "this is not an output stream: its size is not sealed")
            if not 65536 <= data <= 64 << 20 or data & (data - 1):
                raise Error(E_PEER, "this is not an output stream: it has no such size")
            self._map = mmap.mmap(fd, size, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ)
        except OSError as e:
            raise Error(E_PEER, "this is not an output stream: its size is not sealed", e.errno) from None
        finally:
            os.close(fd)
        if self._map[:8] != b"podstrm\0" or struct.unpack_from("<III", self._map, 8) != (1, 4096, data):
            raise Error(E_PEER, "this is not an output stream of version 1")
        self._words = memoryview(self._map).cast("Q")
        self.size, self._max = data, min(65536, data // 4)
        self.pos, self.offset = self._words[17], 0

    def close(self):
        self._words.release()
        self._map.close()

    def _copy(self, pos, n):
        at = 4096 + pos % self.size
        first = min(n, 4096 + self.size - at)
        return self._map[at:at + first] + self._map[4096:4096 + n - first]

    def ended(self):
        """True when `read` that gives None from now on will do so for ever."""
        finished = self._words[18] & 1
        _order()
        return bool(finished) and self.pos == self._words[16]

    def read(self):
        """The next Output, or None."""
        for _ in range(self._TRIES):
            head = self._words[16]
            _order()
            tail = self._words[17]
            pos = max(self.pos, tail)
            if pos >= head:
                if pos > head and pos == self.pos:
                    raise Error(E_PEER, "the output stream is damaged: it ends before the reader's place")
                if pos == head:
                    return None
                continue
            offset, time_ns, n, stream, _zero = struct.unpack("<QQIHH", self._copy(pos, 24))
            size = 24 + n + -n % 8
            good = pos % 8 == 0 and n <= self._max and size <= head - pos <= self.size and offset >= self.offset
            data = self._copy(pos + 24, n) if good else b""
            _order()
            if self._words[17] > pos:
                continue
            if not good:
                raise Error(E_PEER, f"the output stream is damaged at position {pos}")
            lost = offset - self.offset
            self.pos, self.offset = pos + size, offset + n
            return Output(stream, data, time_ns, lost)
        return None


# ---- Order between processors ----
#
# A link needs what C calls acquire, release and seq_cst.  CPython stores and loads an aligned 8-byte item of a
# memoryview cast to "Q" by one instruction, and no instruction of the interpreter moves it past another such access.  So
# what is left is the processor's own reordering:
#
# x86-64 only lets a load overtake an earlier store.  Where that matters (publish, then look whether the peer sleeps;
# announce sleep, then look whether there is something new) a locked instruction must come between.  Taking a free
# threading.Lock is one, in every CPython: a compare-and-swap on a semaphore, futex or mutex.
#
# Other processors reorder more, so there _order() stands at every acquire and release, too, and both are membarrier(2)
# with MEMBARRIER_CMD_GLOBAL_EXPEDITED (4.16), which is a full barrier for its caller and interrupts nobody.

_MACHINES = {  # machine: (SYS_futex, SYS_membarrier)
    "x86_64": (202, 324),
    "aarch64": (98, 283),
    "riscv64": (98, 283),
}
_machine = platform.machine()
_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_futex = ctypes.CDLL(None).syscall  # its own, as its arguments are fixed
_futex.argtypes = [ctypes.c_long, ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int]


def _membarrier():
    if _libc.syscall(ctypes.c_long(_MACHINES[_machine][1]), ctypes.c_int(2), ctypes.c_uint(0), ctypes.c_int(0)) < 0:
        raise Error(E_UNSUPP, "links need membarrier(2)", ctypes.get_errno())


def _locked_instruction(lock=threading.Lock()):
    with lock:
        pass


if _machine == "x86_64":
    _fence = _locked_instruction

    def _order():
        pass
elif _machine in _MACHINES:
    _fence = _order = _membarrier
else:

    def _fence():
        raise Error(E_UNSUPP, f"links are not supported on {_machine}")

    _order = _fence


def _wake(word):
    """FUTEX_WAKE of one sleeper on a ctypes integer."""
    _futex(_MACHINES[_machine][0], ctypes.addressof(word), 1, 1, None, None, 0)


# ---- Links ----

_M64 = (1 << 64) - 1
_PAGE = mmap.PAGESIZE
_DATA_AT = (12288 + _PAGE - 1) // _PAGE * _PAGE
_HOST, _RUNNER = 1, 2
_SEALS_ALL, _SEALS_HOST = 1 | 2 | 4, 1 | 2 | 4 | 16
_BATCH = 4096
DEFAULT_RING_SIZE = 1 << 20
# Words of 8 bytes from the start of an area.
_PRODUCER, _CONSUMER = 4096 // 8, 8192 // 8
_POS, _SLEEP, _WANT, _CLOSED = 0, 16, 17, 18
_ON_FUTEX, _IN_POLL = 1, 2


def _constants(side, size):
    return struct.pack("<8sIIIIII", b"podring", 1, side, _DATA_AT, size, size // 2 - 8, 0)


def _make_area(side, size):
    name, flags = ("podshim-host", "podshim-runner")[side - 1], os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
    try:
        fd = os.memfd_create(name, flags | 8)  # MFD_NOEXEC_SEAL, 6.3
    except OSError:
        fd = os.memfd_create(name, flags)
    try:
        os.ftruncate(fd, _DATA_AT + size)
        os.pwrite(fd, _constants(side, size), 0)
    except OSError:
        os.close(fd)
        raise
    return fd


def _map_area(fd, side, own):
    """The peer's offer, checked and mapped: writable by its owner only."""
    who, wanted = (("host", _SEALS_HOST), ("runner", _SEALS_ALL))[side - 1]
    try:
        seals = fcntl.fcntl(fd, fcntl.F_GET_SEALS)
    except OSError:
        raise Error(E_PEER, f"accept a link: the {who}'s area is no memfd") from None
    if seals & wanted != wanted:
        raise Error(E_PEER, f"accept a link: the {who}'s area has seals {seals:#x} and needs {wanted:#x}")
    try:
        area = mmap.mmap(fd, 0, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE * own)  # all of it, whose size is sealed
    except (OSError, ValueError) as e:
        raise Error(E_PEER, f"accept a link: map the {who}'s area: {e}") from None
    size = len(area) - _DATA_AT
    if not 65536 <= size <= 64 << 20 or size & (size - 1):
        raise Error(E_PEER, f"accept a link: the {who}'s area has a wrong size")
    if area[:32] != _constants(side, size):
        raise Error(E_PEER, f"accept a link: the {who}'s area has bad constants")
    return area


class Record:
    """A record in shared memory: type, flags, and `data`, a read-only memoryview, copied only when it lies around the end.

    It is there until Link.release().  The peer can still change it: look at what matters once, or take bytes(data).
    """

    __slots__ = ("type", "flags", "data", "_base", "_end")

    def __init__(self, type_, flags, base, end):
        # A view of a view counts on its base; a slice would not.  So whoever uses any part of `data` keeps `base` busy.
        buffer = PickleBuffer(base)
        self.data = memoryview(buffer)
        buffer.release()
        self.type, self.flags, self._base, self._end = type_, flags, base, end

    def _release(self):
        """BufferError while something uses it."""
        self.data.release()
        self._base.release()

    def __repr__(self):
        return f"Record(type={self.type}, flags={self.flags}, data={self.data!r})"


class Link:
    """Records both ways between a client and a runner, through memory that only one side of each can write.

    Waiting is by the bell socket: fileno(), arm() and disarm() let other loops wait for it.
    """

    def __init__(self, own, peer, bells, bell_at, bell):
        _fence()  # refuses machines where this cannot work
        self._own, self._peer, self._bells, self._bell_at, self._bell = own, peer, bells, bell_at, bell
        self._size = size = len(own) - _DATA_AT
        self._mask, self.max = size - 1, size // 2 - 8
        whole = memoryview(own)
        self._words = whole.cast("Q")
        self._out = whole[_DATA_AT:]
        whole = memoryview(peer).toreadonly()
        self._peer_words = whole.cast("Q")
        self._in = whole[_DATA_AT:]
        self._head = self._head_out = 0      # behind what was written; what the peer was told
        self._limit = size                   # the room ends here
        self._next = self._seen = self._tail_out = 0  # behind what was handed out; published by the peer; released
        self._open = None                    # view of the reservation
        self._records = deque()              # handed out, not released
        self._woken = [0, 0]                 # the peer's last sleeps that were ended from here: consumer, producer
        self._naps = 0
        self._in_fault = self._out_fault = None
        self._ended = self._hung_up = self.closed = False

    @classmethod
    def offer(cls, size=DEFAULT_RING_SIZE):
        """Host side: (link, fds) where fds, [host area, runner area, bell], are to be sent and closed."""
        if not 65536 <= size <= 64 << 20 or size & (size - 1):
            raise Error(E_USAGE, f"make a link: {size} bytes is no power of two from 65536 to {64 << 20}")
        fds = [_make_area(_HOST, size)]
        try:
            fds.append(_make_area(_RUNNER, size))
            own = mmap.mmap(fds[0], 0)
            peer, bells = mmap.mmap(fds[1], 0, prot=mmap.PROT_READ), mmap.mmap(fds[1], _PAGE)
            # The own mapping stays writable; no other will be.
            fcntl.fcntl(fds[0], fcntl.F_ADD_SEALS, _SEALS_HOST)
            fcntl.fcntl(fds[1], fcntl.F_ADD_SEALS, _SEALS_ALL)
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
            fds.append(theirs.detach())
            return cls(own, peer, bells, 128, ours), fds
        except BaseException:
            _close_all(fds)
            raise

    @classmethod
    def accept(cls, fds):
        """Runner side.  Closes fds in every case."""
        fds = list(fds)
        try:
            if len(fds) != 3:
                raise Error(E_PEER, f"accept a link: {len(fds)} descriptors, not 3")
            peer, own = _map_area(fds[0], _HOST, False), _map_area(fds[1], _RUNNER, True)
            if len(peer) != len(own):
                raise Error(E_PEER, "accept a link: areas of different sizes")
            try:
                bell = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fds[2])
            except OSError:
                raise Error(E_PEER, "accept a link: the bell is no socket") from None
            del fds[2]
            return cls(own, peer, own, 256, bell)
        finally:
            _close_all(fds)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Tell the peer, who can still read what was sent.  Views of records stay valid as long as they live."""
        if self.closed:
            return
        if self._open is not None:
            self.discard()
        self.flush()
        self.closed = True
        for page, peer in ((_PRODUCER, _CONSUMER), (_CONSUMER, _PRODUCER)):
            self._words[page + _CLOSED] = 1
            _fence()
            self._ring_if_asleep(peer, None)
        self._bell.close()
        self._in_fault = self._out_fault = Error(E_BUG, "the link is closed on this side")
        self._seen, self._limit = self._next, self._head
        for view in (self._words, self._out, self._peer_words, self._in):
            view.release()
        for area in {self._own, self._peer, self._bells}:
            try:
                area.close()
            except BufferError:
                pass  # the last view of a record closes it

    def end(self):
        """Nothing more will be sent: the peer's receive() comes to its end.  Receiving goes on."""
        if self.closed:
            return
        self.discard()
        self.flush()
        self._words[_PRODUCER + _CLOSED] = 1
        _fence()
        self._ring_if_asleep(_CONSUMER, None)
        self._out_fault = self._out_fault or Error(E_USAGE, "write to the ring: it was ended")
        self._limit = self._head

    # -- telling the peer --

    def _ring_if_asleep(self, peer_page, pos):
        """The peer's half that waits for our position: its consumer page for our records, its producer page for room."""
        sleep = self._peer_words[peer_page + _SLEEP]
        which = peer_page == _PRODUCER
        if not sleep or sleep == self._woken[which]:
            return
        _order()
        if pos is not None and ((pos - self._peer_words[peer_page + _WANT]) & _M64) >> 63:
            return
        self._woken[which] = sleep
        if sleep % 4 == _ON_FUTEX:
            word = ctypes.c_uint32.from_buffer(self._bells, self._bell_at)
            word.value += 1
            _order()
            _wake(word)
        elif sleep % 4 == _IN_POLL:
            try:
                self._bell.send(b"\0", socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
            except OSError:
                pass  # full: it has bytes to wake it; dead: nobody is there

    def _publish(self, page, peer_page, pos):
        _order()
        self._words[page + _POS] = pos
        _fence()
        self._ring_if_asleep(peer_page, pos)

    def flush(self):
        """Let the peer see everything that was sent."""
        if self._head != self._head_out and not self.closed:
            self._head_out = self._head
            self._publish(_PRODUCER, _CONSUMER, self._head)

    # -- sending --

    def _out_failed(self, error):
        self._out_fault = error
        self._limit = self._head
        raise error

    def _room(self, need):
        """True when `need` bytes fit; looks at the peer's position if it must."""
        if self._out_fault:
            raise self._out_fault
        if self._limit - self._head >= need:
            return True
        if self._peer_words[_CONSUMER + _CLOSED] & 0xFFFFFFFF:
            self._out_failed(Closed("write to the ring: the peer reads no more"))
        old, tail = self._limit - self._size, self._peer_words[_CONSUMER + _POS]
        _order()
        if not old <= tail <= self._head_out or tail % 8:
            self._out_failed(Error(E_PEER, f"write to the ring: the peer went from position {old} to {tail}, "
                                           f"at most {self._head_out} is possible"))
        self._limit = tail + self._size
        if self._limit - self._head >= need:
            return True
        self.flush()
        if self._hung_up:
            self._out_failed(Closed("write to the ring: the peer process is gone"))
        return False

    def reserve(self, n, timeout=None):
        """A writable memoryview of n bytes in the ring, to be filled and given to commit() or discard()."""
        if n > self.max:
            raise Error(E_USAGE, f"write to the ring: record of {n} bytes, allowed are {self.max}")
        if self._open is not None:
            self.discard()
        need, deadline = 8 + n + -n % 8, _deadline(timeout)
        while not self._room(need):
            self._sleep(False, need, deadline)
        at = (self._head & self._mask) + 8
        # Around the end of the data there is no such piece of memory: commit() copies.
        self._open = self._out[at:at + n] if at + n <= self._size else memoryview(bytearray(n))
        return self._open

    def commit(self, type_, flags=0, n=None):
        """Send the first n bytes of the reservation (all of them by default)."""
        view = self._open
        if view is None:
            raise Error(E_USAGE, "nothing is reserved")
        size = len(view) if n is None else n
        if not 0 <= size <= len(view):
            raise Error(E_USAGE, f"{size} bytes committed, {len(view)} reserved")
        at = (self._head & self._mask) + 8
        if at + len(view) > self._size:
            first = min(size, self._size - at)
            self._out[at:at + first] = view[:first]
            self._out[:size - first] = view[first:size]
        view.release()
        self._open = None
        self._words[(_DATA_AT + at) // 8 - 1] = size | (type_ & 0xFFFF) << 32 | (flags & 0xFFFF) << 48
        self._head += 8 + size + -size % 8
        if self._head - self._head_out >= _BATCH:
            self.flush()

    def discard(self):
        """Give the reservation back."""
        view, self._open = self._open, None
        if view is not None:
            view.release()

    def send(self, data, type_=DATA, flags=0, timeout=None, flush=True):
        """Copy and send one record: any bytes-like object, e.g. a numpy array."""
        view = memoryview(data)
        if view.format != "B" or view.ndim != 1:
            view = view.cast("B")
        self.reserve(len(view), timeout)[:] = view
        self.commit(type_, flags)
        if flush:
            self.flush()

    # -- receiving --

    def _in_failed(self, error):
        self._in_fault = error
        raise error

    def _something(self):
        """True when there is a record; False: not yet; None: the end."""
        if self._seen != self._next:
            return True
        if self._ended:
            return None
        if self._in_fault:
            raise self._in_fault
        head = self._peer_words[_PRODUCER + _POS]
        _order()
        if head == self._seen and self._peer_words[_PRODUCER + _CLOSED] & 0xFFFFFFFF:
            _order()
            head = self._peer_words[_PRODUCER + _POS]
            _order()
            if head == self._seen:
                self._ended = True
                return None
        if head == self._seen:
            if self._hung_up:
                self._in_failed(Closed("read from the ring: the peer process is gone"))
            return False
        if not self._seen <= head <= self._tail_out + self._size or head % 8:
            self._in_failed(Error(E_PEER, f"read from the ring: the peer went from position {self._seen} to {head}, "
                                          f"at most {self._tail_out + self._size} is possible"))
        self._seen = head
        return True

    def receive(self, timeout=None):
        """The next Record, or None at the end.  It and those before stay until release()."""
        deadline = _deadline(timeout)
        while True:
            is_there = self._something()
            if is_there is None:
                return None
            if is_there:
                break
            self._sleep(True, 0, deadline)
        at = self._next & self._mask
        head = self._peer_words[(_DATA_AT + at) // 8]
        n = head & 0xFFFFFFFF
        size = 8 + n + -n % 8
        if n > self.max or size > self._seen - self._next:
            self._seen = self._next
            self._in_failed(Error(E_PEER, f"read from the ring: record of {n} bytes, allowed are {self.max}"))
        self._next += size
        at += 8
        if at + n <= self._size:
            data = self._in[at:at + n]
        else:
            data = memoryview(bytes(self._in[at:]) + bytes(self._in[:at + n - self._size]))
        record = Record(head >> 32 & 0xFFFF, head >> 48, data, self._next)
        self._records.append(record)
        return record

    def release(self):
        """Give back the room of all records received so far.

        BufferError when something, e.g. a numpy array, still uses one: it and those after it stay.
        """
        tail = self._tail_out
        try:
            while self._records:
                self._records[0]._release()
                tail = self._records.popleft()._end
        finally:
            if tail != self._tail_out and not self.closed:
                self._tail_out = tail
                self._publish(_CONSUMER, _PRODUCER, tail)

    def __iter__(self):
        """Records until the end; each is released when the next one is asked for."""
        while True:
            record = self.receive()
            if record is None:
                return
            yield record
            del record
            self.release()

    # -- waiting --

    def fileno(self):
        """To be polled for reading, between arm() and disarm()."""
        return self._bell.fileno()

    def _announce(self, page, want, how=_IN_POLL):
        self._naps += 1
        self._words[page + _WANT] = want & _M64
        _order()
        self._words[page + _SLEEP] = self._naps * 4 + how
        _fence()

    def arm(self, receive=True, send=None):
        """Ask to be rung when there is something to receive, or room to send that many bytes.  True: do not wait."""
        if self.closed:
            return True
        self.flush()
        ready = self._hung_up
        if receive:
            ready |= bool(self._in_fault or self._ended or self._seen != self._next)
            self._announce(_CONSUMER, self._seen + 1)
        if send is not None:
            need = 8 + send + -send % 8
            ready |= bool(self._out_fault or self._limit - self._head >= need)
            # A quarter of the ring at least, so that the two do not wake each other for each record.
            self._announce(_PRODUCER, self._head + max(need, self._size // 4) - self._size)
        return ready or receive and self._look_in() or send is not None and self._look_out(need)

    def _look_in(self):
        return (self._peer_words[_PRODUCER + _POS] != self._seen
                or bool(self._peer_words[_PRODUCER + _CLOSED] & 0xFFFFFFFF))

    def _look_out(self, need):
        tail = self._peer_words[_CONSUMER + _POS]
        return (tail + self._size - self._head >= need or tail < self._limit - self._size
                or bool(self._peer_words[_CONSUMER + _CLOSED] & 0xFFFFFFFF))

    def disarm(self):
        """After arm(), however the wait ended."""
        if self.closed:
            return
        self._words[_CONSUMER + _SLEEP] = self._words[_PRODUCER + _SLEEP] = 0
        try:
            self._hung_up |= not self._bell.recv(256, socket.MSG_DONTWAIT)
        except BlockingIOError:
            pass
        except OSError:
            self._hung_up = True

    def _sleep(self, reading, need, deadline):
        """One sleep until there may be something to read, or room.  Timeout when the time is over."""
        left = _left(deadline)
        rung = self.arm(reading, None if reading else need - 8) or _readable(self.fileno(), left)
        self.disarm()
        if not rung and left is not None and _left(deadline) == 0:
            raise Timeout("the peer of the link sent nothing" if reading else "the peer of the link made no room")

    # -- code --

    def run_code(self, code, on_print=None, timeout=None):
        """Run code on an interpreter runner.  on_print(stream, bytes) gets what it prints, else Result.printed does."""
        deadline = _deadline(timeout)
        self._send_code(code, deadline)
        return self._take_result(on_print, deadline)

    def _send_code(self, code, deadline):
        text = code.encode()
        for at in range(0, len(text), self.max) or [0]:
            more = at + self.max < len(text)
            self.send(text[at:at + self.max], CODE, MORE if more else 0, _left(deadline), flush=not more)

    def _take_result(self, on_print, deadline):
        printed, result = [], []
        while True:
            record = self.receive(_left(deadline))
            if record is None:
                raise Closed("the runner ended before it gave a result")
            type_, flags, data = record.type, record.flags, bytes(record.data)
            del record
            self.release()
            if type_ == STDOUT and on_print:
                on_print(flags, data)
            elif type_ == STDOUT:
                printed.append(data)
            elif type_ == RESULT:
                result.append(data)
                if not flags & MORE:
                    text = b"".join(result).decode(errors="replace")
                    return Result(flags >> 8, text, bool(flags & REPR), b"".join(printed))


# ---- The client's half ----


def default_root():
    """Where the runtime keeps its state unless it was told another --root."""
    if os.geteuid() == 0:
        return "/run/podshim"
    try:
        return os.path.join(os.environ["XDG_RUNTIME_DIR"], "podshim")
    except KeyError:
        raise Error(E_USAGE, "XDG_RUNTIME_DIR is not set: where are the pods?") from None


def _connect(root, name):
    if not name or name[0] == "." or "/" in name:
        raise Error(E_USAGE, f"'{name}' is no name of a pod or container")
    folder = -1
    for path in (os.path.join(root, ".pods", name), os.path.join(root, name)):
        try:
            folder = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            break
        except OSError:
            pass
    if folder < 0:
        raise Error(E_NOTFOUND, f"no pod and no container below '{root}' is named '{name}'")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        # The path of the folder may be longer than an address.
        sock.connect(f"/proc/self/fd/{folder}/control.sock")
        _pid, uid, _gid = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    except FileNotFoundError:
        sock.close()
        raise Error(E_STATE, f"'{name}' has no channel") from None
    except OSError as e:
        sock.close()
        raise Error(E_PEER, f"'{name}': nobody listens on its socket", e.errno) from None
    finally:
        os.close(folder)
    if uid != os.geteuid():
        sock.close()
        raise Error(E_DENIED, f"'{name}' is served by uid {uid}")
    return sock


class Pod:
    """A connection to a pod, or (with one runner, number 0) to a container that has a channel."""

    _spare = None  # a link for the next launch with one, and its descriptors

    def __init__(self, sock, name, created=False):
        self._sock, self.name, self._created = sock, name, created
        self._last_id, self._runners, self._events, self.timeout = 0, {}, None, 60.0
        self.received = 0  # messages taken so far: has a round of calls with timeout=0 left one for poll() to wait for?
        try:
            hello = self._receive(10.0)
            if hello.type == MSG_ERROR and hello.error:
                raise hello.error
            if hello.type != MSG_HELLO or not hello.info.version:
                raise Error(E_PEER, f"'{name}' does not begin with HELLO")
            if hello.info.version != 1:
                raise Error(E_UNSUPP, f"'{name}' speaks version {hello.info.version}, known is 1")
        except BaseException:
            sock.close()
            raise
        self.pid, self.features = hello.info.pid, hello.info.features or 0
        self.ring_size = hello.info.ring_size or DEFAULT_RING_SIZE

    @classmethod
    def connect(cls, name, root=None):
        return cls(_connect(root or default_root(), name), name)

    @classmethod
    def create(cls, bundle, name=None, warm=0, interpreter=False, root=None, program="podshim", flags=()):
        """Make a pod by `podshim pod create` and connect; as a context manager it is removed at the end.

        warm: how many prepared runners it keeps.  interpreter: the bundle's program waits for code, see run_code().
        flags: more flags of that command.
        """
        name = name or f"py-{os.getpid()}-{os.urandom(4).hex()}"
        command = [program, *(["--root", root] if root else []), "pod", "create", "--warm", str(warm),
                   *(["--interpreter"] if interpreter else []), *flags, name, os.fspath(bundle)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              check=False)
        if done.returncode:
            raise Error(E_OS, done.stderr.decode(errors="replace").strip() or f"{program} ended with {done.returncode}")
        pod = cls.connect(name, root)
        pod._created = True
        return pod

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            if self._created:
                self.shutdown(force=True)
        except Closed:
            pass
        finally:
            self.close()

    def close(self):
        """Runners that are not detached end with the connection; their output can still be read."""
        self._sock.close()
        self._drop_spare()

    def __del__(self):
        self._drop_spare()

    def _drop_spare(self):
        spare, self._spare = self._spare, None
        if spare:
            _close_all(spare[1])
            spare[0].close()

    def _make_spare(self, size):
        """While others work, and not while the next launch waits."""
        try:
            self._spare = self._spare or Link.offer(size)
        except OSError:
            pass  # then the next launch says why

    def _offer(self, size=None):
        size = size or self.ring_size
        if self._spare and self._spare[0]._size != size:
            self._drop_spare()
        spare, self._spare = self._spare, None
        return spare or Link.offer(size)

    def fileno(self):
        """Readable: events() or any other call has something to look at."""
        return self._sock.fileno()

    # -- messages --

    def _receive(self, timeout):
        """One Message, or None in time."""
        if self._sock.fileno() < 0:
            raise Closed("the connection to the pod is closed")
        if not _readable(self._sock, timeout):
            return None
        try:
            b, fds, flags = _receive_fds(self._sock, _MSG_MAX + 1)
        except ConnectionResetError:
            b, fds, flags = b"", [], 0
        if not b:
            self._sock.close()
            raise Closed(f"'{self.name}' has closed the connection")
        if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
            _close_all(fds)
            self._sock.close()
            raise Error(E_PEER, f"'{self.name}': malformed message: it is longer than any message")
        self.received += 1
        try:
            return Message(b, fds)
        except Error:
            self._sock.close()
            raise

    def _dispatch(self, m):
        m.close()
        if m.flags & MSG_REPLY:
            for runner in self._runners.values():
                runner._on_reply(m)
            return
        if m.type == MSG_ERROR and m.info.n is None:
            self._sock.close()
            raise m.error or Closed(f"'{self.name}' has closed the connection")
        runner = self._runners.get(m.info.n)
        if runner:
            runner._on_event(m)
        if self._events is not None and m.type in (MSG_STATE, MSG_EXIT):
            i = m.info
            self._events.append(Event("state" if m.type == MSG_STATE else "exit", i.n, i.id, i.state, i.status, i.reason))

    def _pump(self, timeout):
        """Take care of one message.  False: none in time."""
        m = self._receive(timeout)
        if m:
            self._dispatch(m)
        return bool(m)

    def _new_id(self):
        self._last_id = self._last_id % 0xFFFFFFFF + 1
        return self._last_id

    def _send(self, type_, fields, fds=(), id_=0):
        b = encode(type_, fields, id_=id_)
        try:
            if fds:
                socket.send_fds(self._sock, [b], list(fds), socket.MSG_NOSIGNAL)
            else:
                self._sock.send(b, socket.MSG_NOSIGNAL)
        except OSError as e:
            raise Closed(f"'{self.name}' has closed the connection") from e

    def _call(self, type_, fields, fds=(), timeout=-1.0):
        id_, deadline = self._new_id(), _deadline(self.timeout if timeout == -1.0 else timeout)
        self._send(type_, fields, fds, id_)
        while True:
            m = self._receive(_left(deadline))
            if m is None:
                raise Timeout(f"'{self.name}' has not answered")
            if m.flags & MSG_REPLY and m.id == id_:
                if m.error:
                    m.close()
                    raise m.error
                return m
            self._dispatch(m)

    # -- runners --

    def launch(self, args=(), env=None, cwd=None, *, memory=None, pids=None, cpus=None, timeout=None, output_limit=None,
               history=None, lossless=False, detached=False, stdin=False, tty=None, code=False, link=None,
               permissions=()):
        """A new Runner.

        args: the program; empty: the bundle's.  env: dict.  cpus: number of CPUs, may be a fraction.  timeout: seconds it may
        live.  lossless: it waits rather than overwrite unread output.  tty: (rows, columns).  code: an interpreter that
        waits for run_code().  link: size in bytes of the rings of a link that is made with it, or True: the pod's.
        permissions: flags that take away from what the pod is permitted: ["--deny-net", "--allow-read=/srv/in"].
        """
        flags = (MSG_LOSSLESS * bool(lossless) | MSG_DETACHED * bool(detached) | MSG_STDIN * bool(stdin)
                 | MSG_TTY * bool(tty) | MSG_CODE * bool(code))
        fields = {
            "arg": [os.fspath(a) for a in args], "env": [f"{k}={v}" for k, v in (env or {}).items()], "cwd": cwd,
            "memory": memory, "pids": pids, "cpus": None if cpus is None else int(cpus * 1000),
            "timeout_ms": None if timeout is None else int(timeout * 1000), "output_limit": output_limit,
            "history": history, "rows": tty[0] if tty else None, "cols": tty[1] if tty else None, "flags": flags,
            "permission": [permissions] if isinstance(permissions, str) else list(permissions),
        }
        if not (link or code):
            return Runner(self, self._call(MSG_LAUNCH, fields), lossless)
        made, fds = self._offer(None if link is True else link)
        try:
            fields["fd"] = [FD_HOST_AREA, FD_RUNNER_AREA, FD_BELL]
            m = self._call(MSG_LAUNCH, fields, fds)
        except BaseException:
            made.close()
            raise
        finally:
            _close_all(fds)
        return Runner(self, m, lossless, made)

    def run_code(self, code, on_print=None, timeout=None, **limits):
        """Run code on a fresh interpreter runner: Result."""
        with self.launch(code=True, **limits).link as link:
            deadline = _deadline(timeout)
            link._send_code(code, deadline)
            self._make_spare(link._size)
            return link._take_result(on_print, deadline)

    def observe(self, n=0, lossless=False):
        """A Runner that is there already; its output from the oldest that is kept."""
        if n in self._runners:
            raise Error(E_EXISTS, f"runner {n} of '{self.name}' is observed already")
        m = self._call(MSG_OBSERVE, {"n": n, "flags": MSG_LOSSLESS * bool(lossless)})
        return Runner(self, m, lossless, n=n)

    def link(self, n=0, size=None):
        """A Link to runner n.  size: bytes of each ring, a power of two; None: the pod's."""
        made, fds = self._offer(size)
        try:
            self._call(MSG_LINK, {"n": n, "fd": [FD_HOST_AREA, FD_RUNNER_AREA, FD_BELL]}, fds)
        except BaseException:
            made.close()
            raise
        finally:
            _close_all(fds)
        return made

    def _walk(self, type_):
        after = None
        while True:
            m = self._call(type_, {"after": after})
            for row in m.info.runner:
                if after is not None and (row.n or 0) <= after:
                    raise Error(E_PEER, f"'{self.name}' lists its runners in no order")
                after = row.n or 0
                yield row
            if not m.flags & MSG_HAS_MORE or not m.info.runner:
                return

    def list(self):
        """An Info for each runner: n, id, state, pid, command, status, reason, ..."""
        return self._walk(MSG_LIST)

    def stats(self):
        """An Info for each runner: n, id, cpu_ns, memory_used, memory_peak, pids_used, output_bytes,
        denied, warned, allowed, dropped (accesses), output_kept of output_room, tape_used of tape_room (bytes)."""
        return self._walk(MSG_STATS)

    def counts(self):
        """Counts of all runners together."""
        m = self._call(MSG_STATS, {"after": 0xFFFFFFFF})  # no rows
        return Counts(*((getattr(m.info, name) or 0) for name in Counts._fields))

    def subscribe(self):
        """Keep events of every runner from now on."""
        if self._events is None:
            self._events = deque(maxlen=4096)
            self._call(MSG_SUBSCRIBE, {})

    def events(self, timeout=None):
        """Iterate over events until the pod ends; Timeout when there is none for that long."""
        self.subscribe()
        while True:
            while self._events:
                yield self._events.popleft()
            try:
                if not self._pump(timeout):
                    raise Timeout("no event")
            except Closed:
                return

    def shutdown(self, grace=10.0, force=False):
        """Stop all runners as Runner.stop() does, and end the pod; waits until everything is gone."""
        self._call(MSG_SHUTDOWN, {"timeout_ms": int(grace * 1000), "flags": MSG_FORCE * bool(force)}, timeout=None)


class Runner:
    """A runner of a pod; iterating gives its Output to the end."""

    def __init__(self, pod, m, lossless, link=None, n=None):
        i = m.info
        self._pod, self._lossless, self.link = pod, lossless, link
        self.n, self.id, self.pid = (i.n if n is None else n), i.id, i.pid
        self._armed, self._acked, self._wait_id, self._wait_error = False, 0, 0, None
        self.status = self.reason = None
        self._input = m.take(FD_INPUT)
        fd = m.take(FD_OUTPUT)
        m.close()
        if self.n is None or fd < 0:
            raise Error(E_PEER, f"'{pod.name}' gave no output stream")
        self._stream = _Stream(fd)
        pod._runners[self.n] = self

    def __repr__(self):
        return f"Runner({self.id or self.n!r})"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Forget the runner; it goes on."""
        self._pod._runners.pop(self.n, None)
        self.close_input()
        if self.link:
            self.link.close()
        self._stream.close()

    def _on_event(self, m):
        # One that was sent before our last ACK came there says nothing new: that ACK's own is still owed.
        if m.type == MSG_OUTPUT and ((m.info.head or 0) > self._acked or m.info.finished):
            self._armed = False
        if m.type == MSG_EXIT:
            self._ended(m)

    def _on_reply(self, m):
        if self._wait_id and m.id == self._wait_id:
            self._wait_id = 0
            if m.error:
                self._wait_error = m.error
            else:
                self._ended(m)

    def _ended(self, m):
        if self.status is None:
            self.status, self.reason = m.info.status or 0, m.info.reason

    # -- output --

    def _acknowledge(self):
        self._pod._send(MSG_ACK, {"n": self.n, "pos": self._stream.pos})
        self._armed, self._acked = True, self._stream.pos

    def output(self, timeout=None):
        """The next Output, or None when it has closed its output and all was read."""
        deadline = _deadline(timeout)
        if self._lossless and self._stream.pos - self._acked >= self._stream.size // 4:
            if self._armed:
                self._pod._pump(0)
            self._acknowledge()
        while True:
            ended = self._stream.ended()
            piece = self._stream.read()
            if piece or ended:
                return piece
            if not self._armed:
                self._acknowledge()
            if not self._pod._pump(_left(deadline)):
                raise Timeout(f"no output of {self.id or self.n}")

    def __iter__(self):
        while True:
            piece = self.output()
            if piece is None:
                return
            yield piece

    def wait(self, timeout=None):
        """Its exit status, 128 + signal for one that was killed; `reason` says why it ended."""
        deadline = _deadline(timeout)
        while self.status is None:
            if self._wait_error:
                error, self._wait_error = self._wait_error, None
                raise error
            if not self._wait_id:
                self._wait_id = self._pod._new_id()
                self._pod._send(MSG_WAIT, {"n": self.n}, id_=self._wait_id)
            if not self._pod._pump(_left(deadline)):
                raise Timeout(f"{self.id or self.n} has not ended")
        return self.status

    # -- input and orders --

    def input(self, data):
        """Write to its standard input or terminal, all of it."""
        view = memoryview(data).cast("B")
        try:
            while len(view):
                if self._input >= 0:
                    view = view[os.write(self._input, view[:_DATA_MAX]):]
                else:
                    self._pod._call(MSG_INPUT, {"n": self.n, "data": view[:_DATA_MAX]}, timeout=None)
                    view = view[_DATA_MAX:]
        except BrokenPipeError:
            raise Closed("write to standard input: the runner reads no more") from None

    def close_input(self):
        """End of file for its standard input."""
        fd, self._input = self._input, -1
        if fd >= 0:
            os.close(fd)

    def end_input(self):
        """The same for one whose standard input the pod holds: detached, or a terminal."""
        if self._input >= 0:
            self.close_input()
        else:
            self._pod._call(MSG_INPUT, {"n": self.n, "eof": 1})

    def input_fileno(self):
        """The pipe to its standard input, to be polled and written without input(); -1 where the pod holds it."""
        return self._input

    def detach(self):
        """From now on it outlives the connection, as with detached=True; lossless ends."""
        self._pod._call(MSG_OBSERVE, {"n": self.n, "flags": MSG_DETACHED}).close()
        self._lossless = False

    def resize(self, rows, cols):
        self._pod._call(MSG_RESIZE, {"n": self.n, "rows": rows, "cols": cols})

    def signal(self, number):
        self._pod._call(MSG_SIGNAL, {"n": self.n, "signal": int(number)})

    def interrupt(self):
        self._pod._call(MSG_INTERRUPT, {"n": self.n})

    def stop(self, grace=10.0, force=False):
        """SIGTERM, after `grace` seconds SIGKILL (force: at once); waits for the end."""
        self._ended(self._pod._call(MSG_STOP, {"n": self.n, "timeout_ms": int(grace * 1000),
                                               "flags": MSG_FORCE * bool(force)}, timeout=None))

    def kill(self):
        self.signal(_signal.SIGKILL)

    def remove(self, force=False):
        self._pod._call(MSG_REMOVE, {"n": self.n, "flags": MSG_FORCE * bool(force)})

    def run_code(self, code, on_print=None, timeout=None):
        """On a runner that was launched with code=True."""
        if not self.link:
            self.link = self._pod.link(self.n)
        return self.link.run_code(code, on_print, timeout)


# ---- The runner's half ----


_LINK_MESSAGE, _READY_MESSAGE = struct.pack("<II", 1, 1), struct.pack("<II", 2, 1)


class Channel:
    """The socket over which a program in a runner gets its links."""

    def __init__(self, sock):
        self._sock = sock

    @classmethod
    def from_env(cls):
        """From PODSHIM_CHANNEL_FD; Error with code E_NOTFOUND when the program is in no runner with a channel."""
        text = os.environ.get("PODSHIM_CHANNEL_FD")
        if text is None:
            raise Error(E_NOTFOUND, "this program has no channel: PODSHIM_CHANNEL_FD is not set")
        try:
            if not text.isascii() or not text.isdigit():
                raise ValueError
            sock = socket.socket(fileno=int(text))
        except (OSError, ValueError, OverflowError):
            raise Error(E_NOTFOUND, f"this program has no channel: PODSHIM_CHANNEL_FD={text} is no such socket") from None
        sock.set_inheritable(False)
        return cls(sock)

    def fileno(self):
        return self._sock.fileno()

    def close(self):
        self._sock.close()

    def ready(self):
        """Say once that the program is warm and waits for code."""
        try:
            self._sock.send(_READY_MESSAGE, socket.MSG_NOSIGNAL)
        except OSError:
            raise Closed("the supervisor is gone") from None

    def accept(self, timeout=None):
        """The next Link that a client offers, or None when the supervisor is gone."""
        deadline = _deadline(timeout)
        while True:
            if deadline is not None and not _readable(self._sock, _left(deadline)):
                raise Timeout("nobody has offered a link")
            try:
                b, fds, _flags = _receive_fds(self._sock, 9)
            except BlockingIOError:
                _readable(self._sock, _left(deadline))
                continue
            except ConnectionResetError:
                continue
            if b == _LINK_MESSAGE:
                return Link.accept(fds)
            _close_all(fds)
            if not b:
                return None

    @classmethod
    def rehearse(cls, serve, code, times=4):
        """Let serve(channel) serve a link of our own, with this code, and forget what it answers.

        What Python and the kernel do only at the first times, such as filling caches and specialising bytecode, is done then
        before ready(), and not while a client waits.
        """
        for _ in range(times):
            try:
                link, fds = Link.offer()
            except OSError:
                return  # the runner's policy lets it make no link: then its first job is a little slower
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with ours, theirs, link:
                try:
                    socket.send_fds(ours, [_LINK_MESSAGE], fds)
                finally:
                    _close_all(fds)
                link.send(code.encode(), CODE)
                link._announce(_CONSUMER, 1, _ON_FUTEX)
                serve(cls(theirs))
