// SPDX-License-Identifier: Apache-2.0
// Search over everything that is known: runners, audited targets, output.
import { useEffect, useRef, useState } from "preact/hooks";
import { follow, link } from "./link.js";
import { useTopics } from "./hooks.js";
import { matcher } from "./fuzzy.js";
import { model } from "./model.js";
import { RESULTS } from "./words.js";
import { plain } from "./safe.js";
import { select, set, show, ui } from "./ui.js";
import { State } from "./widgets.jsx";

const MAX_EACH = 40, MAX_LINES = 20000;

const best = (all, text, match) => all.map(x => [match(text(x)), x]).filter(([s]) => s >= 0).sort((a, b) => b[0] - a[0]).slice(0, MAX_EACH).map(([, x]) => x);

function lines(exact) {
	const found = [];
	let left = MAX_LINES;
	for (const r of [...model.runners.values()].reverse()) {
		const all = r.output.lines();
		for (let i = all.length - 1; i >= 0 && left > 0; i--, left--)
			if (all[i] && exact(all[i])) {
				found.push({ r, line: i + 1, text: all[i] });
				if (found.length >= MAX_EACH)
					return found;
			}
	}
	return found;
}

function results(query) {
	if (!query.trim())
		return { groups: [] };
	const { match, exact, error } = matcher(query);
	if (error)
		return { groups: [], error };
	return { groups: [
		["Runners", best([...model.runners.values()], r => `${r.id} ${r.command ?? ""}`, match).map(r => ({
			key: `r${r.n}`, go: () => { select(r.n); show("output"); },
			view: <><span class="mono">{plain(r.id, 60)}</span> <span class="sub mono grow">{plain(r.command, 100)}</span><State r={r} /></> }))],
		["Audit", best([...model.groups.values()], g => `${g.perm} ${g.target}`, match).map(g => ({
			key: `g${g.key}`, go: () => { select(g.n); set({ text: g.target, pane: "audit", scope: "runner", perms: new Set(), kinds: new Set([0, 1, 2, 3]) }); },
			view: <><span class={`result ${RESULTS[g.kind]}`}>{plain(g.result, 12)}</span> <span class="mono">{plain(g.perm, 8)}</span> <span class="mono grow">{plain(g.target, 160)}</span><span class="sub mono">{plain(model.runners.get(g.n)?.id, 30)}</span></> }))],
		["Output", lines(exact).map(l => ({
			key: `l${l.r.n}.${l.line}`, go: () => { select(l.r.n); show("output"); },
			view: <><span class="mono grow">{plain(l.text, 200)}</span><span class="sub mono">{plain(l.r.id, 30)}</span></> }))],
	].filter(([, list]) => list.length) };
}

export function FindAll() {
	useTopics("batch");
	const [query, setQuery] = useState("");
	const [at, setAt] = useState(0);
	const dialog = useRef();
	useEffect(() => {
		dialog.current.showModal();
		follow(link.shown, true);
		return () => follow(link.shown, false);
	}, []);
	const { groups, error } = results(query);
	const flat = groups.flatMap(([, list]) => list);
	const now = Math.min(at, flat.length - 1);
	const close = () => set({ dialog: "" });
	const choose = item => { close(); item.go(); };
	const keys = e => {
		const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
		if (step && flat.length) {
			setAt((now + step + flat.length) % flat.length);
			dialog.current.querySelector(`#found-${(now + step + flat.length) % flat.length}`)?.scrollIntoView({ block: "nearest" });
		} else if (e.key === "Enter" && flat[now])
			choose(flat[now]);
		else if (e.key === "Escape")
			close();
		else
			return;
		e.preventDefault();
	};
	let index = 0;
	return (
		<dialog class="find-all" ref={dialog} onClose={close} aria-label="Search" onClick={e => e.target === dialog.current && close()}>
			<input class="field big" type="search" role="combobox" aria-expanded="true" aria-controls="found" aria-activedescendant={flat.length ? `found-${now}` : undefined} autofocus spellcheck={false}
				placeholder="Search names, audit, output: letters in order, or /regular expression/" aria-label="Search names, audit and output" value={query} aria-invalid={Boolean(error)}
				onInput={e => { setQuery(e.target.value); setAt(0); }} onKeyDown={keys} />
			<div id="found" role="listbox" aria-label="Found" class="found">
				{groups.map(([name, list]) => (
					<div role="group" aria-label={name} key={name}>
						<p class="group-name">{name}</p>
						{list.map(item => {
							const i = index++;
							return <div role="option" id={`found-${i}`} key={item.key} aria-selected={i === now} class={`hit ${i === now ? "on" : ""}`} onClick={() => choose(item)}>{item.view}</div>;
						})}
					</div>
				))}
				{query.trim() && !flat.length && <p class="hint">{error ? plain(error) : "Nothing found"}</p>}
			</div>
		</dialog>
	);
}
