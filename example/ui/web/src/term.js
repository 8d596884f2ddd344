// SPDX-License-Identifier: Apache-2.0
// A terminal that shows what a runner printed. The bytes are hostile: they may draw in their box and nothing else.
import { Terminal } from "@xterm/xterm";
import { FitAddon } from "@xterm/addon-fit";
import { SearchAddon } from "@xterm/addon-search";

// Beyond so many bytes that wait to be drawn, the terminal skips to the newest.
const MAX_PENDING = 2 << 20, TAIL = 256 << 10;

const encoder = new TextEncoder();

const create = Document.prototype.createElement;

/*
 * xterm writes style elements and style attributes, which a policy of style-src 'self' forbids. What it would put there goes
 * to a constructed style sheet and to the element's style object, which the policy leaves to scripts that it allowed.  Nothing else
 * here uses document.createElement.
 */
function styleElement() {
	const element = create.call(document, "template");
	const sheet = new CSSStyleSheet();
	document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
	Object.defineProperty(element, "textContent", { set: text => sheet.replaceSync(text), get: () => "" });
	const remove = element.remove;
	element.remove = function () {
		document.adoptedStyleSheets = document.adoptedStyleSheets.filter(s => s !== sheet);
		remove.call(this);
	};
	return element;
}

function setAttribute(name, value) {
	if (name === "style")
		this.style.cssText = value;
	else
		Element.prototype.setAttribute.call(this, name, value);
}

function createElement(name, options) {
	if (name === "style")
		return styleElement();
	const element = create.call(document, name, options);
	if (name === "span")
		element.setAttribute = setAttribute;
	return element;
}

document.createElement = createElement;

/*
 * Sequences that reach beyond the screen: titles (0 1 2), icon and directory (7), notifications (9 99 777), links (8), colours of the
 * page and questions for them (4 5 10-19 104-119), clipboard (52), what iTerm and others made of it (1337), window operations and reports.
 */
const NO_OSC = [0, 1, 2, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 17, 19, 52, 99, 104, 105, 110, 111, 112, 117, 119, 133, 633, 777, 1337];

/*
 * Questions for the terminal (what it is, its state, modes, window): an answer would be typed into the program, by whoever
 * gets bytes to its output, and again with each replay of it. So is the focus, which is told as soon as that is asked for.
 */
const QUESTIONS = [{ final: "c" }, { prefix: ">", final: "c" }, { prefix: "=", final: "c" }, { final: "n" }, { prefix: "?", final: "n" }, { final: "t" },
	{ intermediates: "$", final: "p" }, { prefix: "?", intermediates: "$", final: "p" }, { prefix: ">", final: "q" }, { prefix: "?", final: "u" }];
const TELL_FOCUS = 1004;

function tame(term) {
	for (const n of NO_OSC)
		term.parser.registerOscHandler(n, () => true);
	for (const id of QUESTIONS)
		term.parser.registerCsiHandler(id, () => true);
	term.parser.registerCsiHandler({ prefix: "?", final: "h" }, params => params.includes(TELL_FOCUS));
	term.parser.registerDcsHandler({ intermediates: "$", final: "q" }, () => true);
	term.parser.registerDcsHandler({ intermediates: "+", final: "q" }, () => true);
}

const palette = {
	light: {
		background: "#ffffff", foreground: "#22262a", cursor: "#22262a", cursorAccent: "#ffffff", selectionBackground: "#b6d3f2",
		black: "#22262a", red: "#b3261e", green: "#1a7340", yellow: "#8a5a00", blue: "#0b5cad", magenta: "#8a3a9b", cyan: "#0f7080",
		white: "#6a7077", brightBlack: "#5f666d", brightRed: "#c9352b", brightGreen: "#1f8a4c", brightYellow: "#9a6700",
		brightBlue: "#1a70c7", brightMagenta: "#a34bb5", brightCyan: "#148396", brightWhite: "#22262a",
		scrollbarSliderBackground: "#0000001f", scrollbarSliderHoverBackground: "#00000033", scrollbarSliderActiveBackground: "#00000047",
	},
	dark: {
		background: "#101214", foreground: "#d7dadd", cursor: "#d7dadd", cursorAccent: "#101214", selectionBackground: "#2f4a68",
		black: "#3a4046", red: "#ff8a80", green: "#7fd19b", yellow: "#e6bd62", blue: "#7db8ff", magenta: "#d7a3e6", cyan: "#72cfdc",
		white: "#c3c8cd", brightBlack: "#868e96", brightRed: "#ffa8a0", brightGreen: "#9be0b1", brightYellow: "#f0cf86",
		brightBlue: "#a3ccff", brightMagenta: "#e5bff0", brightCyan: "#98dfe8", brightWhite: "#f2f4f5",
		scrollbarSliderBackground: "#ffffff1f", scrollbarSliderHoverBackground: "#ffffff33", scrollbarSliderActiveBackground: "#ffffff47",
	},
};

const MONO = 'ui-monospace, "SF Mono", "JetBrains Mono", "Cascadia Code", Menlo, Consolas, "DejaVu Sans Mono", monospace';

const SIZE_MS = 100;

/**
 * A terminal in `parent`. What a program asks the terminal is answered to nobody; keys go to `typed(bytes)`, and the size to
 * `sized({ rows, cols })`, while types() is so.
 */
