# SPDX-License-Identifier: Apache-2.0
"""promtext.py: a strict reader of Prometheus's text format 0.0.4 on standard input; prints {metric: {"type":, "samples": [[labels, value]]}} as JSON."""
import json
import re
import sys

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
SAMPLE = re.compile(rf"({NAME})\{{({LABEL}(?:,{LABEL})*)\}} ([0-9]+(?:\.[0-9]+)?)")


def read(text):
    assert text.endswith("\n"), "the last line is not ended"
    metrics, current, help_of = {}, None, None
    for line in text[:-1].split("\n"):
        if found := re.fullmatch(rf"# HELP ({NAME}) (\S.*)", line):
            help_of = found[1]
            assert help_of not in metrics, f"{help_of}: twice"
        elif found := re.fullmatch(rf"# TYPE ({NAME}) (counter|gauge)", line):
            assert found[1] == help_of, f"{found[1]}: HELP does not stand before TYPE"
            current = found[1]
            metrics[current] = {"type": found[2], "samples": []}
            assert (found[2] == "counter") == current.endswith("_total"), f"{current}: counters, and only they, end in _total"
        else:
            found = SAMPLE.fullmatch(line)
            assert found, f"no sample: {line!r}"
            assert found[1] == current, f"{found[1]}: not below its TYPE"
            labels = {k: re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], v) for k, v in re.findall(LABEL, found[2])}
            known = metrics[current]["samples"]
            assert labels not in [l for l, _ in known], f"{line!r}: twice"
            known.append([labels, float(found[found.re.groups])])
    for name, m in metrics.items():
        assert m["samples"], f"{name}: no sample"
    return metrics


print(json.dumps(read(sys.stdin.buffer.read().decode("utf-8", "strict"))))
