// SPDX-License-Identifier: Apache-2.0
// Components that follow topics; and all drawing happens with a frame.
import { options } from "preact";
import { useEffect, useReducer } from "preact/hooks";
import { on } from "./frame.js";

options.debounceRendering = f => requestAnimationFrame(f);

/** Draws the component again when one of these topics changes. */
export function useTopics(...topics) {
	const [, redraw] = useReducer(n => n + 1, 0);
	useEffect(() => {
		const ends = topics.map(t => on(t, redraw));
		return () => ends.forEach(end => end());
	}, topics);
}
