# SPDX-License-Identifier: Apache-2.0
"""udp_echo.py PORT ADDRESS...: sends back what it gets; a line of output for each peer that it has not seen."""
import selectors
import socket
import sys

peers = set()
selector = selectors.DefaultSelector()
for address in sys.argv[2:]:
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((address, int(sys.argv[1])))
    selector.register(s, selectors.EVENT_READ)
print("ready", flush=True)
while True:
    for key, _ in selector.select():
        data, peer = key.fileobj.recvfrom(65536)
        key.fileobj.sendto(data, peer)
        if peer not in peers:
            peers.add(peer)
            print("peer", key.fileobj.getsockname()[0], peer[1], flush=True)
