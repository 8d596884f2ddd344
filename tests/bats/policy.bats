#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# podshim policy: what is wrong with policies, what they come to, what would change under them.

load lib/common
load lib/requires

setup() {
	common_setup
	requires podshim jq
	cd "$BATS_TEST_TMPDIR" || return
}
teardown() {
	common_teardown
}

# policy FILE JSON: a policy of version 1 with these members.
policy() {
	jq -n "{podshimPolicy: 1} + $2" >"$1"
}

# A bundle's config.json: a program, two variables, a mount that is written and one that is not.
bundle() {
	mkdir -p bundle/rootfs
	podshim spec -b bundle
	jq '.process.args = ["/usr/bin/app", "-x"] | .process.env = ["PATH=/bin", "APP_MODE=a=b"] | .process.cwd = "/srv" |
		.mounts += [{destination: "/data", type: "bind", source: "/tmp", options: ["rbind"]},
			{destination: "/ro", source: "/tmp", options: ["bind", "ro"]}]' bundle/config.json >bundle/new
	mv bundle/new bundle/config.json
}

@test "policy: the group has a help and needs a command" {
	run -0 podshim policy --help
	has "  lint "
	has "  test "
	run -1 podshim policy
	has "'policy' needs COMMAND [ARGUMENTS]; see 'podshim policy --help'"
	for c in lint init show test; do
		run -0 podshim policy "$c" --help
		has "Usage: podshim [GLOBAL FLAGS] policy $c"
	done
}

