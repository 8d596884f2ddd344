// SPDX-License-Identifier: Apache-2.0
// node mock.mjs DIST [--rate EVENTS_PER_SECOND]: a server that speaks ../../PROTOCOL.md about invented runners, for work on the page
// and for tests of what no real runner does on demand.  Prints its address.  Never installed.
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { join, normalize } from "node:path";
import { accept } from "./socket.mjs";
import { EXAMPLES, explained, LINT, policyShown, Runner, World } from "./world.mjs";

const dist = process.argv[2];
const rate = Number(process.argv[process.argv.indexOf("--rate") + 1]) || 0;
const BATCH_MS = 200;
const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const TYPES = { html: "text/html; charset=utf-8", js: "text/javascript", css: "text/css", svg: "image/svg+xml", txt: "text/plain" };

const world = new World(rate);
const clients = new Set();

const result = (value, status = 0) => ({ status, result: value, error: "" });
const api = {
	"POST login": () => ({ ok: true }),
	"GET pods": () => ({ pods: world.pods() }),
	"GET examples": () => ({ examples: EXAMPLES }),
	"GET policy": () => result(policyShown),
	"POST run": body => {
		const r = world.start(body);
		return { n: r.row.n, id: r.row.id };
	},
	"POST explain": body => result(explained(body), 1),
	"POST policy/lint": body => {
		try {
			JSON.parse(body.policy);
			return result(body.policy.includes("nope") ? LINT : [], body.policy.includes("nope") ? 1 : 0);
		} catch (e) {
			return result([{ file: "standard input", where: "standard input:1", level: "error", message: e.message }], 1);
		}
	},
	"POST policy/show": () => result(policyShown),
	"POST policy/test": () => result([{ would: "open", perm: "read", action: "open", target: "/etc/shadow", count: 2, rule: { action: "allow", value: "/etc", from: "draft" } }]),
};

function answer(request, response, body) {
	const path = new URL(request.url, "http://x").pathname;
	if (path.startsWith("/api/")) {
		const [, n, verb] = /^\/api\/runners\/(\d+)\/(\w+)$/.exec(path) ?? [];
		const value = verb ? world.act(Number(n), verb, JSON.parse(body)) : api[`${request.method} ${path.slice(5)}`]?.(body ? JSON.parse(body) : {});
		response.writeHead(value ? 200 : 404, { "Content-Type": "application/json" });
		return response.end(JSON.stringify(value ?? { error: "no such path" }));
	}
	try {
		const file = readFileSync(join(dist, normalize(path === "/" ? "/index.html" : path)));
		response.writeHead(200, { "Content-Type": TYPES[path === "/" ? "html" : path.split(".").pop()] ?? "application/octet-stream", "Content-Security-Policy": CSP, "X-Content-Type-Options": "nosniff" });
		return response.end(file);
	} catch {
		response.writeHead(404);
		return response.end();
	}
}

function push(c) {
	const events = world.events.filter(e => e.seq > c.since);
	c.since = world.seq;
	c.peer.text(JSON.stringify({ type: "batch", timeMs: Date.now(), seq: world.seq, runners: world.rows(c.first), pods: world.pods(), events }));
	c.first = false;
	for (const r of world.runners.values())
		if (!c.runners || c.runners.includes(r.row.n))
			c.offsets.set(r.row.n, r.sendFrom(c.peer, c.offsets.get(r.row.n) ?? 0));
}

const server = createServer((request, response) => {
	let body = "";
	request.on("data", d => { body += d; });
	request.on("end", () => answer(request, response, body));
});
server.on("upgrade", (request, socket) => {
	const c = { peer: accept(request, socket), since: 0, runners: [], offsets: new Map(), first: true, subscribed: false };
	clients.add(c);
	c.peer.onClose = () => clients.delete(c);
	c.peer.onText = text => {
		const sub = JSON.parse(text);
		c.runners = sub.runners === null ? null : sub.runners ?? [];
		if (sub.since !== undefined)
			c.since = sub.since;
		for (const [n, offset] of Object.entries(sub.offsets ?? {}))
			c.offsets.set(Number(n), offset);
		c.subscribed = true;
		push(c);
	};
	c.peer.text(JSON.stringify({ type: "hello", version: 1, epoch: String(process.pid), actions: true, podshim: "mock", seq: world.seq, oldest: 1, batchMs: BATCH_MS }));
});
setInterval(() => {
	world.tick(BATCH_MS);
	for (const c of clients)
		if (c.subscribed)
			push(c);
}, BATCH_MS);
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}/`));
