# SPDX-License-Identifier: Apache-2.0
"""dns.py PORT NAME=ADDRESS[+ADDRESS...]...: a name server on 127.0.0.1 that knows these, each address in its turn; each question is a line of output."""
import socket
import struct
import sys

table = {name: addresses.split("+") for name, addresses in (arg.split("=") for arg in sys.argv[2:])}
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", int(sys.argv[1])))
print("ready", flush=True)
while True:
    data, peer = server.recvfrom(512)
    at, labels = 12, []
    while data[at]:
        labels.append(data[at + 1 : at + 1 + data[at]].decode())
        at += data[at] + 1
    question, kind, name = data[12 : at + 5], struct.unpack(">H", data[at + 1 : at + 3])[0], ".".join(labels)
    print(name, kind, flush=True)
    answer = b""
    if kind == 1 and name in table:
        # Who has several changes them all the time.
        ttl = struct.pack(">I", 60 if len(table[name]) == 1 else 0)
        table[name].append(table[name].pop(0))
        answer = b"\xc0\x0c\0\1\0\1" + ttl + b"\0\4" + socket.inet_aton(table[name][-1])
    flags = b"\x81\x80" if name in table else b"\x81\x83"
    server.sendto(data[:2] + flags + b"\0\1" + struct.pack(">H", 1 if answer else 0) + b"\0\0\0\0" + question + answer, peer)
