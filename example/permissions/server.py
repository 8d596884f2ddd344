#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: server.py [COMMAND...]

A server for the examples, on the loopback device alone: HTTP on TCP port 8099 of 127.0.0.1, an echo on the same port of
UDP.  While COMMAND runs, with its exit status; without COMMAND until it is killed, once it has printed "ready".
"""

import http.server
import socket
import subprocess
import sys
import threading

HERE = ("127.0.0.1", 8099)


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"a page\n")

    def log_message(self, *_):
        pass


def echo(s):
    while True:
        data, peer = s.recvfrom(65536)
        s.sendto(data, peer)


def main(command):
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(HERE)
    web = http.server.ThreadingHTTPServer(HERE, Page)
    for work in (lambda: echo(udp), web.serve_forever):
        threading.Thread(target=work, daemon=True).start()
    if command:
        return subprocess.run(command, check=False).returncode
    print("ready", flush=True)
    threading.Event().wait()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
