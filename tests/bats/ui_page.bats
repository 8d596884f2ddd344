#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The page in a browser (tests/python/browse.py): against podshim-ui, and against the mock server where what is needed cannot be had
# on demand.  Pictures are left in $B/ui-shots.

load lib/callers
load lib/common
load lib/bundle
load lib/requires
load lib/wait
load lib/pods

UI=${PODSHIM%/*}/podshim-ui
WEB=$REPO/example/ui/web
SHOTS=${B:-$REPO/build}/ui-shots

setup() {
	requires node
	[[ ${BATS_TEST_DESCRIPTION} != *browser* ]] || requires chromium chromedriver python3
	pods_setup python3
	ADDRESS=$BATS_TEST_TMPDIR/token
	SERVER=
	export XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR
}
teardown() {
	if [[ $SERVER ]]; then
		kill "$SERVER" 2>/dev/null || true
		wait_until 10 gone "$SERVER"
	fi
	pods_teardown
	[[ -z ${HERE:-} ]] || { cd / && rm -rf "$HERE"; }
}

catalog() {
	local dir=$BATS_TEST_TMPDIR/examples
	mkdir -p "$dir/scripts"
	cat >"$dir/scripts/look.py" <<-'EOF'
		import sys
		print("looking", flush=True)
		try:
		    print(open("/etc/debian_version").read())
		except OSError as error:
		    print(error, file=sys.stderr)
		    sys.exit(3)
	EOF
	cat >"$dir/scripts/hostile.py" <<-'EOF'
		import os, sys
		for name in ("<img src=x onerror=alert(1)>", "\u202egnp.exe", "a\nb", "\x1b]0;owned\x07", "\u200bhidden", '"><script>owned=1<\u2215script>'):
		    try:
		        open("/etc/ssl/" + name)
		    except OSError:
		        pass
		sys.stdout.write("\x1b]0;owned\x07\x1b]2;owned\x07\x1b]52;c;b3duZWQ=\x07\x1b]8;;javascript:owned=1\x07click me\x1b]8;;\x07\n"
		    "<img src=x onerror=alert(1)>\n<script>owned=1</script>\nhttps://example.com/\n\x1b[21t\x1b[3;0;0t\x1b[8;5;5t\x1b[5n\x1b[c\x1bP$qm\x1b\\\n"
		    "\x1b[48;2;20;60;90m\x1b[38;2;240;200;90mcolours\x1b[0m \u202etxt.exe\nthe end\n")
	EOF
	jq -n '[["look", "Looks where it may not", []], ["hostile", "Tries to get out of its box", ["--deny-read=/etc/ssl"]]] | {version: 1, examples: map({
		id: .[0], title: .[1], shows: "For the test.", risk: "low: nothing", folder: "scripts", code: (.[0] + ".py"),
		command: (["podshim", "run"] + .[2] + [.[0] + ".py"]), toggles: ["--allow-read=/etc/debian_version"]})}' >"$dir/catalog.json"
}

serve() { # serve [FLAG...]: the real server, with the catalog of above
	[[ -x $UI ]] || skip "no podshim-ui beside the runtime: make ui"
	catalog
	"$UI" --token-file "$ADDRESS" --root "$ROOT" --podshim "$PODSHIM" --listen 127.0.0.1:0 --examples "$BATS_TEST_TMPDIR/examples" "$@" \
		</dev/null >"$OUT.ui" 2>&1 3>&- &
	SERVER=$!
	wait_until 10 test -s "$ADDRESS"
}
mock() { # mock [FLAG...]
	node "$WEB/dev/mock.mjs" "$WEB/dist" "$@" </dev/null >"$ADDRESS" 2>"$OUT.ui" 3>&- &
	SERVER=$!
	wait_until 10 test -s "$ADDRESS"
}
browse() { # browse SCENARIO
	run python3 "$REPO/tests/python/browse.py" "$1" "$ADDRESS" "$SHOTS"
	printf '# %s\n' "${lines[@]}" >&3
	[[ $status == 0 && $output == *ok ]] || { printf '%s\n%s\n' "$output" "$(cat "$OUT.ui")" >&2; return 1; }
}

@test "in a browser: an example runs, is denied, is allowed that, and passes" {
	serve --actions
	browse catalog
}

@test "in a browser: the draft policy is linted, shown and replayed" {
	serve --actions
	browse policy
}

@test "in a browser: hostile output and names stay text" {
	serve --actions
	browse hostile
}

@test "in a browser: a terminal of its own" {
	serve --actions
	browse terminal
}

@test "in a browser: so they do when the server escapes nothing" {
	mock
	browse raw
}

@test "in a browser: signing in by hand" {
	serve
	browse signed_out
}

@test "in a browser: without --actions nothing is offered" {
	serve
	browse read_only
}

@test "in a browser: another user's pod is marked, and nothing is offered" {
	[[ -x $UI ]] || skip "no podshim-ui beside the runtime: make ui"
	HERE=$(mktemp -d /tmp/podshim-page-test.XXXXXX)
	chmod 755 "$HERE"
	cp "$PODSHIM" "$UI" "$HERE/"
	mkdir "$HERE/home"
	chown 65534:65534 "$HERE/home"
	ROOT=$HERE/root
	create --observe-group 65533
	podshim pod launch "$POD" -d -- sh -c 'echo seen; exec sleep 600' </dev/null >/dev/null 3>&-
	ADDRESS=$HERE/home/token
	setpriv --reuid 65534 --regid 65534 --groups 65533 env -u XDG_RUNTIME_DIR "$HERE/podshim-ui" --token-file "$ADDRESS" --root "$HERE/home/root" \
		--observe "$ROOT" --podshim "$HERE/podshim" --listen 127.0.0.1:0 --actions </dev/null >"$OUT.ui" 2>&1 3>&- &
	SERVER=$!
	wait_until 10 test -s "$ADDRESS"
	browse others
	podshim pod rm --force "$POD"
}

@test "in a browser: all of it by keyboard" {
	mock
	browse keyboard
}

@test "in a browser: wide and narrow, light and dark" {
	mock
	browse looks
}

@test "in a browser: 5000 events a second" {
	mock --rate 5000
	browse flood
}

@test "the page's parts" {
	run -0 node --test --test-reporter=tap "$REPO/tests/web/parts.test.mjs"
	has "# fail 0"
}

@test "the bundle is made of these sources, and of nothing else" {
	cd "$WEB"
	run -0 sha256sum --strict -c dist/SOURCES.sha256
	diff <(cut -c67- dist/SOURCES.sha256) <(find build.mjs icon.svg index.html package.json package-lock.json src -type f | LC_ALL=C sort)
	cmp index.html dist/index.html
	run -1 grep -rlE 'https?://[a-z0-9.-]*(npm|cdn|unpkg|jsdelivr|googleapis)' package-lock.json src index.html dist
	run -1 grep -cE '<script>|<style| style=| on[a-z]+=' dist/index.html
}

@test "the bundle is what its sources build to" {
	requires npm
	local dir=$BATS_TEST_TMPDIR/web
	mkdir "$dir"
	(cd "$WEB" && cp -r .npmrc build.mjs icon.svg index.html package.json package-lock.json src "$dir")
	cd "$dir"
	run npm ci --fetch-retries=0 --fetch-timeout=20000
	[[ $status == 0 || $output != *@(ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|ENETUNREACH|ERR_SOCKET_TIMEOUT|ENOTCACHED)* ]] ||
		skip "npm reaches no registry here"
	[[ $status == 0 ]]
	node build.mjs "$dir/dist"
	diff -r "$dir/dist" "$WEB/dist"
}
