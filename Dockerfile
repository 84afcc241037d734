# docker build -t assay . && docker run --rm -p 127.0.0.1:50051:50051 assay --listen=0.0.0.0:50051 --insecure
# BASE: registry, name and tag of the Debian that it is built and run on, such as that of a mirror.
ARG BASE=docker.io/library/debian:bookworm-slim
FROM ${BASE} AS build
WORKDIR /src
COPY deploy/install_packages.sh deploy/install_packages.sh
COPY deploy/packages/build.txt deploy/packages/
RUN deploy/install_packages.sh build
COPY . .
# What `assay info` and the metrics tell: --build-arg REVISION=$(git rev-parse --short=12 HEAD)
ARG REVISION=
RUN /usr/bin/cmake -S . -B /build -G Ninja -DCMAKE_BUILD_TYPE=Release -DASSAY_BUILD_TESTS=OFF \
      -DASSAY_REVISION="$REVISION" \
 && /usr/bin/cmake --build /build \
 && DESTDIR=/image /usr/bin/cmake --install /build --prefix /usr/local --component assay --strip

FROM ${BASE}
COPY deploy/install_packages.sh deploy/packages/run.txt /tmp/deploy/
RUN mkdir /tmp/deploy/packages && mv /tmp/deploy/run.txt /tmp/deploy/packages/ \
 && /tmp/deploy/install_packages.sh run \
 && rm -rf /tmp/deploy /var/lib/apt/lists/* \
 && useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin assay
COPY --from=build /image/ /
USER 10001:10001
# gRPC, metrics.
EXPOSE 50051 9464
HEALTHCHECK CMD ["/usr/local/bin/assayd", "--probe=live"]
ENTRYPOINT ["/usr/local/bin/assayd"]
CMD ["--listen=127.0.0.1:50051", "--metrics=127.0.0.1:9464"]
