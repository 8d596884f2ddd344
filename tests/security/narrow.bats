#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What exec and launches take away stays away, whatever the process tries with what its neighbours have.

load ../bats/lib/common
load ../bats/lib/bundle
load ../bats/lib/requires
load ../bats/lib/wait
load ../bats/lib/pods
load lib/attack

setup() {
	pods_setup jq ldd
	mkdir -p "$ROOTFS/data/sub" "$ROOTFS/work" "$ROOTFS/lib64"
	echo classified >"$ROOTFS/data/secret"
	echo b >"$ROOTFS/data/sub/b"
	config '.root.readonly = false'
}
teardown() {
	[[ ! -s pids ]] || while read -r pid; do kill "$pid" 2>/dev/null || true; done <pids
	pods_teardown
}

# Two dynamic programs with all that they take; LOADER.
dynamic() {
	local lib
	cp "$(command -v cat)" "$ROOTFS/bin/first"
	cp "$(command -v id)" "$ROOTFS/bin/second"
	for lib in $(ldd "$(command -v cat)" "$(command -v id)" | grep -o '/[^ ]*[0-9]' | sort -u); do
		mkdir -p "$ROOTFS$(dirname "$lib")"
		cp -L "$lib" "$ROOTFS$lib"
	done
	LOADER=$(ldd "$(command -v cat)" | grep -o '/[^ ]*ld-[^ ]*')
}

@test "exec: a program that left the list is not run by the loader either" {
	dynamic
	payload sleep 600
	detached podshim run -d --allow-read=/data --allow-run=/bin/busybox,/bin/first,/bin/second -b "$BUNDLE" "$CID"
	run -0 podshim exec "$CID" /bin/second -u
	is 0
	run -0 podshim exec "$CID" "$LOADER" /bin/second -u
	run -0 podshim exec --allow-run=/bin/first "$CID" /bin/first /data/secret
	is classified
	run podshim exec --allow-run=/bin/first "$CID" /bin/second -u
	((status != 0))
	has "permission denied"
	run -127 podshim exec --allow-run=/bin/first "$CID" "$LOADER" /bin/second -u
	has "Permission denied"
	podshim kill "$CID" KILL
	wait_status stopped
	podshim delete "$CID"
	# Where it can be read, it is refused.
	detached podshim run -d --allow-read=/bin,/data --allow-run=/bin/busybox,/bin/first,/bin/second -b "$BUNDLE" "$CID"
	run -255 podshim exec --allow-run=/bin/first "$CID" /bin/first /data/secret
	has "'/bin/second' can still be read, and so be run by the loader: list what may be read, too"
	podshim kill "$CID" KILL
}

@test "exec: what its paths lead to is nothing that the container may not have" {
	echo hidden >"$ROOTFS/hidden"
	ln -s /hidden "$ROOTFS/work/link"
	payload sh -c 'mkdir /work/dir; echo ready >/work/ready; sleep 600'
	detached podshim run -d --allow-read=/data,/work --allow-write=/work --allow-run=/bin/busybox -b "$BUNDLE" "$CID"
	wait_until 10 test -e "$ROOTFS/work/ready"
	run -0 podshim exec --allow-read=/data/secret "$CID" cat /data/secret
	is classified
	run podshim exec --allow-read=/work/link "$CID" cat /hidden
	((status != 0))
	[ "$output" != hidden ]
	podshim kill "$CID" KILL
}

@test "exec: what its neighbours have is out of reach" {
	payload sh -c 'exec 5</data/secret; sleep 600'
	detached podshim run -d --allow-read=/data --allow-write=/work --allow-run=/bin/busybox -b "$BUNDLE" "$CID"
	run podshim exec --allow-read=/data/sub "$CID" sh -c 'cat /proc/1/fd/5 /proc/1/root/data/secret /proc/1/cwd/data/secret /data/sub/../secret; ln -s /data/secret /work/l; cat /work/l; cat /data/sub/b'
	lacks classified
	has b
	podshim kill "$CID" KILL
}

@test "exec: nor are its neighbours, where nothing about files is limited" {
	config '.process.env += ["APP=classified"]'
	payload sleep 600
	local form reach='cat /proc/1/environ; (exec 3<>/proc/1/mem) && echo mem; ls /proc/1/root/ /proc/1/fd/ && echo root; echo ran'
	for form in --deny-net=10.0.0.1 "--allow-net=127.0.0.1 --allow-read --allow-write --allow-run --allow-ffi --allow-sys --allow-env" ""; do
		# shellcheck disable=SC2086  # flags
		detached podshim run -d $form -b "$BUNDLE" "$CID"
		run podshim exec "$CID" sh -c "$reach"
		has classified
		has mem
		run podshim exec --deny-env=APP "$CID" sh -c "$reach"
		has ran
		lacks classified
		lacks $'\nmem'
		lacks $'\nroot'
		if [[ -n $form ]]; then
			run podshim exec --deny-net "$CID" sh -c "$reach"
			has ran
			lacks classified
			lacks $'\nmem'
			lacks $'\nroot'
		fi
		podshim kill "$CID" KILL
		wait_status stopped
		podshim delete "$CID"
	done
}