@test "lint: a good policy, and every policy that comes with podshim" {
	policy good.json '{permissions: {read: ["/data"]}}'
	run -0 podshim policy lint good.json "$REPO"/example/policies/*.json
	[ "${lines[0]}" = "good.json: ok" ]
	lacks error
	lacks warning
}

@test "lint: errors have their place, all files are looked at" {
	policy one.json '{permissions: {read: ["/data", "~/x"]}}'
	policy two.json '{permissions: {reed: []}}'
	policy three.json '{permissions: {net: ["a.com"]}}'
	echo '{' >four.json
	run -1 podshim policy lint one.json two.json three.json four.json missing.json
	[ "${lines[0]}" = "one.json: /permissions/read/1: error: '~/x' begins with '~', which no shell has replaced: write the whole path" ]
	[ "${lines[1]}" = "two.json: /permissions/reed: error: unknown member 'reed' (did you mean 'read'?)" ]
	[ "${lines[2]}" = "three.json: ok" ]
	has "four.json: error: "
	has "missing.json: error: there is no policy 'missing.json'"
}

@test "lint: warnings are no errors" {
	policy p.json '{permissions: {read: {allow: ["/home/u/.ssh", "/a/b"], deny: ["/a"]}, run: ["/srv/x"], write: ["/srv"], net: ["unix:/run/docker.sock"]}}'
	run -0 podshim policy lint p.json
	has 'p.json: warning: read.allow "/a/b" (p.json#/permissions/read/allow/1) has no effect: read.deny "/a" (p.json#/permissions/read/deny/0) covers it, and a deny always wins (in Deno the more specific entry would)'
	has 'p.json: warning: write.allow "/srv" (p.json#/permissions/write/0) leaves out what may be run: "/srv/x" (p.json#/permissions/run/0)'
	has 'p.json: warning: read.allow "/home/u/.ssh" (p.json#/permissions/read/allow/0) opens SSH keys'
	has 'p.json: warning: net.allow "unix:/run/docker.sock" (p.json#/permissions/net/0) opens a container engine: who reaches it is root'
}

@test "lint: every set of a file, for itself" {
	policy sets.json '{permissionSets: {good: {read: ["/a"]}, dead: {read: {allow: ["/a"], deny: ["/a"]}}}}'
	run -0 podshim policy lint sets.json
	has 'sets.json: set dead: warning: read.allow "/a"'
	lacks 'set good'
	policy sets.json '{permissionSets: {bad: {sys: ["nope"]}}}'
	run -1 podshim policy lint sets.json
	has "sets.json: /permissionSets/bad/sys/0"
}

@test "lint: standard input, JSON, ceilings" {
	policy p.json '{permissions: {read: ["/root/.ssh"]}}'
	run -0 podshim policy lint --format json - <p.json
	jq -e 'length == 1 and .[0].level == "warning" and .[0].file == "standard input" and (.[0].message | test("opens SSH keys"))' <<<"$output"
	policy bad.json '{mode: "no"}'
	run -1 podshim policy lint --format json bad.json
	jq -e '.[0] | .level == "error" and .where == "bad.json: /mode" and .file == "bad.json"' <<<"$output"
	policy ceiling.json '{annotationsMayGrant: true, permissions: {read: ["/data"]}}'
	run -0 podshim policy lint --ceiling ceiling.json
	is "ceiling.json: ok"
	run -1 podshim policy lint ceiling.json
	has "only the ceiling can say this"
}

@test "init: for a program, and for nothing" {
	run -0 podshim policy init python3
	jq -e '.podshimPolicy == 1 and .name == "python3" and .permissions.run == ["python3"] and .permissions.net == []' <<<"$output"
	podshim policy init -o p.json
	run -0 podshim policy lint p.json
	is "p.json: ok"
	run -1 podshim policy init -o p.json
	has "'p.json' exists; remove it first, or name another file with -o FILE"
	# What is extended stays.
	run -0 podshim policy show --policy p.json
	has "builtin:base-linux#/permissions/env/0"
	mkdir empty
	run -1 podshim policy init empty
	has "'empty' has no config.json; name a bundle or a program"
}

@test "init: for a bundle" {
	bundle
	podshim policy init -o p.json bundle
	run -0 jq -c .permissions p.json
	is '{"read":["+/srv","+/data","+/ro"],"write":["+/data"],"net":[],"env":["+APP_MODE"],"run":["/usr/bin/app"],"sys":[]}'
	run -0 podshim policy lint p.json
	is "p.json: ok"
}

@test "show: entries with their origin, for a bundle and for a program" {
	bundle
	run -0 podshim policy show '--deny-read=/data/x?' --warn-net bundle
	has "What is not listed here is as config.json grants it."
	[[ $output =~ read\ +allow\ +what\ config.json\ grants ]]
	[[ $output =~ deny\ +/data/x\?\ +--deny-read ]]
	[[ $output =~ warn\ +everything\ +--warn-net ]]
	# Relative paths are below the payload's directory.
	run -0 podshim policy show '--allow-read=in?,/proc' bundle
	[[ $output =~ read\ +allow\ +/srv/in\?\ +--allow-read ]]
	# What follows from that and from the bundle is there, and nothing twice.
	[[ $output =~ /dev/null\?\ +default#/permissions/read\ \(implied\) ]]
	[ "$(grep -c ' /proc' <<<"$output")" -eq 1 ]
	has "What is not allowed here is denied."
	run -0 podshim policy show
	[[ $output =~ net\ +allow\ +nothing ]]
}

@test "show: stronger sources, annotations, notes" {
	bundle
	policy p.json '{name: "p", permissions: {read: ["/data?", "/etc?"], net: {deny: ["private"]}}, limits: {memory: "64M"}}'
	jq '.annotations = {"io.podshim.allow-read": "/data/sub?,/var?"}' bundle/config.json >bundle/new
	mv bundle/new bundle/config.json
	run -0 podshim policy show --policy p.json --allow-env=PATH bundle
	has "Policy p."
	[[ $output =~ allow\ +/data/sub\?\ +annotation\ io.podshim.allow-read,\ within\ p.json#/permissions/read/0 ]]
	[[ $output =~ deny\ +private\ +p.json#/permissions/net/deny/0 ]]
	has 'note: read.allow "/etc" (p.json#/permissions/read/1) has no effect: it is outside of the allow list of the annotations'
	[[ $output =~ memory\ +64M ]]
	run -0 podshim policy show --policy p.json -A bundle
	has "note: --allow-all switches off read.allow \"/data\" (p.json#/permissions/read/0) and what is beside it"
	run -0 podshim policy show --format json --policy p.json bundle
	jq -e '.denyByDefault and .permissions.net.deny[0].value == "private" and .limits.memory.value == 67108864' <<<"$output"
	run -1 podshim policy show --allow-read -- true
	is "podshim: 'policy show' shows what counts for any program: leave '--' and 'true' out, or see 'podshim check'"
}

@test "test: what would break and what would open" {
	cat >audit.jsonl <<-'END'
		{"v":1,"type":"audit","kind":"access","perm":"net","action":"connect","target":"api.x.com:443","result":"allow","count":3}
		{"v":1,"type":"audit","kind":"access","perm":"net","action":"connect","target":"api.x.com:443","result":"allow","count":2}
		{"v":1,"type":"audit","kind":"access","perm":"read","action":"open","target":"/root/.ssh/id","result":"deny","count":1}
		{"v":1,"type":"audit","kind":"drop","count":7}
		{"v":1,"type":"state","state":"running"}

		{"v":1,"kind":"access","perm":"read","action":"open","target":"/tmp/\\u{1b}\\\\x\\xff","result":"warn"}
		{"v":1,"kind":"access","perm":"run","action":"exec","target":"/usr/bin/git","result":"would-deny"}
		{"v":1,"kind":"access","perm":"net","action":"connect","target":"no way","result":"deny"}
	END
	run -1 podshim policy test --against audit.jsonl --allow-read=/root --deny-run=git
	[ "${lines[0]}" = "breaks net   api.x.com:443 (connect, 5 times): no allow entry matches; --allow-net=api.x.com:443" ]
	[ "${lines[1]}" = 'breaks read  /tmp/\u{1b}\\x\xff (open): no allow entry matches; --allow-read=$'"'"'/tmp/\x1b\\x\xff'"'" ]
	[ "${lines[2]}" = "breaks run   /usr/bin/git (exec): deny git (--deny-run)" ]
	[ "${lines[3]}" = "opens  read  /root/.ssh/id (open): allow /root (--allow-read); careful: SSH keys" ]
	[ "${lines[4]}" = "9 accesses: 7 would break, 1 would open, 0 stay as they are, 1 could not be understood" ]
	# As the file may be while it is written, and from a pipe.
	printf '{"v":1,' >>audit.jsonl
	run -0 podshim policy test --against - --allow-read=/tmp --allow-net=api.x.com:443 --allow-run=git <audit.jsonl
	is "9 accesses: 0 would break, 0 would open, 8 stay as they are, 1 could not be understood"
	run -1 podshim policy test --format json --against audit.jsonl --allow-run --allow-read
	jq -e 'map(.would) == ["break", "open"] and .[0].hint == "--allow-net=api.x.com:443" and .[1].risk == "SSH keys" and
		.[1].rule == {action: "allow", value: null, from: "--allow-read"}' <<<"$output"
}

@test "test: what cannot be replayed" {
	run -1 podshim policy test
	has "'policy test' needs --against FILE: the accesses to replay"
	run -1 podshim policy test --against missing
	has "open 'missing': No such file or directory"
	printf '{"kind":"access"}\nnonsense\n' >audit.jsonl
	run -1 podshim policy test --against audit.jsonl
	has "line 2 of 'audit.jsonl' is no JSON"
}
