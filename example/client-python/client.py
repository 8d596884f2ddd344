#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: client.py [-r ROOT] POD run ARG...      run a program in the pod: its output, its exit status
       client.py [-r ROOT] POD code TEXT       run TEXT on an interpreter runner, print the value
       client.py [-r ROOT] NAME echo N MIB     send MIB mebibytes to runner N (0: a container), which runs echo
       client.py [-r ROOT] POD watch           print the pod's events
"""

import hashlib
import os
import sys

try:
    import podshim
except ImportError:
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "ipc", "python"))
    import podshim

RECORD = 64 * 1024


def run(pod, *args):
    with pod.launch(args, lossless=True) as runner:
        for piece in runner:
            out = sys.stderr if piece.stream == 2 else sys.stdout
            out.buffer.write(piece.data)
            out.buffer.flush()
        return runner.wait()


def code(pod, text):
    result = pod.run_code(text, on_print=lambda stream, data: os.write(stream, data))
    print(result.text)
    return result.status


def echo(pod, n, mib):
    blocks = [os.urandom(RECORD) for _ in range(16)]
    sent, back = hashlib.sha256(), hashlib.sha256()
    to_send = to_receive = int(mib) * 16
    with pod.link(int(n)) as link:
        while to_receive:
            # Send while there is room, receive while there is something: neither side waits for the other in vain.
            while to_send:
                block = blocks[to_send % 16]
                try:
                    link.send(block, timeout=0)
                except podshim.Timeout:
                    break
                sent.update(block)
                to_send -= 1
            back.update(link.receive().data)
            link.release()
            to_receive -= 1
        link.send(b"", podshim.STOP)
    same = sent.digest() == back.digest()
    print(f"{mib} MiB came back {'as they were' if same else 'CHANGED'}: sha256 {back.hexdigest()}")
    return not same


def watch(pod):
    for event in pod.events():
        print(*(value for value in event if value is not None), flush=True)
    return 0


def main(args):
    root = None
    if len(args) > 1 and args[0] == "-r":
        root, args = args[1], args[2:]
    commands = {"run": run, "code": code, "echo": echo, "watch": watch}
    if len(args) < 2 or args[1] not in commands:
        print(__doc__, end="", file=sys.stderr)
        return 125
    try:
        with podshim.Pod.connect(args[0], root) as pod:
            return commands[args[1]](pod, *args[2:])
    except podshim.Error as e:
        print(f"client.py: {e}", file=sys.stderr)
        return 125


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
