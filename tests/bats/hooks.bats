#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# hooks: order, namespaces, what they get on stdin, and what their failure means.

load lib/common
load lib/bundle
load lib/requires
load lib/wait

setup() {
	common_setup
	requires root
	new_bundle
	LOG=$BATS_TEST_TMPDIR/hooks.log
	: >"$LOG"
	cat >"$BATS_TEST_TMPDIR/hook" <<-EOF
		#!/bin/sh
		# hook KIND [EXIT]: one line "KIND STATUS PID", the state in KIND.json
		state=\$(cat)
		echo "\$1 \$(echo "\$state" | sed 's/.*"status":"\([a-z]*\)".*/\1/')" >>"$LOG"
		printf '%s' "\$state" >"$BATS_TEST_TMPDIR/\$1.json"
		readlink /proc/self/ns/mnt >"$BATS_TEST_TMPDIR/\$1.mnt"
		env >"$BATS_TEST_TMPDIR/\$1.env"
		exit \${2:-0}
	EOF
	chmod 755 "$BATS_TEST_TMPDIR/hook"
}
teardown() {
	common_teardown
}

hook() { # hook KIND [EXIT]
	# shellcheck disable=SC2016
	config --arg k "$1" --arg p "$BATS_TEST_TMPDIR/hook" --arg e "${2:-0}" '.hooks[$k] += [{path: $p, args: ["hook", $k, $e]}]'
}
# startContainer resolves its path in the container.
inner_hook() { # inner_hook EXIT
	printf '#!/bin/sh\ncat >/tmp/start.json\nexit %s\n' "${1:-0}" >"$ROOTFS/hook"
	chmod 755 "$ROOTFS/hook"
	config '.hooks.startContainer += [{path: "/hook", args: ["hook"]}] | .root.readonly = false'
}

@test "hooks: the order of all six" {
	hook prestart
	hook createRuntime
	hook createContainer
	inner_hook
	hook poststart
	hook poststop
	payload sleep 600
	detached podshim create -b "$BUNDLE" "$CID"
	[ "$(cut -d' ' -f1 "$LOG" | xargs)" = "prestart createRuntime createContainer" ]
	[ ! -e "$ROOTFS/tmp/start.json" ]
	detached podshim start "$CID"
	[ -e "$ROOTFS/tmp/start.json" ]
	[ "$(cut -d' ' -f1 "$LOG" | xargs)" = "prestart createRuntime createContainer poststart" ]
	podshim kill "$CID" KILL
	wait_status stopped
	podshim delete "$CID"
	[ "$(cut -d' ' -f1 "$LOG" | xargs)" = "prestart createRuntime createContainer poststart poststop" ]
	assert_nothing_left
}

@test "hooks: several of a kind run in the order listed" {
	config --arg p "$BATS_TEST_TMPDIR/hook" '.hooks.createRuntime = [{path: $p, args: ["hook", "one"]}, {path: $p, args: ["hook", "two"]}]'
	payload true
	run_bundle
	[ "$(cut -d' ' -f1 "$LOG" | xargs)" = "one two" ]
}

@test "hooks: the state on stdin" {
	hook prestart
	hook createRuntime
	hook createContainer
	inner_hook
	hook poststart
	hook poststop
	config '.annotations = {"k/e\"y": "v/a\\l"}'
	payload sleep 600
	detached podshim create -b "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$CID"
	detached podshim start "$CID"
	podshim kill "$CID" KILL
	wait_status stopped
	podshim delete "$CID"
	local k f
	for k in prestart createRuntime createContainer poststart poststop; do
		f=$BATS_TEST_TMPDIR/$k.json
		jq -e --arg id "$CID" --arg b "$BUNDLE" '.id == $id and .bundle == $b and (.ociVersion | startswith("1.")) and .annotations["k/e\"y"] == "v/a\\l"' "$f"
		! is_podshim || [ "$(wc -l <"$f")" -le 1 ]
		# Conventional JSON: slashes are not escaped.
		! grep -q '\\/' "$f"
	done
	[ "$(jq .pid "$BATS_TEST_TMPDIR/createRuntime.json")" = "$(cat "$BATS_TEST_TMPDIR/pid")" ]
	[ "$(jq -r .status "$BATS_TEST_TMPDIR/createRuntime.json")" = creating ]
	[ "$(jq -r .status "$BATS_TEST_TMPDIR/poststart.json")" = running ]
	[ "$(jq -r .status "$BATS_TEST_TMPDIR/poststop.json")" = stopped ]
	[ "$(jq .pid "$ROOTFS/tmp/start.json")" = 1 ]
	[ "$(jq -r .status "$ROOTFS/tmp/start.json")" = created ]
}