# A name server and an echo server of the host: DNS, ECHO.
serve_datagrams() {
	requires python3
	DNS=$((20000 + RANDOM % 20000))
	ECHO=$((DNS + 1))
	python3 "$REPO/tests/bats/lib/dns.py" "$DNS" good.test=127.0.0.1 >asked 3>&- &
	echo $! >>pids
	python3 "$REPO/tests/bats/lib/udp_echo.py" "$ECHO" 127.0.0.1 >echo 3>&- &
	echo $! >>pids
	wait_file asked ready
	wait_file echo ready
	cp "$(attacker datagrams)" "$ROOTFS/bin/datagrams"
	mkdir -p "$ROOTFS/etc"
	: >"$ROOTFS/etc/resolv.conf"
	PROGRAMS=(--dns "127.0.0.1:$DNS" --allow-read --allow-write --allow-run --allow-ffi --allow-sys --allow-env)
}

@test "exec: what it may not reach it does not ask a name server about, while its neighbours do" {
	serve_datagrams
	payload sleep 600
	detached podshim run -d "${PROGRAMS[@]}" --allow-net='*.test' -b "$BUNDLE" "$CID"
	run podshim exec "$CID" nslookup -type=a first.good.test
	local flags n=0
	for flags in --deny-net --allow-net=other.good.test '--deny-net=*.test'; do
		run podshim exec "$flags" "$CID" nslookup -type=a "secret$((++n)).good.test"
		has "NXDOMAIN"
		# It does not wait for an answer, and is gone.
		run podshim exec "$flags" "$CID" sh -c "for i in 1 2 3 4 5 6 7 8; do nslookup -type=a secret-\$i.good.test & done; sleep 0.1; kill -9 -1"
		run podshim exec "$CID" nslookup -type=a "after$n.good.test"
	done
	run podshim exec --allow-net=other.good.test "$CID" nslookup -type=a other.good.test
	run -0 cat asked
	lacks secret
	for n in first.good.test after1 after2 after3 other.good.test; do
		has "$n"
	done
	podshim kill "$CID" KILL
}

@test "datagrams to the host's loopback are no talk of the container with itself, where it listens" {
	serve_datagrams
	local net="udp:127.0.0.1:$ECHO,listen:127.0.0.1" ways=(datagrams ways 127.0.0.1 127.0.0.2 "$ECHO" "$((ECHO + 1))")
	payload sleep 600
	detached podshim run -d "${PROGRAMS[@]}" --allow-net="$net" -b "$BUNDLE" "$CID"
	run -0 podshim exec "$CID" "${ways[@]}"
	[[ ${lines[-1]} == answers ]]
	run -0 podshim exec --deny-net="udp:127.0.0.1:$ECHO" "$CID" "${ways[@]}"
	[[ ${lines[-1]} == "no answer" ]]
	podshim kill "$CID" KILL
	wait_status stopped
	podshim delete "$CID"
	create --warm 1 "${PROGRAMS[@]}" --allow-net="$net"
	run podshim pod launch "$POD" -- "${ways[@]}"
	[[ ${lines[-1]} == answers ]]
	run podshim pod launch --deny-net="udp:127.0.0.1:$ECHO" "$POD" -- "${ways[@]}"
	[[ ${lines[-1]} == "no answer" ]]
	podshim pod rm "$POD"
	nothing_left
}

@test "launch: messages with flags that are none, or too many, end nothing" {
	requires python3
	create --warm 1 --allow-read=/data --allow-run=/bin/busybox --allow-net=127.0.0.1
	run -0 env PYTHONPATH="$REPO/ipc/python" python3 - "$POD" "$ROOT" <<'END'
import sys
import podshim

pod = podshim.Pod.connect(sys.argv[1], sys.argv[2])
for flags in (["--no-such"], [""], ["--allow-net="], ["--deny-read=" + "/x" * 5000], ["--deny-net"] * 300, ["-A"], ["--policy=/etc/passwd"],
              ["--deny-net=" + ",".join(f"10.0.{i >> 8}.{i & 255}" for i in range(9000))], ["--allow-read=/data/\x1b[2J"], ["--deny-env=*", "deny"]):
    try:
        pod.launch(["true"], permissions=flags).wait()
    except podshim.Error as e:
        print(e)
runner = pod.launch(["cat", "/data/sub/b"], permissions=["--allow-read=/data/sub"], lossless=True)
print(runner.wait())
pod.close()
END
	has "'--no-such' is no permission flag"
	has "a launch takes at most 255 of 'permission'"
	lacks $'\e'
	run -0 podshim pod launch "$POD" -- cat /data/sub/b
	is b
	podshim pod rm "$POD"
	nothing_left
}
