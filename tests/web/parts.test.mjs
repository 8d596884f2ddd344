// SPDX-License-Identifier: Apache-2.0
// Parts of the page that need no browser: what is shown of hostile text, flags as data, search, the model's bounds.
import assert from "node:assert/strict";
import test from "node:test";

globalThis.requestAnimationFrame = () => 0;
const web = "../../example/ui/web/src";
const { bare, own, plain, quoted } = await import(`${web}/safe.js`);
const { addFlags, addToPolicy, flagPermissions, formatFlags, parseFlags, splitWords } = await import(`${web}/flags.js`);
const { matcher, score } = await import(`${web}/fuzzy.js`);
const { Output } = await import(`${web}/output.js`);
const { apply, begin, isOthers, model, setPods, setRows, tree } = await import(`${web}/model.js`);

test("what cannot be seen, or steers the display, is shown as an escape", () => {
	assert.equal(plain("a\nb\t\r\x1b[31m\x7f\x9b"), "a\\u{a}b\\u{9}\\u{d}\\u{1b}[31m\\u{7f}\\u{9b}");
	assert.equal(plain("\u202egnp.exe\u2066\u200b\u00ad\ufeff\u2028"), "\\u{202e}gnp.exe\\u{2066}\\u{200b}\\u{ad}\\u{feff}\\u{2028}");
	assert.equal(plain("a\u00a0b\u3000c\u{e0041}\ud800"), "a\\u{a0}b\\u{3000}c\\u{e0041}\\u{d800}");
	assert.equal(plain("naïve 日本語 🙂 <b>"), "naïve 日本語 🙂 <b>");
	assert.equal(plain("x".repeat(100), 10), "xxxxxxxxx…");
	assert.equal(plain(undefined) + plain(null) + plain(7), "7");
});

test("a terminal's sequences are left out of what is searched", () => {
	assert.equal(bare("\x1b[31mred\x1b[0m \x1b]0;title\x07x\x1b]8;;u\x1b\\y\x1b(B\r"), "red xy");
});

test("what is copied is one argument, whatever it holds", () => {
	assert.equal(quoted("--allow-read=/a-b_c.d"), "--allow-read=/a-b_c.d");
	assert.equal(quoted("a b'c"), "'a b'\\''c'");
	assert.equal(quoted("a\n'\\\x1b\u202e"), "$'a\\x0a\\'\\\\\\x1b\\U0000202e'");
});

test("flags are data, and flags again", () => {
	const flags = ["--allow-read=/a,/b", "--deny-read=/a/x", "--allow-net", "--memory=64M"];
	assert.deepEqual(formatFlags(parseFlags(flags)), flags);
	assert.deepEqual(addFlags(flags, ["--allow-read=/c,,d"]), ["--allow-read=/a,/b,/c,,d", "--deny-read=/a/x", "--allow-net", "--memory=64M"]);
	assert.deepEqual(addFlags(flags, ["--allow-net=h:1"]), flags);
	assert.deepEqual(addFlags(["-A"], ["-A"]), ["-A"]);
	assert.deepEqual(flagPermissions("--allow-run=cat,id"), { run: { allow: ["cat", "id"] } });
	assert.equal(flagPermissions("--memory=1"), null);
});

test("a grant is added to a policy as it is", () => {
	const added = JSON.parse(addToPolicy('{"podshimPolicy":1,"name":"n","permissions":{"read":["/a"],"net":true}}', { read: { allow: ["/a", "/b"] }, net: { allow: ["h"] }, run: { allow: ["id"] } }));
	assert.deepEqual(added, { podshimPolicy: 1, name: "n", permissions: { read: { allow: ["/a", "/b"] }, net: { allow: true }, run: { allow: ["id"] } } });
	assert.equal(JSON.parse(addToPolicy("", { read: { allow: ["/x"] } })).podshimPolicy, 1);
	assert.throws(() => addToPolicy("[]", {}), /JSON object/);
	assert.throws(() => addToPolicy("{", {}), SyntaxError);
});

