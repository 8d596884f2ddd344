# SPDX-License-Identifier: Apache-2.0
# For the security tests: attackers built from C, and canaries that tell whether the host was touched.
# shellcheck disable=SC2154  # status and output are set by bats' run

SECURITY_DIR=$REPO/tests/security

# attacker NAME: the path of NAME.c of this directory, built once per file; static, so that it runs in a rootfs too.
attacker() {
	local bin=$BATS_FILE_TMPDIR/$1
	if [[ ! -x $bin ]]; then
		gcc -std=gnu17 -O2 -Wall -Wextra -Werror -static -o "$bin" "$SECURITY_DIR/$1.c" >&2 || return 1
	fi
	echo "$bin"
}

# CANARY: a tree of the host that nothing may touch.
make_canary() {
	CANARY=$BATS_TEST_TMPDIR/canary
	mkdir -p "$CANARY/dir/sub" "$CANARY/empty"
	echo untouched >"$CANARY/file"
	echo untouched >"$CANARY/dir/file"
	chmod 0640 "$CANARY/file"
	export CANARY
	CANARY_BEFORE=$(canary_state)
}

# Every name, type, mode, owner, time and content of it; the host's mounts where an attack would put one; the host's /dev.
canary_state() {
	find "$CANARY" -printf '%p %y %m %U:%G %n %C@ %l\n' | sort
	find "$CANARY" -type f -exec sha256sum {} + | sort -k 2
	awk -v c="$CANARY" '$5 ~ "^/(dev|proc|sys|etc)(/|$)" || index($5, c) == 1' /proc/self/mountinfo
	stat -c '%n %F %a %u:%g %t:%T' /dev /dev/null /dev/zero /dev/ptmx /dev/pts /proc /sys /etc/passwd
	cat /proc/sys/kernel/core_pattern
}

assert_canary() {
	local after
	after=$(canary_state)
	[[ $after == "$CANARY_BEFORE" ]] && return
	printf 'the host was touched:\n' >&2
	diff <(echo "$CANARY_BEFORE") <(echo "$after") >&2
	return 1
}

# Like `attempt`, of the runtime, with an end: a hang is a failure (124).
bounded() {
	attempt timeout -k 5 30 "$PODSHIM" --root "$ROOT" "$@"
	((status != 124 && status != 137)) || { echo "hangs: $*" >&2; return 1; }
}

# One line that says what is wrong.
one_error_line() {
	[[ $status == 1 && $(wc -l <<<"$output") == 1 && $output == podshim:* ]] ||
		{ printf 'not exit status 1 with one line of error: %d\n%s\n' "$status" "$output" >&2; return 1; }
}

# What it is now is how it shall stay.
bless_canary() {
	CANARY_BEFORE=$(canary_state)
}
