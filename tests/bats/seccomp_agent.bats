#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# SCMP_ACT_NOTIFY: who answers calls that the document's filter hands over.

load lib/common
load lib/bundle
load lib/requires
load lib/wait

setup() {
	common_setup
	requires root
	new_bundle
	AGENT=$BATS_TEST_TMPDIR/agent.sock
	SAID=$BATS_TEST_TMPDIR/said
	AGENT_PID=
}
teardown() {
	[[ -z $AGENT_PID ]] || kill "$AGENT_PID"
	common_teardown
}

start_agent() {
	python3 "$BATS_TEST_DIRNAME/lib/agent.py" "$AGENT" "$SAID" </dev/null >/dev/null 2>&1 3>&- &
	AGENT_PID=$!
	wait_until 30 test -S "$AGENT"
}

# asks NO_NEW_PRIVS CALL...: the filter of the container.
asks() {
	local nnp=$1
	shift
	# shellcheck disable=SC2016  # jq's variables
	config --arg agent "$AGENT" --argjson nnp "$nnp" '.process.noNewPrivileges = $nnp | .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
		listenerPath: $agent, listenerMetadata: "a \"word\"", syscalls: [{names: $ARGS.positional, action: "SCMP_ACT_NOTIFY"}]}' --args -- "$@"
}

@test "run: the agent answers, with no_new_privs and without, and knows the container" {
	local nnp
	start_agent
	shell 'mkdir /tmp/x; echo status $?'
	for nnp in true false; do
		asks $nnp mkdir mkdirat
		run_bundle
		has "No medium found"
		has "status 1"
	done
	[ "$(wc -l <"$SAID")" = 2 ]
	jq -e --arg id "$CID" --arg bundle "$BUNDLE" '.fds == ["seccompFd"] and .metadata == "a \"word\"" and .pid > 1 and .state.pid == .pid and
		.state.id == $id and .state.bundle == $bundle and .state.status == "created" and .ociVersion and .state.ociVersion' "$SAID"
	assert_nothing_left
}

@test "create, start, exec: the pid is the container's, and the calls that take us there may be asked about" {
	local nnp
	start_agent
	payload sleep 600
	for nnp in true false; do
		: >"$SAID"
		asks $nnp mkdir mkdirat execve
		detached podshim create -b "$BUNDLE" "$CID"
		[ ! -s "$SAID" ]
		podshim start "$CID"
		[ "$(jq .pid "$SAID")" = "$(init_pid)" ]
		run podshim exec "$CID" mkdir /tmp/x
		[ "$status" = 1 ]
		has "No medium found"
		[ "$(wc -l <"$SAID")" = 2 ]
		[ "$(tail -n 1 "$SAID" | jq -c '[.pid, .state.status]')" = "[$(init_pid),\"running\"]" ]
		podshim delete --force "$CID"
	done
	assert_nothing_left
}

@test "an agent that is not there fails the launch, one that is gone its calls" {
	shell 'until [ -e /dev/shm/go ]; do sleep 0.1; done; mkdir /tmp/x; echo status $?'
	asks true mkdir mkdirat
	run_bundle -1
	is "podshim: config.json: /linux/seccomp/listenerPath: failed to connect with seccomp agent: nobody listens at '$AGENT'"
	assert_nothing_left
	start_agent
	"$PODSHIM" --root "$ROOT" run -b "$BUNDLE" "$CID" </dev/null >"$OUT" 2>&1 3>&- &
	local launcher=$!
	wait_status running
	kill -KILL "$AGENT_PID"
	wait "$AGENT_PID" || true
	AGENT_PID=
	podshim exec "$CID" true 2>/dev/null && return 1
	touch "/proc/$(init_pid)/root/dev/shm/go"
	wait "$launcher"
	grep -q "Function not implemented" "$OUT"
	assert_nothing_left
}

@test "run.oci.seccomp.receiver: the agent where the document names none" {
	shell 'mkdir /tmp/x; echo status $?'
	asks true mkdir mkdirat
	config --arg agent "$AGENT" 'del(.linux.seccomp.listenerPath, .linux.seccomp.listenerMetadata) | .annotations["run.oci.seccomp.receiver"] = $agent'
	run_bundle -1
	is "podshim: config.json: /annotations/run.oci.seccomp.receiver: failed to connect with seccomp agent: nobody listens at '$AGENT'"
	assert_nothing_left
	start_agent
	run_bundle
	has "No medium found"
	[ "$(wc -l <"$SAID")" = 1 ]
	assert_nothing_left
}

@test "a container that joins a pid namespace cannot have an agent" {
	start_agent
	payload true
	asks true mkdir
	config '.linux.namespaces |= map(if .type == "pid" then .path = "/proc/self/ns/pid" else . end)'
	run_bundle -1
	has "/linux/seccomp: SCMP_ACT_NOTIFY in a container that joins a pid namespace: not supported"
	assert_nothing_left
}

@test "permissions that ask a supervisor and an agent exclude each other" {
	start_agent
	payload true
	asks true mkdir
	run_bundle -1 --allow-net=example.org
	has "SCMP_ACT_NOTIFY beside permissions that ask a supervisor: not supported"
	assert_nothing_left
}
