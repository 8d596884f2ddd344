// SPDX-License-Identifier: Apache-2.0
// What the page asks the server to do.
import { plain } from "./safe.js";
import { request } from "./link.js";
import { model, runner } from "./model.js";
import { runFlags, say, select, show, ui } from "./ui.js";
import { touch } from "./frame.js";

/** What was run from this page, by runner number, so that it can be run again: { key, body }. */
export const launched = new Map();

const attempt = f => async (...args) => {
	try {
		return await f(...args);
	} catch (e) {
		say(plain(e.message));
		return null;
	}
};

const told = result => {
	if (result?.status && result.error)
		say(plain(result.error.trim()));
	return result;
};

/** An entry of the catalog with what the page uses of it, whichever of its forms it is written in. */
function normalised(e) {
	const words = Array.isArray(e.command) ? e.command.slice(e.command[0] === "podshim" ? 1 : 0) : [];
	const after = words[0] === "run" ? words.slice(1) : words;
	const end = after.findIndex(w => !w.startsWith("-") || w === "--");
	const split = end < 0 ? after.length : end;
	return { ...e, name: String(e.name ?? e.id), run: e.run ?? after.slice(split), flags: e.flags ?? after.slice(0, split), toggles: e.toggles ?? [] };
}

export const loadExamples = attempt(async () => {
	model.examples = ((await request("/api/examples")).examples ?? []).map(normalised);
	touch("examples");
});

/** The flag that gives a program a terminal. */
export const TTY = "--tty";

/** Runs `body` ({ example } or { argv } or { code, suffix }) with the flags drafted for `key`, and shows it. */
export const run = attempt(async (key, body, { policy } = {}) => {
	const sent = { ...body, flags: runFlags(key) };
	if (policy)
		sent.policy = ui.policy;
	if (sent.flags.includes(TTY) && ui.size)
		sent.size = ui.size;
	const asked = performance.now();
	const { n, id } = await request("/api/run", sent);
	launched.set(n, { key, body, asked });
	const r = runner(n);
	if (r.id.startsWith("#"))
		r.id = id;
	if (sent.flags.includes(TTY))
		ui.toFocus = n;
	select(n);
	show("output");
	touch("runners");
	say(`Started ${plain(id)}`);
	return n;
});

/** Whether it is known how to run `r` again. */
export const again = r => launched.get(r.n) ?? (r.example ? { key: r.example, body: { example: r.example } } : null);
export const runAgain = r => {
	const known = again(r);
	return known && run(known.key, known.body);
};

export const interrupt = attempt(async r => told(await request(`/api/runners/${r.n}/interrupt`, {})));
export const stop = attempt(async (r, force) => told(await request(`/api/runners/${r.n}/stop`, force ? { force } : {})));
export const send = attempt(async (r, text, eof = false) => request(`/api/runners/${r.n}/send`, { text, eof }));

export const explain = (g, n) => request("/api/explain", { perm: g.perm, target: g.target, n });
export const lint = policy => request("/api/policy/lint", { policy });
export const replay = body => request("/api/policy/test", body);
export const effective = async (n, body) => {
	if (body)
		return request("/api/policy/show", body);
	const answer = await request(`/api/policy${n ? `?n=${n}` : ""}`);
	return answer;
};

/** What enforces each entry: of runner `n`, or under the policy in `body`. */
export const plan = (n, body) => body ? request("/api/policy/check", body) : request(`/api/plan?n=${n}`);

/** Saves `blob` as a file of the user's. */
export function save(name, blob) {
	const a = document.createElement("a");
	a.href = URL.createObjectURL(blob);
	a.download = name.replace(/[^A-Za-z0-9._-]/g, "_");
	a.click();
	setTimeout(() => URL.revokeObjectURL(a.href), 10000);
}

export async function copy(text, what = "Copied") {
	try {
		await navigator.clipboard.writeText(text);
		say(what);
	} catch {
		say(`The browser does not let the page copy. ${plain(text)}`);
	}
}

/** Everything that was audited and is still known, as JSON lines. */
export function auditLines() {
	const groups = [...model.groups.values()].sort((a, b) => a.first - b.first);
	return new Blob(groups.map(g => `${JSON.stringify({ ...g.event, runner: model.runners.get(g.n)?.id, total: g.count })}\n`),
		{ type: "application/x-ndjson" });
}
