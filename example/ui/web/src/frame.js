// SPDX-License-Identifier: Apache-2.0
// Rendering at most once a frame: what changed is remembered by topic, who shows it is drawn with the next frame.

const listeners = new Map();
const dirty = new Set();
let scheduled = false;

function flush() {
	scheduled = false;
	const topics = [...dirty];
	dirty.clear();
	for (const topic of topics)
		for (const f of listeners.get(topic) ?? [])
			f();
}

/** Something of these topics changed. */
export function touch(...topics) {
	for (const t of topics)
		dirty.add(t);
	if (!scheduled) {
		scheduled = true;
		requestAnimationFrame(flush);
	}
}

/** Calls `f` in the frame after a change of `topic`; returns a function that ends it. */
export function on(topic, f) {
	if (!listeners.has(topic))
		listeners.set(topic, new Set());
	listeners.get(topic).add(f);
	return () => listeners.get(topic).delete(f);
}
