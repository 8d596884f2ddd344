// SPDX-License-Identifier: Apache-2.0
// The draft policy: text with the server's lint, what it comes to and who said it, and a replay of what was recorded.
import { useEffect, useRef, useState } from "preact/hooks";
import { copy, effective, lint, plan, replay, save } from "./actions.js";
import { useTopics } from "./hooks.js";
import { model } from "./model.js";
import { PERMISSIONS } from "./words.js";
import { plain } from "./safe.js";
import { say, selected, setPolicy, ui } from "./ui.js";
import { Button, Choice, count, Empty } from "./widgets.jsx";

const LINT_MS = 400, BUSY_MS = 1000;

/** What `f` answers, asked again as long as it is `wanted` and the server has no room: whoever types asks often. */
async function whenFree(f, wanted) {
	for (;;) {
		try {
			return await f();
		} catch (e) {
			if (e.status !== 429 || !wanted())
				throw e;
			await new Promise(done => setTimeout(done, BUSY_MS));
		}
	}
}
const START = JSON.stringify({ podshimPolicy: 1, name: "draft", permissions: { read: { allow: [] } } }, null, "\t");

/** The line that a place in a document ("FILE:LINE" or "FILE: /permissions/nope") is about, from 1; 0: unknown. */
function lineOf(text, where) {
	const line = /:(\d+)(?::\d+)?/.exec(where ?? "")?.[1];
	if (line)
		return Number(line);
	const words = (/(\/[^\s:]*)/.exec((where ?? "").split(": ").pop())?.[1] ?? "").split("/").filter(Boolean);
	let at = 0;
	for (const word of words) {
		const found = text.indexOf(`"${word}"`, at);
		if (found < 0)
			break;
		at = found;
	}
	return words.length ? text.slice(0, at).split("\n").length : 0;
}

function useLint(text) {
	const [result, setResult] = useState({ state: "none", found: [] });
	useEffect(() => {
		if (!text.trim() || !model.actions)
			return void setResult({ state: "none", found: [] });
		let current = true;
		const timer = setTimeout(() => whenFree(() => lint(text), () => current).then(
			a => current && setResult({ state: a.status === 0 ? "good" : "bad", found: a.result ?? [], error: a.result ? "" : a.error }),
			e => current && setResult({ state: "bad", found: [], error: e.message })), LINT_MS);
		return () => { current = false; clearTimeout(timer); };
	}, [text]);
	return result;
}

function Editor() {
	useTopics("policy", "runners");
	const area = useRef(), gutter = useRef();
	const { state, found, error } = useLint(ui.policy);
	const lines = ui.policy.split("\n").length;
	const marked = new Map(found.map(f => [lineOf(ui.policy, f.where), f.level]));
	const go = line => {
		const at = ui.policy.split("\n").slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
		area.current.focus();
		area.current.setSelectionRange(at, ui.policy.indexOf("\n", at) < 0 ? ui.policy.length : ui.policy.indexOf("\n", at));
	};
	const said = state === "none" ? model.actions ? "" : "no lint without --actions" : state === "good" ? found.length ? `${found.length} to look at` : "no findings" : `${found.length || 1} found`;
	return (
		<section class="editor" aria-label="Draft policy">
			<div class="bar">
				<h3>Draft</h3><span class={`sub lint-${state}`} role="status" data-lint={state}>{said}</span>
				<div class="tools">
					{!ui.policy.trim() && <Button text="Start one" onClick={() => setPolicy(START)} />}
					<Button icon="copy" label="Copy the draft" onClick={() => copy(ui.policy, "Copied the draft")} disabled={!ui.policy} />
					<Button icon="download" label="Save as policy.json" onClick={() => save("policy.json", new Blob([ui.policy], { type: "application/json" }))} disabled={!ui.policy} />
					<Button icon="close" label="Empty the draft" onClick={() => setPolicy("")} disabled={!ui.policy} />
				</div>
			</div>
			<div class="edit">
				<div class="gutter mono" ref={gutter} aria-hidden="true">{Array.from({ length: lines }, (_, i) => <span key={i} class={marked.get(i + 1) ?? ""}>{i + 1}</span>)}</div>
				<textarea class="mono" ref={area} data-draft aria-label="Draft policy, JSON. Escape, then Tab leaves the field." value={ui.policy} spellcheck={false} wrap="off"
					placeholder={"A policy says in Deno's words what a program may do.\nDenials on the right have a button that adds here what would allow them."}
					onInput={e => setPolicy(e.target.value)} onScroll={e => { gutter.current.scrollTop = e.target.scrollTop; }} />
			</div>
			{(found.length > 0 || error) && <ul class="findings">
				{error && <li class="error">{plain(error.trim(), 600)}</li>}
				{found.map((f, i) => {
					const line = lineOf(ui.policy, f.where);
					return <li key={i} class={f.level === "error" ? "error" : "warning"}>
						<button type="button" class="quiet" onClick={() => line && go(line)}><b>{plain(f.level, 10)}</b>{line ? <span class="num"> line {line}</span> : null} {plain(f.message, 400)}</button>
					</li>;
				})}
			</ul>}
		</section>
	);
}

