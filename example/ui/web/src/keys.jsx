// SPDX-License-Identifier: Apache-2.0
// Keyboard: one table, which is also what the help shows.
import { useEffect, useRef } from "preact/hooks";
import { runAgain } from "./actions.js";
import { toggleSplit } from "./outputs.jsx";
import { nextTheme, say, selected, set, show, ui } from "./ui.js";
import { Button } from "./widgets.jsx";

const PANES = ["runners", "output", "audit", "timeline", "policy", "examples"];

// What the focus goes to in a pane, the first of these that is there.
const TARGETS = {
	runners: ['[role="treeitem"][tabindex="0"]'], output: ["[data-input]", ".xterm-helper-textarea"], audit: ['.row[tabindex="0"]'], timeline: [".label"],
	policy: ["[data-draft]"], examples: ['.row[tabindex="0"]'],
};

/** Puts the focus on what a pane is for. */
export function focusPane(pane) {
	show(pane);
	requestAnimationFrame(() => requestAnimationFrame(() => {
		const box = document.querySelector(`[data-pane="${pane}"]`);
		const target = [...TARGETS[pane], "input", "button"].map(css => box?.querySelector(css)).find(Boolean);
		target?.focus();
	}));
}

function nextPane(step) {
	const at = PANES.indexOf(document.activeElement?.closest("[data-pane]")?.dataset.pane ?? "");
	focusPane(PANES[(at + step + PANES.length) % PANES.length]);
}

const click = name => document.querySelector(`.screen.current [data-${name}], .screen [data-${name}]`)?.click();

const SHORTCUTS = [
	["/", "search names, audit and output", () => set({ dialog: "find" })],
	["?", "this list", () => set({ dialog: "help" })],
	...PANES.map((pane, i) => [String(i + 1), `to ${pane}`, () => focusPane(pane)]),
	["p", "pause the page, or go on", () => togglePause()],
	["s", "one output, or two side by side", toggleSplit],
	["f", "find in the output", () => { show("output"); click("find"); }],
	["d", "download the output", () => click("download")],
	["i", "to the input line", () => focusPane("output")],
	["r", "run the selected runner's example again", () => selected() && runAgain(selected())],
	["t", "theme: the system's, light, dark", nextTheme],
];

const ELSEWHERE = [
	["F6", "next pane, with Shift the one before; also from fields and the terminal"],
	["↑ ↓", "or k and j: move in a list"], ["→ ←", "open and close an entry"], ["Enter", "choose, open"],
	["PgUp PgDn", "scroll the terminal; where a program has one, every key but F6 is its own, and Shift scrolls"], ["Ctrl+Enter", "run the example that is open"], ["Ctrl+D", "in the input line: end of input"], ["Esc", "close"],
];

export function togglePause() {
	set({ paused: !ui.paused });
	say(ui.paused ? "Paused: what comes is kept and shown later" : "Goes on");
}

const isField = el => el?.matches?.("input:not([type=radio]):not([type=checkbox]), textarea, select") && !el.classList.contains("xterm-helper-textarea");

// A terminal whose keys are a program's.
const isTyped = el => Boolean(el?.closest?.(".terminal.types"));

export function listen() {
	document.addEventListener("keydown", e => {
		if (e.key === "F6") {
			e.preventDefault();
			nextPane(e.shiftKey ? -1 : 1);
			return;
		}
		if (isTyped(e.target))
			return;
		if (e.key === "Escape" && isField(e.target) && !ui.dialog) {
			e.target.blur();
			return;
		}
		if (e.defaultPrevented || e.ctrlKey || e.altKey || e.metaKey || ui.dialog || isField(e.target))
			return;
		const found = SHORTCUTS.find(([key]) => key === e.key);
		if (found) {
			e.preventDefault();
			found[2]();
		}
	});
}

export function Help() {
	const dialog = useRef();
	useEffect(() => dialog.current.showModal(), []);
	const close = () => set({ dialog: "" });
	return (
		<dialog class="help" ref={dialog} onClose={close} aria-labelledby="help-title" onClick={e => e.target === dialog.current && close()}>
			<div class="bar"><h2 id="help-title">Keyboard</h2><Button icon="close" label="Close" onClick={close} /></div>
			<dl class="keys">
				{[...SHORTCUTS, ...ELSEWHERE].map(([key, what]) => <div key={key}><dt><kbd>{key}</kbd></dt><dd>{what}</dd></div>)}
			</dl>
		</dialog>
	);
}
