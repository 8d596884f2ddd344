// SPDX-License-Identifier: Apache-2.0
// The example catalog: choose, set what it may do, run. And any other command, the same way.
import { useState } from "preact/hooks";
import { copy, run, TTY } from "./actions.js";
import { formatFlags, joinValues, parseFlags, splitValues, splitWords } from "./flags.js";
import { useTopics } from "./hooks.js";
import { matcher } from "./fuzzy.js";
import { List } from "./list.jsx";
import { model } from "./model.js";
import { PERMISSIONS } from "./words.js";
import { plain, plainLines, quoted } from "./safe.js";
import { runFlags, say, set, setRunFlags, ui } from "./ui.js";
import { Button, Choice, Empty, Text } from "./widgets.jsx";

const WHAT = { read: "files", write: "files", net: "hosts", env: "variables", run: "programs", ffi: "libraries", sys: "facts" };
export const COMMAND = "command";

function Permission({ perm, entry, change }) {
	const mode = entry.allow === true ? "all" : entry.allow?.length || entry.typing ? "listed" : "none";
	const setMode = to => change({ ...entry, allow: to === "all" ? true : to === "none" ? undefined : entry.before ?? [], before: Array.isArray(entry.allow) ? entry.allow : entry.before, typing: to === "listed" });
	return (
		<div class={`permission m-${mode}`}>
			<span class="perm-name mono">{perm}</span>
			<Choice name={`perm-${perm}`} label={`Permission ${perm}`} value={mode} options={[["none", "none"], ["listed", "listed"], ["all", "all"]]} onChange={setMode} />
			<input class="field mono" aria-label={`What of ${perm} is allowed, separated by commas`} placeholder={mode === "listed" ? `${WHAT[perm]}, separated by commas` : ""} disabled={mode !== "listed"} spellcheck={false}
				value={Array.isArray(entry.allow) ? joinValues(entry.allow) : ""} onChange={e => change({ ...entry, allow: splitValues(e.target.value), typing: true })} />
			{["deny", "warn", "ignore"].map(verb => entry[verb] ? <span key={verb} class={`result ${verb}`} title={plain(entry[verb] === true ? "all" : joinValues(entry[verb]))}>{verb} {entry[verb] === true ? "all" : entry[verb].length}</span> : null)}
		</div>
	);
}

function Permissions({ id }) {
	const [kept, setKept] = useState({});
	const parsed = parseFlags(runFlags(id));
	const change = perm => entry => {
		setKept({ ...kept, [perm]: { before: entry.before, typing: entry.typing } });
		setRunFlags(id, formatFlags({ ...parsed, set: { ...parsed.set, [perm]: entry } }));
	};
	return (
		<div class="permissions" role="group" aria-label="Permissions">
			{PERMISSIONS.map(p => <Permission key={p} perm={p} entry={{ ...kept[p], ...parsed.set[p] }} change={change(p)} />)}
			<label class="permission">
				<span class="perm-name">other</span>
				<input class="field mono wide" placeholder="--memory=64M --timeout=10s --deny-read=/etc/shadow" spellcheck={false} value={parsed.other.map(quoted).join(" ")}
					onChange={e => { try { setRunFlags(id, formatFlags(parseFlags([...formatFlags({ ...parsed, other: [] }), ...splitWords(e.target.value)]))); } catch (x) { say(x.message); } }} />
			</label>
		</div>
	);
}

function CommandLine({ flags, words }) {
	const line = ["podshim", "run", ...flags.map(quoted), ...words.map(quoted)].join(" ");
	return <div class="command-line"><code class="mono">{plain(line, 2000)}</code><Button icon="copy" label="Copy the command" onClick={() => copy(line, "Copied the command")} /></div>;
}

function RunBar({ id, body, disabled }) {
	const [withPolicy, setWithPolicy] = useState(false);
	const flags = runFlags(id);
	return (
		<div class="bar run-bar">
			<Button icon="play" text="Run" kind="main" data-run disabled={!model.actions || disabled} title={model.actions ? "Run (Ctrl+Enter)" : "The server runs without --actions"} onClick={() => run(id, body(), { policy: withPolicy })} />
			<Button text="Reset flags" onClick={() => { ui.flags.delete(id); set({}); }} disabled={!ui.flags.has(id)} />
			<label class="check"><input type="checkbox" data-tty checked={flags.includes(TTY)} onChange={e => setRunFlags(id, e.target.checked ? [...flags, TTY] : flags.filter(f => f !== TTY))} /> in a terminal</label>
			<label class="check"><input type="checkbox" checked={withPolicy} disabled={!ui.policy.trim()} onChange={e => setWithPolicy(e.target.checked)} /> with the draft policy</label>
		</div>
	);
}

