#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: pod_sandbox.py BUNDLE CODE...: the same on a pod, whose interpreters have started before there is code."""
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
try:
    import podshim
except ImportError:
    sys.path.insert(0, os.path.join(HERE, "..", "..", "ipc", "python"))
    import podshim


def run(pod, code, timeout=10):
    printed = []
    # The pod ends the runner after that time, whatever becomes of us.
    with pod.launch(code=True, timeout=timeout, memory=256 << 20, pids=32) as runner:
        try:
            result = runner.link.run_code(code, on_print=lambda _, piece: printed.append(piece))
            status, text = result.status, result.text
        except podshim.Closed:
            status, text = runner.wait(), f"ended: {runner.reason}"
    return {"status": status, "output": b"".join(printed).decode(errors="replace"), "result": text}


def main(bundle, *codes):
    timeout = float(os.environ.get("TIMEOUT", "10"))
    policy = ["--policy", os.path.join(HERE, "policy.json")]
    with podshim.Pod.create(bundle, warm=2, interpreter=True, flags=policy) as pod:
        for code in codes:
            print(json.dumps(run(pod, code, timeout)))


if __name__ == "__main__":
    main(*sys.argv[1:])
