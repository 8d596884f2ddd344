// SPDX-License-Identifier: Apache-2.0
// Permission flags and policy files as data: what the toggles show, and what a grant adds to.
import { PERMISSIONS } from "./words.js";

const VERBS = ["allow", "deny", "warn", "ignore"];
const FLAG = /^--(allow|deny|warn|ignore)-([a-z]+)(?:=([^]*))?$/;

/** Values of one flag: commas separate, a doubled one is part of a value. */
export function splitValues(text) {
	return text.split(/(?<!,),(?!,)/).map(v => v.replaceAll(",,", ",").trim()).filter(Boolean);
}
export const joinValues = values => values.map(v => v.replaceAll(",", ",,")).join(",");

/** { allow: true or values, deny…, warn…, ignore… } of each permission, and the flags that are about none. */
export function parseFlags(flags) {
	const set = Object.fromEntries(PERMISSIONS.map(p => [p, {}]));
	const other = [];
	for (const flag of flags) {
		const [, verb, perm, value] = FLAG.exec(flag) ?? [];
		if (!verb || !set[perm])
			other.push(flag);
		else if (value === undefined)
			set[perm][verb] = true;
		else if (set[perm][verb] !== true)
			set[perm][verb] = [...new Set([...(set[perm][verb] ?? []), ...splitValues(value)])];
	}
	return { set, other };
}

export function formatFlags({ set, other }) {
	const flags = [];
	for (const perm of PERMISSIONS)
		for (const verb of VERBS) {
			const value = set[perm][verb];
			if (value === true)
				flags.push(`--${verb}-${perm}`);
			else if (value?.length)
				flags.push(`--${verb}-${perm}=${joinValues(value)}`);
		}
	return [...flags, ...other];
}

/** `flags` with what `more` grant added; lists of the same flag become one. */
export function addFlags(flags, more) {
	return formatFlags(parseFlags([...new Set([...flags, ...more])]));
}

/** What a flag says as a member "permissions" of a policy file; null for one that is about no permission. */
export function flagPermissions(flag) {
	const [, verb, perm, value] = FLAG.exec(flag) ?? [];
	return verb ? { [perm]: { [verb]: value === undefined ? true : splitValues(value) } } : null;
}

const spelled = entry => entry === true || entry === false || Array.isArray(entry) ? { allow: entry } : { ...entry };

/** The policy `text` with `permissions` added to its lists; throws when it is no JSON object. */
export function addToPolicy(text, permissions) {
	const policy = text.trim() ? JSON.parse(text) : { podshimPolicy: 1, permissions: {} };
	if (policy === null || typeof policy !== "object" || Array.isArray(policy))
		throw new Error("a policy is a JSON object");
	policy.permissions ??= {};
	for (const [perm, entry] of Object.entries(permissions)) {
		const have = spelled(policy.permissions[perm] ?? {});
		for (const [verb, value] of Object.entries(spelled(entry)))
			have[verb] = value === true || have[verb] === true ? true : [...new Set([...(have[verb] || []), ...value])];
		policy.permissions[perm] = have;
	}
	return JSON.stringify(policy, null, "\t");
}

/** Words of a command line, with quotes; throws when one is not closed. */
export function splitWords(text) {
	const words = [];
	let word = null, quote = "";
	for (let i = 0; i < text.length; i++) {
		const c = text[i];
		if (quote) {
			if (c === quote)
				quote = "";
			else
				word += c === "\\" && quote === '"' && i + 1 < text.length ? text[++i] : c;
		} else if (c === "'" || c === '"') {
			quote = c;
			word ??= "";
		} else if (/\s/.test(c)) {
			if (word !== null)
				words.push(word);
			word = null;
		} else {
			word = (word ?? "") + (c === "\\" && i + 1 < text.length ? text[++i] : c);
		}
	}
	if (quote)
		throw new Error(`a ${quote} is not closed`);
	return word === null ? words : [...words, word];
}
