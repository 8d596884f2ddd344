// SPDX-License-Identifier: Apache-2.0
// A list of which only what is in sight is in the document; rows may be opened, and arrow keys move between them.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

const OVERSCAN = 6;

// Rows are higher where fingers are.
const small = matchMedia("(max-width: 900px)");

/** Where each row begins, from the heights of those that are opened: a function index -> y, and its inverse. */
function layout(items, keyOf, rowHeight, open, heights) {
	const extras = [];
	if (open.size)
		items.forEach((item, i) => {
			const key = keyOf(item);
			if (open.has(key))
				extras.push([i, heights.get(key) ?? 0]);
		});
	const y = i => extras.reduce((sum, [at, h]) => at < i ? sum + h : sum, i * rowHeight);
	const at = top => {
		let low = 0, high = items.length;
		while (low < high) {
			const middle = (low + high) >> 1;
			if (y(middle + 1) <= top)
				low = middle + 1;
			else
				high = middle;
		}
		return low;
	};
	return { y, at, height: y(items.length) };
}

function Row({ item, index, total, y, active, row, detail, opened, onHeight, toggle, focus }) {
	const box = useRef();
	useEffect(() => {
		if (!opened || !box.current)
			return undefined;
		const observer = new ResizeObserver(() => box.current && onHeight(box.current.offsetHeight));
		observer.observe(box.current);
		return () => observer.disconnect();
	}, [opened]);
	return (
		<div class={`item ${opened ? "opened" : ""}`} role="listitem" aria-setsize={total} aria-posinset={index + 1} style={{ transform: `translateY(${y}px)` }}>
			<button type="button" class="row" tabIndex={active ? 0 : -1} data-index={index} aria-expanded={detail ? opened : undefined} onClick={toggle} onFocus={focus}>
				{row(item)}
			</button>
			{opened && detail && <div class="detail" ref={box}>{detail(item)}</div>}
		</div>
	);
}

/** items, keyOf(item), row(item) -> what is drawn; detail(item) -> what an opened row shows below; onOpen(item) instead of it. */
export function List({ items, keyOf, row, detail, onOpen, rowHeight = small.matches ? 36 : 28, label, class: name = "", empty }) {
	const scroller = useRef();
	const [view, setView] = useState({ top: 0, height: 600 });
	const [open, setOpen] = useState(new Set());
	const [activeKey, setActive] = useState(null);
	const [, remeasure] = useState(0);
	const heights = useRef(new Map()).current;
	const anchor = useRef(null);
	const wantFocus = useRef(false);

	const place = layout(items, keyOf, rowHeight, open, heights);
	const first = Math.max(0, place.at(view.top) - OVERSCAN);
	const last = Math.min(items.length, place.at(view.top + view.height) + OVERSCAN);
	let active = items.findIndex(item => keyOf(item) === activeKey);
	if (active < 0)
		active = 0;

	const look = () => scroller.current && setView({ top: scroller.current.scrollTop, height: scroller.current.clientHeight });
	useEffect(() => {
		const observer = new ResizeObserver(look);
		observer.observe(scroller.current);
		return () => observer.disconnect();
	}, []);

	// What is read stays where it is when rows come in above it.
	useLayoutEffect(() => {
		const el = scroller.current;
		if (anchor.current && el.scrollTop > rowHeight) {
			const now = items.findIndex(item => keyOf(item) === anchor.current.key);
			const moved = now < 0 ? 0 : place.y(now) - anchor.current.y;
			if (moved)
				el.scrollTop += moved;
		}
		const top = items[place.at(el.scrollTop)];
		anchor.current = top && { key: keyOf(top), y: place.y(place.at(el.scrollTop)) };
		if (wantFocus.current) {
			wantFocus.current = false;
			el.querySelector(`[data-index="${active}"]`)?.focus();
		}
	});

	const go = index => {
		const to = Math.max(0, Math.min(items.length - 1, index));
		const el = scroller.current, y = place.y(to);
		if (y < el.scrollTop)
			el.scrollTop = y;
		else if (y + rowHeight > el.scrollTop + el.clientHeight)
			el.scrollTop = y + rowHeight - el.clientHeight;
		wantFocus.current = true;
		setActive(keyOf(items[to]));
		look();
	};
	const toggle = item => {
		setActive(keyOf(item));
		if (onOpen)
			return onOpen(item);
		const next = new Set(open);
		if (!next.delete(keyOf(item)))
			next.add(keyOf(item));
		return setOpen(next);
	};
	const keys = event => {
		if (!event.target.classList.contains("row") || !items.length)
			return;
		const page = Math.max(1, Math.floor(view.height / rowHeight) - 1);
		const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: page, PageUp: -page, Home: -items.length, End: items.length }[event.key];
		const item = items[active], isOpen = open.has(keyOf(item));
		if (step)
			go(active + step);
		else if (event.key === "ArrowRight" && !isOpen || event.key === "ArrowLeft" && isOpen)
			toggle(item);
		else
			return;
		event.preventDefault();
		event.stopPropagation();
	};

	const shown = [];
	for (let i = first; i < last; i++)
		shown.push(i);
	if (items.length && (active < first || active >= last))
		shown.push(active);
	return (
		<div class={`list ${name}`} ref={scroller} onScroll={look} onKeyDown={keys}>
			{items.length === 0 && empty}
			<div class="sizer" role="list" aria-label={label} style={{ height: `${place.height}px` }}>
				{shown.map(i => {
					const item = items[i], key = keyOf(item);
					return <Row key={key} item={item} index={i} total={items.length} y={place.y(i)} active={i === active} row={row} detail={detail}
						opened={open.has(key)} toggle={() => toggle(item)} focus={() => activeKey !== key && setActive(key)}
						onHeight={h => heights.get(key) !== h && (heights.set(key, h), remeasure(n => n + 1))} />;
				})}
			</div>
		</div>
	);
}
