# SPDX-License-Identifier: Apache-2.0
# podshim as one static file.  To have it on the host:
#
#   podman build -t podshim . && podman create --name podshim podshim && podman cp podshim:/podshim ./podshim

FROM debian:12-slim AS build
RUN apt-get update \
	&& apt-get install -y --no-install-recommends \
		gcc make libc6-dev linux-libc-dev musl-tools libseccomp-dev libyajl-dev \
	&& rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN make -j"$(nproc)" WERROR=1 B=/build && strip /build/podshim && /build/podshim features >/dev/null

FROM scratch
COPY --from=build /build/podshim /podshim
ENTRYPOINT ["/podshim"]
CMD ["help"]
