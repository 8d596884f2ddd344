#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# checkpoint and restore: what criu is told, by a stand-in; what it makes of that where it works (hack/vm has such a kernel);
# what images may not do.

load lib/common
load lib/bundle
load lib/requires
load lib/wait
load lib/podman

setup_file() {
	requires root podshim
	export CRIU_WORKS=
	! PATH=$PATH:/usr/sbin criu check >/dev/null 2>&1 || CRIU_WORKS=yes
}
setup() {
	requires root jq
	common_setup
	PATH=$PATH:/usr/sbin
	IMAGES=$BATS_TEST_TMPDIR/images
}
teardown() {
	[[ -z ${PM:-} ]] || { podman_teardown; podman_teardown_file; }
	[[ -z ${NETNS:-} ]] || ip netns delete "$NETNS"
	common_teardown
}

criu_works() {
	[[ $CRIU_WORKS ]] || skip "criu does not work with this kernel"
}

# Instead of criu: lib/criu.py, which does WHAT and writes down what it was told.
stand_in() { # stand_in WHAT
	mkdir -p "$BATS_TEST_TMPDIR/bin"
	ln -sf "$REPO/tests/bats/lib/criu.py" "$BATS_TEST_TMPDIR/bin/criu"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
	export CRIU_DOES=$1 CRIU_TOLD=$BATS_TEST_TMPDIR/told
}
told() { # told JQ
	jq -rc "$1" "$CRIU_TOLD"
}

# A container that counts in /dev/shm/n.
start_counter() {
	new_bundle
	# shellcheck disable=SC2016  # for the container's shell
	shell 'i=0; while :; do i=$((i+1)); echo $i >/dev/shm/n; sleep 0.05; done'
	config "${1:-.}"
	detached podshim run -d -b "$BUNDLE" "$CID"
	wait_until 10 counted 3
}
count() {
	podshim exec "$CID" cat /dev/shm/n
}
counted() { # counted MORE-THAN
	local n
	n=$(count) && ((n > $1))
}
checkpoint() {
	run -0 podshim checkpoint --image-path "$IMAGES" "$@" "$CID"
}
restored() {
	detached podshim restore -d -b "$BUNDLE" --image-path "$IMAGES" "$@" "$CID"
}

@test "checkpoint and restore: the probes of engines" {
	run -0 "$PODSHIM" checkpoint --help
	has --leave-running
	run -1 "$PODSHIM" restore --lsm-mount-context
	has "requires an argument"
	run -1 "$PODSHIM" restore --lsm-profile nonsense -b / x
	has "invalid lsm-profile: nonsense is neither apparmor:NAME nor selinux:LABEL"
	run -1 "$PODSHIM" restore -no-subreaper --tcp-skip-in-flight x
	has "unknown flag '--tcp-skip-in-flight'"
	run -1 "$PODSHIM" checkpoint --lazy-pages x
	has "--lazy-pages needs --page-server"
	run -1 "$PODSHIM" checkpoint --page-server nowhere x
	has "invalid page-server: nowhere is not ADDRESS:PORT"
	run -1 "$PODSHIM" checkpoint --status-fd 99 x
	has "invalid status-fd: 99 is no open descriptor"
	run -0 "$PODSHIM" features
	[ "$(jq -r '.annotations["org.opencontainers.runc.checkpoint.enabled"]' <<<"$output")" = true ]
	[ "$(jq -r '.annotations["run.oci.crun.checkpoint.enabled"]' <<<"$output")" = true ]
}

