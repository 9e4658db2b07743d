#!/bin/sh
# Runs a command of the build with what reaches the package index from this network, and keeps none
# of it in the image: with-network.sh COMMAND [ARG…]. Both secrets may be empty.
#   extra-ca        certificates to trust beside the image's own
#   pip-index-url   a mirror, perhaps with a password in it
set -eu

if grep -qs 'BEGIN CERTIFICATE' /run/secrets/extra-ca; then
	bundle=$(mktemp)
	trap 'rm -f "$bundle"' EXIT
	cat /etc/ssl/certs/ca-certificates.crt /run/secrets/extra-ca >"$bundle" 2>/dev/null ||
		cat /run/secrets/extra-ca >"$bundle"
	export PIP_CERT="$bundle" SSL_CERT_FILE="$bundle" REQUESTS_CA_BUNDLE="$bundle" NODE_EXTRA_CA_CERTS="$bundle"
fi

if [ -s /run/secrets/pip-index-url ]; then
	PIP_INDEX_URL=$(cat /run/secrets/pip-index-url)
	export PIP_INDEX_URL UV_DEFAULT_INDEX="$PIP_INDEX_URL"
fi

"$@"
