// SPDX-License-Identifier: Apache-2.0
// Text that a runner chose, made harmless to read: what is invisible or steers the display is shown as an escape.

// Controls, formats (bidi, zero width, tags), private and unassigned code points, lone surrogates, separators other than the
// plain space, variation selectors and fillers that draw nothing.
const ODD = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000\u034f\u115f\u1160\u17b4\u17b5\u3164\ufe00-\ufe0f\uffa0]/gu;

// As podshim writes them itself.
const escapeOne = c => `\\u{${c.codePointAt(0).toString(16)}}`;

/** What `table` itself has at `key`, which a runner chose: "constructor" is nothing of ours. */
export const own = (table, key) => Object.hasOwn(table, key) ? table[key] : undefined;

/** What may be shown of `s` in one line of at most `max` characters. */
export function plain(s, max = 4096) {
	let text = typeof s === "string" ? s : s === undefined || s === null ? "" : String(s);
	if (text.length > max)
		text = `${text.slice(0, max - 1)}…`;
	return text.replace(ODD, escapeOne);
}

/** The same for a text of several lines. */
export function plainLines(s, max = 65536) {
	return String(s ?? "").slice(0, max).split("\n").map(l => plain(l)).join("\n");
}

// Everything a terminal would act upon: CSI, OSC, DCS and the like, single escapes.
const SEQUENCES = /\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]/g;

/** A line of output without what steers a terminal. */
export function bare(s) {
	return s.replace(SEQUENCES, "").replace(/\r/g, "");
}

function shellEscape(c) {
	const n = c.codePointAt(0);
	return n < 0x80 ? `\\x${n.toString(16).padStart(2, "0")}` : `\\U${n.toString(16).padStart(8, "0")}`;
}

/** One argument for a shell, safe to paste into a terminal, too. */
export function quoted(s) {
	if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(s))
		return s;
	if (s.search(ODD) < 0)
		return `'${s.replaceAll("'", "'\\''")}'`;
	return `$'${s.replace(/[\\']/g, "\\$&").replace(ODD, shellEscape)}'`;
}
