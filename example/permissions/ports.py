#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tries the ports of a database and of ssh on this machine, as code that looks around would."""

import errno
import socket

for name, port in (("PostgreSQL", 5432), ("ssh", 22)):
    with socket.socket() as s:
        denied = s.connect_ex(("127.0.0.1", port)) == errno.EACCES
        print(f"{name}: {'denied' if denied else 'tried'}")
