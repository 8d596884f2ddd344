#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""criu swrk FD: stands in for criu, and writes down how it was asked.

What it was told goes to $CRIU_TOLD as JSON: the type of the request and its options by their names, each a list.  $CRIU_DOES
says what it does then: "dump" ends the process and reports success, "fail" leaves an error in the log and reports failure,
"sibling" restores what no image should be restored as: a process in the host's namespaces, beside it; "hang" does, and goes no further.
"""
import ctypes
import json
import os
import signal
import socket
import struct
import sys
import time

NAMES = {
    1: "images_dir_fd", 2: "pid", 3: "leave_running", 4: "ext_unix_sk", 5: "tcp_established", 6: "evasive_devices", 7: "shell_job",
    8: "file_locks", 9: "log_level", 10: "log_file", 11: "ps", 12: "notify_scripts", 13: "root", 14: "parent_img", 15: "track_mem",
    16: "auto_dedup", 17: "work_dir_fd", 18: "link_remap", 23: "ext_mnt", 24: "manage_cgroups", 25: "cg_root", 26: "rst_sibling",
    27: "inherit_fd", 34: "manage_cgroups_mode", 37: "external", 38: "empty_ns", 39: "join_ns", 44: "freeze_cgroup",
    46: "tcp_skip_in_flight", 48: "lazy_pages", 49: "status_fd", 50: "orphan_pts_master", 51: "config_file", 52: "tcp_close",
    53: "lsm_profile", 63: "lsm_mount_context", 64: "network_lock",
}
MESSAGES = {"ps", "ext_mnt", "cg_root", "inherit_fd", "join_ns"}


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return value, at


def fields(data):
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        elif key & 7 == 2:
            n, at = varint(data, at)
            value = data[at:at + n]
            at += n
        else:
            raise ValueError(f"wire type {key & 7}")
        yield key >> 3, value


def options(data):
    told = {}
    for number, value in fields(data):
        name = NAMES[number]
        if name in MESSAGES:
            value = [v.decode() if isinstance(v, bytes) else v for _, v in fields(value)]
        elif isinstance(value, bytes):
            value = value.decode()
        told.setdefault(name, []).append(value)
    return told


def put(number, value):
    def number_bytes(v):
        out = b""
        while v > 0x7F:
            out += bytes([v & 0x7F | 0x80])
            v >>= 7
        return out + bytes([v])
    if isinstance(value, bytes):
        return number_bytes(number << 3 | 2) + number_bytes(len(value)) + value
    return number_bytes(number << 3) + number_bytes(value)


class Talk:
    def __init__(self, fd):
        self.sock = socket.socket(fileno=fd)
        cred = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        self.peer = struct.unpack("iii", cred)[0]

    def tell(self, script, pid=0):
        notify = put(1, script.encode()) + (put(2, pid) if pid else b"")
        self.sock.send(put(1, 6) + put(2, 1) + put(5, notify))
        answer = self.sock.recv(65536)
        if not answer:
            sys.exit(1)
        return dict(fields(answer)).get(3) == 1

    def fail(self, kind, told, text):
        where = told["work_dir_fd" if "work_dir_fd" in told else "images_dir_fd"][0]
        with open(f"/proc/{self.peer}/fd/{where}/{told['log_file'][0]}", "w", encoding="utf-8") as log:
            log.write(f"(00.1) ok\n(00.2) Error (criu/x.c:1): {text}\n(00.3) Error (criu/y.c:2): Dumping FAILED.\n")
        self.sock.send(put(1, kind) + put(2, 0) + put(7, 5))


def sibling():
    libc = ctypes.CDLL(None, use_errno=True)
    pid = libc.syscall(56 if os.uname().machine == "x86_64" else 220, 0x8000 | signal.SIGCHLD, 0, 0, 0, 0)
    if pid == 0:
        time.sleep(600)
        os._exit(0)
    return pid


def main():
    assert sys.argv[1] == "swrk", sys.argv
    talk = Talk(int(sys.argv[2]))
    request = dict(fields(talk.sock.recv(65536)))
    kind, told = request[1], options(request[2])
    does = os.environ["CRIU_DOES"]
    with open(os.environ["CRIU_TOLD"], "w", encoding="utf-8") as out:
        json.dump({"type": kind, "cgroup": open("/proc/self/cgroup", encoding="utf-8").read(), "opts": told}, out)
    if does == "fail":
        talk.fail(kind, told, "the moon is full")
    elif does == "dump":
        talk.tell("post-dump")
        if "leave_running" not in told and kind == 1:
            os.kill(told["pid"][0], signal.SIGKILL)
        talk.sock.send(put(1, kind) + put(2, 1))
    elif does in ("sibling", "hang"):
        pid = sibling()
        with open(os.environ["CRIU_TOLD"] + ".pid", "w", encoding="utf-8") as out:
            out.write(str(pid))
        if does == "hang":
            time.sleep(600)
        talk.tell("post-restore", pid)
        talk.tell("pre-resume")
        talk.sock.send(put(1, kind) + put(2, 1) + put(4, put(1, pid)))


main()
