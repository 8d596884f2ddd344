#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: unshare --mount example_lines.bash WORK PAGE...
# Runs the examples of manual pages (scdoc sources) in the folder WORK, which has "podshim" in bin/, "echo" and a Python bundle.
# Lines of a command's page (*.1) stand each for itself, and each finds what it is about; other pages are read from top to bottom.
# State is below a /run/podshim that only this process and its children see.  Ends with 1 when an example fails.
set -Eeuo pipefail

readonly work=$1 here=${BASH_SOURCE[0]%/*}
readonly repo=$here/../../..
shift
cd "$work"
# The system's own python3, and a place for changes outside of the folder that examples write to.
export PATH=$work/bin:/usr/sbin:/usr/bin:/sbin:/bin XDG_STATE_HOME=$work.state PYTHONPATH=$repo/ipc/python PYTHONDONTWRITEBYTECODE=1
mkdir -p /run/podshim
mount -t tmpfs -o mode=0700 tmpfs /run/podshim
bad=0
trap 'echo "line $LINENO: what an example needs failed: $BASH_COMMAND" >&2' ERR

containers() {
	find /run/podshim -mindepth 1 -maxdepth 1 -type d ! -name '.*' -printf '%f\n'
}
wipe() {
	local name
	for name in /run/podshim/.pods/*/; do
		podshim pod rm --force "$(basename "$name")" >/dev/null 2>&1 || true
	done
	for name in $(containers); do
		podshim delete --force "$name" >/dev/null 2>&1 || true
	done
	for name in web 4f2a90b1c3d7; do
		podshim discard "$name" >/dev/null 2>&1 || true
	done
}
trap wipe EXIT

bundle() { # bundle ARG...: ./bundle runs them
	"$repo/example/hello/make-config" "$@" | jq '.annotations = { "io.podshim.channel": "1" } |
		.process.cwd = $cwd | .mounts += [{ destination: "/work", type: "bind", source: $d, options: ["rbind"] }]' \
		--arg d "$work" --arg cwd "${cwd:-/}" >bundle/config.json
}
# A container in the state that the example is about.
web() { # web SCRIPT [FLAG...]
	bundle sh -c "$1"
	podshim run -d -b ./bundle "${@:2}" web >said 2>&1 || { cat said; return 1; }
}
stopped() { [[ $(podshim state "$1" | jq -r .status) == stopped ]]; }
await() { local n; for ((n = 0; n < 500; n++)); do "$@" >/dev/null 2>&1 && return; sleep 0.02; done; return 1; }

# Twenty connections that are denied, so that there is an event 17.
denied() { web 'for p in $(seq 1 20); do nc -w 1 127.0.0.1 $p </dev/null; done; touch /tmp/done; sleep 600' --allow-net=10.0.0.1:1 --allow-read --allow-write --allow-run; }
denied_all() { [[ $(podshim audit --format json web | grep -c deny) -ge 18 ]]; }

pod() { # pod ARG...: runner 7 of the pod jobs runs them
	local id=
	bundle sleep 600
	podshim pod create --warm 2 jobs ./bundle >/dev/null
	while [[ $id != jobs.7 ]]; do
		id=$(podshim pod launch jobs -d -- "$@")
	done
}
kept() { # kept ID: its changes are kept
	rm -rf src docs build
	bundle sh -c 'mkdir -p /work/src /work/docs /work/build && echo x >/work/src/main.c && echo x >/work/docs/a && echo x >/work/build/b'
	podshim run --undo --allow-write=/work --allow-read --allow-run -b ./bundle "$1" >/dev/null 2>&1
}

# Ends what an example follows.
later() { (sleep 1 && "$@" >/dev/null 2>&1) & }

