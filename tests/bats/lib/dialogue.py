#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dialogue.py STEPS COMMAND...: talk to a command on a terminal of its own.

STEPS is a JSON array of pairs: ["see", TEXT] waits until the terminal shows TEXT, ["type", TEXT] types it, ["size", [ROWS,
COLUMNS]] changes the size.  Prints what the terminal showed; exits with the command's status, 124 when it waited in vain.
"""
import fcntl
import json
import os
import pty
import select
import struct
import sys
import termios
import time

DEADLINE = time.monotonic() + 20
steps = json.loads(sys.argv[1])
pid, master = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    os.execvp(sys.argv[2], sys.argv[2:])
shown = b""
seen = 0


def more():
    """Read what comes; False at the end."""
    global shown
    if not select.select([master], [], [], max(0, DEADLINE - time.monotonic()))[0]:
        sys.stdout.buffer.write(shown)
        sys.stdout.flush()
        print("\ndialogue: waited in vain", flush=True)
        os.kill(pid, 9)
        sys.exit(124)
    try:
        data = os.read(master, 4096)
    except OSError:
        return False
    shown += data.replace(b"\r", b"")
    return bool(data)


for what, value in steps:
    if what == "see":
        while shown.find(value.encode(), seen) < 0 and more():
            pass
        seen = shown.find(value.encode(), seen) + len(value)
    elif what == "type":
        os.write(master, value.encode())
    elif what == "size":
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", value[0], value[1], 0, 0))
while more():
    pass
sys.stdout.buffer.write(shown)
sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
