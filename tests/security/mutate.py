#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: mutate.py PODSHIM ROOT CONFIG BUNDLE

Gives each scalar of CONFIG each other JSON type, one at a time, and lets `podshim create` read it: exit status 1, one line
of error that names the pointer of the scalar (or of what contains it), and no trace in ROOT.
"""
import copy
import json
import os
import subprocess
import sys

# Members that a Linux runtime does not read.
IGNORED = ("/windows", "/solaris", "/x-unknown", "/process/commandLine")
OTHERS = {"string": "text", "number": 7, "bool": True, "object": {"a": 1}, "array": [1]}


def kind(value):
    for types, name in ((bool, "bool"), ((int, float), "number"), (str, "string"), (dict, "object"), (list, "array")):
        if isinstance(value, types):
            return name
    return "null"


def scalars(value, way=()):
    """The way to each scalar, container by container."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from scalars(inner, way + (key,))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from scalars(inner, way + (i,))
    else:
        yield way, value


def pointer(way):
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in way)


def mutants(config):
    for way, value in scalars(config):
        if pointer(way).startswith(IGNORED):
            continue
        for name, other in OTHERS.items():
            if name == kind(value):
                continue
            mutant = copy.deepcopy(config)
            place = mutant
            for step in way[:-1]:
                place = place[step]
            place[way[-1]] = other
            yield pointer(way), name, mutant


def complaint(podshim, root, bundle, at):
    done = subprocess.run([podshim, "--root", root, "create", "-b", bundle, "mutant"], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=30, check=False)
    if done.returncode != 1:
        return f"exit status {done.returncode}"
    lines = done.stderr.splitlines()
    if len(lines) != 1 or done.stdout:
        return f"not one line: {done.stdout}{done.stderr}"
    if at not in lines[0]:
        return f"names another place: {lines[0]}"
    left = [name for name in os.listdir(root) if name not in (".lock", ".seccomp")] if os.path.isdir(root) else []
    return f"left {left}" if left else None


def main():
    podshim, root, config, bundle = sys.argv[1:]
    with open(config, encoding="utf-8") as f:
        spec = json.load(f)
    os.makedirs(os.path.join(bundle, "rootfs"), exist_ok=True)
    tried = failed = 0
    for at, name, mutant in mutants(spec):
        with open(os.path.join(bundle, "config.json"), "w", encoding="utf-8") as f:
            json.dump(mutant, f)
        what = complaint(podshim, root, bundle, at)
        tried += 1
        if what:
            failed += 1
            print(f"{at} as {name}: {what}", file=sys.stderr)
    print(f"{tried} mutants, {failed} not refused as they should be")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
