#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# linux.netDevices: devices of the runtime's network namespace, which is one of the test's, become the container's.

load lib/common
load lib/bundle
load lib/requires
load lib/wait

setup() {
	common_setup
	requires root
	requires podshim
	new_bundle
	unshare -n sleep 600 </dev/null >/dev/null 2>&1 3>&- &
	HOST=$!
	wait_until 10 has_left net "$HOST"
	in_host ip link add dev0 type veth peer name far0 || skip "no devices of type veth"
}
teardown() {
	common_teardown
	kill "$HOST" 2>/dev/null || true
	[[ -z ${OTHER:-} ]] || kill "$OTHER" 2>/dev/null || true
}

in_host() { nsenter -t "$HOST" -n "$@"; }
devices() { # devices JSON
	config --argjson d "$1" '.linux.netDevices = $d'
}
runs() { # runs SCRIPT: in the bundle, the runtime being in the namespace of the test
	shell "$1"
	run in_host "$PODSHIM" --root "$ROOT" run -b "$BUNDLE" "$CID"
	printf 'exit status %d: %s\n' "$status" "$output" >&2
}
refuses() { # refuses TEXT
	attempt in_host "$PODSHIM" --root "$ROOT" create -b "$BUNDLE" "$CID"
	[ "$status" -eq 1 ]
	has "$1"
	assert_nothing_left
}

@test "a device comes with its name, MTU, MAC and lasting global addresses, and is up" {
	in_host ip link set dev0 mtu 1400 address 02:00:00:00:00:77
	in_host ip addr add 192.0.2.5/24 brd 192.0.2.255 dev dev0
	in_host ip addr add 192.0.2.9/32 dev dev0 valid_lft 600 preferred_lft 600
	in_host ip addr add 169.254.7.7/16 scope link dev dev0
	in_host ip addr add 2001:db8::5/64 dev dev0 nodad
	devices '{"dev0": {}}'
	runs 'ip addr show dev dev0; cat /sys/class/net/dev0/mtu; ip -6 addr show dev dev0'
	[ "$status" -eq 0 ]
	has "1400"
	has "02:00:00:00:00:77"
	has "inet 192.0.2.5/24"
	has "192.0.2.255"
	has "inet6 2001:db8::5/64"
	has ",UP,"
	lacks "192.0.2.9"
	lacks "169.254"
	# It was not moved back: it ended with the container's namespace.
	! in_host ip link show dev dev0
}

@test "renamed, two at once, beside a name that the runtime's namespace has, too" {
	in_host ip link add dev1 type veth peer name far1
	devices '{"dev0": {"name": "eth0"}, "dev1": {"name": "dev0"}}'
	runs 'ip -o link'
	[ "$status" -eq 0 ]
	has "eth0"
	has "dev0"
	lacks "dev1"
}

@test "a template gets the first free number" {
	devices '{"dev0": {"name": "net%d"}}'
	runs 'ip -o link'
	[ "$status" -eq 0 ]
	has "net0"
}

@test "in a namespace that is joined: a taken name is refused unless it is a template, a taken number is not kept" {
	unshare -n sleep 600 </dev/null >/dev/null 2>&1 3>&- &
	OTHER=$!
	wait_until 10 has_left net "$OTHER"
	nsenter -t "$OTHER" -n ip link add eth0 type veth peer name far0
	config --arg p "/proc/$OTHER/ns/net" '(.linux.namespaces[] | select(.type == "network")).path = $p'
	in_host ip addr add 192.0.2.6/24 dev dev0
	in_host ip link set dev0 up
	devices '{"dev0": {"name": "eth0"}}'
	payload true
	refuses "/linux/netDevices/dev0: the container has a network device 'eth0' already"
	in_host ip -o addr show dev dev0 | grep -F 192.0.2.6/24
	devices '{"dev0": {"name": "eth%d"}}'
	runs 'ip addr show dev eth1'
	[ "$status" -eq 0 ]
	has "192.0.2.6/24"
	# Not ours to take away from a namespace of somebody else's.
	nsenter -t "$OTHER" -n ip link show dev eth1
}

