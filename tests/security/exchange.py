#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""exchange.py A B [C D...]: swap the names A and B, C and D ... atomically, again and again, until killed."""
import ctypes
import itertools
import sys

AT_FDCWD, RENAME_EXCHANGE = -100, 2
libc = ctypes.CDLL(None, use_errno=True)
names = [n.encode() for n in sys.argv[1:]]
pairs = list(zip(names[::2], names[1::2]))
for a, b in itertools.cycle(pairs):
    libc.renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE)