@test "checkpoint: what criu is told" {
	local pid
	mkdir "$BATS_TEST_TMPDIR/bound"
	start_counter ".mounts += [{destination: \"/mnt\", type: \"bind\", source: \"$BATS_TEST_TMPDIR/bound\", options: [\"bind\", \"ro\"]}]"
	pid=$(init_pid)
	stand_in dump
	run -0 podshim checkpoint --image-path "$IMAGES" --work-path "$BATS_TEST_TMPDIR/work" --leave-running --tcp-established --tcp-skip-in-flight \
		--ext-unix-sk --shell-job --file-locks --link-remap --auto-dedup --manage-cgroups-mode full --network-lock skip --empty-ns network "$CID"
	[ "$(told .type)" = 1 ]
	[ "$(told .opts.pid[0])" = "$pid" ]
	[ "$(told .opts.root[0])" = "$ROOTFS" ]
	[ "$(told '[.opts | .leave_running, .tcp_established, .tcp_skip_in_flight, .ext_unix_sk, .shell_job, .file_locks, .link_remap, .auto_dedup,
		.orphan_pts_master, .notify_scripts, .manage_cgroups | .[0]] | unique')" = "[1]" ]
	[ "$(told '[.opts | .manage_cgroups_mode, .network_lock, .empty_ns | .[0]]')" = "[4,3,$((0x40000000))]" ]
	[ "$(told '.opts.ext_mnt | map(.[0] == .[1]) | all')" = true ]
	told '.opts.ext_mnt[][0]' | grep -qx /mnt
	told '.opts.ext_mnt[][0]' | grep -qx /proc/keys
	[[ $(told .opts.freeze_cgroup[0]) == *"$CID" ]]
	[ "$(jq -c 'length' "$IMAGES/descriptors.json")" = 3 ]
	# Its standard descriptors are files of the host.
	[ "$(jq -c 'map(test("^file\\[[0-9a-f]+:[0-9a-f]+\\]$")) | .[1:] | all' "$IMAGES/descriptors.json")" = true ]
	wait_status running
	run -0 podshim checkpoint --image-path "$IMAGES" --pre-dump "$CID"
	[ "$(told '[.type, .opts.track_mem[0], .opts.ext_mnt]')" = "[4,1,null]" ]
	wait_status running
	run -0 podshim checkpoint --image-path "$IMAGES" --parent-path . "$CID"
	[ "$(told '[.opts.track_mem[0], .opts.parent_img[0]]')" = '[1,"."]' ]
	run -1 podshim state "$CID"
	rm -rf "$IMAGES"
	assert_nothing_left
}

@test "checkpoint: a namespace that was joined stays outside of the images" {
	requires ip
	local ns
	NETNS=$TAG
	ip netns add "$NETNS"
	start_counter "(.linux.namespaces[] | select(.type == \"network\")).path = \"/run/netns/$NETNS\""
	ns=$(stat -L -c %i "/proc/$(init_pid)/ns/net")
	stand_in dump
	checkpoint
	told '.opts.external[]' | grep -qxF "net[$ns]:extRootNetNS"
}

@test "checkpoint: after a failure the container runs on, and the reason is told" {
	start_counter
	stand_in fail
	run -1 podshim checkpoint --image-path "$IMAGES" "$CID"
	is "podshim: checkpoint of container '$CID': criu could not dump it: Error (criu/x.c:1): the moon is full; its log is '$IMAGES/dump.log'"
	counted 0
	run -1 podshim checkpoint --image-path "$IMAGES" --work-path "$BATS_TEST_TMPDIR/w" "$CID"
	has "its log is '$BATS_TEST_TMPDIR/w/dump.log'"
	run -1 podshim checkpoint --image-path "$IMAGES" --parent-path /tmp "$CID"
	has "--parent-path '/tmp' must be relative to --image-path"
	PATH=/nonexistent run -1 "$PODSHIM" --root "$ROOT" checkpoint --image-path "$IMAGES" "$CID"
	has "'criu' is not installed: no directory of PATH has it"
	counted 0
}

@test "checkpoint: what criu keeps nothing of is refused" {
	stand_in dump
	new_bundle sleep 600
	detached podshim create -b "$BUNDLE" "$CID"
	run -1 podshim checkpoint --image-path "$IMAGES" "$CID"
	has "container '$CID' cannot be checkpointed before it is started"
	podshim delete --force "$CID"
	run -1 podshim checkpoint --image-path "$IMAGES" "$CID"
	has "container does not exist: '$CID'"
	detached podshim run -d -b "$BUNDLE" --deny-net "$CID"
	run -1 podshim checkpoint --image-path "$IMAGES" "$CID"
	has "container '$CID' is under permissions: it cannot be checkpointed"
	podshim delete --force "$CID"
	config '.annotations["io.podshim.channel"] = "1"'
	detached podshim run -d -b "$BUNDLE" "$CID"
	run -1 podshim checkpoint --image-path "$IMAGES" "$CID"
	has "container '$CID' has a channel to its supervisor: it cannot be checkpointed"
	podshim delete --force "$CID"
	config '.annotations = {"org.criu.config": "/tmp/evil.conf"}'
	detached podshim run -d -b "$BUNDLE" "$CID"
	run -1 podshim checkpoint --image-path "$IMAGES" "$CID"
	has "config.json: /annotations/org.criu.config: "
	has "'/tmp/evil.conf' is not below /etc/criu/"
	podshim delete --force "$CID"
	config 'del(.annotations) | .linux.netDevices = {"no-such-device": {}}'
	run -1 podshim restore -d -b "$BUNDLE" --image-path "$IMAGES" "$CID"
	has "container '$CID' cannot be restored: criu moves no devices between network namespaces"
	[ ! -e "$CRIU_TOLD" ]
}