test("words of a command line", () => {
	assert.deepEqual(splitWords(`python3 -c 'print("a b")' "x\\"y" '' a\\ b`), ["python3", "-c", 'print("a b")', 'x"y', "", "a b"]);
	assert.throws(() => splitWords("a 'b"), /not closed/);
});

test("search: letters in order, words first, or a regular expression", () => {
	assert.ok(score("sh", "/etc/shadow") > score("eso", "/etc/shadow"));
	assert.equal(score("xyz", "/etc/shadow"), -1);
	assert.ok(matcher("/sh.d/").match("/etc/shadow") >= 0);
	assert.equal(matcher("/SH/").match("shadow"), -1);
	assert.ok(matcher("/SH/i").match("shadow") >= 0);
	assert.ok(matcher("/(/").error);
});

test("output: what is known is not taken twice, what is missing is counted, what is old is dropped", () => {
	const o = new Output(), b = s => new TextEncoder().encode(s);
	o.add(1, 0, b("one\n"));
	o.add(1, 0, b("one\n"));
	o.add(2, 2, b("e\ntwo\n"));
	o.add(1, 18, b("three"));
	assert.deepEqual(o.lines(), ["one", "two", "three"]);
	assert.equal(o.lost, 10);
	for (let i = 0; i < 100; i++)
		o.add(1, o.end, new Uint8Array(65536));
	assert.ok(o.bytes <= 4 << 20);
	assert.equal(o.end - o.start, o.bytes);
});

const access = (seq, target, result) => ({ seq, n: 1, time: new Date(seq).toISOString(), type: "audit", kind: "access", perm: "read", target, result, count: 2 });

test("events are grouped, once each; when there are too many, denials stay longest", () => {
	begin();
	apply(access(1, "/kept", "deny"));
	apply(access(2, "/kept", "deny"));
	apply(access(2, "/kept", "deny"));
	assert.deepEqual([...model.groups.values()].map(g => [g.target, g.count]), [["/kept", 4]]);
	for (let i = 3; i < 30000; i++)
		apply(access(i, `/file-${i}`, "allow"));
	assert.equal(model.groups.size, 20000);
	assert.equal(model.forgotten, 30000 - 3 + 1 - 20000);
	assert.ok([...model.groups.values()].some(g => g.target === "/kept"));
});

test("states come once, in order, whether a row or an event told first", () => {
	begin();
	setRows([{ n: 1, id: "a", state: "running", output: 5 }], [], 1000);
	apply({ seq: 1, n: 1, time: new Date(800).toISOString(), type: "state", state: "prepared" });
	apply({ seq: 2, n: 1, time: new Date(900).toISOString(), type: "state", state: "running" });
	const r = model.runners.get(1);
	assert.deepEqual(r.states, [{ time: 800, state: "prepared" }, { time: 900, state: "running" }]);
	assert.equal(r.outputTotal, 5);
	setRows([], [1], 1200);
	assert.equal(r.state, "gone");
});

test("a name that every object has is a name like others", () => {
	assert.equal(own({ a: 1 }, "a"), 1);
	for (const name of ["constructor", "toString", "valueOf", "__proto__", "hasOwnProperty"])
		assert.equal(own({}, name), undefined);
	begin();
	setPods([{ name: "constructor" }, { name: "a" }, { name: "toString" }]);
	assert.deepEqual(tree().map(([name]) => name), ["a", "constructor", "toString"]);
	const before = model.notices.length;
	const event = members => apply({ seq: model.seq + 1, n: 1, time: new Date(0).toISOString(), type: "audit", ...members });
	event({ kind: "constructor" });
	event({ kind: "valueOf" });
	assert.deepEqual(model.notices.slice(before).map(n => n.text), ["constructor", "valueOf"]);
	event({ kind: "access", perm: "read", target: "/x", result: "constructor", count: "9" });
	event({ kind: "access", perm: "read", target: "/x", result: "constructor", count: -5 });
	assert.deepEqual([...model.groups.values()].map(g => [g.kind, g.count]), [[3, 2]]);
});

test("what is another user's has an owner, root too", () => {
	assert.deepEqual([{ owner: 0 }, { owner: 7 }, { owner: null }, {}, undefined].map(isOthers), [true, true, false, false, false]);
});
