// SPDX-License-Identifier: Apache-2.0
// What the user looks at: selection, panes, filters, drafts; and the few of these that are remembered.
import { follow } from "./link.js";
import { model } from "./model.js";
import { addFlags, addToPolicy } from "./flags.js";
import { touch } from "./frame.js";

function stored(area, key, otherwise) {
	try {
		return area.getItem(`podshim.${key}`) ?? otherwise;
	} catch {
		return otherwise;
	}
}

function store(area, key, value) {
	try {
		area.setItem(`podshim.${key}`, value);
	} catch {
		// Private windows may refuse; then it is forgotten.
	}
}

export const ui = {
	n: 0, other: 0, split: false, side: 0, size: null, toFocus: 0, view: "output", pane: "output", paused: false, dialog: "", message: "",
	theme: stored(localStorage, "theme", "auto"),
	kinds: new Set([0, 1, 2, 3]), perms: new Set(), text: "", pid: "", scope: "runner", order: "result",
	policy: stored(sessionStorage, "policy", ""), flags: new Map(), example: "", span: 60,
};

const dark = matchMedia("(prefers-color-scheme: dark)");
export const isDark = () => ui.theme === "dark" || ui.theme === "auto" && dark.matches;
dark.addEventListener("change", () => touch("theme", "timeline"));

export function setTheme(theme) {
	ui.theme = theme;
	store(localStorage, "theme", theme);
	document.documentElement.dataset.theme = theme;
	touch("theme", "ui", "timeline");
}
export const nextTheme = () => setTheme({ auto: "light", light: "dark", dark: "auto" }[ui.theme]);

export function set(values) {
	Object.assign(ui, values);
	touch("ui", "audit", "timeline");
}

/** Tells the user, in the status line. */
export function say(text) {
	ui.message = text;
	touch("message");
	clearTimeout(say.timer);
	say.timer = setTimeout(() => {
		ui.message = "";
		touch("message");
	}, 6000);
}

/** The runner that is looked at. */
export const selected = () => model.runners.get(ui.n);

export function select(n) {
	if (ui.split && ui.side === 1)
		ui.other = n;
	else
		ui.n = n;
	followShown();
	set({});
}

export function followShown() {
	follow([...new Set([ui.n, ui.split ? ui.other : 0])].filter(n => n && model.runners.has(n)));
}

/** Brings a pane to sight: `view` in the middle on wide screens, the only one on narrow ones. */
export function show(pane) {
	if (["output", "policy", "examples"].includes(pane))
		ui.view = pane;
	set({ pane });
}

export function setPolicy(text) {
	ui.policy = text;
	store(sessionStorage, "policy", text);
	touch("policy");
}

export function addToDraft(permissions) {
	try {
		setPolicy(addToPolicy(ui.policy, permissions));
		say("Added to the draft policy");
	} catch (e) {
		say(`The draft was left alone: ${e.message}`);
	}
}

/** Flags that the next run of an example (or of a command, by its key) gets. */
export function runFlags(key) {
	return ui.flags.get(key) ?? model.examples.find(e => e.name === key)?.flags ?? [];
}
export function setRunFlags(key, flags) {
	ui.flags.set(key, flags);
	touch("examples");
}
export function addRunFlags(key, flags) {
	setRunFlags(key, addFlags(runFlags(key), flags));
	say(`The next run of ${key} has ${flags.join(" ")}`);
}
