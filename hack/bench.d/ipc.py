# SPDX-License-Identifier: Apache-2.0
"""hack/bench ipc: podshim's link beside a ring without checks (the floor), pipes and unix sockets.

Every transport runs in every round, in shuffled order; ratios are those of the medians and, behind the slash, of the best rounds, which
other jobs of the machine disturbed least.  Placements: "apart" pins the two processes to two CPUs, "free" leaves them to the scheduler,
"same" pins both to one CPU.  One round trip is 64 bytes there and back.
"""
import argparse
import json
import os
import platform
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "../..")
LINK_SOURCES = ("ipc/link.c", "ipc/link_wait.c", "ipc/ring.c", "ipc/wake.c", "base/err.c", "base/num.c")
SIZES = (64, 1024, 65536)
RINGS = [("link", "copy"), ("link", "place"), ("floor", "copy"), ("floor", "place")]
KERNEL = [("kernel", t) for t in ("pipe64k", "pipe1m", "stream", "seqpacket")]
WAITS = ("spin", "sleep", "poll")
SECTIONS = ("stream", "rtt", "syscalls")
TITLES = {"stream": "one way (GB/s of payload)", "rtt": "round trips (ns)", "syscalls": "system calls of both sides, per MiB of payload"}


def placements():
    cpus = sorted(os.sched_getaffinity(0))
    two = cpus[:2] if len(cpus) > 1 else cpus * 2
    return {"apart": two, "free": [-1, -1], "same": cpus[:1] * 2}


