# SPDX-License-Identifier: Apache-2.0
"""hack/bench launch: prepared runners beside cold launches and a parked process that only executes (the floor).

"first" is the time from the request to the first instruction of the program, "job" that of a Python expression from
request to result, "output" the throughput of a program's standard output.  All of a section run interleaved.
Needs root.
"""
import argparse
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.realpath(os.path.join(HERE, "../.."))
SECTIONS = ("first", "job", "output")
TITLES = {"first": "request to first instruction (us)", "job": "a Python job (us)", "output": "standard output (GB/s)"}
ROUNDS = 10


class Launch:
    def __init__(self, opts, work):
        self.opts, self.work, self.rows, self.pods = opts, work, [], []
        self.build = os.path.realpath(os.environ.get("B", os.path.join(ROOT, "build")))
        self.podshim = os.path.join(self.build, "podshim")
        self.root = tempfile.mkdtemp(prefix="bench-launch-", dir="/dev/shm")
        cc = os.environ.get("CC", "cc")
        bare = ["-O2", "-nostdlib", "-static", "-fno-stack-protector", "-ffreestanding", "-Wl,--build-id=none", "-s"]
        subprocess.run([cc, "-std=gnu17", *bare, "-o", self.path("payload"), os.path.join(HERE, "launch_payload.c")], check=True)
        subprocess.run([cc, "-std=gnu17", "-O2", "-D_GNU_SOURCE", "-I", ROOT, "-o", self.path("drive"),
                        os.path.join(HERE, "launch_drive.c"), os.path.join(self.build, "libpodshim.a")], check=True)
        self.make_bundle()

    def path(self, *names):
        return os.path.join(self.work, *names)

    def sh(self, *argv):
        r = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        if r.returncode:
            raise SystemExit(f"bench launch: {' '.join(argv)}: {r.stderr.strip()}")
        return r.stdout

    def drive(self, *args):
        return [float(x) for x in self.sh(self.path("drive"), *map(str, args)).split()]

    def make_bundle(self):
        rootfs = self.path("bundle", "rootfs")
        for d in ("proc", "dev", "sys"):
            os.makedirs(os.path.join(rootfs, d))
        shutil.copy(self.path("payload"), os.path.join(rootfs, "payload"))
        config = self.sh(os.path.join(ROOT, "example/hello/make-config"), "/payload")
        with open(self.path("bundle", "config.json"), "w", encoding="utf-8") as f:
            f.write(config)

    def pod(self, name, bundle, *flags):
        self.sh(self.podshim, "--root", self.root, "pod", "create", "--warm", "4", *flags, name, bundle)
        self.pods.append(name)
        return name

    def done(self):
        for name in self.pods:
            subprocess.run([self.podshim, "--root", self.root, "pod", "rm", "--force", name], check=False)
        shutil.rmtree(self.root, ignore_errors=True)

    def add(self, section, found, unit, against):
        for who, values in found.items():
            ordered = sorted(values)
            med = statistics.median
            self.rows.append({"section": section, "runtime": who, "n": len(values), "unit": unit, "median": med(values),
                              "p10": ordered[len(values) // 10], "p90": ordered[len(values) * 9 // 10],
                              "ratios": {k: med(values) / med(found[k]) for k in against if k in found and k != who}})

    def interleaved(self, jobs):
        found = {who: [] for who in jobs}
        for _ in range(ROUNDS):
            for who in random.sample(list(jobs), len(jobs)):
                found[who] += jobs[who]()
        return found

    def section_first(self):
        pod, gap, n = self.pod("bench", self.path("bundle")), self.opts.gap, max(self.opts.runs // ROUNDS, 1)
        cold = (self.podshim, "--root", self.root, "run", "-b", self.path("bundle"), "cold")
        us = lambda *args: [v / 1e3 for v in self.drive(*args)]
        found = self.interleaved({
            "parked process, exec": lambda: us("parked", n, gap, self.path("payload")),
            "prepared runner": lambda: us("warm", self.root, pod, n, gap, "/payload"),
            "podshim run": lambda: us("cold", n, gap, *cold),
        })
        self.add("first", found, "us", ("podshim run", "parked process, exec"))

    def section_job(self):
        bundle = self.path("python")
        self.sh(os.path.join(ROOT, "example/python-runner/make-bundle"), bundle)
        pod, n = self.pod("benchpy", bundle, "--interpreter"), max(self.opts.runs // ROUNDS // 2, 1)
        with open(os.path.join(bundle, "config.json"), encoding="utf-8") as f:
            config = json.load(f)
        config["process"]["args"] = ["/usr/bin/python3", "-c", "1 + 1"]
        with open(self.path("cold.json"), "w", encoding="utf-8") as f:
            json.dump(config, f)
        cold = (self.podshim, "--root", self.root, "run", "--no-channel", "-b", bundle, "-f", self.path("cold.json"), "coldpy")
        us = lambda *args: [v / 1e3 for v in self.drive(*args)]
        found = self.interleaved({
            "interpreter runner": lambda: us("code", self.root, pod, n, max(self.opts.gap, 100)),
            "podshim run python3 -c": lambda: us("total", n, self.opts.gap, *cold),
        })
        self.add("job", found, "us", ("podshim run python3 -c",))

    def section_output(self):
        pod, mib = self.pod("benchout", self.path("bundle"), "--history", "1M"), self.opts.mib
        found = self.interleaved({
            "pipe": lambda: self.drive("piped", mib, self.path("payload")),
            "pumped": lambda: self.drive("pumped", self.root, pod, mib, "/payload"),
        })
        self.add("output", found, "GB/s", ("pipe",))

    def table(self, section):
        rows = [r for r in self.rows if r["section"] == section]
        against = sorted({k for r in rows for k in r["ratios"]})
        print(f"\n## {TITLES[section]}\n")
        print("| | median | p10 | p90 | n |" + "".join(f" / {k} |" for k in against))
        print("|---|" + "---:|" * (4 + len(against)))
        for r in rows:
            numbers = [f"{r[k]:.2f}" for k in ("median", "p10", "p90")] + [str(r["n"])]
            ratios = [f'{r["ratios"][k]:.3f}' if k in r["ratios"] else "" for k in against]
            print("| " + " | ".join([r["runtime"], *numbers, *ratios]) + " |")


def run(bench_class, name, doc, sections, argv, add_options=None):
    """The command line of one of these benchmarks: its sections in order, each a table, and all rows as JSON on demand."""
    p = argparse.ArgumentParser(prog="bench " + name, description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--runs", type=int, default=200, metavar="N", help="launches of each kind (default 200)")
    p.add_argument("--gap", type=int, default=20, metavar="MS", help="between launches (default 20 ms)")
    if add_options:
        add_options(p)
    p.add_argument("--only", action="append", choices=sections, metavar="NAME", help="sections: " + " ".join(sections))
    p.add_argument("--json", metavar="FILE", help="write every row and the machine's facts")
    opts = p.parse_args(argv)
    if os.geteuid() != 0:
        print(f"bench {name}: needs root", file=sys.stderr)
        return 1
    work = tempfile.mkdtemp(prefix="podshim-bench.")
    bench = bench_class(opts, work)
    try:
        facts = {"kernel": platform.release(), "arch": platform.machine(), "cpus": os.cpu_count(), "load": os.getloadavg()[0]}
        print(f'kernel {facts["kernel"]} {facts["arch"]}, {facts["cpus"]} CPUs, load {facts["load"]:.1f}')
        for section in opts.only or sections:
            getattr(bench, "section_" + section)()
            bench.table(section)
            sys.stdout.flush()
        if opts.json:
            with open(opts.json, "w", encoding="utf-8") as f:
                json.dump({"machine": facts, "rows": bench.rows}, f, indent=1)
        return 0
    finally:
        bench.done()
        shutil.rmtree(work, ignore_errors=True)


def main(argv):
    def more(p):
        p.add_argument("--mib", type=int, default=512, metavar="N", help="MiB of output in each round (default 512)")

    return run(Launch, "launch", __doc__, SECTIONS, argv, more)
