// SPDX-License-Identifier: Apache-2.0
// Invented runners for the mock server: a pod at work, a program that is denied things, one that is hostile, and a flood.

const now = () => new Date().toISOString();

/** Strings that try to get out of their box. */
export const HOSTILE = ["/tmp/<img src=x onerror=alert(1)>", "/tmp/\u202egnp.exe", "/tmp/a\nb\u001b]0;owned\u0007", "javascript:alert(1)//\u0000\u200b", "/tmp/\"><script>document.title='owned'</script>"];
const HOSTILE_OUTPUT = "\x1b]0;owned\x07\x1b]2;owned\x07\x1b]52;c;b3duZWQ=\x07\x1b]8;;javascript:alert(1)\x07click me\x1b]8;;\x07\n<img src=x onerror=alert(1)>\n<script>document.title='owned'</script>\n\x1b[21t\x1b[3;0;0t\x1b[8;5;5t\u202etxt.exe\n\x1b[31;1mred\x1b[0m \x1b[48;2;20;60;90m\x1b[38;2;240;200;90m true colour \x1b[0m\n";

export const EXAMPLES = [
	{ name: "read-outside", title: "Reads a file it was not given", summary: "A script lists its own folder, then tries /etc/shadow and the network.", risk: "low", run: ["read.py"], flags: ["--allow-read=/usr/lib/python3"] },
	{ name: "fetch", title: "Fetches a page by name", risk: "medium", run: ["fetch.py", "https://example.com"], flags: ["--allow-net=example.com:443", "--timeout=10s"] },
	{ name: "build", title: "Compiles and runs a C program", risk: "medium", run: ["sh", "-c", "cc hello.c && ./a.out"], flags: ["--allow-run=cc,as,ld", "--allow-write=build", "--memory=256M"] },
	{ name: "agent", title: "An agent's generated shell script", risk: "high", run: ["agent.sh"], flags: ["--deny-net=private", "--allow-net"] },
];
export const LINT = [{ file: "standard input", where: "standard input: /permissions/nope", level: "error", message: "unknown member 'nope'" }];

const listed = (entries, enforcedBy, more = {}) => ({ allowed: "listed", allow: entries.map(([value, from, implied]) => ({ value, from, implied: implied || undefined })), enforcedBy, ...more });
export const policyShown = { active: true, denyByDefault: true, mode: "enforce", enforcement: "strict", limits: { memory: "256M", pids: 64 }, notes: [], permissions: {
	read: listed([["/srv/data", "--allow-read"], ["/usr/share/zoneinfo", "/etc/podshim/policy.d/base.json:4"], ["/usr/lib/python3.11", "program", true], ["/usr/lib/x86_64-linux-gnu/libc.so.6", "program", true]], "mounts, masks, Landlock", { deny: [{ value: "/srv/data/.env", from: "io.podshim.deny-read" }] }),
	write: { allowed: "listed", enforcedBy: "read-only mounts, Landlock" },
	net: listed([["api.example.com:443", "--allow-net"]], "network namespace, seccomp, supervisor", { deny: [{ value: "private", from: "/etc/podshim/ceiling.json:3" }] }),
	env: listed([["LANG", "policy.json:9"], ["PIP_*", "policy.json:9"]], "the environment that is handed over"),
	run: listed([["/usr/bin/python3.11", "program", true]], "noexec mounts, Landlock"), ffi: { allowed: "listed", enforcedBy: "noexec mounts" }, sys: { allowed: "all", enforcedBy: "seccomp" } } };

export const explained = ({ perm, target }) => ({ verdict: "deny", perm, target, enforcedBy: "mounts, masks, Landlock", errno: "EACCES", nearest: { action: "allow", value: "/srv/data", from: "--allow-read", implied: false },
	grants: [{ flag: `--allow-${perm}=${target}`, permissions: { [perm]: { allow: [target] } }, annotation: null, wider: false }] });

