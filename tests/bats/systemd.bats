#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The systemd cgroup manager, with a systemd of the test's own: what is asked of it, and what becomes of its answers.

load lib/common
load lib/bundle
load lib/requires
load lib/wait
load lib/systemd

setup() {
	common_setup
	requires root podshim
	new_bundle
	fake_setup
}
teardown() {
	rm -f "$SYSTEMD/mode"
	common_teardown
	fake_teardown
}

# What a failed or ended container may leave of the fake's own: the slices above it.
nothing_of_ours() {
	[ -z "$(find "$ROOT" -mindepth 1 -maxdepth 1 ! -name '.*' 2>/dev/null)" ] || { find "$ROOT" >&2; return 1; }
	[ -z "$(find /sys/fs/cgroup -type d -name "*$CID*" ! -name "bats-$TAG" 2>/dev/null)" ] || { find /sys/fs/cgroup -name "*$CID*" >&2; return 1; }
	[ -z "$(ls "$SYSTEMD/units")" ] || { ls "$SYSTEMD/units" >&2; return 1; }
}

create() { # create [FLAG...]
	detached podshim --systemd-cgroup "$@" create -b "$BUNDLE" "$CID"
}

@test "a container is in a scope of its own, whose name and place are the default's" {
	payload sleep 600
	create
	local pid
	pid=$(init_pid)
	[ "$(unit_cgroup "$pid")" = "/system.slice/podshim-$CID.scope" ]
	# All of it, in every hierarchy that is known here, before the payload runs.
	run grep -v -e "/bats-$TAG/system.slice/podshim-$CID.scope" -e hugetlb -e misc -e rdma "/proc/$pid/cgroup"
	is ""
	[ "$(property PIDs)" = "[$pid]" ]
	[ "$(property Slice)" = '"system.slice"' ]
	[ "$(property Description)" = "\"podshim container $CID\"" ]
	local name
	for name in Delegate CPUAccounting MemoryAccounting TasksAccounting; do
		[ "$(property "$name")" = true ]
	done
	[ "$(property DefaultDependencies)" = false ]
	[ "$(podshim state "$CID" | jq -r '."systemd-scope"')" = "podshim-$CID.scope" ]
	podshim start "$CID"
	podshim pause "$CID"
	wait_status paused
	podshim resume "$CID"
	wait_status running
	# Verbs other than create need not be told.
	detached podshim exec --detach --pid-file "$BATS_TEST_TMPDIR/pid" "$CID" sleep 600
	[ "$(unit_cgroup "$(cat "$BATS_TEST_TMPDIR/pid")")" = "/system.slice/podshim-$CID.scope" ]
	podshim delete --force "$CID"
	[ "$(calls)" = $'StartTransientUnit\nStopUnit' ] || [ "$(calls)" = $'StartTransientUnit\nStopUnit\nResetFailedUnit' ]
	nothing_of_ours
}

@test "run in the foreground leaves nothing, and its status is the payload's" {
	config '.linux.namespaces |= map(select(.type != "cgroup"))'
	shell 'cat /proc/self/cgroup; exit 7'
	run -7 podshim --cgroup-manager systemd run -b "$BUNDLE" "$CID"
	has "podshim-$CID.scope"
	nothing_of_ours
}

