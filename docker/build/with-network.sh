#!/bin/sh
# Runs a build command with the certificates and mirrors of this network, and leaves none of them in the image:
# with-network.sh COMMAND [ARG…]. These are the build secrets. Each may be missing or empty:
#   extra-ca        certificates to trust in addition to the image's own
#   apt-mirror      a mirror of the Debian archive       these three are URLs; they may contain a user
#   pip-index-url   a mirror of the Python index         and a password, percent-encoded
#   npm-registry    a mirror of the npm registry
#   build-secrets   variables for the command, NAME=value, separated by blanks or lines
# BuildKit hands proxies to every step by itself. This script writes files only to memory, so no layer contains them.
set -eu

secrets=/run/secrets
memory=$(mktemp -d -p /dev/shm)
trap 'rm -rf "$memory"' EXIT
# apt downloads as another user, which must read the certificates.
chmod 0711 "$memory"

secret() { # secret NAME: its value, or nothing
	if [ -s "$secrets/$1" ]; then cat "$secrets/$1"; fi
}

# split_url URL: sets $plain to the URL without its login, $origin to its scheme and host, and $login to
# user:password, still percent-encoded.
split_url() {
	scheme=${1%%://*} rest=${1#*://}
	authority=${rest%%/*} login=
	case $authority in *@*) login=${authority%@*} ;; esac
	origin=$scheme://${authority##*@}
	plain=$origin${rest#"$authority"}
}

decode() { # standard input without percent-encoding; perl is in every Debian
	perl -pe 's/%([0-9A-Fa-f]{2})/chr hex $1/ge'
}

trust_extra_ca() {
	grep -qs 'BEGIN CERTIFICATE' "$secrets/extra-ca" || return 0
	bundle=$memory/ca.pem
	# Not every image has certificates of its own.
	cat /etc/ssl/certs/ca-certificates.crt "$secrets/extra-ca" >"$bundle" 2>/dev/null || cat "$secrets/extra-ca" >"$bundle"
	chmod 0644 "$bundle"
	export PIP_CERT="$bundle" SSL_CERT_FILE="$bundle" REQUESTS_CA_BUNDLE="$bundle" NODE_EXTRA_CA_CERTS="$bundle" \
		CARGO_HTTP_CAINFO="$bundle" GIT_SSL_CAINFO="$bundle" APT_CONFIG="$memory/apt.conf"
	echo "Acquire::https::CAInfo \"$bundle\";" >>"$APT_CONFIG"
}

# The image's own lists stay as they are. apt gets copies in which the mirror replaces the archive and MIRROR-security
# replaces the security archive, and a separate file with the login.
use_apt_mirror() {
	url=$(secret apt-mirror)
	[ -n "$url" ] || return 0
	split_url "${url%/}"
	mkdir "$memory/lists"
	for list in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
		[ -f "$list" ] || continue
		sed -E "s#https?://[^ ]+/debian(-security)?/?([[:space:]]|\$)#$plain\1\2#g" "$list" >"$memory/lists/${list##*/}"
	done
	if [ -n "$login" ]; then
		printf 'machine %s\nlogin %s\npassword %s\n' "$origin/" "$(printf %s "${login%%:*}" | decode)" \
			"$(printf %s "${login#*:}" | decode)" >"$memory/login"
		chmod 0600 "$memory/login"
	fi
	cat >>"$memory/apt.conf" <<-CONF
		Dir::Etc::SourceList "/dev/null";
		Dir::Etc::SourceParts "$memory/lists";
		Dir::Etc::Netrc "$memory/login";
	CONF
	chmod -R a+rX "$memory/lists" "$memory/apt.conf"
	export APT_CONFIG="$memory/apt.conf"
}

use_pip_index() {
	PIP_INDEX_URL=$(secret pip-index-url)
	[ -n "$PIP_INDEX_URL" ] || return 0
	export PIP_INDEX_URL UV_DEFAULT_INDEX="$PIP_INDEX_URL"
	# http:// in the setting is on purpose. uv accepts it; pip needs PIP_TRUSTED_HOST as well.
	split_url "$PIP_INDEX_URL"
	if [ "$scheme" = http ]; then export PIP_TRUSTED_HOST="${origin#http://}"; fi
}

# Under the names that the tools know: of a second index, of the login to an index, of git's configuration.
use_build_secrets() {
	set -f
	for pair in $(secret build-secrets); do
		case $pair in
		[A-Za-z_]*=*) export "${pair?}" ;;
		*)
			echo 'with-network: BUILD_SECRETS has a word that is not NAME=value. Separate them by blanks, and percent-encode the blanks in addresses.' >&2
			exit 64
			;;
		esac
	done
	set +f
	[ -z "${PIP_EXTRA_INDEX_URL:-}" ] || export UV_INDEX="${UV_INDEX-$PIP_EXTRA_INDEX_URL}"
}

