# SPDX-License-Identifier: Apache-2.0
# A systemd of the test's own (fake_systemd.py), whose units are in cgroups that bear the test's name.

fake_setup() { # fake_setup [FLAG...]: at $SYSTEMD/socket
	SYSTEMD=$BATS_TEST_TMPDIR/systemd
	mkdir -p "$SYSTEMD"
	echo "/bats-$TAG" >"$SYSTEMD/root"
	start_fake "$@"
	export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$SYSTEMD/socket
}

start_fake() { # start_fake [FLAG...]
	rm -f "$SYSTEMD/socket"
	python3 "$REPO/tests/bats/lib/fake_systemd.py" "$SYSTEMD/socket" "$SYSTEMD" "$@" </dev/null >>"$SYSTEMD/log" 2>&1 3>&- &
	FAKE=$!
	wait_until 20 test -S "$SYSTEMD/socket"
}

fake_teardown() {
	rm -f "$SYSTEMD/mode"
	[[ -z ${FAKE:-} ]] || ! kill -0 "$FAKE" 2>/dev/null || kill "$FAKE"
	find /sys/fs/cgroup -depth -type d -path "*/bats-$TAG*" -exec rmdir {} + 2>/dev/null || true
}

misbehave() { # misbehave TEXT: see fake_systemd.py
	printf '%s\n' "$1" >"$SYSTEMD/mode"
}

calls() { # calls: the names of what was asked, in order
	jq -r .member "$SYSTEMD/calls" | grep -vx -e Hello -e AddMatch -e Get
}

stalls_at() { # stalls_at CALL: somebody waits for its answer
	[[ $(jq -r .member "$SYSTEMD/calls" | tail -n 1) == "$1" ]]
}

# A property of the unit as it was asked for, as JSON.
property() { # property NAME
	jq -c --arg n "$1" 'select(.member == "StartTransientUnit") | .args[2][] | select(.[0] == $n) | .[1][1]' "$SYSTEMD/calls"
}

# The cgroup of a process below the fake's root, in the hierarchy that systemd keeps.
unit_cgroup() { # unit_cgroup PID
	sed -nE "s|^([0-9]+:name=systemd\|0:):/bats-$TAG||p" "/proc/$1/cgroup" | sort -u
}
