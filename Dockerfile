# SPDX-License-Identifier: Apache-2.0
# podshim in an image: the runtime, its library, Python to run code with, presets, and bundles to begin with.
#
#   podman build -t podshim .
#
# An ordinary user runs programs and scripts under permissions, without any capability:
#
#   podman run --rm --cap-drop=ALL --security-opt seccomp=example/docker/seccomp.json --security-opt unmask=/proc/* \
#       podshim run --allow-run=cat -- sh -c 'cat /etc/hostname'
#
#   seccomp=...      the engine's own filter keeps unshare, mount and their kin for those with SYS_ADMIN; example/docker has one
#                    that permits them, for a user namespace of podshim's own, and refuses what nobody here needs
#   unmask=/proc/*   the kernel lets nobody mount a /proc who cannot see all of the old one (Docker: systempaths=unconfined)
#
# Bundles, and pods of prepared runners, take root of the container and these capabilities:
#
#   podman run --rm --user 0 --cap-drop=ALL --cap-add=SYS_ADMIN,NET_ADMIN,SETPCAP,SETGID,MKNOD \
#       podshim --cgroup-manager disabled run /usr/local/share/podshim/example/hello
#   podman run -d --name jobs --user 0 --cap-drop=ALL --cap-add=SYS_ADMIN,NET_ADMIN,SETPCAP,SETGID,MKNOD,SYS_PTRACE \
#       podshim --cgroup-manager disabled pod create --foreground --interpreter py /usr/local/share/podshim/example/python-runner/bundle
#   podman exec jobs podshim pod launch py --code 'print(sum(range(10)))'
#
#   SYS_ADMIN, NET_ADMIN   namespaces and mounts; the loopback device of a new network namespace
#   SETPCAP, SETGID        to give up the bounding set and supplementary groups; SETUID, too, where a bundle names another user
#   MKNOD                  /dev/null and its kin, unless a bundle has a user namespace
#   SYS_PTRACE             pods: to see in which namespaces a client is
#
# Limits of memory and processes take a cgroup file system that can be written: -v /sys/fs/cgroup:/sys/fs/cgroup:rw instead of
# --cgroup-manager disabled.  Where the host has AppArmor or SELinux, whose profiles of containers deny mounts:
# --security-opt apparmor=unconfined, label=disable.  --privileged is never needed.
#
# Policy: flags behind "run", or --env PODSHIM_ALLOW_READ=... and its kin; PODSHIM_POLICY names a file in a volume.
# It needs Linux 5.13 or newer, nothing else of the host, and no network.

FROM docker.io/library/debian:12-slim AS build
RUN apt-get update \
	&& apt-get install -y --no-install-recommends \
		busybox-static gcc jq libc-ares-dev libc6-dev libseccomp-dev libyajl-dev linux-libc-dev make musl-tools \
	&& rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN make -j"$(nproc)" WERROR=1 B=/build MAN=0 install \
	&& cd /usr/local && strip bin/podshim lib/libpodshim.so.0 \
	&& rm -r include lib/systemd lib/pkgconfig lib/libpodshim.a lib/libpodshim.so \
		share/bash-completion share/doc share/fish share/zsh
# Bundles to begin with.  The one of python-runner names /usr/bin/python3, which is only in the image that is made below.
RUN mkdir /usr/local/share/podshim/example && ln -s true /usr/bin/python3 \
	&& cp -r example/hello example/python-runner example/client-python /usr/local/share/podshim/example \
	&& cd /usr/local/share/podshim/example && hello/make-rootfs && python-runner/make-bundle

FROM docker.io/library/debian:12-slim
RUN apt-get update \
	&& apt-get install -y --no-install-recommends python3 \
	&& rm -rf /var/lib/apt/lists/* \
	&& useradd --create-home --uid 1000 podshim
COPY --from=build /usr/local /usr/local
RUN ldconfig
ENV PYTHONPATH=/usr/local/share/podshim/python
USER podshim
WORKDIR /home/podshim
ENTRYPOINT ["/usr/local/bin/podshim"]
CMD ["help"]