# The addresses in a package-lock.json need no change: npm replaces its default registry with this one.
use_npm_registry() {
	url=$(secret npm-registry)
	[ -n "$url" ] || return 0
	split_url "${url%/}/"
	echo "registry=$plain" >"$memory/npmrc"
	if [ -n "$login" ]; then
		printf '%s:_auth=%s\n' "${plain#*:}" "$(printf %s "$login" | decode | base64 -w 0)" >>"$memory/npmrc"
	fi
	export NPM_CONFIG_USERCONFIG="$memory/npmrc"
}

# Prints the Debian packages that building a Python package needs, when the tool misses one of them. The C library's
# headers are named too: without recommended packages gcc does not bring them.
needed_packages() {
	none='no such file or directory: .[a-z0-9_-]*'
	while IFS='>' read -r words packages; do
		if says "$words"; then echo "$packages" && return; fi
	done <<-TABLE
		pg_config|libpq-fe\.h>gcc libc6-dev libpq-dev, and to APT_PACKAGES: libpq5
		(mysql|mariadb)_config|valid pkg-config name|mysql\.h:>gcc libc6-dev pkg-config libmariadb-dev, and to APT_PACKAGES: libmariadb3
		libcrypto|crypto lib>gcc libc6-dev pkg-config libssl-dev
		Python\.h:>gcc libc6-dev python3-dev
		curl-config|curl/[a-z]+\.h:>gcc libc6-dev libcurl4-openssl-dev libssl-dev
		ffi\.h:|openssl/[a-z]+\.h:>gcc libc6-dev libffi-dev libssl-dev
		(lber|ldap|sasl)\.h:>gcc libc6-dev libldap2-dev libsasl2-dev
		xmlsec1?/[a-z]+\.h:|(package|find) .?xmlsec1|xmlsec1 is not>gcc libc6-dev pkg-config libxmlsec1-dev
		xml(2|version|reader)?\.h:|(xml2|xslt)-config|libxml2 and libxslt dev>gcc libc6-dev libxml2-dev libxslt1-dev zlib1g-dev
		(jpeg|zlib)[a-z]*\.h:|could not be found for (jpeg|zlib)>gcc libc6-dev libjpeg-dev zlib1g-dev
		sql\.h:>g++ unixodbc-dev
		(lookup for|dependency|package) .?cairo\b>gcc libc6-dev pkg-config libcairo2-dev
		(cargo|rustc?)\b.*(not found|not installed|no such file)|find rust compiler|$none(cargo|rustc)\b>gcc libc6-dev cargo
		find command .git.|git executable not found|git: not found|${none}git\b>git
		cmake.*(not found|no such file|must be installed)|${none}cmake\b>cmake g++ make
		invoke pkg-config|pkg-config.*not found|${none}pkg-config\b>gcc libc6-dev pkg-config
		(g\+\+|cc1plus).*(not found|no such file)|${none}[cg]\+\+>g++
		cc.? (failed: )?(not found|no such file)|cc: not found|linker .cc. not found|unknown compiler|need a c compiler|${none}cc\b|(stdio|stdlib|limits|assert)\.h:>gcc libc6-dev
	TABLE
	file=$(sed -nE "s/.*fatal error: ([^ :]+): No such.*/\1/p; /not found|No such|status 127/s/.*[' ]([a-z0-9]+-config)\b.*/\1/p
		s/.*([Pp]ackage|Dependency) ['\"]([^'\"]+)['\"],?( required by.* not)?( not)? found.*/\2.pc/p" "$memory/said" | head -n 1)
	[ -z "$file" ] || echo "gcc libc6-dev, and the package that has $file: https://packages.debian.org finds it"
}

# explain: after the output of the tool, adds one sentence with the cause and the setting. A step has one secret of a
# mirror, even if it is empty. No guess is better than a wrong one.
explain() {
	for archive in apt-mirror/APT_MIRROR/'the Debian archive' pip-index-url/PIP_INDEX_URL/'the Python package index' \
		npm-registry/NPM_REGISTRY/'the npm registry' ''; do
		if [ -e "$secrets/${archive%%/*}" ]; then break; fi
	done
	[ -n "$archive" ] || return 0
	setting=${archive#*/} who=${archive##*/}
	setting=${setting%%/*} mirror=$(secret "${archive%%/*}")
	[ -z "$mirror" ] || who="the mirror of $setting"
	split_url "$mirror"
	host=${origin#*://}
	refused='40[13] +(unauthorized|forbidden|error|client error)|http error 40[13]|code E40[13]'
	says() { grep -Eqi -e "$1" "$memory/said"; }
	if says 'certificate (verif|is not trusted|issuer|problem)|certificate verify failed|invalid peer certificate|unknownissuer|SELF_SIGNED_CERT|UNABLE_TO_(GET_ISSUER|VERIFY)|CERT_HAS_EXPIRED|ALTNAME_INVALID'; then
		cause="the certificate of $who is not trusted. If it is the right one, name the file of its CA in EXTRA_CA_FILE"
	elif says '407 +proxy|proxy authentication|proxy.* 407'; then
		cause='the proxy wants another user or password. Compare HTTP_PROXY and HTTPS_PROXY'
	elif says 'could not read (username|password)|authentication failed for|terminal prompts disabled|permission denied \(publickey'; then
		cause='git needs a login to this repository. Name it in BUILD_SECRETS'
	elif [ "$setting" = PIP_INDEX_URL ] && says "$refused" && ! { [ -n "$mirror" ] && says "40[13].*$host|$host.*40[13]"; }; then
		cause='an index refuses the user or the password, or wants one. Compare BUILD_SECRETS; what is special in an address is percent-encoded there'
	elif says "$refused"; then
		cause="$who refuses the user or the password. Compare $setting; what is special in them is percent-encoded there"
	elif [ -n "$mirror" ] && says '404 +(not found|client error)|code E404|no matching distribution|not found in the package registry|does not have a release file'; then
		cause="$who does not have all that was asked for. If the rest of the lines says nothing better, compare its path in $setting"
	elif says "error: (too (few|many) arguments to function|implicit declaration of function|unknown type name) .{0,3}_?py[a-z]*_|error: .{0,3}py[a-z]+.{0,40} has no member named"; then
		page=docs/troubleshooting.md
		cause='a package is too old to be compiled for this Python. Take a newer version of it, or an older Python (PYTHON_IMAGE)'
	elif [ "$setting" = PIP_INDEX_URL ] && packages=$(needed_packages) && [ -n "$packages" ]; then
		page=docs/troubleshooting.md
		cause="a package has to be built, perhaps for lack of a wheel for this Python, and a tool or a header is missing. Add to APT_BUILD_PACKAGES: $packages"
	elif says 'no module named .pkg_resources'; then
		page=docs/troubleshooting.md
		cause='a package is built with a setuptools that is too new for it. Add to PYTHON_CONSTRAINTS: setuptools<82'
	elif says 'no interpreter found for python|different python:|does not satisfy python|python version [0-9.]+ is not supported'; then
		page=docs/troubleshooting.md
		cause='something here is for another Python than PYTHON_IMAGE has. The lines above say which one it asks for'
	elif asked=$(sed -nE 's/.*(ould not resolve host: |getaddrinfo (ENOTFOUND|EAI_AGAIN) )([A-Za-z0-9.-]+).*/\3/p' "$memory/said" | tail -n 1) &&
		[ -n "$asked" ] && ! says 'npm (error|ERR!) code E|ERR_PNPM|yarn'; then
		cause="a command asks for $asked, which cannot be reached from the build. HTTPS_PROXY names a proxy"
	elif says 'could not (resolve|connect)|name resolution|name or service not known|dns error|connection (refused|timed out|failed)|tcp connect error|\bENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|network is unreachable'; then
		cause="$who cannot be reached from the build. $setting names a mirror, HTTPS_PROXY a proxy; 127.0.0.1 is the build's own container"
	else
		return 0
	fi
	printf 'with-network: %s (.env.docker, %s).\n' "$cause" "${page:-docs/mirrors.md}" >&2
}

trust_extra_ca
use_apt_mirror
use_pip_index
use_npm_registry
use_build_secrets

# Shows the output as it comes, and keeps it for the explanation.
{ "$@" 2>&1 || echo "$?" >"$memory/code"; } | tee "$memory/said"
[ -e "$memory/code" ] || exit 0
explain
exit "$(cat "$memory/code")"
