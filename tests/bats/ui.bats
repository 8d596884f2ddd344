#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# podshim-ui: who may talk to it, what it tells, what it does.  What a page says to it: tests/python/ui_page.py.

load lib/callers
load lib/common
load lib/bundle
load lib/requires
load lib/wait
load lib/pods

UI=${UI:-${PODSHIM%/*}/podshim-ui}

setup() {
	pods_setup python3
	[[ -x $UI ]] || skip "no podshim-ui beside the runtime: make ui"
	TOKEN=$BATS_TEST_TMPDIR/token
	EXAMPLES=$BATS_TEST_TMPDIR/examples
	SERVER=
	export XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR
}
teardown() {
	stop_server
	pods_teardown
	[[ -z ${HERE:-} ]] || { cd / && rm -rf "$HERE"; }
}

serve() { # serve [FLAG...]: the server; SERVER is its process
	"$UI" --token-file "$TOKEN" --root "$ROOT" --podshim "$PODSHIM" --listen 127.0.0.1:0 "$@" </dev/null >"$OUT.ui" 2>&1 3>&- &
	SERVER=$!
	wait_until 10 test -s "$TOKEN"
}
as_member() { # as_member GROUP...: the same, of another user who would look at OTHER and NOWHERE
	setpriv --reuid 65534 --regid 65534 "$@" env -u XDG_RUNTIME_DIR "$HERE/podshim-ui" --token-file "$TOKEN" --root "$HERE/home/root" \
		--observe "$OTHER/" --observe "$NOWHERE" --podshim "$HERE/podshim" --listen 127.0.0.1:0 --actions </dev/null >"$OUT.ui" 2>&1 3>&- &
	SERVER=$!
	wait_until 10 test -s "$TOKEN"
}
stop_server() {
	[[ $SERVER ]] || return 0
	kill "$SERVER" 2>/dev/null || true
	wait_until 10 gone "$SERVER"
	SERVER=
}
page() { # page SCENARIO
	run python3 "$REPO/tests/python/ui_page.py" "$TOKEN" "$1"
	[[ $status == 0 && $output == *ok ]] || { printf '%s\n%s\n' "$output" "$(cat "$OUT.ui")" >&2; return 1; }
}

@test "it listens at loopback addresses and sockets, and refuses others by name" {
	local address
	for address in 0.0.0.0:0 10.1.2.3:80 '[::]:80' 192.0.2.1:443; do
		run -2 "$UI" --token-file "$TOKEN" --listen "$address"
		has "is no address of this machine alone"
		has "ssh -L"
	done
	for address in 127.0.0.1 :80 127.0.0.1:x '[::1:80' 127.0.0.1:65536; do
		run -2 "$UI" --token-file "$TOKEN" --listen "$address"
		has "expected ADDRESS:PORT"
	done
	run -2 "$UI" --token-file "$TOKEN" --listen unix:here
	has "begins with '/'"
	run -2 "$UI" --listen 127.0.0.1:0
	has "--listen and --token-file are needed"
	run -2 "$UI" --listen 127.0.0.1:0 --token-file "$TOKEN" --nonsense
	has "'--nonsense' is no flag of podshim-ui"
	[[ ! -e $TOKEN ]]
	touch "$BATS_TEST_TMPDIR/file"
	run -1 "$UI" --token-file "$TOKEN" --listen "unix:$BATS_TEST_TMPDIR/file"
	has "exists, and is no socket of this user"
	run -0 "$UI" --help
	has "--token-file FILE"
}

@test "wrong Host, Origin, token, cookie and subprotocol are refused" {
	serve
	page doors
	page frames_that_are_wrong
}

@test "a socket is this user's alone" {
	export SOCKET=$BATS_TEST_TMPDIR/ui.sock
	serve --listen "unix:$SOCKET"
	wait_until 10 test -S "$SOCKET"
	[[ $(stat -c %a "$SOCKET") == 600 ]]
	page by_socket
	stop_server
	[[ ! -e $SOCKET ]]
	[[ ! -e $TOKEN ]]
}

@test "a batch comes every 200 ms" {
	serve
	page beat
}

@test "without --actions it only shows" {
	serve
	page show_only
}

@test "denials are counted exactly, 5000 targets or few" {
	serve --actions
	page denials
}

@test "a slow client skips, is told so, and has the right totals" {
	serve --actions
	page slow
}

@test "hostile names and outputs stay what they are" {
	serve --actions
	page hostile
}

@test "the catalog's programs run, are talked to and explained" {
	mkdir -p "$EXAMPLES/birds"
	cat >"$EXAMPLES/birds/parrot.py" <<-'EOF'
		import sys
		try: open("/etc/shadow")
		except OSError: pass
		print("ready", flush=True)
		for line in sys.stdin: print("heard", line.strip(), flush=True)
		sys.exit(7)
	EOF
	cat >"$EXAMPLES/catalog.json" <<-'EOF'
		{ "version": 1, "examples": [ { "id": "parrot", "title": "Says what it hears", "risk": "low", "folder": "birds",
		  "command": ["podshim", "run", "--deny-read=/etc/shadow", "parrot.py"] } ] }
	EOF
	serve --actions --examples "$EXAMPLES"
	page catalog
	page policies
}

@test "a client comes back to where it was" {
	serve --actions
	page resume
}

@test "what does not listen to SIGTERM is stopped by force" {
	serve --actions
	page ends
}

@test "runners of a pod show their output, hear, and stop" {
	create --deny-read=/etc/shadow
	detached podshim pod launch -d --stdin "$POD" -- sh -c 'echo out; while read -r x; do echo heard $x; done'
	serve --actions
	export POD
	page pod
}

@test "an id that looks like a flag is an id" {
	detached podshim run -d --name=--all --deny-read=/etc/shadow -- sleep 600
	serve --actions
	page flag_id
	podshim delete --force -- --all
}

@test "pods of another user are looked at by whom their owner lets, and no more" {
	HERE=$(mktemp -d /tmp/podshim-ui-test.XXXXXX)
	chmod 755 "$HERE"
	cp "$PODSHIM" "$UI" "$HERE/"
	mkdir "$HERE/home"
	chown 65534:65534 "$HERE/home"
	ROOT=$HERE/root
	create --observe-group 65533
	RUNNER=$(podshim pod launch "$POD" -d -- sh -c 'echo seen; exec sleep 600' </dev/null 3>&-)
	OTHER=$ROOT NOWHERE=$HERE/nowhere TOKEN=$HERE/home/token
	export RUNNER OTHER NOWHERE
	mkdir "$NOWHERE"
	ln -s root.observe "$NOWHERE.observe"
	as_member --groups 65533
	page others
	stop_server
	as_member --clear-groups
	page others_denied
	stop_server
	run -2 "$UI" --token-file "$TOKEN" --listen 127.0.0.1:0 --observe here
	has "is no absolute path"
	podshim pod rm --force "$POD"
}

@test "a program in a terminal gets keys and sizes" {
	serve --actions
	page terminal
}

@test "so does a runner of a pod" {
	create --tty
	detached podshim pod launch -d --tty "$POD" -- sh -c 'echo in a pod; exec sh'
	serve --actions
	export POD
	page pod_terminal
}

@test "podshim watch may die: it is started again, and nothing is told twice" {
	serve --actions
	WATCH=$(pgrep -P "$SERVER" -f ' watch$')
	export WATCH
	page again
}

@test "nothing of it is left when it ends" {
	serve --actions
	page long_one
	id=${lines[0]}
	[[ $id == ui-* ]]
	podshim state "$id"
	[[ -n $(find "$BATS_TEST_TMPDIR" -path '*/podshim-ui-*/code-*.py') ]]
	stop_server
	[[ -z $(find "$BATS_TEST_TMPDIR" -maxdepth 1 -name 'podshim-ui-*') ]]
	run ! podshim state "$id"
	nothing_left
}

@test "an ordinary user has a page of his own" {
	can_userns
	HERE=$(mktemp -d /tmp/podshim-ui-test.XXXXXX)
	chmod 755 "$HERE"
	cp "$PODSHIM" "$UI" "$HERE/"
	mkdir "$HERE/home"
	chown 65534:65534 "$HERE" "$HERE/home"
	TOKEN=$HERE/home/token
	"${USER_IDS[@]}" "$HERE/podshim-ui" --token-file "$TOKEN" --root "$HERE/root" --podshim "$HERE/podshim" --listen 127.0.0.1:0 --actions \
		</dev/null >"$OUT.ui" 2>&1 3>&- &
	SERVER=$!
	wait_until 10 test -s "$TOKEN"
	[[ $(stat -c %u:%a "$TOKEN") == 65534:600 ]]
	page denials
}
