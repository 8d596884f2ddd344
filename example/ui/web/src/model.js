// SPDX-License-Identifier: Apache-2.0
// What the page knows: runners, pods, audit groups, notices. Fed by the link, read by the panes; all of it is bounded.
import { Output } from "./output.js";
import { touch } from "./frame.js";
import { own } from "./safe.js";

const LIVE = new Set(["preparing", "prepared", "warming", "ready", "running", "paused", "stopping"]);

const MAX_GROUPS = 20000, MAX_TICKS = 8192, MAX_STATES = 256, MAX_NOTICES = 200, MAX_SAMPLES = 60;
// Ended runners that the server no longer lists stay readable until there are so many.
const MAX_RUNNERS = 400;

// Index in RESULTS.
const KIND = { deny: 0, "ask-deny": 0, "would-deny": 0, warn: 1, ask: 1, ignore: 2, allow: 3, "ask-allow": 3 };
const ALLOWED = 3;
export const isLive = r => LIVE.has(r.state);

/** Another user's: it may be looked at, and no more. */
export const isOthers = r => typeof r?.owner === "number";

/** When accesses happened, how they ended and how many they were; the newest of them. */
export class Ticks {
	constructor() {
		this.time = new Float64Array(MAX_TICKS);
		this.kind = new Uint8Array(MAX_TICKS);
		this.n = 0;
	}
	add(time, kind) {
		const at = this.n++ % MAX_TICKS;
		this.time[at] = time;
		this.kind[at] = kind;
	}
	each(f) {
		for (let i = Math.max(0, this.n - MAX_TICKS); i < this.n; i++)
			f(this.time[i % MAX_TICKS], this.kind[i % MAX_TICKS]);
	}
}

export const model = {
	runners: new Map(), pods: new Map(), groups: new Map(), notices: [], examples: [], actions: false, version: "",
	seq: 0, now: Date.now(), forgotten: 0, order: 0,
};

// Keys of groups of what was allowed, the oldest first.
const allowed = new Set();

/** Forgets everything: the server was restarted, its numbers mean other things. */
export function begin() {
	for (const map of [model.runners, model.pods, model.groups, allowed])
		map.clear();
	model.seq = 0;
	model.forgotten = 0;
	touch("runners", "audit", "timeline", "reset");
}

function newRunner(n) {
	return {
		n, id: `#${n}`, pod: "", state: "", pid: 0, command: "", example: null, own: false, owner: null, input: false, tty: false, status: null, reason: null,
		denied: 0, allowed: 0, warned: 0, lost: 0, listed: false,
		states: [], marks: [], ticks: new Ticks(), output: new Output(), outputTotal: 0, samples: [], cpuAt: 0,
	};
}

/** Runner number `n`, made known if it is not. */
export function runner(n) {
	let r = model.runners.get(n);
	if (!r) {
		r = newRunner(n);
		model.runners.set(n, r);
		if (model.runners.size > MAX_RUNNERS)
			forgetRunner();
	}
	return r;
}

function forgetRunner() {
	for (const [n, r] of model.runners)
		if (!r.listed && r.id) {
			model.runners.delete(n);
			for (const [key, g] of model.groups)
				if (g.n === n) {
					model.groups.delete(key);
					allowed.delete(key);
				}
			return;
		}
}

/** Takes rows as the server lists them, and numbers of those that it no longer does. */
export function setRows(rows, gone, timeMs) {
	for (const row of rows) {
		const r = runner(row.n);
		measure(r, row, timeMs);
		const { output, ...members } = row;
		Object.assign(r, members, { outputTotal: output, listed: true });
		noteState(r, row.state, timeMs);
	}
	for (const n of gone) {
		const r = model.runners.get(n);
		if (r) {
			r.listed = false;
			r.state = isLive(r) ? "gone" : r.state;
		}
	}
	if (rows.length || gone.length)
		touch("runners", "timeline");
}

function measure(r, row, timeMs) {
	if (typeof row.cpuNs !== "number")
		return;
	const dt = timeMs - r.cpuAt;
	if (r.cpuAt && dt < 900)
		return;
	if (r.cpuAt) {
		r.samples.push(Math.max(0, (row.cpuNs - r.cpuBefore) / 1e6 / dt));
		if (r.samples.length > MAX_SAMPLES)
			r.samples.shift();
	}
	r.cpuAt = timeMs;
	r.cpuBefore = row.cpuNs;
}

// States come as events, each with its time; a row tells of those whose event was lost.
function noteState(r, state, time) {
	const last = r.states[r.states.length - 1];
	if (last?.state === state || !state)
		return;
	r.states.push({ time, state });
	if (r.states.length > MAX_STATES)
		r.states.shift();
}