/** Flags that are worth to try, one button each. */
function Toggles({ example, flags }) {
	const flip = flag => setRunFlags(example.name, flags.includes(flag) ? flags.filter(f => f !== flag) : [...flags, flag]);
	return (
		<div class="chips" role="group" aria-label="Flags to try">
			<span class="sub">Try</span>
			{example.toggles.map(flag => <button type="button" key={flag} class="chip perm" data-toggle aria-pressed={flags.includes(flag)} onClick={() => flip(flag)}>{plain(flag, 120)}</button>)}
		</div>
	);
}

/** low, medium or high; whatever else the catalog says stands behind it. */
const riskOf = e => /^(low|medium|high)\b/.exec(e.risk ?? "")?.[1] ?? "";

function Example({ example }) {
	const flags = runFlags(example.name);
	const about = example.shows ?? example.summary ?? example.description;
	return (
		<div class="example" onKeyDown={e => { if (e.ctrlKey && e.key === "Enter") run(example.name, { example: example.name }); }}>
			<h3>{plain(example.title ?? example.name, 120)}</h3>
			{about && <p class="about">{plain(about, 1000)}</p>}
			{example.risk && <p class="about sub">Risk: {plain(example.risk, 200)}</p>}
			{example.toggles.length > 0 && <Toggles example={example} flags={flags} />}
			<Permissions id={example.name} key={example.name} />
			<CommandLine flags={flags} words={example.run ?? []} />
			<RunBar id={example.name} body={() => ({ example: example.name })} />
			{example.source && <pre class="source mono" tabIndex={0} aria-label="Source">{plainLines(example.source)}</pre>}
		</div>
	);
}

function Command() {
	const [line, setLine] = useState("");
	const [code, setCode] = useState("");
	const [suffix, setSuffix] = useState(".py");
	const [kind, setKind] = useState("argv");
	const flags = runFlags(COMMAND);
	let words = [], error = "";
	try {
		words = splitWords(line);
	} catch (e) {
		error = e.message;
	}
	const body = () => kind === "argv" ? { argv: words } : { code, suffix };
	const ready = kind === "argv" ? words.length && !error : code.trim();
	return (
		<div class="example" onKeyDown={e => { if (e.ctrlKey && e.key === "Enter" && ready) run(COMMAND, body()); }}>
			<h3>Something of your own</h3>
			<div class="bar">
				<Choice name="kind" label="What to run" value={kind} options={[["argv", "Command"], ["code", "Script"]]} onChange={setKind} />
				{kind === "code" && <select class="field" aria-label="Language" value={suffix} onChange={e => setSuffix(e.target.value)}>{[".py", ".sh", ".js", ".rb", ".pl"].map(s => <option key={s}>{s}</option>)}</select>}
			</div>
			{kind === "argv"
				? <input class="field mono wide" aria-label="Command" aria-invalid={Boolean(error)} title={error} placeholder="python3 -c 'print(1)'" value={line} spellcheck={false} onInput={e => setLine(e.target.value)} />
				: <textarea class="field mono code" aria-label="Script" rows={8} value={code} spellcheck={false} onInput={e => setCode(e.target.value)} />}
			<Permissions id={COMMAND} />
			{kind === "argv" && <CommandLine flags={flags} words={words.length ? ["--", ...words] : []} />}
			<RunBar id={COMMAND} body={body} disabled={!ready} />
		</div>
	);
}

export function Examples() {
	useTopics("examples", "ui", "link");
	const [query, setQuery] = useState("");
	const { match } = matcher(query);
	const all = [...model.examples, { name: COMMAND, title: "Something of your own" }];
	const items = query ? all.filter(e => match(`${e.name} ${e.title ?? ""} ${e.group ?? ""} ${e.language ?? ""}`) >= 0) : all;
	const chosen = model.examples.find(e => e.name === ui.example);
	return (
		<div class="examples">
			<div class="catalog">
				<div class="bar"><input class="field" type="search" placeholder="Filter examples" aria-label="Filter examples" value={query} spellcheck={false} onInput={e => setQuery(e.target.value)} /></div>
				<List label="Examples" items={items} keyOf={e => e.name} rowHeight={44} onOpen={e => set({ example: e.name })} empty={<Empty title="No example matches" />}
					row={e => <span class={`entry ${e.name === ui.example ? "on" : ""}`} data-example={e.name}>
						<Text class="entry-title" value={e.title ?? e.name} max={120} />
						<span class="sub mono">{plain(e.name === COMMAND ? "any command or script" : e.name, 60)}{riskOf(e) && <span class={`risk ${riskOf(e)}`}> {riskOf(e)} risk</span>}</span>
					</span>} />
			</div>
			<div class="chosen">
				{chosen ? <Example example={chosen} /> : ui.example === COMMAND ? <Command />
					: <Empty title="Choose an example">Each says what it may do. Change that, run it, and see what is denied.</Empty>}
			</div>
		</div>
	);
}