export class Runner {
	constructor(world, n, row) {
		this.world = world;
		this.chunks = [];
		this.row = { n, id: `r-${n}`, pod: "", state: "preparing", pid: 4000 + n, command: "", example: null, own: false, input: false, created: now(), started: now(), ended: null, status: null, reason: null,
			denied: 0, allowed: 0, warned: 0, lost: 0, output: 0, outputOldest: 0, cpuNs: 0, memory: 12 << 20, pids: 1, ringUsed: 41984, ringRoom: 262144, tapeUsed: 52800, tapeRoom: 65536, ...row };
		this.state("preparing");
		this.state("prepared");
		this.state("running");
	}
	state(state) {
		this.row.state = state;
		this.world.event({ n: this.row.n, type: "state", state, pid: this.row.pid });
	}
	print(text, stream = 1) {
		const bytes = Buffer.from(text);
		this.chunks.push({ stream, offset: this.row.output, bytes });
		this.row.output += bytes.length;
		if (this.chunks.length > 4000)
			this.row.outputOldest = this.chunks.splice(0, 1000).at(-1).offset;
	}
	access(perm, target, result, more = {}) {
		this.row[{ allow: "allowed", warn: "warned", deny: "denied" }[result] ?? "allowed"] += more.count ?? 1;
		this.world.event({ n: this.row.n, type: "audit", kind: "access", perm, action: { net: "connect", run: "exec" }[perm] ?? "open", target, result, errno: result === "deny" ? "EACCES" : undefined, rule: null, mech: "notify", sound: perm === "net",
			pid: this.row.pid, ppid: 1, comm: "python3", exe: "/usr/bin/python3.11", count: 1, first: now(), last: now(), hint: result === "deny" ? `--allow-${perm}=${target}` : undefined, ...more });
	}
	end(status, reason = "exited") {
		this.world.event({ n: this.row.n, type: "exit", status, reason });
		Object.assign(this.row, { status, reason, ended: now() });
		this.state("exited");
	}
	sendFrom(peer, offset) {
		for (const c of this.chunks)
			if (c.offset + c.bytes.length > offset) {
				const head = Buffer.alloc(13);
				head.writeUInt32LE(this.row.n, 0);
				head[4] = c.stream;
				head.writeBigUInt64LE(BigInt(c.offset), 5);
				peer.binary(Buffer.concat([head, c.bytes]));
				offset = c.offset + c.bytes.length;
			}
		return offset;
	}
}

export class World {
	constructor(rate) {
		Object.assign(this, { rate, seq: 0, events: [], runners: new Map(), ticks: 0 });
		this.web = this.add({ id: "web", command: "/usr/bin/node server.js --port 8080", memory: 84 << 20, pids: 11, input: true });
		this.jobs = [1, 2, 3].map(i => this.add({ id: `jobs.${i}`, pod: "jobs", command: `python3 job.py --part ${i}` }));
		this.hostile = this.add({ id: "hostile", command: HOSTILE[1] });
		HOSTILE.forEach(s => this.hostile.access("read", s, "deny"));
		this.hostile.print(HOSTILE_OUTPUT);
		this.hostile.end(3);
		this.web.print("listening on 0.0.0.0:8080\n");
		this.jobs[2].end(137, "memory");
		for (const [perm, target, result] of [["net", "169.254.169.254:80", "deny"], ["read", "/etc/shadow", "deny"], ["run", "/usr/bin/curl", "deny"], ["net", "api.example.com:443", "allow"], ["read", "/srv/data/users.csv", "allow"], ["sys", "hostname", "warn"], ["env", "AWS_SECRET_ACCESS_KEY", "ignore"]])
			this.web.access(perm, target, result, { count: 1 + target.length });
	}
	add(row) {
		const n = this.runners.size + 1, r = new Runner(this, n, row);
		this.runners.set(n, r);
		return r;
	}
	event(e) {
		this.events.push({ seq: ++this.seq, time: now(), ...e });
		if (this.events.length > 20000)
			this.events.splice(0, 5000);
	}
	rows() {
		return [...this.runners.values()].map(r => r.row);
	}
	pods() {
		return [{ name: "jobs", state: "running", runners: 3, warm: 2, warmWanted: 2 }];
	}
	start({ example, argv, flags = [] }) {
		const r = this.add({ id: `ui-${(0xabc000 + this.seq).toString(16)}`, command: (argv ?? EXAMPLES.find(e => e.name === example)?.run ?? ["code"]).join(" "), example: example ?? null, own: true, input: true });
		r.print("starting\n");
		if (!flags.some(f => f.startsWith("--allow-read") && f.includes("/etc/shadow"))) {
			r.access("read", "/etc/shadow", "deny");
			r.print("cat: /etc/shadow: Permission denied\n", 2);
		} else {
			r.print("root:*:19000:0:99999:7:::\n");
		}
		return r;
	}
	act(n, verb, body) {
		const r = this.runners.get(n);
		if (verb === "send")
			r.print(`> ${body.text}`);
		else if (r.row.ended === null)
			r.end(verb === "stop" ? 143 : 130, "signal");
		return { status: 0, result: null, error: "", ok: true };
	}
	tick(ms) {
		this.ticks++;
		for (const r of this.runners.values())
			if (r.row.ended === null)
				r.row.cpuNs += (0.1 + 0.5 * Math.abs(Math.sin(this.ticks / 9 + r.row.n))) * ms * 1e6;
		for (let left = this.rate * ms / 1000; left > 0; left--) {
			const i = this.seq;
			this.web.access(["read", "net", "run"][i % 3], i % 3 === 1 ? `10.0.${i >> 8 & 15}.${i & 255}:443` : `/srv/data/part-${i % 3000}`, i % 7 === 0 ? "deny" : "allow");
			if (i % 5 === 0)
				this.web.print(`${now()} GET /part-${i % 3000} 200\n`);
		}
		if (!this.rate && this.ticks % 7 === 0)
			this.web.print(`${now()} GET /users?page=${this.ticks} 200 ${this.ticks % 50} ms\n`);
		if (!this.rate && this.ticks % 40 === 0)
			this.web.access("net", "169.254.169.254:80", "deny");
	}
}
