# SPDX-License-Identifier: Apache-2.0
# What a test needs from the machine; what is missing becomes the reason of a skip.

requires() {
	local need
	for need in "$@"; do
		case $need in
		root) ((EUID == 0)) || skip "needs root" ;;
		podshim) is_podshim || skip "about podshim, not ${PODSHIM##*/}" ;;
		cgroup_v2_only) [[ -e /sys/fs/cgroup/cgroup.controllers ]] || skip "cgroup v2 is not the only hierarchy" ;;
		cgroup_v2) [[ -n $(v2_mount) ]] || skip "no cgroup v2 hierarchy" ;;
		cgroup_v1:*) [[ -e /sys/fs/cgroup/${need#*:}/tasks ]] || skip "no v1 hierarchy of ${need#*:}" ;;
		systemd) [[ -S /run/systemd/private && $(cat /proc/1/comm) == systemd ]] || skip "PID 1 is no systemd" ;;
		ns:*) [[ -e /proc/self/ns/${need#*:} ]] || skip "the kernel has no ${need#*:} namespaces" ;;
		*) command -v "$need" >/dev/null || skip "needs $need" ;;
		esac
	done
}

v2_mount() {
	awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts
}

# Directory of the container in the hierarchy of a controller (v1 or v2), from the process itself.
cgroup_dir() { # cgroup_dir CONTROLLER PID
	local rel
	if [[ -e /sys/fs/cgroup/$1/tasks ]]; then
		rel=$(awk -F: -v c="$1" '$2 ~ "(^|,)" c "(,|$)" { print $3 }' "/proc/$2/cgroup")
		echo "/sys/fs/cgroup/$1$rel"
	else
		rel=$(awk -F: '$1 == 0 { print $3 }' "/proc/$2/cgroup")
		echo "$(v2_mount)$rel"
	fi
}
is_v1() {
	[[ -e /sys/fs/cgroup/$1/tasks ]]
}
