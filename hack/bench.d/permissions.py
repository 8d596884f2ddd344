# SPDX-License-Identifier: Apache-2.0
"""hack/bench permissions: what a full policy costs, beside the same without one.

"cold" is a whole `podshim run` of a program that ends at once; "prepared" the time from the request to the first instruction
in a pod; "calls" what system calls cost inside; "connect" a connect to the loopback, everything on one CPU, on a duplicate
of the container's socket (the host's network) and by a socket put in its place (a network of its own).
"full": read, write, net (none), run, env, sys and ffi are limited.  "full, net": with an address, which takes a broker.
All of a section run interleaved.  Needs root.
"""
import json
import os
import socket
import subprocess

import launch

HERE, ROOT = launch.HERE, launch.ROOT
SECTIONS = ("cold", "prepared", "calls", "connect")
launch.TITLES.update({"cold": "podshim run, whole (us)", "prepared": "request to first instruction of a prepared runner (us)",
                      "calls": "system calls (ns)", "connect": "connect to the loopback (us)"})
FULL = ("--allow-read=/data", "--allow-write=/tmp", "--allow-env=PATH", "--allow-run=/payload,/probe", "--allow-sys=hostname")
# As every engine gives: that a filter is there at all costs each call some.
ANY_FILTER = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["kexec_load"], "action": "SCMP_ACT_ERRNO"}]}
PROBE_ROUNDS = 2000


class Permissions(launch.Launch):
    def __init__(self, opts, work):
        super().__init__(opts, work)
        rootfs = self.path("bundle", "rootfs")
        for d in ("tmp", "data"):
            os.makedirs(os.path.join(rootfs, d))
        with open(os.path.join(rootfs, "data", "file"), "w", encoding="utf-8"):
            pass
        cc = os.environ.get("CC", "cc").split()
        subprocess.run([*cc, "-std=gnu17", "-O2", "-D_GNU_SOURCE", "-static", "-o", os.path.join(rootfs, "probe"),
                        os.path.join(HERE, "permissions_payload.c")], check=True)
        self.server = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.port = self.server.getsockname()[1]
        self.policies = {"none": (), "full": FULL, "full, net": (*FULL, f"--allow-net=127.0.0.1:{self.port}")}

    def config(self, name, args, own_network=True):
        with open(self.path("bundle", "config.json"), encoding="utf-8") as f:
            config = json.load(f)
        config["process"]["args"] = args
        config["process"]["terminal"] = False
        config["linux"]["seccomp"] = ANY_FILTER
        if not own_network:
            config["linux"]["namespaces"] = [n for n in config["linux"]["namespaces"] if n["type"] != "network"]
        with open(self.path(name), "w", encoding="utf-8") as f:
            json.dump(config, f)
        return self.path(name)

    def run(self, flags, config, name):
        return (self.podshim, "--root", self.root, "run", *flags, "-b", self.path("bundle"), "-f", config, name)

    def probe(self, flags, config):
        return [float(x) for x in self.sh(*self.run(flags, config, "probe")).split()]

    def section_cold(self):
        n, gap = max(self.opts.runs // launch.ROUNDS, 1), self.opts.gap
        config = self.config("cold.json", ["/probe", "nothing"])
        found = self.interleaved({who: (lambda flags=flags: [v / 1e3 for v in self.drive("total", n, gap, *self.run(flags, config, "cold"))])
                                  for who, flags in self.policies.items()})
        self.add("cold", found, "us", ("none",))

    def section_prepared(self):
        n, gap = max(self.opts.runs // launch.ROUNDS, 1), self.opts.gap
        pods = {who: self.pod(f"bench{i}", self.path("bundle"), *flags) for i, (who, flags) in enumerate(self.policies.items())}
        found = self.interleaved({who: (lambda pod=pod: [v / 1e3 for v in self.drive("warm", self.root, pod, n, gap, "/payload")])
                                  for who, pod in pods.items()})
        self.add("prepared", found, "us", ("none",))

    def section_calls(self):
        config = self.config("calls.json", ["/probe", "calls", str(PROBE_ROUNDS), "/data/file"])
        found = {}
        for _ in range(launch.ROUNDS):
            for who, flags in self.policies.items():
                call, opened = self.probe((*flags, "--quiet") if flags else flags, config)
                found.setdefault(f"getppid, {who}", []).append(call)
                found.setdefault(f"open and close, {who}", []).append(opened)
        self.add("calls", found, "ns", ())

    def section_connect(self):
        host, own = (self.config(name, ["/probe", "connect", str(PROBE_ROUNDS), str(self.port)], own_network=is_own)
                     for name, is_own in (("host.json", False), ("own.json", True)))
        net = self.policies["full, net"]
        cpus = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(cpus)})
        try:
            found = self.interleaved({who: (lambda flags=flags, config=config: self.connects(flags, config))
                                      for who, flags, config in (("plain", (), host), ("duplicate", net, host), ("swap", net, own))})
        finally:
            os.sched_setaffinity(0, cpus)
        self.add("connect", found, "us", ("plain",))

    def connects(self, flags, config):
        took = [v / 1e3 for v in self.probe(flags, config)]
        self.server.setblocking(False)
        try:
            while True:
                self.server.accept()[0].close()
        except BlockingIOError:
            return took

    def done(self):
        self.server.close()
        super().done()


def main(argv):
    return launch.run(Permissions, "permissions", __doc__, SECTIONS, argv)
