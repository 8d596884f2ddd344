// SPDX-License-Identifier: Apache-2.0
// Small parts that the panes are made of.
import { own, plain } from "./safe.js";

const PATHS = {
	pause: "M5.5 3.5v9M10.5 3.5v9", play: "M5 3.2v9.6L12.5 8z", search: "M7 11.5a4.5 4.5 0 1 1 0-9 4.5 4.5 0 0 1 0 9zM10.3 10.3 14 14",
	download: "M8 2.5v8M4.8 7.5 8 10.7l3.2-3.2M3 13.5h10", split: "M2.5 3h11v10h-11zM8 3v10", close: "M4 4l8 8M12 4l-8 8",
	auto: "M8 2.5a5.5 5.5 0 1 1 0 11zM8 2.5a5.5 5.5 0 1 0 0 11z", light: "M8 5a3 3 0 1 1 0 6 3 3 0 0 1 0-6zM8 1.5v1.2M8 13.3v1.2M1.5 8h1.2M13.3 8h1.2M3.4 3.4l.9.9M11.7 11.7l.9.9M12.6 3.4l-.9.9M4.3 11.7l-.9.9",
	dark: "M13 9.6A5.6 5.6 0 1 1 6.4 3a4.4 4.4 0 0 0 6.6 6.6z", stop: "M4 4h8v8H4z", again: "M12.8 6.2A5.2 5.2 0 1 0 13.2 9M13 2.8v3.6H9.4",
	interrupt: "M8.8 1.8 3.8 9h3.6l-.4 5.2L12.2 7H8.4z", up: "M4 10l4-4 4 4", down: "M4 6l4 4 4-4", right: "M6 4l4 4-4 4",
	runners: "M3 3.5h4v3H3zM9 9.5h4v3H9zM5 6.5v4.5h4", output: "M2.5 3h11v10h-11zM5 6.5 7 8.2 5 10M8.5 10.2h2.5",
	audit: "M8 1.8 13 3.6v4c0 3-2.1 5.3-5 6.4-2.9-1.1-5-3.4-5-6.4v-4zM6 7.8l1.5 1.5L10.2 6.4", policy: "M4 2.5h5.5L12 5v8.5H4zM6 7h4M6 9.5h4",
	examples: "M3 3h4v4H3zM9 3h4v4H9zM3 9h4v4H3zM9 9h4v4H9z", bell: "M4 11V7a4 4 0 0 1 8 0v4l1 1.2H3zM6.8 13.8h2.4", copy: "M5.5 5.5h7v7h-7zM10.5 5.5v-2h-7v7h2", plus: "M8 3.5v9M3.5 8h9",
};

export const Icon = ({ name }) => (
	<svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
		<path d={PATHS[name]} fill="none" stroke="currentColor" stroke-width="1.25" stroke-linecap="round" stroke-linejoin="round" />
	</svg>
);

/** A button; with `icon` alone its label is what screen readers and the tooltip say. */
export const Button = ({ icon, label, text, title, pressed, kind = "", ...rest }) => (
	<button type="button" class={`button ${kind} ${icon && !text ? "only-icon" : ""}`} title={title ?? (text ? undefined : label)}
		aria-label={text ? undefined : label} aria-pressed={pressed} {...rest}>
		{icon && <Icon name={icon} />}{text}
	</button>
);

/** One of several: radio buttons that look like one control. */
export const Choice = ({ name, label, value, options, onChange }) => (
	<div class="choice" role="radiogroup" aria-label={label}>
		{options.map(([key, text, title]) => (
			<label key={key} class={key === value ? "on" : ""} title={title}>
				<input type="radio" name={name} value={key} checked={key === value} onChange={() => onChange(key)} />{text}
			</label>
		))}
	</div>
);

export const Empty = ({ title, children }) => <div class="empty"><p class="empty-title">{title}</p>{children && <p>{children}</p>}</div>;

/** The mark of what is another user's. */
export const ReadOnly = ({ of, where = "" }) => (
	<span class="badge only" data-only title={`${plain(where, 1100)}${where && ": "}another user's, to look at and no more`}>uid {of.owner}, read-only</span>
);

/** Untrusted text on one line. */
export const Text = ({ value, max, class: name = "" }) => {
	const shown = plain(value, max);
	return <span class={name} title={shown.length > 24 ? shown : undefined} dir="ltr">{shown}</span>;
};

export const State = ({ r }) => {
	const bad = r.state === "failed" || r.status > 0;
	const text = r.status !== null && !["running", "paused", "stopping"].includes(r.state) ? ending(r) : plain(r.state, 20) || "…";
	return <span class={`state s-${/^[a-z]+$/.test(r.state) ? r.state : "none"} ${bad ? "bad" : ""}`}><i aria-hidden="true" />{text}</span>;
};

const REASONS = { signal: "signal", stopped: "stopped", timeout: "timed out", memory: "out of memory", "output-limit": "output limit", failed: "failed", noticed: "ended" };

/** How a runner ended, in a few words. */
export function ending(r) {
	if (r.reason === "signal" && r.status > 128)
		return `signal ${r.status - 128}`;
	const reason = own(REASONS, r.reason);
	return reason && r.status !== null ? `${reason} (${r.status})` : reason ?? (r.status === null ? "ended" : `exit ${r.status}`);
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

export function bytes(n) {
	let unit = 0;
	for (; n >= 1024 && unit < UNITS.length - 1; unit++)
		n /= 1024;
	return `${unit === 0 ? n : n.toFixed(n < 10 ? 1 : 0)} ${UNITS[unit]}`;
}

export function duration(ms) {
	if (ms < 1000)
		return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
	const s = ms / 1000;
	if (s < 60)
		return `${s.toFixed(s < 10 ? 1 : 0)} s`;
	const m = Math.floor(s / 60);
	return m < 60 ? `${m} m ${Math.floor(s % 60)} s` : `${Math.floor(m / 60)} h ${m % 60} m`;
}

export const count = n => n < 10000 ? String(n) : n < 1e6 ? `${(n / 1e3).toFixed(n < 1e5 ? 1 : 0)} k` : `${(n / 1e6).toFixed(1)} M`;

export const clock = (ms, fine) => {
	const d = new Date(ms);
	const text = [d.getHours(), d.getMinutes(), d.getSeconds()].map(n => String(n).padStart(2, "0")).join(":");
	return fine ? `${text}.${String(d.getMilliseconds()).padStart(3, "0")}` : text;
};
