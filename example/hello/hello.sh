#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the hello container runs: it says where it is, from the inside.
value()
{
	sed -n "s/^$1:[[:space:]]*//p" /proc/self/status
}

mounts=$(grep -c . /proc/self/mounts)
interfaces=$(cd /sys/class/net 2>/dev/null && echo *)
if touch /written 2>/dev/null; then root=writable; else root=read-only; fi

cat <<EOF
Hello from inside a container.
  hostname      $(hostname)
  pid           $$
  uid:gid       $(id -u):$(id -g)
  root          $root
  mounts        $mounts
  interfaces    $interfaces
  capabilities  $(value CapEff)
  no_new_privs  $(value NoNewPrivs)
EOF
