# SPDX-License-Identifier: Apache-2.0
# Somebody on the host to call (callee.c).  Needs attack.bash and ../bats/lib/wait.
# shellcheck disable=SC2034

# LISTED and OTHER, ports; SERVER, a folder with sockets and a log of who came to the wrong place.
start_server() { # start_server [as user]
	SERVER=$HERE/srv
	mkdir -p "$SERVER"
	chmod 777 "$SERVER"
	cp "$(attacker callee)" "$HERE/callee"
	"$@" "$HERE/callee" "$SERVER" </dev/null >"$SERVER/err" 2>&1 3>&- &
	SERVER_PID=$!
	wait_file "$SERVER/ports" " "
	read -r LISTED OTHER <"$SERVER/ports"
}
stop_server() {
	[[ -z ${SERVER_PID:-} ]] || kill "$SERVER_PID"
	SERVER_PID=
}

# All who have called so far are in the log, and one "tcp" more: the server takes them in order.
all_are_told() {
	local answer
	exec 9<>"/dev/tcp/127.0.0.1/$OTHER"
	read -r -N 1 answer <&9 && [[ $answer == O ]]
	exec 9>&-
}
forget_callers() {
	all_are_told
	: >"$SERVER/log"
}
nobody_came() {
	all_are_told
	[[ $(<"$SERVER/log") == tcp ]] || { printf 'came to the wrong place:\n' >&2; cat "$SERVER/log" >&2; return 1; }
	: >"$SERVER/log"
}