@test "restore: what criu is told, and that its failure leaves nothing" {
	new_bundle sleep 600
	mkdir "$BATS_TEST_TMPDIR/bound" "$IMAGES"
	config ".mounts += [{destination: \"/mnt\", type: \"bind\", source: \"$BATS_TEST_TMPDIR/bound\", options: [\"bind\", \"ro\"]}]"
	echo '["pipe:[12]", "/dev/null", "file[1a:2b]"]' >"$IMAGES/descriptors.json"
	stand_in fail
	attempt podshim restore -d -b "$BUNDLE" --image-path "$IMAGES" --tcp-close --lsm-profile apparmor:p --lsm-mount-context c "$CID"
	is "podshim: restore of container '$CID': criu could not restore it: Error (criu/x.c:1): the moon is full; its log is '$IMAGES/restore.log'"
	assert_nothing_left
	[ "$(told .type)" = 2 ]
	[ "$(told '[.opts | .rst_sibling, .tcp_close, .orphan_pts_master | .[0]] | unique')" = "[1]" ]
	[ "$(told '[.opts | .lsm_profile[0], .lsm_mount_context[0]]')" = '["apparmor:p","c"]' ]
	[ "$(told '[.opts.inherit_fd[] | select(.[0] | test("pipe|file"))]')" = '[["pipe:[12]",0],["file[1a:2b]",2]]' ]
	[ "$(told '.opts.ext_mnt[] | select(.[0] == "/mnt") | .[1]')" != "$BATS_TEST_TMPDIR/bound" ]
	# It worked in the container's cgroups, and these are where the images' go.
	[[ $(told .cgroup) == *"$CID"* ]]
	[[ $(told '.opts.cg_root[][1]') == *"$CID"* ]]
}

@test "restore: images that lead elsewhere are refused" {
	new_bundle sleep 600
	stand_in fail
	mkdir "$IMAGES"
	refuses() {
		attempt podshim restore -d -b "$BUNDLE" --image-path "$IMAGES" "$CID"
		[ "$status" = 1 ]
		has "$1"
		[ ! -e "$CRIU_TOLD" ]
		assert_nothing_left
	}
	ln -s /etc/passwd "$IMAGES/pages-1.img"
	refuses "'$IMAGES/pages-1.img' is no plain file of its own"
	rm "$IMAGES/pages-1.img"
	mkfifo "$IMAGES/restore.log"
	refuses "'$IMAGES/restore.log' is no plain file of its own"
	rm "$IMAGES/restore.log"
	ln -s /run "$IMAGES/parent"
	refuses "'$IMAGES/parent' leads to '/run': images may only continue a folder beside theirs"
	ln -sfn ../older "$IMAGES/parent"
	mkdir "$BATS_TEST_TMPDIR/older"
	ln -s /etc/shadow "$BATS_TEST_TMPDIR/older/pages-1.img"
	refuses "pages-1.img' is no plain file of its own"
	rm -rf "$BATS_TEST_TMPDIR/older" "$IMAGES/parent"
	# Who serves pages waits at a socket there, for a restore that wants them so.
	python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$IMAGES/lazy-pages.socket"
	refuses "'$IMAGES/lazy-pages.socket' is no plain file of its own"
	attempt podshim restore -d -b "$BUNDLE" --image-path "$IMAGES" --lazy-pages "$CID"
	[ "$status" = 1 ]
	lacks "is no plain file"
	[ "$(told '.opts.lazy_pages[0]')" = 1 ]
	rm -f "$IMAGES/lazy-pages.socket" "$IMAGES/restore.log" "$CRIU_TOLD"
	rmdir "$IMAGES"
	refuses "open the folder '$IMAGES'"
}

