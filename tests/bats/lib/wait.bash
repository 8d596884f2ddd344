# SPDX-License-Identifier: Apache-2.0
# Waiting is polling of something observable, with a deadline; never sleeping and hoping.

# wait_until SECONDS COMMAND...: until it succeeds.
wait_until() {
	local deadline=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		if ((SECONDS > deadline)); then
			echo "still not true: $*" >&2
			return 1
		fi
		sleep 0.02
	done
}

status_is() { # status_is STATUS [ID]
	[[ $(podshim state "${2:-$CID}" | jq -r .status) == "$1" ]]
}
wait_status() {
	wait_until 10 status_is "$@"
}
wait_file() { # wait_file PATH [TEXT]
	wait_until 10 grep -qs -e "${2:-}" "$1"
}
gone() { # gone PID
	[[ ! -e /proc/$1 || $(ps -o state= -p "$1") == Z ]]
}

has_left() { # has_left NAMESPACE PID: that process is no longer in ours
	[[ $(readlink "/proc/$2/ns/$1") != "$(readlink "/proc/self/ns/$1")" ]]
}

is_larger() { # is_larger FILE BYTES
	(($(stat -c %s "$1") > $2))
}
