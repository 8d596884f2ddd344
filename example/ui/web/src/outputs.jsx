// SPDX-License-Identifier: Apache-2.0
// Output of one runner, or of two beside each other: terminal, find, input, and what can be done with the runner.
import { useEffect, useRef, useState } from "preact/hooks";
import { again, copy, interrupt, runAgain, save, send, stop } from "./actions.js";
import { on } from "./frame.js";
import { useTopics } from "./hooks.js";
import { tellSize, type } from "./link.js";
import { isLive, isOthers, model } from "./model.js";
import { plain } from "./safe.js";
import { View } from "./term.js";
import { isDark, followShown, runFlags, say, set, ui } from "./ui.js";
import { bytes, Button, count, Empty, ReadOnly, State, Text } from "./widgets.jsx";

/** Keys go to the program: it has a terminal, and what is done here is done. */
const types = r => Boolean(r?.tty && r.input && isLive(r) && model.actions);

function useTerminal(box, r) {
	const view = useRef(null), shown = useRef(null);
	shown.current = r;
	useEffect(() => {
		view.current = new View(box.current, isDark(), {
			typed: bytes => types(shown.current) && !type(shown.current.n, bytes) && say("Not connected: what was typed is lost"),
			sized: size => {
				ui.size = size;
				if (types(shown.current))
					tellSize(shown.current.n, size);
			},
		});
		view.current.pause(ui.paused);
		const ends = [on("theme", () => view.current.theme(isDark())), on("ui", () => view.current.paused !== ui.paused && view.current.pause(ui.paused))];
		return () => {
			ends.forEach(end => end());
			view.current.dispose();
		};
	}, []);
	useEffect(() => {
		if (r)
			view.current.follow(r.output);
	}, [r]);
	const typing = types(r);
	useEffect(() => {
		view.current.types(typing, r?.tty);
		if (typing)
			view.current.tellSize();
		if (typing && ui.toFocus === r.n) {
			ui.toFocus = 0;
			view.current.term.focus();
		}
	}, [r, r?.tty, typing]);
	return view;
}

function Find({ view, close }) {
	const [text, setText] = useState("");
	const [missed, setMissed] = useState(false);
	const input = useRef();
	useEffect(() => {
		input.current.focus();
		return () => view.current.search.clearDecorations();
	}, []);
	const find = (what, back) => {
		const regex = /^\/(.+)\/$/.exec(what);
		setMissed(Boolean(what) && !view.current.find(regex ? regex[1] : what, { back, regex: Boolean(regex) }));
	};
	const keys = e => {
		if (e.key === "Enter")
			find(text, e.shiftKey);
		else if (e.key === "Escape")
			close();
		else
			return;
		e.preventDefault();
		e.stopPropagation();
	};
	return (
		<div class="bar find" role="search">
			<input class="field" ref={input} type="search" value={text} placeholder="Find in output, or /regular expression/" aria-label="Find in output" spellcheck={false}
				aria-invalid={missed} onInput={e => { setText(e.target.value); find(e.target.value); }} onKeyDown={keys} />
			<span class="sub" role="status">{missed ? "not found" : ""}</span>
			<Button icon="up" label="Previous match" onClick={() => find(text, true)} />
			<Button icon="down" label="Next match" onClick={() => find(text)} />
			<Button icon="close" label="Close find" onClick={close} />
		</div>
	);
}

function Input({ r }) {
	const [line, setLine] = useState("");
	const past = useRef({ lines: [], at: 0 }).current;
	const submit = async e => {
		e.preventDefault();
		if (await send(r, `${line}\n`)) {
			past.lines.push(line);
			past.at = past.lines.length;
			setLine("");
		}
	};
	const keys = e => {
		const step = { ArrowUp: -1, ArrowDown: 1 }[e.key];
		if (step && past.lines.length) {
			past.at = Math.max(0, Math.min(past.lines.length, past.at + step));
			setLine(past.lines[past.at] ?? "");
			e.preventDefault();
		} else if (e.ctrlKey && e.key === "d" && !line) {
			send(r, "", true);
			e.preventDefault();
		}
	};
	return (
		<form class="bar input" onSubmit={submit}>
			<span class="prompt mono" aria-hidden="true">›</span>
			<input class="field mono" data-input value={line} onInput={e => setLine(e.target.value)} onKeyDown={keys} placeholder="Line for standard input" spellcheck={false}
				autocomplete="off" aria-label={`Standard input of ${plain(r.id)}`} />
			<Button text="Send" onClick={submit} />
			<Button text="End" title="End of input (Ctrl+D)" onClick={() => send(r, "", true)} />
		</form>
	);
}