const LAYERS = [[/^--/, "flag"], [/annotation|io\.podshim/, "annotation"], [/PODSHIM_/, "variable"], [/ceiling/, "ceiling"], [/^\/|\.json|:\d+/, "file"]];
const layerOf = e => e.implied ? "implied" : LAYERS.find(([re]) => re.test(e.from ?? ""))?.[1] ?? "default";

function Entries({ perm, about }) {
	const rows = ["allow", "deny", "warn", "ignore"].flatMap(verb => (Array.isArray(about[verb]) ? about[verb] : []).map(e => [verb, e]));
	const implied = rows.filter(([, e]) => e.implied), told = rows.filter(([, e]) => !e.implied);
	const row = ([verb, e], i) => <tr key={i} class={`l-${layerOf(e)}`}><td><span class={`result ${verb}`}>{verb}</span></td><td class="mono value">{plain(e.value, 300)}</td><td class="mono from">{e.implied ? "implied" : plain(e.from, 80)}</td></tr>;
	return (
		<tbody>
			<tr class="head"><th scope="rowgroup" class="mono">{perm}</th><td class="sub" colSpan={2}>{about.allowed === "listed" && !about.allow ? "nothing is allowed" : about.allowed === "all" ? "all is allowed that nothing denies" : ""} <span class="by">{plain(about.enforcedBy, 120)}</span></td></tr>
			{told.map(row)}
			{implied.length > 0 && <tr><td /><td colSpan={2}><details><summary class="sub">{implied.length} implied: what the program itself needs</summary><table><tbody>{implied.map(row)}</tbody></table></details></td></tr>}
		</tbody>
	);
}

function Effective({ of }) {
	useTopics("policy");
	const [answer, setAnswer] = useState(null);
	const r = selected();
	useEffect(() => {
		let current = true;
		setAnswer(null);
		const body = of === "runner" ? null : { policy: ui.policy };
		if (of === "draft" && (!ui.policy.trim() || !model.actions))
			return void setAnswer({ error: model.actions ? "The draft is empty." : "The server runs without --actions." });
		const timer = setTimeout(() => whenFree(() => effective(r?.n, body), () => current).then(a => current && setAnswer(a), e => current && setAnswer({ error: e.message })), of === "draft" ? LINT_MS : 0);
		return () => { current = false; clearTimeout(timer); };
	}, [of, r?.n, r?.state, of === "draft" ? ui.policy : ""]);
	const p = answer?.result;
	if (!answer)
		return <p class="hint">Asking podshim…</p>;
	if (!p)
		return <Empty title="No answer">{plain(answer.error, 600)}</Empty>;
	const limits = Object.entries(p.limits ?? {});
	return (
		<div class="effective">
			<p class="sub">{p.active === false ? "No policy: what config.json grants." : p.denyByDefault ? "What is not allowed here is denied." : "What is not denied here is as config.json says."} {plain(p.mode, 20)}, {plain(p.enforcement, 20)}</p>
			<table class="entries">{PERMISSIONS.map(perm => p.permissions?.[perm] && <Entries key={perm} perm={perm} about={p.permissions[perm]} />)}</table>
			{limits.length > 0 && <p class="mono sub">{limits.map(([k, v]) => `${k} ${typeof v === "object" ? v?.value ?? JSON.stringify(v) : v}`).map(t => plain(t, 80)).join(", ")}</p>}
			{(p.notes ?? []).map((note, i) => <p key={i} class="hint">{plain(typeof note === "string" ? note : note.message ?? JSON.stringify(note), 400)}</p>)}
		</div>
	);
}

const TIERS = ["mounts, namespaces, filters", "Landlock", "the supervisor", "what only root can"];