@test "hooks: runtime hooks run in the host's namespaces, createContainer in the container's" {
	hook createRuntime
	hook createContainer
	hook poststart
	payload true
	run_bundle
	local host
	host=$(readlink /proc/self/ns/mnt)
	[ "$(cat "$BATS_TEST_TMPDIR/createRuntime.mnt")" = "$host" ]
	[ "$(cat "$BATS_TEST_TMPDIR/poststart.mnt")" = "$host" ]
	[ "$(cat "$BATS_TEST_TMPDIR/createContainer.mnt")" != "$host" ]
}

@test "hooks: env if given is exactly that" {
	config --arg p "$BATS_TEST_TMPDIR/hook" '.hooks.createRuntime = [{path: $p, args: ["hook", "given"], env: ["PATH=/usr/bin:/bin", "ONLY=this"]}]'
	payload true
	run_bundle
	grep -qx ONLY=this "$BATS_TEST_TMPDIR/given.env"
	! grep -q BATS "$BATS_TEST_TMPDIR/given.env"
}

@test "hooks: startContainer has the environment of the process, nothing of the caller's" {
	printf '#!/bin/sh\nenv >/tmp/start.env\n' >"$ROOTFS/start-env"
	chmod 755 "$ROOTFS/start-env"
	config '.process.env += ["OF_THE=process"] | .hooks.startContainer = [{path: "/start-env"}] | .root.readonly = false'
	payload true
	OF_THE=caller run_bundle
	grep -qx OF_THE=process "$ROOTFS/tmp/start.env"
	grep -qx HOME=/root "$ROOTFS/tmp/start.env"
	! grep -q BATS "$ROOTFS/tmp/start.env"
}

@test "hooks: createContainer starts in the root file system" {
	config '.hooks.createContainer = [{path: "/bin/sh", args: ["sh", "-c", "touch ./by-hook"]}]'
	run_shell 'ls /by-hook'
	is /by-hook
}

@test "hooks: createContainer may change mounts before pivot" {
	printf '#!/bin/sh\nmount -t tmpfs none "%s/mnt" && touch "%s/mnt/by-hook"\n' "$ROOTFS" "$ROOTFS" >"$BATS_TEST_TMPDIR/mounter"
	chmod 755 "$BATS_TEST_TMPDIR/mounter"
	mkdir -p "$ROOTFS/mnt"
	config --arg p "$BATS_TEST_TMPDIR/mounter" '.hooks.createContainer = [{path: $p}]'
	run_shell 'ls /mnt'
	is by-hook
	[ ! -e "$ROOTFS/mnt/by-hook" ]
}

@test "hooks: a failing create hook undoes the create and runs poststop" {
	local k
	for k in prestart createRuntime createContainer; do
		"$REPO/example/hello/make-config" true >"$BUNDLE/config.json"
		: >"$LOG"
		hook "$k" 9
		hook poststop
		attempt podshim create -b "$BUNDLE" "$CID"
		[ "$status" -ne 0 ]
		! is_podshim || has "$k"
		[ "$(grep -c poststop "$LOG")" = 1 ] || ! is_podshim
		assert_nothing_left
	done
}

