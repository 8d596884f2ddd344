// SPDX-License-Identifier: Apache-2.0
// Pods and their runners: state, counters, what they use. Arrow keys walk the tree.
import { useEffect, useRef, useState } from "preact/hooks";
import { useTopics } from "./hooks.js";
import { matcher } from "./fuzzy.js";
import { isLive, isOthers, model, NO_POD, OWN, tree } from "./model.js";
import { own, plain } from "./safe.js";
import { select, show, ui } from "./ui.js";
import { bytes, count, Empty, Icon, ReadOnly, State, Text } from "./widgets.jsx";

const SHOWN = 400;
const NAMES = { [OWN]: "Started here", [NO_POD]: "Without a pod" };

export function Spark({ samples }) {
	if (samples.length < 2)
		return null;
	const max = Math.max(0.05, ...samples);
	const points = samples.slice(-30).map((v, i, all) => `${(i / (all.length - 1) * 46 + 1).toFixed(1)},${(11 - v / max * 10).toFixed(1)}`).join(" ");
	const now = samples[samples.length - 1];
	return <svg class="spark" viewBox="0 0 48 12" width="48" height="12" role="img" aria-label={`CPU ${Math.round(now * 100)} percent`}>
		<polyline points={points} fill="none" stroke="currentColor" stroke-width="1.1" stroke-linejoin="round" />
	</svg>;
}

function Runner({ r, level, tab }) {
	const on = r.n === ui.n || ui.split && r.n === ui.other;
	return (
		<div role="treeitem" class={`node runner ${on ? "on" : ""} ${isLive(r) ? "" : "ended"}`} aria-level={level} aria-selected={on} data-key={`r${r.n}`}
			tabIndex={tab} onClick={() => { select(r.n); show("output"); }}>
			<div class="node-line">
				<Text class="name mono" value={r.id} max={80} />
				{r.denied > 0 && <span class="badge deny" title={`${r.denied} denied`}>{count(r.denied)}<span class="sr"> denied</span></span>}
				{r.warned > 0 && <span class="badge warn" title={`${r.warned} allowed with a warning`}>{count(r.warned)}<span class="sr"> warned</span></span>}
				<State r={r} />
			</div>
			{(r.command || isLive(r)) && <div class="node-line sub">
				<Text class="command mono" value={r.command || r.example} max={160} />
				{isLive(r) && <Spark samples={r.samples} />}
				{isLive(r) && r.memory > 0 && <span class="num" title="memory">{bytes(r.memory)}</span>}
				{isLive(r) && r.pids > 0 && <span class="num" title="processes and threads">{r.pids} proc</span>}
			</div>}
		</div>
	);
}

function Pod({ name, runners, closed, toggle, tab }) {
	const pod = model.pods.get(name);
	const live = runners.filter(isLive).length;
	return (
		<div role="treeitem" class="node pod" aria-level={1} aria-expanded={!closed} data-key={`p${name}`} tabIndex={tab} onClick={toggle}>
			<Icon name={closed ? "right" : "down"} />
			<Text class="name" value={isOthers(pod) ? name.slice(0, name.indexOf(" ")) : own(NAMES, name) ?? name} max={60} />
			{isOthers(pod) && <ReadOnly of={pod} where={name} />}
			<span class="sub num">{pod && pod.state !== "running" ? `${plain(pod.state, 20)}, ` : ""}{pod ? `${pod.warm}/${pod.warmWanted} warm, ` : ""}{live} of {runners.length} live</span>
		</div>
	);
}

function walk(event, root) {
	const nodes = [...root.querySelectorAll('[role="treeitem"]')];
	const at = nodes.indexOf(document.activeElement);
	const node = nodes[at];
	const pod = node?.classList.contains("pod");
	const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, Home: -nodes.length, End: nodes.length }[event.key];
	if (!nodes.length)
		return;
	if (step)
		nodes[Math.max(0, Math.min(nodes.length - 1, at + step))].focus();
	else if (event.key === "Enter" || event.key === " ")
		node?.click();
	else if (pod && event.key === (node.getAttribute("aria-expanded") === "true" ? "ArrowLeft" : "ArrowRight"))
		node.click();
	else if (event.key === "ArrowLeft" && !pod)
		nodes.slice(0, at).reverse().find(n => n.classList.contains("pod"))?.focus();
	else
		return;
	event.preventDefault();
	event.stopPropagation();
}

export function Runners() {
	useTopics("runners", "ui", "link");
	const [query, setQuery] = useState("");
	const [closed, setClosed] = useState(new Set());
	const [cursor, setCursor] = useState("");
	const root = useRef();
	const { error, match } = matcher(query);
	const all = tree();
	const head = name => all.length > 1 || name;
	let left = SHOWN;
	const pods = all.map(([name, list]) => {
		const found = query ? list.map(r => [match(`${r.id} ${r.command ?? ""} ${r.state}`), r]).filter(([s]) => s >= 0).sort((a, b) => b[0] - a[0]).map(([, r]) => r) : list;
		const shown = found.slice(0, left);
		left -= shown.length;
		return [name, list, shown];
	}).filter(([name, , shown]) => shown.length || !query && name);
	useEffect(() => root.current.querySelector(".runner.on")?.scrollIntoView({ block: "nearest" }), [ui.n]);
	// One node is reached by Tab: where the focus was, else the selected, else the first.
	const keys = pods.flatMap(([name, , shown]) => [...head(name) ? [`p${name}`] : [], ...closed.has(name) && !query ? [] : shown.map(r => `r${r.n}`)]);
	const stop = [cursor, `r${ui.n}`].find(k => keys.includes(k)) ?? keys[0];
	const tab = key => key === stop ? 0 : -1;
	const toggle = name => {
		const next = new Set(closed);
		if (!next.delete(name))
			next.add(name);
		setClosed(next);
	};
	return (
		<section class="pane runners" aria-label="Runners" data-pane="runners">
			<div class="bar">
				<input class="field" type="search" placeholder="Filter runners" aria-label="Filter runners: letters in order, or /regular expression/" value={query}
					aria-invalid={Boolean(error)} title={error} onInput={e => setQuery(e.target.value)} spellcheck={false} />
			</div>
			<div class="tree" role="tree" aria-label="Pods and runners" ref={root}
				onFocusIn={e => setCursor(e.target.dataset.key ?? "")} onKeyDown={e => walk(e, root.current)}>
				{pods.map(([name, list, shown]) => (
					<div role="group" key={name} aria-label={plain(own(NAMES, name) ?? name)}>
						{head(name) && <Pod name={name} runners={list} closed={closed.has(name)} toggle={() => toggle(name)} tab={tab(`p${name}`)} />}
						{(!closed.has(name) || query) && shown.map(r => <Runner key={r.n} r={r} level={2} tab={tab(`r${r.n}`)} />)}
					</div>
				))}
				{left <= 0 && <p class="hint">More than {SHOWN}: filter to see the others.</p>}
			</div>
			{!pods.length && (query ? <Empty title="No runner matches" /> : <Empty title="Nothing runs yet">Run an example, or start something with podshim: it appears here.</Empty>)}
		</section>
	);
}