function Controls({ r, view, setFinding }) {
	const may = model.actions && r && isLive(r) && !isOthers(r);
	const why = isOthers(r) ? "It is another user's: it may be looked at, and no more" : model.actions ? undefined : "The server runs without --actions";
	const known = r && again(r);
	return (
		<div class="tools">
			{known && <Button icon="again" text="Run again" kind="main" disabled={!model.actions} title={why ?? `podshim run ${runFlags(known.key).join(" ")} … (r)`} onClick={() => runAgain(r)} />}
			{r && isLive(r) && <Button icon="interrupt" label="Interrupt" title={why ?? "Interrupt (SIGINT)"} disabled={!may} onClick={() => interrupt(r)} />}
			{r && isLive(r) && <Button icon="stop" label="Stop" title={why ?? "Stop: SIGTERM, then SIGKILL; with Shift at once"} disabled={!may} onClick={e => stop(r, e.shiftKey)} />}
			<Button icon="copy" label="Copy the id" disabled={!r} onClick={() => copy(r.id, "Copied the id")} />
			<Button icon="search" label="Find in output (f)" disabled={!r} onClick={() => setFinding(true)} data-find />
			<Button icon="download" label="Download output (d)" disabled={!r} data-download onClick={() => save(`${r.id}.log`, r.output.blob())} />
		</div>
	);
}

/** How full something is. */
const Fill = ({ name, used, room, title }) => typeof used === "number" && room > 0
	? <span class="fill" data-fill={name} title={`${title}: ${bytes(used)} of ${bytes(room)}`}>{name} <meter min={0} max={room} value={used} aria-label={title} /> {Math.floor(100 * used / room)}%</span> : null;

function Meter({ r }) {
	useTopics("batch");
	const o = r.output, kept = r.output.end ? o.end - o.start : 0;
	const total = Math.max(o.end, r.outputTotal ?? 0);
	return (
		<div class="meter sub">
			<span>{bytes(total)} printed</span>
			{total > kept && <span title="older output was overwritten in the ring">{bytes(kept)} kept</span>}
			{o.lost > 0 && <span class="warn-text">{bytes(o.lost)} lost</span>}
			<Fill name="ring" used={r.ringUsed} room={r.ringRoom} title="The ring that keeps output (those of links only their two ends can see)" />
			<Fill name="tape" used={r.tapeUsed} room={r.tapeRoom} title="The tape of events" />
			{types(r) && <span class="keys-hint">keys go to the program, <kbd>F6</kbd> leaves</span>}
			{r.lost > 0 && <span class="warn-text">{count(r.lost)} audit lines lost</span>}
		</div>
	);
}

function Screen({ side }) {
	useTopics("ui", "runners");
	const [finding, setFinding] = useState(false);
	const box = useRef();
	const n = side ? ui.other : ui.n;
	const r = model.runners.get(n);
	const view = useTerminal(box, r);
	const current = ui.split && ui.side === side;
	return (
		<div class={`screen ${current ? "current" : ""}`} onFocusIn={() => ui.side !== side && set({ side })} onPointerDown={() => ui.side !== side && set({ side })} data-side={side}>
			<div class="bar">
				{r ? <><Text class="name mono" value={r.id} max={80} /><State r={r} />{isOthers(r) && <ReadOnly of={r} />}<Text class="command mono sub" value={r.command} max={200} /></>
					: <span class="sub">{side ? "Choose a second runner" : "No runner chosen"}</span>}
				<Controls r={r} view={view} setFinding={setFinding} />
			</div>
			{finding && <Find view={view} close={() => setFinding(false)} />}
			<div class={`terminal ${r ? "" : "off"} ${types(r) ? "types" : ""}`} ref={box} aria-label={r ? `Output of ${plain(r.id)}` : undefined} role="region" />
			{!r && <Empty title="Output appears here">Choose a runner on the left, or run one of the examples.</Empty>}
			{r && isLive(r) && r.input && !r.tty && model.actions && <Input r={r} />}
			{r && <Meter r={r} />}
		</div>
	);
}

export function Outputs() {
	useTopics("ui");
	return (
		<div class={`screens ${ui.split ? "two" : ""}`}>
			<Screen side={0} key="a" />
			{ui.split && <Screen side={1} key="b" />}
		</div>
	);
}

export function toggleSplit() {
	set({ split: !ui.split, side: ui.split ? 0 : 1 });
	followShown();
}