/** What enforces each entry, strongest first. */
function Plan() {
	useTopics("policy");
	const [answer, setAnswer] = useState(null);
	const [wantsDraft, setWantsDraft] = useState(false);
	const r = selected();
	const hasDraft = Boolean(model.actions && ui.policy.trim());
	const draft = hasDraft && (wantsDraft || !r) ? ui.policy : "";
	useEffect(() => {
		let current = true;
		setAnswer(null);
		if (!r && !draft)
			return void setAnswer({ error: "Choose a runner, or write a draft." });
		const timer = setTimeout(() => plan(r?.n, draft ? { policy: draft } : null).then(a => current && setAnswer(a), e => current && setAnswer({ error: e.message })), LINT_MS);
		return () => { current = false; clearTimeout(timer); };
	}, [r?.n, draft]);
	if (!answer)
		return <p class="hint">Asking podshim…</p>;
	const choose = hasDraft && r && <Button text={draft ? "Of the runner" : "Under the draft"} onClick={() => setWantsDraft(!draft)} />;
	if (!answer.result?.entries)
		return <><Empty title="No plan">{plain(answer.error, 600)}</Empty>{choose}</>;
	if (answer.result.judged === false)
		return <><Empty title="No permissions">Nobody gave it any: its config.json alone says what it may do.</Empty>{choose}</>;
	const rows = [...answer.result.entries].filter(e => !e.implied).sort((a, b) => a.kind.localeCompare(b.kind));
	return (
		<div class="plan">
			<p class="sub">{draft ? "Under the draft." : r.own ? "Of this runner." : "Of this runner, as it was recorded when it was made."} {answer.result.ok ? "All of it can be enforced here." : "Not all of it can be enforced here."} {choose}</p>
			<table class="entries"><tbody>{rows.map((e, i) => (
				<tr key={i}><td class="mono">{plain(e.kind, 16)}</td><td><span class={`result ${/^[a-z]+$/.test(e.action ?? "") ? e.action : ""}`}>{plain(e.action, 10)}</span></td>
					<td class="mono value">{e.value === null ? e.default ? "everything else" : "everything" : plain(String(e.value), 300)}</td>
					<td class="tier" title={plain(TIERS[e.tier] ?? "", 60)}>{Number.isInteger(e.tier) ? `T${e.tier}` : ""}</td><td>{plain((e.by ?? []).join(", "), 120)}</td><td class="mono from">{plain(e.from, 80)}</td></tr>))}</tbody></table>
			<p class="sub">{TIERS.map((what, i) => `T${i}: ${what}`).join("; ")}</p>
		</div>
	);
}

function Replay() {
	const [answer, setAnswer] = useState(null);
	const [busy, setBusy] = useState(false);
	const r = selected();
	const go = async () => {
		setBusy(true);
		try {
			setAnswer(await replay({ policy: ui.policy, n: r.n }));
		} catch (e) {
			say(plain(e.message));
		}
		setBusy(false);
	};
	const changes = Array.isArray(answer?.result) ? answer.result : [];
	return (
		<div class="replay">
			<p class="sub">What {r ? <span class="mono">{plain(r.id, 60)}</span> : "a runner"} did, decided again under the draft. Nothing is run.</p>
			<Button text="Replay" kind="main" disabled={!r || !ui.policy.trim() || !model.actions || busy} onClick={go} data-replay />
			{answer && <p role="status" class={answer.status ? "deny-text" : "allow-text"}>{changes.length === 0 ? answer.result ? "Nothing would change." : plain(answer.error, 400)
				: `${changes.filter(c => c.would === "break").length} would break, ${changes.filter(c => c.would === "open").length} would open`}</p>}
			{changes.length > 0 && <table class="entries"><tbody>{changes.slice(0, 500).map((c, i) => (
				<tr key={i}><td><span class={`result ${c.would === "break" ? "deny" : "allow"}`}>{c.would === "break" ? "breaks" : "opens"}</span></td><td class="mono">{plain(c.perm, 8)}</td><td class="mono value">{plain(c.target, 300)}</td>
					<td class="num">{c.count > 1 ? `×${count(c.count)}` : ""}</td><td class="mono from">{plain(c.rule ? `${c.rule.action} ${c.rule.value} (${c.rule.from})` : c.hint ?? "", 200)}</td></tr>))}</tbody></table>}
		</div>
	);
}

export function Policy() {
	useTopics("ui", "runners");
	const [tab, setTab] = useState("runner");
	return (
		<div class="policy">
			<Editor />
			<section class="about" aria-label="What it comes to">
				<div class="bar"><Choice name="about" label="What is shown" value={tab} options={[["runner", "In force"], ["draft", "Under the draft"], ["plan", "Plan"], ["replay", "Replay"]]} onChange={setTab} /></div>
				<div class="scroll" tabIndex={0} role="region" aria-label="Policy in force or replay">{tab === "replay" ? <Replay /> : tab === "plan" ? <Plan /> : <Effective of={tab} />}</div>
			</section>
		</div>
	);
}
