// SPDX-License-Identifier: Apache-2.0
// States of runners over time, with their audit ticks on the same axis: one strip a runner.
import { useEffect, useRef, useState } from "preact/hooks";
import { on } from "./frame.js";
import { useTopics } from "./hooks.js";
import { isLive, model } from "./model.js";
import { RESULTS } from "./words.js";
import { own, plain } from "./safe.js";
import { select, set, ui } from "./ui.js";
import { Choice, clock, count, duration, ending, Text } from "./widgets.jsx";

const ROW = 22, AXIS = 18, MAX_ROWS = 60;
const SPANS = [[10, "10 s"], [60, "1 m"], [300, "5 m"], [3600, "1 h"]];
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 3600];

const COLOURS = {
	preparing: "--t-prepare", prepared: "--t-idle", warming: "--t-prepare", ready: "--t-idle", running: "--t-run", paused: "--t-pause", stopping: "--t-stop",
};

function rowsOf(span) {
	const from = model.now - span * 1000;
	return [...model.runners.values()].filter(r => r.states.length && (isLive(r) || r.states[r.states.length - 1].time > from || r.n === ui.n))
		.sort((a, b) => (b.n === ui.n) - (a.n === ui.n) || b.n - a.n).slice(0, MAX_ROWS);
}

function strip(c, r, y, x, colour, now, width) {
	r.states.forEach((s, i) => {
		const name = own(COLOURS, s.state);
		if (!name)
			return;
		const end = r.states[i + 1]?.time ?? (isLive(r) ? now : s.time);
		const from = Math.max(-4, x(s.time)), to = Math.min(width + 4, x(end));
		if (to < 0 || from > width)
			return;
		c.fillStyle = colour(name);
		c.fillRect(from, y + 4, Math.max(1, to - from), s.state === "running" || s.state === "stopping" ? 7 : 4);
	});
	const last = r.states[r.states.length - 1];
	if (!isLive(r) && last) {
		const ended = r.states.find(s => ["exited", "failed", "gone"].includes(s.state)) ?? last;
		c.fillStyle = colour(r.status > 0 || r.state === "failed" ? "--deny" : "--allow");
		c.fillRect(x(ended.time) - 1, y + 2, 2, 11);
	}
}

function ticks(c, r, y, x, colour, width) {
	const seen = new Uint8Array(width * 4);
	const colours = RESULTS.map(name => colour(`--${name}`));
	r.ticks.each((time, kind) => {
		const at = Math.round(x(time));
		if (at < 0 || at >= width || seen[at * 4 + kind])
			return;
		seen[at * 4 + kind] = 1;
		c.fillStyle = colours[kind];
		c.fillRect(at, y + (kind === 3 ? 17 : 13), 1, kind === 3 ? 3 : 7);
	});
}

function axis(c, width, height, span, colour, x) {
	const step = STEPS.find(s => span / s <= width / 70) ?? 3600;
	c.font = "10px system-ui, sans-serif";
	c.textBaseline = "bottom";
	const now = model.now;
	for (let t = Math.ceil((now / 1000 - span) / step) * step; t <= now / 1000; t += step) {
		const at = Math.round(x(t * 1000)) + 0.5;
		c.fillStyle = colour("--line");
		c.fillRect(at - 0.5, 0, 1, height - AXIS + 4);
		c.fillStyle = colour("--muted");
		const text = clock(t * 1000);
		if (at + c.measureText(text).width / 2 < width)
			c.fillText(text, Math.max(0, at - c.measureText(text).width / 2), height - 1);
	}
}

function draw(canvas, rows) {
	const width = canvas.clientWidth, height = rows.length * ROW + AXIS, dpr = Math.min(devicePixelRatio || 1, 2);
	if (!width)
		return;
	if (canvas.width !== Math.round(width * dpr) || canvas.height !== Math.round(height * dpr)) {
		canvas.width = Math.round(width * dpr);
		canvas.height = Math.round(height * dpr);
	}
	canvas.style.height = `${height}px`;
	const c = canvas.getContext("2d");
	const style = getComputedStyle(canvas);
	const colour = name => style.getPropertyValue(name).trim();
	const x = time => width - (model.now - time) / 1000 / ui.span * width;
	c.setTransform(dpr, 0, 0, dpr, 0, 0);
	c.clearRect(0, 0, width, height);
	axis(c, width, height, ui.span, colour, x);
	rows.forEach((r, i) => {
		strip(c, r, i * ROW, x, colour, model.now, width);
		ticks(c, r, i * ROW, x, colour, width);
	});
}