@test "restore: a process that is not what config.json says does not stay" {
	local pid
	new_bundle sleep 600
	mkdir "$IMAGES"
	stand_in sibling
	attempt podshim restore -d -b "$BUNDLE" --image-path "$IMAGES" --pid-file "$BATS_TEST_TMPDIR/pid" "$CID"
	[ "$status" = 1 ]
	has "restore of container '$CID': its images "
	[ ! -e "$BATS_TEST_TMPDIR/pid" ]
	assert_nothing_left
	# With mounts of its own it may have any; it is in the host's namespaces all the same.
	config '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"]) | .process.capabilities |= map_values(unique)'
	attempt podshim restore -d -b "$BUNDLE" --image-path "$IMAGES" "$CID"
	[ "$status" = 1 ]
	has "restore of container '$CID': its images "
	assert_nothing_left
}

@test "restore: killed, it leaves what gc frees" {
	local launcher process
	new_bundle sleep 600
	mkdir "$IMAGES"
	stand_in hang
	"$PODSHIM" --root "$ROOT" restore -d -b "$BUNDLE" --image-path "$IMAGES" "$CID" </dev/null >/dev/null 2>&1 3>&- &
	launcher=$!
	wait_until 10 test -s "$CRIU_TOLD.pid"
	process=$(cat "$CRIU_TOLD.pid")
	kill -9 "$launcher"
	wait "$launcher" || true
	wait_until 10 podshim gc
	wait_until 10 gone "$process"
	assert_nothing_left
}

@test "restore: not under permissions, nor with a channel" {
	new_bundle sleep 600
	mkdir "$IMAGES"
	stand_in fail
	attempt podshim --deny-net restore -d -b "$BUNDLE" --image-path "$IMAGES" "$CID"
	has "container '$CID' cannot be restored under permissions"
	config '.annotations["io.podshim.channel"] = "1"'
	attempt podshim restore -d -b "$BUNDLE" --image-path "$IMAGES" "$CID"
	has "container '$CID' cannot be restored with a channel"
	[ ! -e "$CRIU_TOLD" ]
	assert_nothing_left
}

@test "criu: a container goes on where it was, and is a container like any other" {
	criu_works
	local n pid
	start_counter '.linux.resources.pids.limit = 50'
	n=$(count)
	checkpoint
	run -1 podshim state "$CID"
	restored --pid-file "$BATS_TEST_TMPDIR/pid"
	pid=$(init_pid)
	[ "$(cat "$BATS_TEST_TMPDIR/pid")" = "$pid" ]
	wait_until 10 counted "$n"
	status_is running
	run -0 podshim list
	has "$CID"
	[ "$(cat "$(cgroup_dir pids "$pid")/pids.max")" = 50 ]
	run -0 podshim pause "$CID"
	status_is paused
	run -0 podshim resume "$CID"
	run -0 bash -c "'$PODSHIM' --root '$ROOT' watch --no-follow $CID | jq -r 'select(.state) | .state' | tr '\n' ' '"
	has "preparing prepared running"
	run -0 podshim kill "$CID" KILL
	wait_status stopped
	run -0 podshim delete "$CID"
	assert_nothing_left
}

@test "criu: mounts have their flags again" {
	criu_works
	local before
	mkdir "$BATS_TEST_TMPDIR/bound"
	echo host >"$BATS_TEST_TMPDIR/bound/file"
	start_counter ".mounts += [{destination: \"/mnt\", type: \"bind\", source: \"$BATS_TEST_TMPDIR/bound\", options: [\"bind\", \"ro\", \"nosuid\"]}]"
	mounts() {
		podshim exec "$CID" cat /proc/self/mountinfo | awk '{ print $5, $6 }' | sort
	}
	before=$(mounts)
	checkpoint
	restored
	[ "$(mounts)" = "$before" ]
	run -0 podshim exec "$CID" cat /mnt/file
	is host
	run ! podshim exec "$CID" touch /mnt/file
}

@test "criu: leave running, pre-dump, and images that continue others" {
	criu_works
	start_counter
	checkpoint --leave-running
	wait_until 10 counted "$(count)"
	rm -rf "$IMAGES"
	run podshim checkpoint --image-path "$BATS_TEST_TMPDIR/first" --pre-dump "$CID"
	[ "$status" = 0 ] || skip "criu tracks no memory here: $output"
	status_is running
	checkpoint --parent-path ../first
	restored
	counted 0
}