@test "slice:prefix:name: slices are expanded, names are escaped, an empty part is the default" {
	payload true
	local path unit rows=(
		"a-b.slice:libpod:$CID|/a.slice/a-b.slice/libpod-$CID.scope"
		":cri:$CID|/system.slice/cri-$CID.scope"
		"-.slice:x:$CID|/x-$CID.scope"
		"s.slice::$CID|/s.slice/$CID.scope"
		"memory.slice:p:$CID+a@b|/_memory.slice/p-$CID\\x2ba\\x40b.scope"
		"ignored.slice:p:$TAG-x.slice|/$TAG.slice/$TAG-x.slice"
	)
	for row in "${rows[@]}"; do
		path=${row%%|*} unit=${row#*|}
		config --arg p "$path" '.linux.cgroupsPath = $p'
		create
		[ "$(unit_cgroup "$(init_pid)")" = "$unit" ] || { cat "/proc/$(init_pid)/cgroup" >&2; false; }
		podshim delete --force "$CID"
		[ -z "$(ls "$SYSTEMD/units")" ]
		[ -z "$(find /sys/fs/cgroup -type d -path "*/bats-$TAG$unit")" ]
	done
}

@test "cgroupsPath: what is no slice:prefix:name is refused before anybody is asked for anything" {
	payload true
	local path
	while IFS='|' read -r path text; do
		config --arg p "$path" '.linux.cgroupsPath = $p'
		attempt podshim --systemd-cgroup create -b "$BUNDLE" "$CID"
		[ "$status" -eq 1 ]
		has "config.json: /linux/cgroupsPath: $text"
	done <<-'END'
		/a/b|expected cgroupsPath to be of format "slice:prefix:name" for the systemd cgroup manager, got '/a/b'
		a:b:c:d|expected cgroupsPath to be of format "slice:prefix:name" for the systemd cgroup manager, got 'a:b:c:d'
		a.slice:b:|'a.slice:b:' names no unit: nothing is behind its second ':'
		a:b:c|'a' is no slice: its name has to end in '.slice'
		a--b.slice:b:c|'a--b.slice' is no valid name of a slice
		-a.slice:b:c|'-a.slice' is no valid name of a slice
		a-.slice:b:c|'a-.slice' is no valid name of a slice
		../a.slice:b:c|must not contain '..'
		a.slice:b:../c|'../c' cannot be in the name of a unit
		a.slice:b/../../x:c|must not contain '..'
		a/b.slice:b:c|'a/b.slice' cannot be in the name of a unit
		a.slice:b:c/d|'c/d' cannot be in the name of a unit
		..a.slice:b:c|'..a.slice' is no valid name of a slice
		a.slice:b:-.slice|the root slice is no cgroup of the container's own
	END
	run calls
	is ""
	nothing_of_ours
}

@test "limits are told to systemd and written to the files" {
	config '.linux.resources.memory = {"limit": 67108864} | .linux.resources.pids.limit = 100 |
		.linux.resources.cpu = {"shares": 1024, "quota": 25000, "period": 50000}'
	payload sleep 600
	create
	[ "$(property TasksMax)" = 100 ]
	[ "$(property CPUQuotaPerSecUSec)" = 500000 ]
	[ "$(property CPUQuotaPeriodUSec)" = 50000 ]
	local dir pid
	pid=$(init_pid)
	dir=$(cgroup_dir memory "$pid")
	if is_v1 memory; then
		[ "$(property MemoryLimit)" = 67108864 ]
		[ "$(property CPUShares)" = 1024 ]
		[ "$(cat "$dir/memory.limit_in_bytes")" = 67108864 ]
		# Otherwise it would allow every device again, sooner or later.
		[ "$(property DevicePolicy)" = '"strict"' ]
		[[ $(property DeviceAllow) == *'["/dev/char/1:3","rwm"]'* ]]
	else
		[ "$(property MemoryMax)" = 67108864 ]
		[ "$(property CPUWeight)" = 100 ]
		[ "$(cat "$dir/memory.max")" = 67108864 ]
	fi
	[ "$(cat "$(cgroup_dir pids "$pid")/pids.max")" = 100 ]
}

# What the last or the last but N-th update told of a property, as JSON.
updated() { # updated NAME [N]
	jq -sc --arg n "$1" --argjson back "${2:-0}" '[.[] | select(.member == "SetUnitProperties") | .args] | .[-1 - $back][2][] | select(.[0] == $n) | .[1][1]' \
		"$SYSTEMD/calls"
}

@test "update: systemd knows the limits that the files have, and those of before where one is refused" {
	config '.linux.resources = {"pids": {"limit": 100}, "cpu": {"quota": 25000, "period": 50000}}'
	payload sleep 600
	create
	podshim start "$CID"
	local dir pid
	pid=$(init_pid)
	dir=$(cgroup_dir pids "$pid")
	run -0 podshim update --pids-limit 70 --cpu-period 100000 --cpu-quota 12345 "$CID"
	[ "$(jq -rs 'map(select(.member == "SetUnitProperties"))[0].args[0]' "$SYSTEMD/calls")" = "podshim-$CID.scope" ]
	[ "$(updated TasksMax)" = 70 ]
	[ "$(updated CPUQuotaPerSecUSec)" = 130000 ]
	[ "$(updated CPUQuotaPeriodUSec)" = 100000 ]
	[ "$(cat "$dir/pids.max")" = 70 ]
	is_v1 cpu || [ "$(cat "$(cgroup_dir cpu "$pid")/cpu.max")" = "12345 100000" ]
	# The kernel refuses the processors: what systemd had been told before is taken back.
	run -1 podshim update --pids-limit 60 --cpuset-cpus 4000 "$CID"
	[ "$(updated TasksMax 1)" = 60 ]
	[ "$(updated TasksMax)" = 70 ]
	[ "$(cat "$dir/pids.max")" = 70 ]
	misbehave "SetUnitProperties error"
	run -1 podshim update --pids-limit 50 "$CID"
	has "change the limits of unit 'podshim-$CID.scope'"
	has "there is no more room"
	[ "$(cat "$dir/pids.max")" = 70 ]
	rm "$SYSTEMD/mode"
	run -0 podshim update --pids-limit -1 "$CID"
	[ "$(updated TasksMax)" = 18446744073709552000 ]
	podshim delete --force "$CID"
}

@test "org.systemd.property.*: GVariant text becomes typed properties, seconds become microseconds" {
	config '.annotations = {"org.systemd.property.TimeoutStopSec": "uint64 7", "org.systemd.property.RuntimeMaxSec": "1.5",
		"org.systemd.property.Description": "\u0027mine\u0027", "org.systemd.property.After": "[\u0027a.service\u0027, \"b.service\"]",
		"org.systemd.property.SendSIGHUP": "true", "org.systemd.property.CPUAccounting": "false"}'
	payload true
	create
	[ "$(property TimeoutStopUSec)" = 7000000 ]
	[ "$(property RuntimeMaxUSec)" = 1500000 ]
	[ "$(property Description)" = '"mine"' ]
	[ "$(property After)" = '["a.service","b.service"]' ]
	[ "$(property SendSIGHUP)" = true ]
	[ "$(property CPUAccounting)" = false ]
	# They mean nothing to another manager.
	podshim delete --force "$CID"
	detached podshim create -b "$BUNDLE" "$CID"
}

