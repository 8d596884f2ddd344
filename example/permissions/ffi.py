#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Loads a library and calls it."""

import ctypes

try:
    print("the answer is", ctypes.CDLL("./answer.so").answer())
except OSError as e:
    raise SystemExit(e)