stage() {
	bundle sh -c 'echo hello'
	case $1 in
	*"policy init -o"*) rm -f policy.json ;;
	*policy.json*) echo '{"podshimPolicy": 1, "permissions": {"read": true, "run": true}}' >policy.json ;;
	esac
	case $1 in
	"podshim delete web"*) web true; await stopped web ;;
	*"'^ci-'"*) bundle sleep 600; podshim run -d -b ./bundle ci-1 >/dev/null 2>&1 ;;
	"podshim resume web") web 'sleep 600'; podshim pause web ;;
	"podshim diff web"* | "podshim diff --format"* | "podshim commit web"* | "podshim discard web"*) kept web ;;
	*4f2a90b1c3d7) kept 4f2a90b1c3d7 ;;
	*"audit --follow"*) denied; await denied_all; later podshim delete --force web ;;
	"podshim audit"* | "podshim explain"*web*) denied; await denied_all ;;
	"podshim watch web" | "podshim watch --no-follow"* | "podshim events --interval"*) web 'sleep 600'; later podshim delete --force web ;;
	"podshim watch jobs"*) pod true; later podshim pod rm --force jobs ;;
	"podshim pod create"*) bundle sleep 600 ;;
	"podshim pod logs"* | "podshim pod attach"* | "podshim pod wait"*) pod sh -c 'echo x; sleep 1' ;;
	"podshim pod send"*) pod /echo ;;
	"podshim pod stats --watch"*) pod sleep 600; later podshim pod rm --force jobs ;;
	*" py --json --code"*) podshim pod create --interpreter py ./python >/dev/null ;;
	"podshim pod launch jobs --deny-net"*) cwd=/srv/in bundle sleep 600; podshim pod create --allow-all jobs ./bundle >/dev/null ;;
	"podshim pod "*) pod sleep 600 ;;
	"podshim spec"*) rm bundle/config.json ;;
	"podshim run"* | "podshim create"* | "podshim check"* | "podshim plan"* | "podshim policy init"* | *"policy.json ./bundle") ;;
	"podshim exec --deny-net"*) cwd=/srv/public web 'sleep 600' --allow-read --allow-write --allow-run --allow-net=10.0.0.1:1 ;;
	*" web"*) web 'sleep 600' --allow-read --allow-write --allow-run --allow-net=10.0.0.1:1 ;;
	esac
}

# The status that an example may have: what is denied is status 1 of explain.
expected() {
	case $1 in
	*"podshim explain"* | *"policy test"*) (($2 < 2)) ;;
	*) (($2 == 0)) ;;
	esac
}

example() { # example PAGE TEXT
	local status=0 run=(timeout 60 bash -euo pipefail -c "$2")
	# A terminal at which somebody says goodbye.
	[[ $2 != *"exec -t"* ]] || run=(timeout 60 script -qec "$2" /dev/null)
	"${run[@]}" >"$work/said" 2>&1 < <([[ $2 != *"exec -t"* ]] || echo exit) || status=$?
	wait
	if ! expected "$2" "$status"; then
		printf '%s: exit status %d: %s\n' "$1" "$status" "$2"
		sed 's/^/    /' "$work/said"
		bad=1
	fi
}

# The literal blocks of the section EXAMPLES, each ended by a line of a NUL.
examples() {
	awk '/^# /{ on = ($2 == "EXAMPLES") } /^```/{ if (on && lit) printf "%c\n", 0; lit = !lit; next } on && lit' "$1" | sed 's/\\\\/\\/g'
}

for page in "$@"; do
	# A page without examples is one that nobody has tried.
	[[ -n $(examples "$page" | tr -d '\0') ]] || { echo "$page: no examples"; bad=1; }
	if [[ $page == */podshim-*.1 ]]; then
		while IFS= read -r line <&9; do
			stage "$line"
			example "$page" "$line"
			wipe
		done 9< <(examples "$page" | tr -d '\0' | grep .)
	else
		bundle sh -c 'echo hello'
		while IFS= read -r -d '' block <&9; do
			example "$page" "$block"
		done 9< <(examples "$page")
		wipe
	fi
done
exit "$bad"
