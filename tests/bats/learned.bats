#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Real programs under what `learn` says of them: one run to learn, one with the flags that came out, one that does something else.

load lib/callers
load lib/common
load lib/requires
load lib/wait

setup() {
	common_setup
	requires root podshim setpriv
	# A place of an ordinary user's, which is not below /tmp.
	open_place /var/tmp/podshim-learned.XXXXXX home
	PIDS=()
}
teardown() {
	((${#PIDS[@]} == 0)) || kill "${PIDS[@]}" 2>/dev/null || true
	common_teardown
	close_place
}

as() { # as root|user ARG...
	local who=() root=$HERE/root-$1
	[[ $1 == root ]] || who=("${USER_IDS[@]}")
	shift
	"${who[@]}" timeout -k 5 120 "$HERE/podshim" --root "$root" "$@"
}
both() { # both FUNCTION: for each kind of caller
	"$1" root
	user_has_userns || return 0
	"$1" user
}
owned() { # owned WHO PATH...
	if [[ $1 == root ]]; then chown -R 0:0 "${@:2}"; else chown -R 65534:65534 "${@:2}"; fi
}
# learn WHO ARG...: FLAGS are what came out.
learn() {
	local who=$1
	shift
	rm -rf learned
	run -0 as "$who" learn -o learned "$@"
	eval "FLAGS=($(cat learned/flags.txt))"
}
# The same once more, with what was learned.
again() {
	local who=$1
	shift
	run -0 as "$who" run "${FLAGS[@]}" "$@"
}
refused() { # refused WHO ARG...: it fails under what was learned
	local who=$1
	shift
	run as "$who" run "${FLAGS[@]}" "$@"
	((status != 0)) || { printf 'not refused: %s\n%s\n' "$*" "$output" >&2; return 1; }
}
# A web server of folder $1 on the loopback device: PORT.
serve() {
	python3 -u -m http.server --bind 127.0.0.1 --directory "$1" 0 >"$HERE/served" 2>&1 </dev/null 3>&- &
	PIDS+=($!)
	wait_file "$HERE/served" "Serving HTTP"
	PORT=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' "$HERE/served")
}

learns_git() {
	requires git
	local git=(git -c user.name=n -c user.email=n@example.com -C "$PWD/repo")
	git -c init.defaultBranch=main init -q repo
	echo one >repo/one
	mkdir -p other
	owned "$1" repo
	learn "$1" --allow-write="$PWD/repo" -- sh -c 'cd repo && git add one && git -c user.name=n -c user.email=n@example.com commit -qm first && git log --format=%s'
	has first
	echo two >repo/two
	owned "$1" repo
	again "$1" -- sh -c 'cd repo && git add two && git -c user.name=n -c user.email=n@example.com commit -qm second && git log --format=%s'
	has second
	refused "$1" -- git -c init.defaultBranch=main init -q "$PWD/other/new"
	rm -rf repo other
}
@test "git: a commit in a repository, and in no other place" {
	both learns_git
}

learns_curl() {
	requires curl
	mkdir -p www
	echo page >www/page
	serve www
	local first=$PORT
	serve www
	learn "$1" --allow-net="127.0.0.1:$first" -- curl -sS "http://127.0.0.1:$first/page"
	has page
	again "$1" -- curl -sS "http://127.0.0.1:$first/page"
	has page
	refused "$1" -- curl -sS "http://127.0.0.1:$PORT/page"
	has "127.0.0.1:$PORT (connect by curl"
}
@test "curl: one server, and not the one beside it" {
	both learns_curl
}

# A package of Python's in an index of files, made by hand: nothing is built.
local_index() {
	mkdir -p index/simple/podshim-greeting
	/usr/bin/python3 - <<-'EOT'
		import zipfile
		with zipfile.ZipFile("index/podshim_greeting-1.0-py3-none-any.whl", "w") as z:
		    z.writestr("podshim_greeting.py", "text = 'hello from a package'\n")
		    z.writestr("podshim_greeting-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: podshim-greeting\nVersion: 1.0\n")
		    z.writestr("podshim_greeting-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
		    z.writestr("podshim_greeting-1.0.dist-info/RECORD", "podshim_greeting.py,,\n")
	EOT
	echo '<a href="../../podshim_greeting-1.0-py3-none-any.whl">podshim_greeting-1.0-py3-none-any.whl</a>' >index/simple/podshim-greeting/index.html
}
learns_pip() {
	/usr/bin/python3 -m pip --version >/dev/null || skip "needs pip of /usr/bin/python3"
	local_index
	serve index
	mkdir -p site
	owned "$1" site
	local pip=(/usr/bin/python3 -m pip --no-cache-dir --disable-pip-version-check install -q --no-deps --upgrade --target "$PWD/site" podshim-greeting)
	learn "$1" --allow-net="127.0.0.1:$PORT" --allow-write="$PWD/site" -- "${pip[@]}" -i "http://127.0.0.1:$PORT/simple/"
	rm -rf site/*
	again "$1" -- "${pip[@]}" -i "http://127.0.0.1:$PORT/simple/"
	[[ $(cat site/podshim_greeting.py) == "text = 'hello from a package'" ]]
	run -0 as "$1" run --allow-read="$PWD/site" --allow-env=PYTHONPATH -e PYTHONPATH="$PWD/site" -- \
		/usr/bin/python3 -c 'import podshim_greeting; print(podshim_greeting.text)'
	has "hello from a package"
	refused "$1" -- "${pip[@]}" -i "http://127.0.0.1:1/simple/"
	rm -rf site
}
@test "pip installs from an index on the loopback device" {
	both learns_pip
}

# Threads without a C library, in a static program that can be anywhere: what Go makes.
learns_threads() { # learns_threads WHO COMPILER...
	local who=$1 listed other
	read -r listed other <srv/ports
	"${@:2}" -O2 -o threads "$REPO/tests/security/weaver.c" -pthread
	learn "$who" --allow-net="127.0.0.1:$listed" -- ./threads srv "$listed" "$other" 100
	# What it was refused it has learned nothing of.
	[[ ${FLAGS[*]} == "--allow-net=127.0.0.1:$listed" ]]
	again "$who" -- ./threads srv "$listed" "$other" 1000
	has "raw clone: listed reached, other not reached"
	has "signals: all connected, 0 leaks"
	refused "$who" -- cat in/file
}
@test "static-pie, static and dynamic programs of both C libraries, with threads that no library made" {
	requires gcc musl-gcc
	local who musl=(musl-gcc -idirafter /usr/include -idirafter "/usr/include/$(gcc -print-multiarch)")
	mkdir in srv
	echo data >in/file
	chmod 777 srv
	gcc -static -O2 -o callee "$REPO/tests/security/callee.c"
	./callee srv </dev/null >/dev/null 2>&1 3>&- &
	PIDS+=($!)
	wait_file srv/ports " "
	for who in root user; do
		[[ $who == root ]] || user_has_userns || continue
		learns_threads $who gcc -static-pie
		learns_threads $who gcc
		learns_threads $who "${musl[@]}" -static
		learns_threads $who "${musl[@]}"
	done
}

learns_go() {
	local program
	for program in "runc --version" "ctr --version" "containerd --version"; do
		command -v "${program%% *}" >/dev/null || continue
		# shellcheck disable=SC2086  # words
		learn "$1" -- $program
		# shellcheck disable=SC2086
		again "$1" -- $program
		has "${program%% *}"
		refused "$1" -- cat /etc/fstab
	done
	# Where there are static ones of Go's.
	! command -v kubectl >/dev/null || {
		learn "$1" -- kubectl version --client
		again "$1" -- kubectl version --client
		has "Client Version"
	}
}
@test "Go: programs with its runtime" {
	requires runc ctr
	both learns_go
}

learns_go_net() {
	requires podman
	mkdir -p www/_ping
	cat >engine.py <<-'EOT'
		import http.server
		class Handler(http.server.BaseHTTPRequestHandler):
		    def do_GET(self):
		        print("asked", self.path, flush=True)
		        self.send_response(200)
		        self.send_header("Libpod-API-Version", "4.3.1")
		        self.end_headers()
		        self.wfile.write(b"{}")
		server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
		print("port", server.server_port, flush=True)
		server.serve_forever()
	EOT
	local port
	python3 engine.py </dev/null >engine 2>/dev/null 3>&- &
	PIDS+=($!)
	wait_file engine port
	port=$(sed -n 's/port //p' engine)
	learn "$1" --allow-net="127.0.0.1:$port" --allow-write=/tmp --env HOME=/tmp -- podman --remote --url "tcp://127.0.0.1:$port" version --format '{{.Client.Version}}'
	again "$1" --env HOME=/tmp -- podman --remote --url "tcp://127.0.0.1:$port" version --format '{{.Client.Version}}'
	(($(grep -c 'asked.*_ping' engine) >= 2))
	refused "$1" --env HOME=/tmp -- podman --remote --url "tcp://127.0.0.1:1" version
	has "127.0.0.1:1 (connect by podman"
}
@test "Go: connections of its own runtime" {
	both learns_go_net
}

learns_java() {
	requires java
	learn "$1" -- java -version
	again "$1" -- java -version
	has version
	[[ " ${FLAGS[*]} " == *" --jit "* ]]
}
@test "java: its libraries, and code that it makes at run time" {
	both learns_java
}
