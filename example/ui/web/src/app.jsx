// SPDX-License-Identifier: Apache-2.0
// The page: header, panes, dialogs.
import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import "@xterm/xterm/css/xterm.css";
import "./style.css";
import { loadExamples } from "./actions.js";
import { Audit } from "./audit.jsx";
import { Examples } from "./examples.jsx";
import { FindAll } from "./find.jsx";
import { on } from "./frame.js";
import { useTopics } from "./hooks.js";
import { Help, listen, togglePause } from "./keys.jsx";
import { connect, link, login, loginFromAddress } from "./link.js";
import { isLive, model } from "./model.js";
import { Outputs, toggleSplit } from "./outputs.jsx";
import { Policy } from "./policy.jsx";
import { Runners } from "./runners.jsx";
import { plain } from "./safe.js";
import { Timeline } from "./timeline.jsx";
import { followShown, nextTheme, select, set, setTheme, show, ui } from "./ui.js";
import { Button, count, Icon } from "./widgets.jsx";

const VIEWS = [["output", "Output"], ["policy", "Policy"], ["examples", "Examples"]];
const NARROW = [["runners", "Runners"], ["output", "Output"], ["audit", "Audit"], ["policy", "Policy"], ["examples", "Examples"]];

const LINK = { connecting: "connecting", open: "live", waiting: "reconnecting", login: "signed out" };

function Numbers() {
	useTopics("runners");
	let live = 0, denied = 0;
	for (const r of model.runners.values()) {
		live += isLive(r);
		denied += r.denied;
	}
	return <p class="numbers"><span><b class="num">{live}</b> live</span><span class={denied ? "deny-text" : ""}><b class="num">{count(denied)}</b> denied</span></p>;
}

function Header() {
	useTopics("link", "ui", "message");
	return (
		<header>
			<h1 class="mono">podshim</h1>
			<Numbers />
			<button type="button" class="search" onClick={() => set({ dialog: "find" })} aria-label="Search names, audit and output"><Icon name="search" /><span>Search</span><kbd>/</kbd></button>
			<p class="message" role="status" aria-live="polite">{ui.message}</p>
			<div class="tools">
				<span class={`link l-${link.state}`} title={plain(link.error) || undefined}><i aria-hidden="true" />{ui.paused ? "paused" : LINK[link.state]}{link.state === "open" && !model.actions && <span class="sub"> read-only</span>}</span>
				<Button icon={ui.paused ? "play" : "pause"} label={ui.paused ? "Go on (p)" : "Pause (p)"} pressed={ui.paused} onClick={togglePause} />
				<Button icon="split" label="Two outputs side by side (s)" pressed={ui.split} onClick={toggleSplit} kind="wide" />
				<Button icon={ui.theme} label={`Theme: ${ui.theme === "auto" ? "the system's" : ui.theme} (t)`} onClick={nextTheme} data-theme-button />
				<Button text="?" title="Keyboard shortcuts" aria-label="Keyboard shortcuts" onClick={() => set({ dialog: "help" })} kind="only-icon" />
			</div>
		</header>
	);
}

function Tabs({ label, tabs, now, class: name }) {
	const keys = e => {
		const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
		if (!step)
			return;
		const at = tabs.findIndex(([id]) => id === now);
		const next = tabs[(at + step + tabs.length) % tabs.length][0];
		show(next);
		e.currentTarget.querySelector(`[data-tab="${next}"]`).focus();
		e.preventDefault();
	};
	return (
		<nav class={name} aria-label={label}>
			<div role="tablist" aria-label={label} onKeyDown={keys}>
				{tabs.map(([id, text]) => (
					<button type="button" role="tab" key={id} data-tab={id} aria-selected={id === now} tabIndex={id === now ? 0 : -1} onClick={() => show(id)}>
						<Icon name={id} /><span>{text}</span>
					</button>
				))}
			</div>
		</nav>
	);
}

function Login() {
	const [text, setText] = useState("");
	const [error, setError] = useState("");
	const submit = async e => {
		e.preventDefault();
		try {
			await login(text);
			start();
		} catch (x) {
			setError(x.message);
		}
	};
	return (
		<main class="login">
			<form onSubmit={submit}>
				<h1 class="mono">podshim</h1>
				<p>This page shows what runs, and may start more: it takes the token that the server wrote to its <span class="mono">--token-file</span>. Open the address that stands there, or paste it. A token works once.</p>
				<input class="field mono wide" type="password" autocomplete="off" autofocus aria-label="Token" aria-invalid={Boolean(error)} placeholder="http://127.0.0.1:…/#token=…" value={text} onInput={e => setText(e.target.value)} />
				<p class="deny-text" role="alert">{plain(error)}</p>
				<Button text="Sign in" kind="main" onClick={submit} />
			</form>
		</main>
	);
}

function Page() {
	useTopics("ui", "link");
	if (link.state === "login")
		return <Login />;
	return (
		<>
			<Header />
			<main class={`panes view-${ui.view} pane-${ui.pane}`}>
				<Runners />
				<section class="pane centre" aria-label={VIEWS.find(([id]) => id === ui.view)[1]} data-pane={ui.view}>
					<Tabs label="View" tabs={VIEWS} now={ui.view} class="views" />
					<div class={`view ${ui.view === "output" ? "" : "away"}`}><Outputs /></div>
					{ui.view === "policy" && <div class="view"><Policy /></div>}
					{ui.view === "examples" && <div class="view"><Examples /></div>}
				</section>
				<Timeline />
				<Audit />
			</main>
			<Tabs label="Panes" tabs={NARROW} now={ui.pane} class="narrow" />
			{ui.dialog === "find" && <FindAll />}
			{ui.dialog === "help" && <Help />}
		</>
	);
}

async function start() {
	try {
		await loginFromAddress();
	} catch {
		// A used token: the cookie may still be good, else the page asks.
	}
	connect();
}

// The first runner that there is gets the screen, and whatever is shown again after a reconnection.
function chooseFirst() {
	if (!ui.n || !model.runners.has(ui.n)) {
		const live = [...model.runners.values()].filter(r => r.listed).sort((a, b) => isLive(b) - isLive(a) || b.n - a.n)[0];
		if (live)
			select(live.n);
	}
}

function Prepared() {
	useEffect(() => {
		const ends = [on("runners", chooseFirst), on("reset", () => { set({ n: 0, other: 0 }); followShown(); }), on("link", () => {
			if (link.state === "open")
				loadExamples();
		})];
		return () => ends.forEach(end => end());
	}, []);
	return <Page />;
}

setTheme(ui.theme);
listen();
render(<Prepared />, document.getElementById("app"));
start();