/** Everything that happened to `r` with a name, in the order of time. */
function marksOf(r) {
	const states = r.states.map((s, i) => ({ time: s.time, text: r.states[i + 1] ? `${s.state} for ${duration(r.states[i + 1].time - s.time)}` : s.state }));
	return [...states, ...r.marks].sort((a, b) => a.time - b.time);
}

const summary = r => `${plain(r.id)}: ${marksOf(r).slice(-4).map(m => plain(m.text)).join(", ")}${isLive(r) ? "" : `, ${ending(r)}`}, ${r.denied} denied`;

function nearest(r, time, within) {
	let best = null;
	for (const m of marksOf(r))
		if (Math.abs(m.time - time) < within && (!best || Math.abs(m.time - time) < Math.abs(best.time - time)))
			best = m;
	if (best)
		return `${clock(best.time, true)}  ${plain(best.text)}`;
	const near = [0, 0, 0, 0];
	r.ticks.each((t, kind) => { if (Math.abs(t - time) < within) near[kind]++; });
	const told = RESULTS.map((name, i) => near[i] ? `${count(near[i])} ${name}` : "").filter(Boolean).join(", ");
	const state = r.states.findLast(s => s.time <= time)?.state ?? "";
	return `${clock(time)}  ${[plain(state), told].filter(Boolean).join(", ")}`;
}

export function Timeline() {
	useTopics("timeline", "ui", "theme");
	const canvas = useRef();
	const [told, setTold] = useState("");
	const [at, setAt] = useState(null);
	const rows = rowsOf(ui.span);
	useEffect(() => draw(canvas.current, rows));
	useEffect(() => {
		const redraw = () => canvas.current && draw(canvas.current, rowsOf(ui.span));
		const observer = new ResizeObserver(redraw);
		observer.observe(canvas.current);
		const end = on("batch", () => !ui.paused && redraw());
		return () => { observer.disconnect(); end(); };
	}, []);
	const point = e => {
		const r = rows[Math.floor(e.offsetY / ROW)];
		const time = model.now - (1 - e.offsetX / canvas.current.clientWidth) * ui.span * 1000;
		setTold(r ? `${plain(r.id)}  ${nearest(r, time, ui.span * 1000 / canvas.current.clientWidth * 4)}` : "");
	};
	const step = (e, r) => {
		const move = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
		const rowMove = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[e.key];
		if (rowMove)
			e.currentTarget[rowMove]?.focus();
		else if (move) {
			const marks = marksOf(r);
			const next = Math.max(0, Math.min(marks.length - 1, at?.n === r.n ? at.i + move : marks.length - 1));
			setAt({ n: r.n, i: next });
			setTold(`${plain(r.id)}  ${clock(marks[next].time, true)}  ${plain(marks[next].text)}`);
		} else
			return;
		e.preventDefault();
		e.stopPropagation();
	};
	return (
		<section class="pane timeline" aria-label="Timeline" data-pane="timeline">
			<div class="bar">
				<h2>Timeline</h2>
				<span class="sub mono told" role="status">{told}</span>
				<Choice name="span" label="Length of the timeline" value={ui.span} options={SPANS} onChange={span => set({ span })} />
			</div>
			<div class="strips">
				<div class="labels">
					{rows.map((r, i) => (
						<button type="button" key={r.n} class={`label mono ${r.n === ui.n ? "on" : ""}`} tabIndex={i ? -1 : 0} aria-label={summary(r)} onClick={() => select(r.n)} onKeyDown={e => step(e, r)}>
							<Text value={r.id} max={60} />
						</button>
					))}
				</div>
				<canvas ref={canvas} aria-hidden="true" onPointerMove={point} onPointerLeave={() => setTold("")} />
			</div>
		</section>
	);
}
