// SPDX-License-Identifier: Apache-2.0
// The connection to podshim-ui: login, requests, and the web socket with its resumption (../../PROTOCOL.md).
import { touch } from "./frame.js";
import { apply, begin, gap, model, notice, outputGap, setPods, setRows, takeOutput } from "./model.js";

export const link = { state: "connecting", error: "", epoch: "", shown: [], all: false, delay: 0 };

const QUIET_MS = 2500, MAX_RETRY_MS = 5000;

let socket, watchdog, retries = 0, subscribed = "";

function setState(state, error = "") {
	link.state = state;
	link.error = error;
	touch("link");
}

/** The answer of the server, parsed; throws an Error with its text and `status`. */
export async function request(path, body) {
	const init = body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
	const answer = await fetch(path, { credentials: "same-origin", cache: "no-store", ...init });
	let value = null;
	try {
		value = await answer.json();
	} catch {
		// No JSON: the status tells.
	}
	if (!answer.ok)
		throw Object.assign(new Error(value?.error || `${answer.status} ${answer.statusText}`), { status: answer.status });
	return value;
}

/** Uses the token of the address, once, and takes it out of there. */
export async function loginFromAddress() {
	const token = /^#token=([0-9a-f]+)$/.exec(location.hash)?.[1];
	if (!token)
		return;
	history.replaceState(null, "", location.pathname + location.search);
	await login(token);
}

export async function login(text) {
	const token = /([0-9a-f]{64})\s*$/.exec(text)?.[1];
	if (!token)
		throw new Error("that is no token: 64 hexadecimal digits, or the whole line of the token file");
	await request("/api/login", { token });
}

const TYPED_MAX = 32 << 10;

/** Bytes for what runner `n` reads; false when there is no connection. */
export function type(n, bytes) {
	if (socket?.readyState !== WebSocket.OPEN)
		return false;
	for (let at = 0; at < bytes.length; at += TYPED_MAX) {
		const piece = bytes.subarray(at, at + TYPED_MAX), frame = new Uint8Array(5 + piece.length);
		new DataView(frame.buffer).setUint32(0, n, true);
		frame.set(piece, 5);
		socket.send(frame);
	}
	return true;
}

/** How many rows and columns the terminal of runner `n` has on the screen. */
export function tellSize(n, size) {
	if (socket?.readyState === WebSocket.OPEN)
		socket.send(JSON.stringify({ type: "size", n, ...size }));
}

/** Says which outputs are wanted: those of the runners `shown`, or of all. */
export function follow(shown, all = link.all) {
	link.shown = shown;
	link.all = all;
	subscribe();
}

function subscribe(again) {
	if (socket?.readyState !== WebSocket.OPEN || !link.epoch)
		return;
	const runners = link.all ? null : link.shown;
	const key = JSON.stringify(runners);
	if (key === subscribed && !again)
		return;
	subscribed = key;
	const offsets = {};
	for (const r of model.runners.values())
		if (r.output.end)
			offsets[r.n] = r.output.end;
	const sub = { type: "sub", pods: null, runners, offsets };
	if (again)
		sub.since = model.seq;
	socket.send(JSON.stringify(sub));
}

export function connect() {
	const ws = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`, "podshim.v1");
	ws.binaryType = "arraybuffer";
	socket = ws;
	subscribed = "";
	ws.onmessage = ({ data }) => {
		alive();
		if (typeof data === "string")
			take(JSON.parse(data));
		else
			takeBinary(data);
	};
	ws.onclose = ({ code, reason }) => closed(ws, code, reason);
	alive();
}

function alive() {
	clearTimeout(watchdog);
	watchdog = setTimeout(() => {
		const quiet = socket;
		quiet.close();
		closed(quiet, 0, "nothing was heard");
	}, QUIET_MS);
}

async function closed(ws, code, reason) {
	if (ws !== socket)
		return;
	socket = null;
	clearTimeout(watchdog);
	setState("waiting", reason);
	if (code === 1008)
		notice("server", `connection closed: ${reason}`);
	try {
		await request("/api/pods");
	} catch (e) {
		if (e.status === 401)
			return setState("login");
	}
	setTimeout(connect, Math.min(250 * 2 ** retries++, MAX_RETRY_MS));
}

function take(m) {
	if (m.type === "hello")
		hello(m);
	else if (m.type === "batch")
		batch(m);
}

function hello(m) {
	if (link.epoch !== m.epoch)
		begin();
	link.epoch = m.epoch;
	model.actions = Boolean(m.actions);
	model.version = String(m.podshim ?? "");
	retries = 0;
	subscribe(true);
	setState("open");
	touch("runners");
}

function batch(m) {
	setRows(m.runners ?? [], m.gone ?? [], m.timeMs);
	if (m.pods)
		setPods(m.pods);
	for (const e of m.events ?? [])
		apply(e);
	if (m.gap)
		gap(m.gap);
	for (const g of m.outputGaps ?? [])
		outputGap(g);
	if (m.notice)
		notice("server", m.notice);
	model.seq = Math.max(model.seq, m.seq ?? 0);
	model.now = m.timeMs;
	link.delay = Date.now() - m.timeMs;
	touch("batch");
}

function takeBinary(buffer) {
	if (buffer.byteLength < 13)
		return;
	const view = new DataView(buffer);
	takeOutput(view.getUint32(0, true), view.getUint8(4), Number(view.getBigUint64(5, true)), new Uint8Array(buffer, 13));
}
