#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""recvtty.py SOCKET OUTPUT [TEXT]: be the console socket of one container.

Takes the pty master that the runtime sends, types TEXT into it and copies what the terminal shows to OUTPUT until the
other side hangs up.  The first line of OUTPUT is the name that came with the fd.
"""
import os
import socket
import sys

path, output = sys.argv[1:3]
server = socket.socket(socket.AF_UNIX)
server.bind(path)
server.listen(1)
conn, _ = server.accept()
name, fds, _, _ = socket.recv_fds(conn, 4096, 4)
with open(output, "wb", buffering=0) as out:
    out.write(name.rstrip(b"\0") + b" %d\n" % len(fds))
    if len(sys.argv) > 3:
        os.write(fds[0], sys.argv[3].encode())
    while True:
        try:
            data = os.read(fds[0], 4096)
        except OSError:
            break
        if not data:
            break
        out.write(data)