export function setPods(pods) {
	model.pods = new Map(pods.map(p => [p.name, p]));
	touch("runners");
}

export function notice(kind, text, n = 0) {
	const last = model.notices[model.notices.length - 1];
	if (last && last.kind === kind && last.text === text && last.n === n) {
		last.count++;
		last.time = Date.now();
	} else {
		model.notices.push({ kind, text, n, time: Date.now(), count: 1 });
		if (model.notices.length > MAX_NOTICES)
			model.notices.shift();
	}
	touch("notices");
}

function takeState(r, e, time) {
	// A row of the same batch may have told already, with the time of the batch.
	const told = r.states.findIndex(s => s.state === e.state && s.time >= time);
	if (told >= 0)
		r.states.splice(told, 1);
	const at = r.states.findIndex(s => s.time > time);
	r.states.splice(at < 0 ? r.states.length : at, 0, { time, state: e.state });
	if (r.states.length > MAX_STATES)
		r.states.shift();
}

function takeAccess(r, e, time) {
	const key = `${r.n}\0${e.perm}\0${e.result}\0${e.target}`;
	let g = model.groups.get(key);
	if (!g) {
		const kind = own(KIND, e.result) ?? ALLOWED;
		g = { key, n: r.n, perm: String(e.perm), target: String(e.target ?? ""), result: String(e.result), kind, count: 0, first: time, order: model.order++ };
		model.groups.set(key, g);
		if (kind === ALLOWED)
			allowed.add(key);
		if (model.groups.size > MAX_GROUPS)
			forgetGroup();
	}
	g.count += Number.isSafeInteger(e.count) && e.count > 0 ? e.count : 1;
	g.last = time;
	g.event = e;
	r.ticks.add(time, g.kind);
}

// What was allowed goes first; a denial is forgotten only for another one.
function forgetGroup() {
	const key = allowed.values().next().value ?? model.groups.keys().next().value;
	allowed.delete(key);
	model.groups.delete(key);
	model.forgotten++;
}

const auditNotices = {
	drop: e => `${e.count ?? "some"} accesses were not told one by one; the totals have them`,
	degraded: e => e.msg ?? "a permission is not enforced as asked",
	limit: e => `limit of ${e.limit} reached: ${e.value}${e.from ? ` (${e.from})` : ""}`,
};

function mark(r, time, text) {
	r.marks.push({ time, text });
	if (r.marks.length > MAX_STATES)
		r.marks.shift();
}

/** Takes one event; one that is known (it came again after a reconnection) changes nothing. */
export function apply(e) {
	if (e.seq <= model.seq)
		return;
	model.seq = e.seq;
	if (e.n === undefined)
		return;
	const r = runner(e.n);
	const time = Date.parse(e.time) || Date.now();
	if (e.type === "audit" && e.kind === "access") {
		takeAccess(r, e, time);
		touch("audit");
	} else if (e.type === "audit") {
		const text = String(own(auditNotices, e.kind)?.(e) ?? e.kind);
		notice(String(e.kind), text, r.n);
		mark(r, time, text);
	} else if (e.type === "state") {
		takeState(r, e, time);
	} else {
		mark(r, time, [e.type, e.status ?? e.program ?? e.signal ?? e.msg ?? ""].join(" ").trim());
	}
	touch("timeline");
}

export function gap({ from, to }) {
	notice("gap", `events ${from} to ${to} were skipped; the totals have them`);
}

export function outputGap({ n, bytes }) {
	const r = model.runners.get(n);
	if (r)
		r.output.lost += bytes;
}

export function takeOutput(n, stream, offset, bytes) {
	const r = runner(n);
	r.output.add(stream, offset, bytes);
	r.outputAt = performance.now();
	touch("output");
}

/** Names of the groups of those that are in no pod; no pod is named so. */
export const OWN = "\0own", NO_POD = "";
const ORDER = { [OWN]: -1, [NO_POD]: 1 };

/**
 * [[group, runners]]: what was started from here, pods by name, what is in none. The live ones come first in each, then the newest.
 */
export function tree() {
	const groups = new Map([...model.pods.keys()].map(name => [name, []]));
	for (const r of model.runners.values()) {
		const group = r.own ? OWN : r.pod;
		if (!groups.has(group))
			groups.set(group, []);
		groups.get(group).push(r);
	}
	for (const list of groups.values())
		list.sort((a, b) => isLive(b) - isLive(a) || b.n - a.n);
	return [...groups].sort(([a], [b]) => (own(ORDER, a) ?? 0) - (own(ORDER, b) ?? 0) || a.localeCompare(b));
}
