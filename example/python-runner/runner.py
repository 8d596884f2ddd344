#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One job of Python code, as the program of a runner.

It imports what jobs may need, runs a job of its own so that everything has run once, says READY, and waits.  A client
offers a link and sends CODE; what the code prints goes back as STDOUT, and the value of its last line as RESULT: JSON where
it can be, else its repr.  Then the program ends: a runner is for one job.
"""

import ast
import gc
import io
import json
import sys
import traceback

# What jobs may use is imported before there is one: that is what makes a job start fast.
import collections  # noqa: F401
import datetime  # noqa: F401
import functools  # noqa: F401
import itertools  # noqa: F401
import math  # noqa: F401
import random  # noqa: F401
import re  # noqa: F401
import statistics  # noqa: F401
import time  # noqa: F401

import podshim


class Printer(io.RawIOBase):
    """Standard output or error of the job, as STDOUT records."""

    def __init__(self, job, stream):
        super().__init__()
        self.job, self.stream = job, stream

    def writable(self):
        return True

    def write(self, data):
        piece = memoryview(data)[:self.job.link.max]
        self.job.link.send(piece, podshim.STDOUT, self.stream)
        return len(piece)


class Job:
    """What serves one link; made before there is one."""

    def __init__(self):
        self.link, self.stdout, self.stderr = None, self.printer(1), self.printer(2)

    def printer(self, stream):
        return io.TextIOWrapper(io.BufferedWriter(Printer(self, stream)), "utf-8", "backslashreplace", line_buffering=True)

    def serve(self, channel):
        self.link = link = channel.accept()
        if link is None:
            return
        with link:
            code = receive_code(link)
            if code is None:
                return
            sys.stdout, sys.stderr = self.stdout, self.stderr
            result = run(code)
            self.stdout.flush()
            self.stderr.flush()
            sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
            send_result(link, *result)
        self.link = None  # its memory is given back now, not when the next one has come


def receive_code(link):
    pieces = []
    while record := link.receive():
        if record.type == podshim.STOP:
            return None
        if record.type == podshim.CODE:
            pieces.append(bytes(record.data))
            if not record.flags & podshim.MORE:
                return b"".join(pieces).decode()
        del record
        link.release()
    return None


def evaluate(code):
    """Run it; the value of its last line if that is an expression."""
    names = {"__name__": "__main__", "__builtins__": __builtins__}
    try:
        program = compile(code, "<job>", "eval")
    except SyntaxError:
        program = None
    if program:
        return eval(program, names)
    tree = ast.parse(code, "<job>")
    last = ast.Expression(tree.body.pop().value) if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<job>", "exec"), names)
    return eval(compile(last, "<job>", "eval"), names) if last else None


def run(code):
    """(exit status, is_repr, text)"""
    try:
        value = evaluate(code)
        try:
            return 0, False, json.dumps(value)
        except (TypeError, ValueError):
            return 0, True, repr(value)
    except SystemExit as e:
        if isinstance(e.code, int) or e.code is None:
            return (e.code or 0) & 0xFF, True, str(e.code or 0)
        return 1, True, str(e.code)
    except BaseException as e:
        frames = e.__traceback__
        while frames and frames.tb_frame.f_code.co_filename != "<job>":
            frames = frames.tb_next  # those of this file are no concern of the job's
        return 1, True, "".join(traceback.format_exception(type(e), e, frames))


def send_result(link, status, is_repr, text):
    data = text.encode("utf-8", "backslashreplace")
    end = podshim.REPR * is_repr | status << 8
    for at in range(0, len(data), link.max) or [0]:
        more = at + link.max < len(data)
        link.send(data[at:at + link.max], podshim.RESULT, podshim.MORE if more else end)


def main():
    job = Job()
    podshim.Channel.rehearse(job.serve, "x = 1\nprint(end='')\nx")
    podshim.Channel.rehearse(job.serve, "1 + 1")
    gc.collect()
    gc.freeze()  # what is there by now is not looked at again
    channel = podshim.Channel.from_env()
    channel.ready()
    job.serve(channel)


if __name__ == "__main__":
    main()