class Ipc:
    def __init__(self, opts, work):
        self.opts, self.work, self.rows = opts, work, []
        self.places = placements()
        cc = os.environ.get("CC", "cc")
        flags = ["-std=gnu17", "-O2", "-D_GNU_SOURCE", "-I", ROOT]
        for name, more in (("link", LINK_SOURCES), ("floor", ()), ("kernel", ())):
            subprocess.run([cc, *flags, "-o", os.path.join(work, name), os.path.join(HERE, f"ipc_{name}.c"),
                            *(os.path.join(ROOT, s) for s in more)], check=True)

    def argv(self, who, mode, first, mib, place):
        return [os.path.join(self.work, who[0]), who[1], mode, str(first), str(mib), *map(str, self.places[place])]

    def run(self, *args):
        return subprocess.run(self.argv(*args), check=True, stdout=subprocess.PIPE, text=True).stdout.split()

    def mib(self, who, size):
        if who[0] != "kernel":
            return self.opts.mib
        return max(self.opts.mib // {64: 128, 1024: 16, 65536: 4}[size], 1)

    def add(self, section, place, who, step, unit, values, against):
        """against: {name: the other transport's values}"""
        best = max if section == "stream" else min
        ordered = sorted(values)
        self.rows.append({"section": section, "case": place, "runtime": " ".join(who), "step": step, "n": len(values), "unit": unit,
                          "median": statistics.median(values), "p10": ordered[len(values) // 10],
                          "p90": ordered[len(values) * 9 // 10], "best": best(values), "failed": 0,
                          "ratios": {k: [statistics.median(values) / statistics.median(v), best(values) / best(v)]
                                     for k, v in against.items()}})

    def interleaved(self, jobs, measure):
        """{job: [a value per round]}"""
        found = {job: [] for job in jobs}
        for _ in range(self.opts.runs):
            for job in random.sample(jobs, len(jobs)):
                found[job].append(measure(job))
        return found

    def section_stream(self):
        for place in ("apart", "free"):
            for size in SIZES:
                def measure(who):
                    seconds, records = self.run(who, "stream", size, self.mib(who, size), place)
                    return int(records) * size / float(seconds) / 1e9
                found = self.interleaved(RINGS + KERNEL, measure)
                pipe = max((found[w] for w in KERNEL[:2]), key=statistics.median)
                for who, values in found.items():
                    against = {"pipe": pipe}
                    if who[0] == "link":
                        against["floor"] = found[("floor", who[1])]
                    self.add("stream", place, who, str(size), "GB/s", values, against)

    def section_rtt(self):
        for place in ("apart", "same"):
            jobs = [(p, w) for p in ("link", "floor") for w in WAITS if (place, w) != ("same", "spin")] + KERNEL
            found = self.interleaved(jobs, lambda who: int(self.run(who, "rtt", self.opts.trips, "-", place)[0]))
            for who, values in found.items():
                against = {"floor": found[("floor", who[1])]} if who[0] == "link" else {}
                self.add("rtt", place, who, "64", "ns", values, against)

    def section_syscalls(self):
        out = os.path.join(self.work, "strace")
        for size in SIZES:
            for who in RINGS[1:4:2] + KERNEL:
                counts = []
                scale = 1 if who[0] == "kernel" else 8
                for mib in (scale, 17 * scale):  # what starting costs is in both
                    subprocess.run(["strace", "-f", "-c", "-o", out, *self.argv(who, "stream", size, mib, "apart")], check=True,
                                   stdout=subprocess.DEVNULL)
                    with open(out, encoding="utf-8") as f:
                        total = re.findall(r"(\d+)(?: +\d+)? total", f.read())
                    counts.append(int(total[-1]))
                self.add("syscalls", "apart", who, str(size), "calls", [(counts[1] - counts[0]) / (16 * scale)], {})

    def table(self, section):
        rows = [r for r in self.rows if r["section"] == section]
        print(f"\n## {TITLES[section]}\n")
        print("| place | bytes | transport | median | p10 | p90 | best | million records/s | / floor | / better pipe |")
        print("|---|---:|---|" + "---:|" * 7)
        digits = {"stream": 2, "rtt": 0, "syscalls": 2}[section]
        for r in rows:
            show = [f'{r[k]:.{digits}f}' for k in ("median", "p10", "p90", "best")]
            rate = f'{r["median"] * 1e3 / int(r["step"]):.2f}' if section == "stream" else ""
            ratios = [" / ".join(f"{x:.2f}" for x in r["ratios"].get(k, [])) for k in ("floor", "pipe")]
            print("| " + " | ".join([r["case"], r["step"], r["runtime"], *show, rate, *ratios]) + " |")


def main(argv):
    p = argparse.ArgumentParser(prog="bench ipc", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--runs", type=int, default=15, metavar="N", help="rounds (default 15)")
    p.add_argument("--quick", action="store_true", help="5 rounds")
    p.add_argument("--mib", type=int, default=256, metavar="N", help="MiB through a ring in each round; less through the others")
    p.add_argument("--trips", type=int, default=10000, metavar="N", help="round trips in each round")
    p.add_argument("--only", action="append", choices=SECTIONS, metavar="NAME", help="sections: " + " ".join(SECTIONS))
    p.add_argument("--json", metavar="FILE", help="write every row and the machine's facts")
    opts = p.parse_args(argv)
    if opts.quick:
        opts.runs = 5
    work = tempfile.mkdtemp(prefix="podshim-bench.")
    try:
        bench = Ipc(opts, work)
        facts = {"kernel": platform.release(), "arch": platform.machine(), "cpus": os.cpu_count(), "load": os.getloadavg()[0]}
        print(f'kernel {facts["kernel"]} {facts["arch"]}, {facts["cpus"]} CPUs, load {facts["load"]:.1f}, {opts.runs} rounds')
        print("rings of 1 MiB; link and floor publish every 4 KiB and spin 50 times; copy: read into private memory; place: looked at in the ring")
        for section in opts.only or SECTIONS:
            if section == "syscalls" and not shutil.which("strace"):
                print("strace is not there: system calls are left out", file=sys.stderr)
                continue
            getattr(bench, "section_" + section)()
            bench.table(section)
            sys.stdout.flush()
        if opts.json:
            with open(opts.json, "w", encoding="utf-8") as f:
                json.dump({"machine": facts, "rounds": opts.runs, "rows": bench.rows}, f, indent=1)
        return 0
    finally:
        shutil.rmtree(work, ignore_errors=True)