@test "hooks: a failing startContainer or poststart destroys the container" {
	requires podshim
	local k
	for k in startContainer poststart; do
		new_bundle sleep 600
		: >"$LOG"
		case $k in
		startContainer) inner_hook 3 ;;
		poststart) hook poststart 3 ;;
		esac
		hook poststop
		detached podshim create -b "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$CID"
		attempt podshim start "$CID"
		[ "$status" -ne 0 ]
		has "$k"
		wait_until 10 gone "$(cat "$BATS_TEST_TMPDIR/pid")"
		podshim delete --force "$CID"
		[ "$(grep -c poststop "$LOG")" = 1 ]
		assert_nothing_left
	done
}

@test "hooks: a failing poststop is only a warning" {
	hook poststop 5
	payload true
	run_bundle
	assert_nothing_left
}

@test "hooks: a timeout kills the hook and fails" {
	config '.hooks.createRuntime = [{path: "/bin/sleep", args: ["sleep", "600"], timeout: 1}]'
	payload true
	attempt podshim create -b "$BUNDLE" "$CID"
	[ "$status" -ne 0 ]
	[[ $output == *imeout* || $output == *second* || $output == *"timed out"* || $output == *killed* ]]
	assert_nothing_left
}

@test "hooks: a relative or missing path is refused" {
	requires podshim
	config '.hooks.createRuntime = [{path: "bin/true"}]'
	attempt podshim create -b "$BUNDLE" "$CID"
	[ "$status" -ne 0 ]
	has hooks
	config '.hooks.createRuntime = [{path: "/no/such/hook"}]'
	attempt podshim create -b "$BUNDLE" "$CID"
	[ "$status" -ne 0 ]
	has /no/such/hook
	assert_nothing_left
}

@test "hooks: a hook that does not read its stdin is fine" {
	config '.hooks.createRuntime = [{path: "/bin/true"}] | .annotations = {"big": ("x" * 100000)}'
	payload true
	run_bundle
}

@test "hooks: hooks keep no fd of the runtime" {
	printf '#!/bin/sh\nls -l /proc/self/fd >"%s"\n' "$BATS_TEST_TMPDIR/fds" >"$BATS_TEST_TMPDIR/lister"
	chmod 755 "$BATS_TEST_TMPDIR/lister"
	config --arg p "$BATS_TEST_TMPDIR/lister" '.hooks.createRuntime = [{path: $p}]'
	payload true
	run_bundle
	# 0, 1, 2 and ls' own.
	[ "$(grep -c -- '->' "$BATS_TEST_TMPDIR/fds")" -le 4 ]
}

@test "startContainer: a program of the container has no more rights than the payload" {
	mkdir -m 1777 "$ROOTFS/out"
	config '.process.user = {uid: 1000, gid: 1000}
		| .process.noNewPrivileges = true
		| .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["sethostname"], action: "SCMP_ACT_ERRNO"}]}
		| .root.readonly = false
		| .hooks.startContainer = [{path: "/bin/sh",
			args: ["sh", "-c", "grep -E \"^(Uid|CapEff|Seccomp|NoNewPrivs):\" /proc/self/status > /out/hook"]}]'
	run_shell 'grep -E "^(Uid|CapEff|Seccomp|NoNewPrivs):" /proc/self/status > /out/payload; diff /out/hook /out/payload && echo same'
	is same
	grep -q $'^Seccomp:\t2' "$ROOTFS/out/hook"
	grep -q $'^Uid:\t1000' "$ROOTFS/out/hook"
}

