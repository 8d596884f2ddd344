#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Kubernetes: the CRI plugin of containerd with podshim as a runtime class, by example/containerd/config.toml.

load lib/common
load lib/bundle
load lib/requires
load lib/wait
load lib/containerd

setup_file() {
	requires /usr/bin/python3
	/usr/bin/python3 -c 'import grpc' || skip "no python3-grpcio"
	containerd_setup_file cri
}
teardown_file() {
	containerd_teardown_file
}
setup() {
	requires root containerd ctr
	NAME=t$BATS_TEST_NUMBER
	POD='' CONTAINER=''
}
teardown() {
	[[ -z $CONTAINER ]] || { cri StopContainer '{"container_id": "'"$CONTAINER"'"}'; cri RemoveContainer '{"container_id": "'"$CONTAINER"'"}'; } >/dev/null || true
	[[ -z $POD ]] || { cri StopPodSandbox '{"pod_sandbox_id": "'"$POD"'"}'; cri RemovePodSandbox '{"pod_sandbox_id": "'"$POD"'"}'; } >/dev/null || true
}

cri() {
	/usr/bin/python3 "$BATS_TEST_DIRNAME/lib/cri.py" "$CTD/sock" "$@" 3>&-
}

# A pod in the host's network (others need CNI plugins), of the runtime class podshim.
new_pod() { # new_pod [JQ]
	POD_CONFIG=$(jq -cn --arg name "$NAME" --arg uid "$NAME-$$" --arg logs "$BATS_TEST_TMPDIR" \
		'{metadata: {name: $name, uid: $uid, namespace: "test"}, log_directory: $logs, linux: {cgroup_parent: ("/cri-" + $uid), security_context: {namespace_options: {network: 2}}}} | '"${1:-.}")
	POD=$(cri RunPodSandbox "{\"runtime_handler\": \"podshim\", \"config\": $POD_CONFIG}" | jq -r .pod_sandbox_id)
	[[ -n $POD ]]
}
create_container() { # create_container [JQ]
	local config
	config=$(jq -cn '{metadata: {name: "c"}, image: {image: "docker.io/test/busybox:test"}, command: ["sleep", "600"], log_path: "c.log",
		linux: {security_context: {namespace_options: {network: 2}, no_new_privs: 1}}} | '"${1:-.}")
	CONTAINER=$(cri CreateContainer "{\"pod_sandbox_id\": \"$POD\", \"sandbox_config\": $POD_CONFIG, \"config\": $config}" | jq -r .container_id)
	[[ -n $CONTAINER ]]
}
start_container() {
	cri StartContainer "{\"container_id\": \"$CONTAINER\"}"
}
container_status() {
	cri ContainerStatus "{\"container_id\": \"$CONTAINER\"}" | jq -c .status
}
exited() {
	[[ $(container_status | jq .state) == 2 ]]
}
in_container() { # in_container COMMAND...: run's $status and $output
	local words
	words=$(printf '%s\n' "$@" | jq -Rnc '[inputs]')
	cri ExecSync "{\"container_id\": \"$CONTAINER\", \"timeout\": 20, \"cmd\": $words}" >"$BATS_TEST_TMPDIR/answer"
	status=$(jq '.exit_code // 0' "$BATS_TEST_TMPDIR/answer")
	output=$(jq -j '.stdout // ""' "$BATS_TEST_TMPDIR/answer")
}

@test "a pod of the class podshim: container, exec, limits, update, stop, remove" {
	new_pod
	create_container '.linux.resources = {memory_limit_in_bytes: 67108864, cpu_quota: 50000, cpu_period: 100000} | .envs = [{key: "KEY", value: "value"}]'
	start_container
	[ "$(container_status | jq .state)" = 1 ]
	in_container sh -c 'echo $KEY; cat /proc/1/comm; grep ^NoNewPrivs /proc/self/status; exit 3'
	[ "$status" = 3 ]
	is $'value\nsleep\nNoNewPrivs:\t1'
	local pid
	read -r pid <"$(find /sys/fs/cgroup -path "*/$CONTAINER/cgroup.procs" -print -quit)"
	if is_v1 memory; then
		[ "$(cat "$(cgroup_dir memory "$pid")/memory.limit_in_bytes")" = 67108864 ]
	else
		[ "$(cat "$(cgroup_dir memory "$pid")/memory.max")" = 67108864 ]
	fi
	cri UpdateContainerResources "{\"container_id\": \"$CONTAINER\", \"linux\": {\"memory_limit_in_bytes\": 134217728}}"
	if is_v1 memory; then
		[ "$(cat "$(cgroup_dir memory "$pid")/memory.limit_in_bytes")" = 134217728 ]
	else
		[ "$(cat "$(cgroup_dir memory "$pid")/memory.max")" = 134217728 ]
	fi
	cri StopContainer "{\"container_id\": \"$CONTAINER\", \"timeout\": 0}"
	[ "$(container_status | jq .exit_code)" = 137 ]
}

@test "containers of a pod share its namespaces, and their processes where the pod says so" {
	new_pod '.linux.security_context.namespace_options.pid = 0'
	create_container '.linux.security_context.namespace_options.pid = 0 | .command = ["sh", "-c", "echo out; echo err >&2; sleep 600"]'
	start_container
	in_container sh -c 'ps | grep -c "[s]leep 1000000"; readlink /proc/1/ns/ipc; readlink /proc/self/ns/ipc'
	[ "${output%%$'\n'*}" = 1 ]
	[ "$(tail -n 2 <<<"$output" | sort -u | wc -l)" = 1 ]
	wait_file "$BATS_TEST_TMPDIR/c.log" "stdout F out"
	wait_file "$BATS_TEST_TMPDIR/c.log" "stderr F err"
}

@test "a command that is missing: kubelet is told that it could not be started" {
	new_pod
	create_container '.command = ["/no/such/program"]'
	run start_container
	[ "$status" = 1 ]
	has /no/such/program
	has "no such file or directory"
	[ "$(container_status | jq .exit_code)" = 128 ]
	[ "$(container_status | jq -r .reason)" = StartError ]
}

@test "annotations of the pod take permissions away" {
	new_pod '.annotations = {"io.podshim.deny-read": "/etc/group"}'
	create_container '.annotations = {"io.podshim.deny-read": "/etc/group"} | .command = ["sh", "-c", "cat /etc/passwd && ! cat /etc/group"]'
	start_container
	wait_until 20 exited
	[ "$(container_status | jq '.exit_code // 0')" = 0 ]
	grep -q root:x:0 "$BATS_TEST_TMPDIR/c.log"
	grep -q "can't open '/etc/group'" "$BATS_TEST_TMPDIR/c.log"
}

@test "removed pods leave no container and no cgroup" {
	new_pod
	create_container
	start_container
	cri StopContainer "{\"container_id\": \"$CONTAINER\", \"timeout\": 0}"
	cri RemoveContainer "{\"container_id\": \"$CONTAINER\"}"
	cri StopPodSandbox "{\"pod_sandbox_id\": \"$POD\"}"
	cri RemovePodSandbox "{\"pod_sandbox_id\": \"$POD\"}"
	[ -z "$(find /sys/fs/cgroup -type d \( -name "$POD" -o -name "$CONTAINER" \))" ]
	[ -z "$(grep -F -e "$POD" -e "$CONTAINER" /proc/self/mountinfo)" ]
	[ -z "$(ls "$CTD/state/io.containerd.runtime.v2.task/k8s.io" 2>/dev/null)" ]
	POD='' CONTAINER=''
}
