// SPDX-License-Identifier: Apache-2.0
// Accesses, gathered by permission, target and result: denied ones first, each with why, and what would allow it.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { again, auditLines, copy, explain, save } from "./actions.js";
import { flagPermissions } from "./flags.js";
import { useTopics } from "./hooks.js";
import { matcher } from "./fuzzy.js";
import { List } from "./list.jsx";
import { isOthers, model } from "./model.js";
import { PERMISSIONS, RESULTS } from "./words.js";
import { plain, quoted } from "./safe.js";
import { addRunFlags, addToDraft, select, set, ui } from "./ui.js";
import { Button, Choice, clock, count, Empty, Text } from "./widgets.jsx";

const ORDERS = {
	result: (a, b) => a.kind - b.kind || b.order - a.order,
	recent: (a, b) => b.last - a.last,
	count: (a, b) => b.count - a.count,
	target: (a, b) => a.perm.localeCompare(b.perm) || a.target.localeCompare(b.target),
};

function inScope(g) {
	if (ui.scope === "all" || !model.runners.has(ui.n))
		return true;
	return ui.scope === "runner" ? g.n === ui.n : model.runners.get(g.n)?.pod === model.runners.get(ui.n)?.pod;
}

function visible() {
	const { match } = matcher(ui.text);
	const pid = Number(ui.pid) || 0;
	const found = [];
	for (const g of model.groups.values())
		if (ui.kinds.has(g.kind) && (!ui.perms.size || ui.perms.has(g.perm)) && inScope(g) && (!pid || g.event.pid === pid)
			&& (!ui.text || match(`${g.perm} ${g.target} ${g.event.comm ?? ""}`) >= 0))
			found.push(g);
	return found.sort(ORDERS[ui.order]);
}

const totals = () => {
	const sum = [0, 0, 0, 0];
	for (const g of model.groups.values())
		if (inScope(g))
			sum[g.kind] += g.count;
	return sum;
};

const member = (set, value) => {
	const next = new Set(set);
	if (!next.delete(value))
		next.add(value);
	return next;
};

function Filters({ sums }) {
	return (
		<div class="filters">
			<div class="chips" role="group" aria-label="Results">
				{RESULTS.map((name, kind) => (
					<button type="button" key={name} class={`chip ${name}`} aria-pressed={ui.kinds.has(kind)} onClick={() => set({ kinds: member(ui.kinds, kind) })}>
						{name}<span class="num">{count(sums[kind])}</span>
					</button>
				))}
			</div>
			<div class="chips" role="group" aria-label="Permissions">
				{PERMISSIONS.map(perm => (
					<button type="button" key={perm} class="chip perm" aria-pressed={ui.perms.has(perm)} onClick={() => set({ perms: member(ui.perms, perm) })}>{perm}</button>
				))}
			</div>
			<div class="filter-line">
				<input class="field" type="search" placeholder="Filter targets" aria-label="Filter by target or program: letters in order, or /regular expression/" value={ui.text} spellcheck={false}
					onInput={e => set({ text: e.target.value })} />
				<input class="field pid mono" inputmode="numeric" placeholder="pid" aria-label="Process" value={ui.pid} onInput={e => set({ pid: e.target.value.replace(/\D/g, "") })} />
				<select class="field" aria-label="Order" value={ui.order} onChange={e => set({ order: e.target.value })}>
					<option value="result">denied first</option><option value="recent">newest</option><option value="count">most</option><option value="target">by name</option>
				</select>
			</div>
		</div>
	);
}

function AccessRow({ g }) {
	const r = model.runners.get(g.n);
	return <>
		<span class={`result ${RESULTS[g.kind]}`}>{plain(g.result, 12)}</span>
		<span class="perm mono">{plain(g.perm, 8)}</span>
		<Text class="target mono" value={g.target} max={400} />
		{ui.scope !== "runner" && <Text class="who mono sub" value={r?.id} max={24} />}
		<span class="times num">{g.count > 1 ? `×${count(g.count)}` : ""}</span>
		<span class="when num sub">{clock(g.last)}</span>
	</>;
}

const WHY_FIELDS = [["rule", "Rule"], ["nearest", "Nearest"], ["enforcedBy", "Enforced by"], ["errno", "Program sees"], ["mech", "Told by"], ["risk", "Careful"]];

function facts(e, answer) {
	const rule = answer?.rule ?? (e.rule ? `${e.rule.text}  (${e.rule.src ?? e.rule.layer})` : null);
	const near = answer?.nearest ? `${answer.nearest.action} ${answer.nearest.value}  (${answer.nearest.from})` : null;
	const values = { ...answer, ...e, rule: rule ?? (/deny/.test(e.result) ? "no allow entry matches" : null), nearest: near };
	const told = WHY_FIELDS.filter(([key]) => values[key]).map(([key, label]) => [label, values[key]]);
	const who = `${e.comm ?? "?"}[${e.pid ?? "?"}]  ${e.exe ?? ""}`;
	return [["By", who], ["Action", e.action], ...told, ["First", clock(Date.parse(e.first) || Date.parse(e.time), true)]];
}