@test "org.systemd.property.*: what is no property, no value or podshim's own is refused" {
	payload true
	local name value text
	while IFS='|' read -r name value text; do
		config --arg n "org.systemd.property.$name" --arg v "$value" '.annotations = {($n): $v}'
		attempt podshim --systemd-cgroup create -b "$BUNDLE" "$CID"
		[ "$status" -eq 1 ]
		has "config.json: /annotations/org.systemd.property.$name: $text"
	done <<-'END'
		Ab|1|'Ab' is no name of a property of systemd: at least three letters
		A/b|1|'A/b' is no name of a property of systemd: at least three letters
		Slice|'x.slice'|property Slice is podshim's to set
		PIDs|[uint32 1]|property PIDs is podshim's to set
		After|[|'[' is no GVariant text: no value at ''
		After|[1, 'a']|'[1, 'a']' is no GVariant text: no number at ''a']'
		TimeoutStopSec|'5'|''5'' is no number of seconds
		TimeoutStopSec|-5|'-5' is no number of seconds
	END
	config '.annotations = {"org.systemd.property.TasksMax": "uint64 5"} | .linux.resources.pids.limit = 100'
	attempt podshim --systemd-cgroup create -b "$BUNDLE" "$CID"
	has "property TasksMax is set by /linux/resources already"
	run calls
	is ""
}

@test "errors, lies and hang-ups of systemd are told, and leave nothing" {
	payload true
	local mode text
	while IFS='|' read -r mode text; do
		misbehave "$mode"
		attempt podshim --systemd-cgroup create -b "$BUNDLE" "$CID"
		[ "$status" -eq 1 ]
		has "$text"
		nothing_of_ours
		# One that died is there again.
		kill -0 "$FAKE" 2>/dev/null || start_fake
	done <<-END
		auth reject|systemd: '$SYSTEMD/socket' does not take us
		Get error|ask systemd for ControlGroup: '$SYSTEMD/socket' says: there is no more room (org.freedesktop.DBus.Error.Failed)
		Get garbage|ask systemd for ControlGroup: call Get: '$SYSTEMD/socket' sent what is no message, or one that is too large
		Get huge|ask systemd for ControlGroup: call Get: '$SYSTEMD/socket' sent what is no message, or one that is too large
		Get die|ask systemd for ControlGroup: call Get: '$SYSTEMD/socket' sent nothing more and hung up
		StartTransientUnit error|start unit 'podshim-$CID.scope': '$SYSTEMD/socket' says: there is no more room
		StartTransientUnit die|start unit 'podshim-$CID.scope': systemd: call StartTransientUnit: '$SYSTEMD/socket' sent nothing more and hung up
		job failed|systemd could not do its job of unit 'podshim-$CID.scope': failed
		move nowhere|systemd says that unit 'podshim-$CID.scope' is there, but process
	END
	rm "$SYSTEMD/mode"
	create
}

@test "a systemd that does not answer is waited for so long and no longer" {
	payload sleep 600
	create
	local mode i=0 pids=()
	# Each with one that stalls elsewhere; at the same time, because each takes its time.
	for mode in "auth stall" "Get stall" "StopUnit stall"; do
		misbehave "$mode"
		i=$((i + 1))
		if [[ $mode == Stop* ]]; then
			"$PODSHIM" --root "$ROOT" delete --force "$CID" >"$OUT.$i" 2>&1 </dev/null 3>&- &
		else
			"$PODSHIM" --root "$ROOT" --systemd-cgroup create -b "$BUNDLE" "$CID-$i" >"$OUT.$i" 2>&1 </dev/null 3>&- &
		fi
		pids+=($!)
		wait_until 20 stalls_at "${mode% *}"
	done
	for i in 1 2 3; do
		status=0
		wait "${pids[i - 1]}" || status=$?
		[ "$status" -eq 1 ]
		output=$(cat "$OUT.$i")
		has "'$SYSTEMD/socket' does not answer within 15000 ms"
	done
	[ ! -e "$ROOT/$CID-1" ] && [ ! -e "$ROOT/$CID-2" ]
	# What could not be told is told when it answers again.
	[ -z "$(find /sys/fs/cgroup -type d -name "*$CID.scope")" ]
	[ "$(podshim state "$CID" | jq -r .status)" = stopped ]
	rm "$SYSTEMD/mode"
	podshim delete --force "$CID"
	nothing_of_ours
}

@test "a unit of that name: one that failed is reset, one that is there is refused" {
	payload sleep 600
	echo '{"state": "failed", "path": "/system.slice/podshim-'"$CID"'.scope"}' >"$SYSTEMD/units/podshim-$CID.scope"
	create
	[ "$(calls | head -n 4 | tr '\n' ' ')" = "StartTransientUnit GetUnit ResetFailedUnit StartTransientUnit " ]
	attempt "$PODSHIM" --root "$ROOT.other" --systemd-cgroup create -b "$BUNDLE" "$CID"
	[ "$status" -eq 1 ]
	has "container's cgroup is not empty"
	[ "$(podshim state "$CID" | jq -r .status)" = created ]
	podshim delete --force "$CID"
	nothing_of_ours
	# Somebody's service of that name, with nobody in that cgroup.
	echo '{"state": "active", "path": "/elsewhere"}' >"$SYSTEMD/units/podshim-$CID.slice"
	config --arg p "x.slice:p:podshim-$CID.slice" '.linux.cgroupsPath = $p'
	attempt podshim --systemd-cgroup create -b "$BUNDLE" "$CID"
	[ "$status" -eq 1 ]
	has "systemd has a unit 'podshim-$CID.slice' already, perhaps of a container of that name under another --root"
	[ -e "$SYSTEMD/units/podshim-$CID.slice" ]
}

@test "no systemd, and one that is gone: create says so, delete frees all the same" {
	payload sleep 600
	create
	kill "$FAKE"
	wait_until 20 gone "$FAKE"
	attempt podshim --systemd-cgroup create -b "$BUNDLE" "$CID-2"
	[ "$status" -eq 1 ]
	has "no systemd was found on this machine: use --cgroup-manager cgroupfs"
	podshim delete --force "$CID"
	[ -z "$(find /sys/fs/cgroup -type d -name "*$CID.scope")" ]
}

@test "plan shows unit and properties without making them; cgroupfs refuses the form, pods the manager" {
	config --arg p "a.slice:b:$CID" '.linux.cgroupsPath = $p'
	payload true
	run -0 podshim --systemd-cgroup plan "$BUNDLE"
	has "b-$CID.scope"
	has "CollectMode"
	run calls
	is ""
	run -1 podshim create -b "$BUNDLE" "$CID"
	has "cgroup path 'a.slice:b:$CID' is of the systemd cgroup manager: give --cgroup-manager systemd, or write a path"
	run -1 podshim --systemd-cgroup pod create "$CID" "$BUNDLE"
	has "pods make their cgroups themselves; use --cgroup-manager cgroupfs"
}

@test "root asks systemd at its private socket, and the user's own where the environment says" {
	kill "$FAKE"
	wait_until 20 gone "$FAKE"
	start_fake --direct
	unset DBUS_SYSTEM_BUS_ADDRESS
	shell 'exit 7'
	# A /run of our own, where nobody else looks.
	# shellcheck disable=SC2016
	run -7 unshare -m --propagation private bash -c 'mount -t tmpfs none /run && mkdir /run/systemd && touch /run/systemd/private &&
		mount --bind "$1/socket" /run/systemd/private && exec "$2" --root "$3" --systemd-cgroup run -b "$4" "$5"' \
		- "$SYSTEMD" "$PODSHIM" "$ROOT" "$BUNDLE" "$CID"
	[ "$(calls | head -n 1)" = StartTransientUnit ]
	nothing_of_ours
	mkdir -p "$BATS_TEST_TMPDIR/run/systemd"
	ln "$SYSTEMD/socket" "$BATS_TEST_TMPDIR/run/systemd/private"
	chmod 0777 "$SYSTEMD/socket"
	chmod 0755 "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR"
	run -0 setpriv --reuid 54321 --regid 54321 --clear-groups env XDG_RUNTIME_DIR="$BATS_TEST_TMPDIR/run" "$PODSHIM" --systemd-cgroup plan "$BUNDLE"
	has "/bats-$TAG/user.slice/podshim-"
}

@test "killed while it makes a unit: the next sweep finds nothing of it" {
	payload sleep 600
	misbehave "job stall"
	"$PODSHIM" --root "$ROOT" --systemd-cgroup create -b "$BUNDLE" "$CID" >"$OUT" 2>&1 </dev/null 3>&- &
	local pid=$!
	wait_until 20 test -e "$SYSTEMD/units/podshim-$CID.scope"
	kill -9 "$pid"
	wait "$pid" || true
	rm "$SYSTEMD/mode"
	create
	podshim delete --force "$CID"
	nothing_of_ours
}
