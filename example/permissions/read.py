#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads a file beside it."""

try:
    print(open("notes.txt").read(), end="")
except OSError as e:
    raise SystemExit(f"notes.txt: {e.strerror}")
