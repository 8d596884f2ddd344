#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: sandbox.py WORK <code.py: runs code that a model wrote; it reads and writes the folder WORK, and that is all."""
import json
import os
import subprocess
import sys
import tempfile


def run(code, work, timeout=os.environ.get("TIMEOUT", "10")):
    work = os.path.realpath(work)
    with tempfile.TemporaryDirectory() as own:
        script, audit = os.path.join(own, "code.py"), os.path.join(own, "audit")
        with open(script, "w", encoding="utf-8") as f:
            f.write(code)
        limits = [f"--timeout={timeout}s", "--output-limit=64K"]
        ended = subprocess.run(
            ["podshim", "run", f"--allow-read={work}", f"--allow-write={work}", *limits, "--quiet", f"--audit={audit}",
             f"--cwd={work}", script], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False)
        with open(audit, "a+", encoding="utf-8") as f:
            f.seek(0)
            events = [json.loads(line) for line in f]
    denied = [{"permission": e["perm"], "target": e["target"], "hint": e.get("hint")} for e in events
              if e.get("result") == "deny" and e["target"] != own]
    return {"status": ended.returncode, "output": ended.stdout, "errors": ended.stderr, "denied": denied}


if __name__ == "__main__":
    print(json.dumps(run(sys.stdin.read(), sys.argv[1]), indent=2))
