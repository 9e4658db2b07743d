# Stands in for maildev/maildev. The program comes from npm; "node" is the stand-in next door.
FROM node
WORKDIR /home/node/app
RUN --mount=type=bind,from=build,target=/build --mount=type=tmpfs,target=/root/.npm \
    --mount=type=secret,id=extra-ca --mount=type=secret,id=npm-registry <<EOF
  set -eu
  /build/with-network.sh npm install --no-audit --no-fund --no-update-notifier --ignore-scripts --omit=dev maildev@3.0.0
  # Where the official image has it.
  ln -s node_modules/maildev/dist dist
EOF

ENV MAILDEV_SMTP_PORT=1025 MAILDEV_WEB_PORT=1080
EXPOSE 1025 1080
USER 1000:1000
ENTRYPOINT ["node", "dist/bin/maildev.js"]
