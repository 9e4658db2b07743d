#!/bin/sh
# Makes a CA and what it signs, for tests and for a first try: certificates.sh FOLDER
#
#   ca.crt, db.*, queue.*, files.*    the CA, and the services of compose.yaml with the names that they are reached by
#   stranger.crt                      another CA, which has signed none of them
#
# Existing files stay. Everybody may read the keys, because the servers run as users of their images.
set -eu

mkdir -p "$1"
cd "$1"

authority() { # authority NAME SUBJECT
	[ -e "$1.crt" ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 30 \
		-subj "/CN=$2" -addext keyUsage=critical,keyCertSign,cRLSign -keyout "$1.key" -out "$1.crt" 2>/dev/null
}

authority ca 'Managed services'
authority stranger 'Somebody else'
for name in db queue files; do
	[ ! -e "$name.crt" ] || continue
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -subj "/CN=$name.managed.test" \
		-keyout "$name.key" -out "$name.csr" 2>/dev/null
	# Python 3.13 checks strictly.
	printf 'subjectAltName=DNS:%s.managed.test\nauthorityKeyIdentifier=keyid\n' "$name" |
		openssl x509 -req -in "$name.csr" -CA ca.crt -CAkey ca.key -days 30 -extfile /dev/stdin -out "$name.crt" 2>/dev/null
done
chmod a+r ./*