@test "hooks: a launch that fails in a frozen cgroup leaves nothing" {
	requires podshim jq cgroup_v1:freezer
	cat >"$BATS_TEST_TMPDIR/freeze" <<-'EOF'
		#!/bin/sh
		pid=$(jq .pid)
		echo FROZEN >"$(awk -F: '$2 == "freezer" { print "/sys/fs/cgroup/freezer" $3 }' "/proc/$pid/cgroup")/freezer.state"
		exit 1
	EOF
	chmod +x "$BATS_TEST_TMPDIR/freeze"
	local kind
	for kind in prestart poststart; do
		config --arg kind "$kind" --arg hook "$BATS_TEST_TMPDIR/freeze" '.process.args = ["sleep", "600"] | .hooks = { ($kind): [{ path: $hook }] }'
		run timeout 8 "$PODSHIM" --root "$ROOT" run -b "$BUNDLE" "$CID" </dev/null
		[ "$status" = 1 ]
		has "$kind"
		lacks "does not end"
		assert_nothing_left
	done
}

@test "run.oci.hooks.stdout and stderr: files that get what hooks of all kinds print, added to" {
	local kind
	printf '#!/bin/sh\ncat >/dev/null\necho "out $1"\necho "err $1" >&2\nexit ${2:-0}\n' >"$BATS_TEST_TMPDIR/speak"
	chmod 755 "$BATS_TEST_TMPDIR/speak"
	cp "$BATS_TEST_TMPDIR/speak" "$ROOTFS/speak"
	config --arg d "$BATS_TEST_TMPDIR" '.annotations = {"run.oci.hooks.stdout": ($d + "/hooks.out"), "run.oci.hooks.stderr": ($d + "/hooks.err")}
		| .hooks.startContainer = [{path: "/speak", args: ["speak", "startContainer"]}]'
	for kind in createRuntime createContainer poststart poststop; do
		config --arg k "$kind" --arg p "$BATS_TEST_TMPDIR/speak" '.hooks[$k] = [{path: $p, args: ["speak", $k]}]'
	done
	echo before >"$BATS_TEST_TMPDIR/hooks.out"
	payload sleep 600
	detached podshim create -b "$BUNDLE" "$CID"
	is ""
	run -0 podshim start "$CID"
	is ""
	run -0 podshim delete --force "$CID"
	is ""
	[ "$(cat "$BATS_TEST_TMPDIR/hooks.out")" = "$(printf '%s\n' before out\ {createRuntime,createContainer,startContainer,poststart,poststop})" ]
	[ "$(cat "$BATS_TEST_TMPDIR/hooks.err")" = "$(printf '%s\n' err\ {createRuntime,createContainer,startContainer,poststart,poststop})" ]
	[ "$(stat -c %a "$BATS_TEST_TMPDIR/hooks.err")" = 600 ]
	# A failure is told with its words all the same, and the file has them.
	config --arg p "$BATS_TEST_TMPDIR/speak" '.hooks = {createRuntime: [{path: $p, args: ["speak", "again", "3"]}]}'
	attempt podshim create -b "$BUNDLE" "$CID"
	[ "$status" -eq 1 ]
	has "exit status 3, stderr: err again"
	[ "$(tail -n 1 "$BATS_TEST_TMPDIR/hooks.err")" = "err again" ]
	assert_nothing_left
}

@test "run.oci.hooks.stdout: a file that cannot be opened fails create" {
	hook createRuntime
	payload true
	config '.annotations["run.oci.hooks.stdout"] = "/"'
	attempt podshim create -b "$BUNDLE" "$CID"
	[ "$status" -eq 1 ]
	has "config.json: /annotations/run.oci.hooks.stdout: open '/' for what hooks print: "
	assert_nothing_left
	[ ! -s "$LOG" ]
}

@test "a hook's time limit holds while it prints without an end" {
	payload true
	config '.annotations = {"run.oci.hooks.stdout": "/dev/null", "run.oci.hooks.stderr": "/dev/null"}
		| .hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", "yes & exec yes >&2"], timeout: 1}]'
	attempt podshim create -b "$BUNDLE" "$CID"
	[ "$status" -eq 1 ]
	has "timed out and was killed, stderr: y y"
	assert_nothing_left
}