export class View {
	constructor(parent, dark, { typed, sized }) {
		this.sized = sized;
		this.term = new Terminal({
			fontFamily: MONO, fontSize: 12.5, lineHeight: 1.25, scrollback: 20000, theme: palette[dark ? "dark" : "light"],
			minimumContrastRatio: 4.5, disableStdin: true, cursorBlink: false, cursorInactiveStyle: "outline", linkHandler: null,
			allowProposedApi: true, convertEol: true, macOptionIsMeta: true, windowOptions: {}, logLevel: "off",
		});
		this.fitter = new FitAddon();
		this.search = new SearchAddon();
		this.term.loadAddon(this.fitter);
		this.term.loadAddon(this.search);
		tame(this.term);
		this.term.open(parent);
		this.term.attachCustomKeyEventHandler(event => this.takesKey(event));
		this.term.onData(text => typed(encoder.encode(text)));
		this.term.onBinary(text => typed(Uint8Array.from(text, c => c.charCodeAt(0))));
		this.term.onResize(() => this.tellSize());
		this.observer = new ResizeObserver(() => this.fit());
		this.observer.observe(parent);
		this.output = null;
		this.reset();
	}

	reset() {
		this.pending = 0;
		this.written = 0;
		this.behind = false;
		this.generation = (this.generation ?? 0) + 1;
	}

	fit() {
		const size = this.fitter.proposeDimensions();
		if (size && size.cols > 1 && size.rows > 0)
			this.fitter.fit();
	}

	/** Shows `output` from its beginning, then follows it. */
	follow(output) {
		this.output?.listeners.delete(this.listener);
		this.output = output;
		this.reset();
		this.term.reset();
		this.listener = chunk => this.take(chunk);
		output.listeners.add(this.listener);
		this.replay();
	}

	/** Whether what is typed goes to the program, and every key is its own but F6, which leaves. */
	types(yes, hasTerminal) {
		// A program that has a terminal writes the ends of its lines itself.
		this.term.options.convertEol = !hasTerminal;
		if (this.term.options.disableStdin === !yes)
			return;
		this.term.options.disableStdin = !yes;
		this.term.options.cursorBlink = yes;
	}

	tellSize() {
		clearTimeout(this.sizing);
		this.sizing = setTimeout(() => this.sized({ rows: this.term.rows, cols: this.term.cols }), SIZE_MS);
	}

	takesKey(event) {
		if (this.term.options.disableStdin)
			return this.scrollKey(event);
		return event.key !== "F6";
	}

	// Paging is done here; every other key is the page's.
	scrollKey(event) {
		const pages = { PageUp: -1, PageDown: 1 }[event.key];
		if (event.type === "keydown" && pages)
			this.term.scrollPages(pages);
		else if (event.type === "keydown" && event.key === "Home")
			this.term.scrollToTop();
		else if (event.type === "keydown" && event.key === "End")
			this.term.scrollToBottom();
		return false;
	}

	pause(yes) {
		this.paused = yes;
		if (!yes && this.output)
			this.replay();
	}

	take(chunk) {
		if (this.paused || this.behind)
			return;
		if (this.pending > MAX_PENDING)
			this.behind = true;
		else
			this.write(chunk);
	}

	// Writes what is kept and was not written yet.
	replay() {
		const chunks = this.output.chunks;
		if (chunks.length && chunks[0].offset > this.written)
			this.note(this.written ? "output that was not shown is no longer kept" : "older output is no longer kept");
		for (const chunk of chunks)
			if (chunk.offset + chunk.bytes.length > this.written)
				this.write(chunk);
	}

	write(chunk) {
		let bytes = chunk.bytes;
		if (chunk.offset < this.written)
			bytes = bytes.subarray(this.written - chunk.offset);
		if (chunk.hole)
			this.note(`${chunk.hole} bytes were overwritten before they were read`);
		this.written = chunk.offset + chunk.bytes.length;
		if (chunk.stream === 2 && !bytes.includes(27))
			this.raw(concat(encoder.encode("\x1b[31m"), bytes, encoder.encode("\x1b[39m")));
		else
			this.raw(bytes);
	}

	raw(bytes) {
		const size = bytes.length, generation = this.generation;
		this.pending += size;
		this.term.write(bytes, () => {
			if (generation === this.generation)
				this.drained(size);
		});
	}

	drained(size) {
		this.pending -= size;
		if (this.pending > 0 || !this.behind)
			return;
		this.behind = false;
		if (this.paused)
			return;
		const skipped = Math.max(0, this.output.end - TAIL - this.written);
		if (skipped > 0) {
			this.term.reset();
			this.note(`${skipped} bytes came faster than they could be drawn; download has them`);
			this.written += skipped;
		}
		this.replay();
	}

	note(text) {
		this.raw(encoder.encode(`\x1b[0m\x1b[2m\r\n[${text}]\x1b[0m\r\n`));
	}

	theme(dark) {
		this.term.options.theme = palette[dark ? "dark" : "light"];
	}

	find(text, { back, regex } = {}) {
		const options = { regex, decorations: { matchOverviewRuler: "#888", activeMatchColorOverviewRuler: "#f80", matchBackground: "#7a6a1f", activeMatchBackground: "#b8860b" } };
		try {
			return back ? this.search.findPrevious(text, options) : this.search.findNext(text, options);
		} catch {
			return false;
		}
	}

	dispose() {
		this.output?.listeners.delete(this.listener);
		clearTimeout(this.sizing);
		this.observer.disconnect();
		this.term.dispose();
	}
}

function concat(...parts) {
	const all = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
	let at = 0;
	for (const p of parts) {
		all.set(p, at);
		at += p.length;
	}
	return all;
}
