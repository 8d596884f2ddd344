#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The client libraries against a real pod: the examples in C and Python, inside and outside.

load lib/common
load lib/bundle
load lib/requires
load lib/wait
load lib/podman
load lib/containerd

setup() {
	common_setup
	requires root podshim cc python3
	LIBRARY=${PODSHIM%/*}
	[[ -e $LIBRARY/libpodshim.a ]] || skip "no client library beside $PODSHIM"
	PY=$REPO/example/client-python/client.py
	export PYTHONPATH=$REPO/ipc/python PYTHONDONTWRITEBYTECODE=1
	new_bundle /bin/sh
}
teardown() {
	[[ ! -d ${ROOT:-}/.pods/$TAG ]] || podshim pod rm --force "$TAG" >/dev/null 2>&1 3>&-
	[[ -z ${PM:-} ]] || { podman_teardown && podman_teardown_file; }
	containerd_teardown_file
	common_teardown
}

# What needs no knowledge of the file system of the payload is linked statically.
compile() { # compile SOURCE PROGRAM [FLAG...]
	cc -Wall -Wextra -Werror -O2 -I "$REPO/ipc" -o "$2" "$REPO/example/client-c/$1.c" "${@:3}" "$LIBRARY/libpodshim.a"
}
make_client() {
	CLIENT=$BATS_TEST_TMPDIR/client
	compile client "$CLIENT"
}
make_echo() {
	compile echo "$ROOTFS/bin/podshim-echo" -static
	config '.annotations = { "io.podshim.channel": "1" }'
}
make_pod() { # make_pod [FLAG...]
	detached podshim pod create "$@" "$TAG" "$BUNDLE"
}
# The number of the runner that was launched last.
launched() {
	sed -n "s/^$TAG\.//p" "$OUT" | tail -n 1
}
nothing_left() {
	[[ ! -d $ROOT/.pods ]] || rmdir "$ROOT/.pods"
	assert_nothing_left
}
no_pod() {
	podshim pod rm --force "$TAG"
	nothing_left
}

@test "both clients show what a runner prints and return its exit status" {
	make_client
	make_pod
	for client in "$CLIENT" "$PY"; do
		run -3 --separate-stderr "$client" -r "$ROOT" "$TAG" run sh -c 'echo to out; echo to err >&2; exit 3'
		is "to out"
		[[ $stderr == "to err" ]]
	done
	no_pod
}

@test "a lossless client loses nothing, however much there is" {
	make_client
	make_pod
	wanted=$(head -c 33554432 /dev/zero | sha256sum)
	for client in "$CLIENT" "$PY"; do
		run -0 bash -c '"$@" | sha256sum' - "$client" -r "$ROOT" "$TAG" run head -c 33554432 /dev/zero
		is "$wanted"
	done
	no_pod
}

@test "records go through a runner and come back as they were" {
	make_client
	make_echo
	make_pod
	detached podshim pod launch "$TAG" -d -- podshim-echo
	run -0 "$CLIENT" -r "$ROOT" "$TAG" echo "$(launched)" 64
	is "64 MiB came back as they were"
	detached podshim pod launch "$TAG" -d -- podshim-echo
	run -0 "$PY" -r "$ROOT" "$TAG" echo "$(launched)" 16
	has "16 MiB came back as they were: sha256 "
	no_pod
}

@test "a container of any caller with the channel annotation serves the same clients" {
	make_client
	make_echo
	payload podshim-echo
	for client in "$CLIENT" "$PY"; do
		detached podshim create -b "$BUNDLE" "$CID"
		detached podshim start "$CID"
		run -0 "$client" -r "$ROOT" "$CID" echo 0 16
		has "16 MiB came back as they were"
		wait_status stopped
		podshim delete "$CID"
	done
	assert_nothing_left
}

# 256 MiB through a container that others made; Python needs some seconds for them.
comes_back() { # comes_back CLIENT ROOT ID
	run -0 "$1" -r "$2" "$3" echo 0 256
	has "256 MiB came back as they were"
}

@test "a container made by podman echoes 256 MiB through its rings, from C and from Python" {
	make_client
	make_echo
	podman_setup_file
	for client in "$CLIENT" "$PY"; do
		run_pm run -d --name "$TAG" --network none --annotation io.podshim.channel=1 \
			-v "$ROOTFS/bin/podshim-echo:/echo:ro" busybox:test /echo
		run -0 --separate-stderr pm inspect --format '{{.Id}}' "$TAG"
		comes_back "$client" /run/podshim "$output"
		run_pm wait "$TAG"
		is 0
		run_pm rm "$TAG"
	done
}

@test "a container made by ctr echoes 256 MiB through its rings, from C and from Python" {
	make_client
	make_echo
	containerd_setup_file
	for client in "$CLIENT" "$PY"; do
		run -0 ct_run "$TAG" -d --annotation io.podshim.channel=1 \
			--mount "type=bind,src=$ROOTFS/bin/podshim-echo,dst=/echo,options=bind:ro" -- /echo
		comes_back "$client" "$CTD/runtime/default" "$TAG"
		wait_until 10 bash -c "ctr --address $CTD/sock task ls | grep -q STOPPED"
		run -0 ct task rm "$TAG"
		run -0 ct container rm "$TAG"
	done
}

@test "code runs on interpreters that were warm before there was a job" {
	"$REPO/example/python-runner/make-bundle" "$BATS_TEST_TMPDIR/python"
	BUNDLE=$BATS_TEST_TMPDIR/python
	make_pod --interpreter --warm 1
	run -0 --separate-stderr "$PY" -r "$ROOT" "$TAG" code $'import sys\nprint("out")\nprint("err", file=sys.stderr)\n[1, 2]'
	is $'out\n[1, 2]'
	[[ $stderr == err ]]
	run -1 "$PY" -r "$ROOT" "$TAG" code '1 / 0'
	has "ZeroDivisionError: division by zero"
	lacks runner.py
	run -7 "$PY" -r "$ROOT" "$TAG" code 'raise SystemExit(7)'
	# Each job has an interpreter of its own.
	run -0 "$PY" -r "$ROOT" "$TAG" code 'import math; math.pi = 3'
	run -0 "$PY" -r "$ROOT" "$TAG" code 'import math; math.pi'
	is 3.141592653589793
	no_pod
}

@test "a Python program makes a pod, uses it, and leaves nothing" {
	cat >"$BATS_TEST_TMPDIR/program.py" <<-'END'
		import os, podshim
		with podshim.Pod.create(os.environ["BUNDLE"], os.environ["TAG"], warm=1, root=os.environ["ROOT"],
		                        program=os.environ["PODSHIM"], flags=["--ring-size", "128K"]) as pod:
		    print(pod.ring_size, pod.counts().warm_wanted)
		    pod.subscribe()
		    with pod.launch(["cat"], stdin=True, lossless=True) as r:
		        r.input(b"hello")
		        r.close_input()
		        print(b"".join(o.data for o in r).decode(), r.wait(), r.reason)
		    sleeper = pod.launch(["sleep", "600"])
		    sleeper.stop(force=True)
		    print(sleeper.status, sleeper.reason)
		    print(pod.launch(["sleep", "600"], timeout=0.1).wait())
		    print(any(e.type == "exit" and e.n == sleeper.n for e, _ in zip(pod.events(), range(1000))))
		    try:
		        pod.launch(["/nowhere"])
		    except podshim.Error as e:
		        print(e.code)
	END
	run -0 python3 "$BATS_TEST_TMPDIR/program.py" 3>&-
	is $'131072 1\nhello 0 exited\n137 stopped\n137\nTrue\n8'
	nothing_left
}

@test "the shared library holds what the header promises, and nothing else" {
	cc -Wall -Wextra -Werror -O2 -I "$REPO/ipc" -o "$BATS_TEST_TMPDIR/client" "$REPO/example/client-c/client.c" \
		-L "$LIBRARY" -lpodshim -Wl,-rpath,"$LIBRARY"
	run -125 "$BATS_TEST_TMPDIR/client" -r "$ROOT" nobody run true
	has "no pod and no container below '$ROOT' is named 'nobody'"
	diff <(sed -n 's/^PODSHIM_API.*[ *]\(podshim_[a-z_]*\)(.*/\1/p' "$REPO/ipc/podshim.h" | sort) \
		<(nm -D --defined-only "$LIBRARY/libpodshim.so.0" | sed -n 's/.* T \([a-z_]*\).*/\1/p' | sort)
	diff <(nm --defined-only -g "$LIBRARY/libpodshim.a" | sed -n 's/.* [A-Z] //p' | sort) \
		<(nm -D --defined-only "$LIBRARY/libpodshim.so.0" | sed -n 's/.* T \([a-z_]*\).*/\1/p' | sort)
}