@test "criu: in the foreground, with what was a pipe and the exit status" {
	criu_works
	local n
	new_bundle
	# shellcheck disable=SC2016
	shell 'trap "echo told; exit 7" USR1; echo ready; while :; do sleep 0.05; done'
	podshim run -d -b "$BUNDLE" "$CID" </dev/null 2>&1 3>&- | cat >"$BATS_TEST_TMPDIR/first" 3>&- &
	wait_file "$BATS_TEST_TMPDIR/first" ready
	checkpoint
	wait
	podshim restore -b "$BUNDLE" --image-path "$IMAGES" "$CID" </dev/null 2>&1 3>&- | cat >"$BATS_TEST_TMPDIR/second" &
	n=$!
	wait_status running
	podshim kill "$CID" USR1
	wait "$n"
	[ "$(cat "$BATS_TEST_TMPDIR/second")" = told ]
	assert_nothing_left
}

@test "criu: a terminal" {
	criu_works
	requires python3
	new_bundle
	config '.process.terminal = true'
	shell 'read -r line; echo "got $line"; sleep 600'
	python3 "$REPO/tests/bats/lib/recvtty.py" "$BATS_TEST_TMPDIR/s1" "$BATS_TEST_TMPDIR/o1" </dev/null >/dev/null 2>&1 3>&- &
	wait_until 10 test -S "$BATS_TEST_TMPDIR/s1"
	detached podshim run -d -b "$BUNDLE" --console-socket "$BATS_TEST_TMPDIR/s1" "$CID"
	checkpoint
	python3 "$REPO/tests/bats/lib/recvtty.py" "$BATS_TEST_TMPDIR/s2" "$BATS_TEST_TMPDIR/o2" $'hello\n' </dev/null >/dev/null 2>&1 3>&- &
	wait_until 10 test -S "$BATS_TEST_TMPDIR/s2"
	attempt podshim restore -d -b "$BUNDLE" --image-path "$IMAGES" "$CID"
	has "cannot allocate tty if runc will detach without setting console socket"
	restored --console-socket "$BATS_TEST_TMPDIR/s2"
	wait_file "$BATS_TEST_TMPDIR/o2" "got hello"
	podshim delete --force "$CID"
	wait
}

@test "criu: into a namespace that is joined" {
	criu_works
	requires ip
	NETNS=$TAG
	ip netns add "$NETNS"
	start_counter "(.linux.namespaces[] | select(.type == \"network\")).path = \"/run/netns/$NETNS\""
	checkpoint
	restored
	[ "$(stat -L -c %i "/proc/$(init_pid)/ns/net")" = "$(stat -c %i "/run/netns/$NETNS")" ]
	counted 0
}

@test "criu: images with more than config.json says do not run" {
	criu_works
	start_counter '.process.noNewPrivileges = false'
	checkpoint
	refuses() {
		attempt podshim restore -d -b "$BUNDLE" --image-path "$IMAGES" "$CID"
		[ "$status" = 1 ]
		has "$1"
		assert_nothing_left
	}
	config '.process.noNewPrivileges = true'
	refuses "gain privileges, and config.json does not"
	config '.process.noNewPrivileges = false | .process.capabilities |= map_values([])'
	refuses "capabilities that config.json does not"
	# What criu cannot read: nothing stays, either.
	config '.process.noNewPrivileges = false'
	printf x >"$IMAGES/inventory.img"
	refuses "criu could not restore it"
}

@test "podman container checkpoint and restore" {
	criu_works
	podman_setup_file
	run_pm run -d --name "$TAG" --network none busybox:test sh -c 'i=0; while :; do i=$((i+1)); echo $i >/dev/shm/n; sleep 0.05; done'
	wait_until 10 pm exec "$TAG" grep -q . /dev/shm/n
	run_pm container checkpoint "$TAG"
	run_pm inspect --format '{{.State.Status}} {{.State.Checkpointed}}' "$TAG"
	is "exited true"
	run_pm container restore "$TAG"
	run_pm inspect --format '{{.State.Status}}' "$TAG"
	is running
	run_pm exec "$TAG" cat /dev/shm/n
	run_pm rm --force --time 0 "$TAG"
}