@test "in a user namespace, whose root owns it" {
	config '.linux.namespaces += [{"type": "user"}] | .linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}]
		| .linux.gidMappings = .linux.uidMappings'
	in_host ip addr add 192.0.2.7/24 dev dev0
	devices '{"dev0": {"name": "eth0"}}'
	chmod 755 "$BATS_TEST_TMPDIR" "$BUNDLE"
	runs 'ip addr show dev eth0'
	[ "$status" -eq 0 ]
	has "192.0.2.7/24"
}

@test "sysctls and createRuntime hooks find it" {
	cat >"$BUNDLE/hook" <<-'HOOK'
		#!/bin/sh
		pid=$(sed 's/.*"pid":\([0-9]*\).*/\1/')
		nsenter -t "$pid" -n ip -o link show dev eth0 >"$1"
	HOOK
	chmod +x "$BUNDLE/hook"
	config --arg h "$BUNDLE/hook" --arg o "$BATS_TEST_TMPDIR/seen" '.hooks.createRuntime = [{"path": $h, "args": [$h, $o], "env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]}]
		| .linux.sysctl = {"net.ipv4.conf.eth0.rp_filter": "2"}'
	devices '{"dev0": {"name": "eth0"}}'
	runs 'cat /proc/sys/net/ipv4/conf/eth0/rp_filter'
	[ "$status" -eq 0 ]
	is 2
	grep -F eth0 "$BATS_TEST_TMPDIR/seen"
}

@test "a create that fails later gives it back as it was" {
	in_host ip addr add 192.0.2.8/24 dev dev0
	in_host ip addr add 2001:db8::8/64 dev dev0 nodad
	in_host ip link set dev0 up
	local before
	before=$(in_host ip -o link show dev dev0 | cut -d: -f1,2)
	devices '{"dev0": {"name": "eth0"}}'
	config '.hooks.createRuntime = [{"path": "/bin/false"}]'
	payload true
	refuses createRuntime
	[ "$(in_host ip -o link show dev dev0 | cut -d: -f1,2)" = "$before" ]
	in_host ip -o addr show dev dev0 | grep -F 192.0.2.8/24
	in_host ip -o addr show dev dev0 | grep -F 2001:db8::8/64
	in_host ip -o link show dev dev0 | grep -F ",UP"
}

@test "one that cannot be moved moves none" {
	devices '{"dev0": {"name": "eth0"}, "gone0": {}}'
	payload true
	refuses "/linux/netDevices/gone0: network device 'gone0' is not in the runtime's network namespace"
	in_host ip link show dev dev0
	devices '{"lo": {}}'
	refuses "/linux/netDevices/lo: network device 'lo' is the loopback device"
	in_host ip link add br0 type bridge || skip "no devices of type bridge"
	devices '{"br0": {}}'
	refuses "/linux/netDevices/br0: network device 'br0' cannot be moved"
}

@test "without a namespace of the network, without privileges, with a bad name: refused" {
	devices '{"dev0": {}}'
	config '.linux.namespaces |= map(select(.type != "network"))'
	payload true
	refuses "/linux/netDevices: unable to move network devices without a NET namespace"
	"$REPO/example/hello/make-config" true >"$BUNDLE/config.json"
	devices '{"dev0": {"name": "a b"}}'
	refuses "invalid network device name 'a b'"
	devices '{"dev0": {}}'
	run in_host unshare -Ur "$PODSHIM" --root "$ROOT" plan "$BUNDLE"
	[ "$status" -ne 0 ]
	has "/linux/netDevices: network devices cannot be moved without privileges"
}

@test "beside a list of what may be connected to, its network is no empty one that the supervisor opens" {
	payload true
	run -0 podshim plan --json --allow-net=udp:198.51.100.1:53 "$BUNDLE"
	jq -e .uplink <<<"$output"
	devices '{"dev0": {"name": "eth0"}}'
	run -0 podshim plan --json --allow-net=udp:198.51.100.1:53 "$BUNDLE"
	[ "$(jq -c '[.. | .net_devices? // empty | .[] | [.host_name, .name]]' <<<"$output")" = '[["dev0","eth0"]]' ]
	[ "$(jq '[.. | .uplink? // empty] | length' <<<"$output")" = 0 ]
}
