#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: catalog.py FILE: runs every example of a catalog, with podshim from PATH; status 1 if one does not do what it says.

What is denied and told comes from --audit.  That an interpreter may not list its script's folder is no part of an example.
"""

import json
import os
import subprocess
import sys
import tempfile

TIMEOUT = 60
KNOWN = {"id", "group", "language", "title", "shows", "risk", "folder", "code", "policy", "prepare", "server", "env", "command", "toggles",
         "expect"}
NEEDED = {"id", "group", "language", "title", "shows", "risk", "folder", "command", "expect"}


def accesses(path, folder, result):
    found = []
    with open(path, encoding="utf-8") as f:
        for event in map(json.loads, f):
            if event.get("result") == result and not (event["action"] == "list" and event["target"] == folder):
                found.append((event["perm"], event["target"]))
    return sorted(set(found))


def wanted(entries, folder):
    files = ("read", "write")
    return sorted((e["permission"], os.path.join(folder, e["target"]) if e["permission"] in files else e["target"]) for e in entries)


def check_form(example, root):
    assert NEEDED <= set(example) <= KNOWN, f"members: {sorted(set(example) ^ NEEDED)}"
    assert example["command"][:2] == ["podshim", "run"], "the command is no 'podshim run'"
    folder = os.path.join(root, example["folder"])
    for name in ("code", "policy"):
        assert name not in example or os.path.isfile(os.path.join(folder, example[name])), f"no file {example.get(name)}"
    for flag in example.get("toggles", ()):
        assert flag.startswith("--"), f"{flag} is no flag"
    return os.path.realpath(folder)


def run(example, root):
    folder = check_form(example, root)
    expect = example["expect"]
    if "prepare" in example:
        subprocess.run(example["prepare"], cwd=folder, check=True, timeout=TIMEOUT)
    server = None
    try:
        if "server" in example:
            server = subprocess.Popen(example["server"], cwd=folder, stdout=subprocess.PIPE, text=True)
            assert server.stdout.readline() == "ready\n", "the server did not get ready"
        with tempfile.TemporaryDirectory() as work:
            log = os.path.join(work, "audit")
            command = example["command"][:2] + ["--audit", log] + example["command"][2:]
            env = {**os.environ, **example.get("env", {})}
            ended = subprocess.run(command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   text=True, check=False, timeout=TIMEOUT)
            output = ended.stdout
            denied = accesses(log, folder, "deny") if os.path.exists(log) else []
            warned = accesses(log, folder, "warn") if os.path.exists(log) else []
    finally:
        if server:
            server.kill()
            server.wait()
    assert ended.returncode == expect["exit"], f"exit status {ended.returncode}: {output}"
    assert expect["output"] in output, f"it printed: {output}"
    missing = [e for e in wanted(expect.get("denied", ()), folder) if e not in denied]
    assert not missing, f"not denied: {missing} of {denied}"
    assert denied or not expect.get("denied"), "nothing was denied"
    assert expect.get("denied") or not denied, f"denied: {denied}"
    assert warned == wanted(expect.get("warned", ()), folder), f"told of: {warned}"


def main(path):
    with open(path, encoding="utf-8") as f:
        examples = json.load(f)["examples"]
    ids, bad = [e["id"] for e in examples], 0
    assert len(ids) == len(set(ids)), "an id is there twice"
    for example in examples:
        try:
            run(example, os.path.dirname(os.path.abspath(path)))
        except (AssertionError, subprocess.SubprocessError, KeyError) as e:
            bad += 1
            print(f"{example.get('id')}: {e}")
    print(f"{len(examples)} examples, {bad} do not do what they say")
    return bad > 0 or not examples


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