function Grant({ grant, g, r }) {
	const known = r && again(r);
	const permissions = grant.permissions ?? flagPermissions(grant.flag);
	return (
		<div class="grant">
			<code class="mono">{plain(quoted(grant.flag), 400)}</code>
			{grant.wider && <span class="sub">wider than what was asked</span>}
			<div class="tools">
				<Button icon="copy" text="Copy flag" onClick={() => copy(quoted(grant.flag), "Copied the flag")} data-copy-flag />
				{permissions && <Button icon="plus" text="Draft policy" title="Add to the draft policy" onClick={() => addToDraft(permissions)} data-add-draft />}
				{known && <Button icon="plus" text="Next run" title={`Add to the flags of the next run of ${plain(known.key)}`} onClick={() => addRunFlags(known.key, [grant.flag])} data-add-run />}
			</div>
		</div>
	);
}

function Detail({ g }) {
	const [answer, setAnswer] = useState(g.answer ?? null);
	const alive = useRef(true);
	const r = model.runners.get(g.n);
	useEffect(() => {
		if (!g.answer && model.actions && /deny/.test(g.result))
			explain(g, g.n).then(a => {
				g.answer = a.result ?? {};
				if (alive.current)
					setAnswer(g.answer);
			}, () => { g.answer = {}; });
		return () => { alive.current = false; };
	}, []);
	// What another user's tape proposes to allow is nobody's advice.
	const grants = isOthers(r) ? [] : answer?.grants?.length ? answer.grants : g.event.hint ? [{ flag: g.event.hint }] : [];
	const never = /deny/.test(g.result) && g.event.rule;
	return (
		<>
			<p class="mono full">{plain(g.target)}</p>
			<dl>{facts(g.event, answer).map(([label, value]) => value ? <div key={label}><dt>{label}</dt><dd class="mono">{plain(value, 600)}</dd></div> : null)}</dl>
			{never && <p class="hint">Remove that entry to allow it: nothing beats a deny.</p>}
			{grants.map(grant => <Grant key={grant.flag} grant={grant} g={g} r={r} />)}
			{ui.scope !== "runner" && r && <Button text={`Show ${plain(r.id, 40)}`} onClick={() => select(r.n)} />}
		</>
	);
}

function Notices() {
	useTopics("notices");
	const [all, setAll] = useState(false);
	if (!model.notices.length)
		return null;
	const shown = all ? model.notices.slice().reverse() : model.notices.slice(-1);
	return (
		<div class="notices" role="log" aria-label="Notices">
			{shown.map((m, i) => (
				<p key={i} class={`notice ${m.kind === "degraded" ? "bad" : ""}`}>
					<span class="sub num">{clock(m.time)}</span> <b>{plain(m.kind, 12)}</b> {plain(m.text, 2048)} {m.n ? <span class="sub mono">{plain(model.runners.get(m.n)?.id, 40)}</span> : null}{m.count > 1 && <span class="num"> ×{m.count}</span>}
				</p>
			))}
			{model.notices.length > 1 && <button type="button" class="quiet" aria-expanded={all} onClick={() => setAll(!all)}>{all ? "Only the last" : `All ${model.notices.length} notices`}</button>}
		</div>
	);
}

/** The groups that are shown; while paused those that were shown when it began. */
function useGroups() {
	const frozen = useRef(null);
	if (!ui.paused)
		frozen.current = null;
	const now = useMemo(() => frozen.current ?? visible(), [{}]);
	if (ui.paused)
		frozen.current ??= now;
	return now;
}

export function Audit() {
	useTopics("audit", "ui");
	const groups = useGroups();
	const sums = totals();
	return (
		<section class="pane audit" aria-label="Audit" data-pane="audit">
			<div class="bar">
				<h2>Audit</h2>
				<Choice name="scope" label="Whose accesses" value={ui.scope} options={[["runner", "Runner"], ["pod", "Pod"], ["all", "All"]]} onChange={scope => set({ scope })} />
				<div class="tools"><Button icon="download" label="Download the audit as JSON lines" onClick={() => save("audit.jsonl", auditLines())} /></div>
			</div>
			<Filters sums={sums} />
			<Notices />
			<List class="audit-list" label="Accesses" items={groups} keyOf={g => g.key} row={g => <AccessRow g={g} />} detail={g => <Detail g={g} />}
				empty={model.groups.size ? <Empty title="Nothing matches">Another filter, or another runner, may show more.</Empty>
					: <Empty title="Nothing was denied">What programs are denied, or what a policy tells of, is listed here.</Empty>} />
			<p class="foot sub" role="status">{groups.length} of {model.groups.size} kinds of access{model.forgotten > 0 && `, ${count(model.forgotten)} older forgotten`}{ui.paused && ", paused"}</p>
		</section>
	);
}
