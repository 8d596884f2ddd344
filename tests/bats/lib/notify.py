# SPDX-License-Identifier: Apache-2.0
# notify.py serve SOCKET FILE: a service manager that writes what it is told, a datagram a line ("|" for line breaks).
# notify.py say PID TEXT: what the payload with that PID would send to its NOTIFY_SOCKET.
import os
import socket
import sys

s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
if sys.argv[1] == "serve":
    path, out = sys.argv[2:]
    s.bind("\0" + path[1:] if path[0] == "@" else path)
    with open(out, "w") as f:
        while True:
            f.write(s.recv(65536).decode().rstrip("\n").replace("\n", "|") + "\n")
            f.flush()
else:
    os.chdir("/proc/%s/root/run/notify" % sys.argv[2])
    s.sendto(sys.argv[3].encode(), "notify.sock")
