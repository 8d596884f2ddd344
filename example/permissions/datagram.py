#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sends a datagram, and prints what comes back."""

import socket

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.settimeout(10)
    try:
        s.sendto(b"ping", ("127.0.0.1", 8099))
        print("back came", s.recv(100).decode())
    except OSError as e:
        raise SystemExit(f"nothing came back: {e.strerror or e}")
