// SPDX-License-Identifier: Apache-2.0
// Finding things by name: letters in order, or /a regular expression/.

const BOUNDARY = /[\s/._:\-[\](),=]/;

// Longest line that a regular expression of the user's is tried on.
const MAX_REGEX = 1000;

/** The score of `text` for the letters of `query` (higher is better), or -1. Runs and starts of words count more. */
export function score(query, text) {
	if (!query)
		return 0;
	const q = query.toLowerCase(), t = text.toLowerCase();
	const whole = t.indexOf(q);
	if (whole >= 0)
		return 1000 - Math.min(whole, 200) - Math.min(t.length, 400) / 8 + (whole === 0 || BOUNDARY.test(t[whole - 1]) ? 200 : 0);
	let at = -1, points = 0, run = 0;
	for (const c of q) {
		if (c === " ")
			continue;
		const next = t.indexOf(c, at + 1);
		if (next < 0)
			return -1;
		run = next === at + 1 ? run + 1 : 0;
		points += 1 + run * 3 + (next === 0 || BOUNDARY.test(t[next - 1]) ? 5 : 0) - Math.min(next - at - 1, 10) * 0.2;
		at = next;
	}
	return points;
}

/**
 * A function text -> score for what the user typed; { error } if that is a regular expression which is none.
 * /…/ is a regular expression, /…/i ignores case, all else is fuzzy.
 */
export function matcher(query) {
	const regex = /^\/(.+?)(?:\/([i]?))?$/.exec(query);
	if (!regex)
		return { match: text => score(query.trim(), text), exact: text => text.toLowerCase().includes(query.trim().toLowerCase()) };
	try {
		const re = new RegExp(regex[1], regex[2] ?? "");
		const match = text => {
			const found = re.exec(text.length > MAX_REGEX ? text.slice(0, MAX_REGEX) : text);
			return found ? 1000 - Math.min(found.index, 200) : -1;
		};
		return { match, exact: text => match(text) >= 0, regex: true };
	} catch (e) {
		return { error: e.message, match: () => -1, exact: () => false };
	}
}
