#!/usr/bin/env bats
# docker/build/with-network.sh without a build: what a command finds below it, and what is left behind.
# shellcheck disable=SC2016 # single quotes: for the shell below it

bats_require_minimum_version 1.5.0

setup() {
	load ../../../node_modules/bats-support/load
	load ../../../node_modules/bats-assert/load
	secrets=$BATS_TEST_TMPDIR/secrets
	apt=$BATS_TEST_TMPDIR/apt
	mkdir -p "$secrets" "$apt/sources.list.d"
	printf 'deb http://deb.test/debian trixie main\n' >"$apt/sources.list"
	printf 'Types: deb\nURIs: http://deb.test/debian\nSuites: trixie\n\nURIs: http://sec.test/debian-security/\nSuites: trixie-security\n\nURIs: https://other.test/tools\n' \
		>"$apt/sources.list.d/debian.sources"
	# The folders of the build are folders of the test.
	sed -e "s#/run/secrets#$secrets#" -e "s#/etc/apt/sources#$apt/sources#g" \
		"$BATS_TEST_DIRNAME/../../../docker/build/with-network.sh" >"$BATS_TEST_TMPDIR/with-network.sh"
}

below() { # below COMMAND…: the command, run below the script
	env -i PATH="$PATH" sh "$BATS_TEST_TMPDIR/with-network.sh" "$@"
}

@test "without secrets a command finds nothing new" {
	run -0 below env
	refute_output --regexp 'PIP|UV_|NPM|APT|SSL'
}

@test "the login to an apt mirror is in a file for root alone, and the lists name mirror and security mirror without it" {
	printf 'https://me:p%%40s%%3as@m.test:8443/debian/' >"$secrets/apt-mirror"
	local before
	before=$(cat "$apt/sources.list" "$apt/sources.list.d/debian.sources")
	run -0 below sh -c '
		eval "$(apt-config shell parts Dir::Etc::SourceParts/d list Dir::Etc::SourceList/f login Dir::Etc::Netrc/f)"
		grep -h "m.test\|other.test" "$parts"/*; cat "$login"; stat -c %a "$login"; cat "$list"'
	assert_output - <<-'LINES'
		URIs: https://m.test:8443/debian
		URIs: https://m.test:8443/debian-security
		URIs: https://other.test/tools
		deb https://m.test:8443/debian trixie main
		machine https://m.test:8443/
		login me
		password p@s:s
		600
	LINES
	assert_equal "$(cat "$apt/sources.list" "$apt/sources.list.d/debian.sources")" "$before"
}

@test "a mirror without a login needs none" {
	printf 'http://m.test/debian' >"$secrets/apt-mirror"
	run -0 below sh -c 'apt-config dump | grep -c "m.test" || true; ls "${APT_CONFIG%/*}"'
	refute_line login
	assert_line lists
}

@test "extra certificates reach apt, pip, uv, npm, requests, cargo and git, beside the image's own" {
	printf -- '-----BEGIN CERTIFICATE-----\nours\n' >"$secrets/extra-ca"
	run -0 below sh -c 'for file in "$PIP_CERT" "$SSL_CERT_FILE" "$REQUESTS_CA_BUNDLE" "$NODE_EXTRA_CA_CERTS" \
		"$CARGO_HTTP_CAINFO" "$GIT_SSL_CAINFO" \
		"$(apt-config dump Acquire::https::CAInfo | cut -d\" -f2)"; do tail -n 1 "$file"; stat -c %a "$file"; done'
	assert_output "$(for _ in 1 2 3 4 5 6 7; do printf 'ours\n644\n'; done)"
}

@test "a Python index reaches pip and uv" {
	printf 'https://me:pw@m.test/simple' >"$secrets/pip-index-url"
	run -0 below sh -c 'echo "$PIP_INDEX_URL $UV_DEFAULT_INDEX"'
	assert_output 'https://me:pw@m.test/simple https://me:pw@m.test/simple'
}

@test "a Python index over plain HTTP is trusted, because its address says so, and one over HTTPS is not" {
	printf 'http://me:pw@m.test:8080/simple' >"$secrets/pip-index-url"
	run -0 below sh -c 'echo "$PIP_TRUSTED_HOST"'
	assert_output m.test:8080
	printf 'https://m.test/simple' >"$secrets/pip-index-url"
	run -0 below sh -c 'echo "${PIP_TRUSTED_HOST-nobody}"'
	assert_output nobody
}

@test "variables for the build reach the command as they are, and a second index reaches uv too" {
	printf 'PIP_EXTRA_INDEX_URL=https://me:p%%20w@m.test/* UV_INDEX_CORP_PASSWORD=a=$b"\n  GIT_CONFIG_COUNT=1\n' >"$secrets/build-secrets"
	run -0 below sh -c 'echo "$PIP_EXTRA_INDEX_URL $UV_INDEX $UV_INDEX_CORP_PASSWORD $GIT_CONFIG_COUNT"'
	assert_output "https://me:p%20w@m.test/* https://me:p%20w@m.test/* a=\$b\" 1"
}

@test "a word that is no variable is reported in one sentence that does not show it, with exit code 64" {
	printf 'UV_INDEX_CORP_PASSWORD=a hunter2' >"$secrets/build-secrets"
	run -64 below true
	assert_output 'with-network: BUILD_SECRETS has a word that is not NAME=value. Separate them by blanks, and percent-encode the blanks in addresses.'
}

@test "an npm registry reaches npm by a file, with its login encoded for it" {
	printf 'https://me:p%%40ss@m.test/npm' >"$secrets/npm-registry"
	run -0 below sh -c 'cat "$NPM_CONFIG_USERCONFIG"'
	assert_output "$(printf 'registry=https://m.test/npm/\n//m.test/npm/:_auth=%s' "$(printf me:p@ss | base64)")"
}

@test "nothing is left behind, and the exit code is the command's" {
	printf 'https://me:pw@m.test/debian' >"$secrets/apt-mirror"
	run -7 below sh -c 'echo "${APT_CONFIG%/*}"; exit 7'
	assert [ ! -e "$output" ]
}

# explains SECRET SENTENCE WORDS: what the script adds when a tool fails with these words.
explains() {
	rm -f "$secrets"/*
	printf '%s' "${mirror-https://me:hunter2@m.test/x}" >"$secrets/$1"
	run -1 below sh -c 'echo "$1"; exit 1' sh "$3"
	assert_line --index 0 "$3"
	assert_line --index -1 --partial "with-network: $2"
	refute_output --partial hunter2
}

@test "a failure is explained by one sentence that names the setting" {
	# The tools' own words.
	local apt_says='Err:1 https://m.test/debian trixie InRelease' pip_says='WARNING: Retrying after connection broken by'
	explains apt-mirror 'the mirror of APT_MIRROR refuses the user or the password' "$apt_says   401  Unauthorized [IP: 10.0.0.1 443]"
	explains apt-mirror 'the mirror of APT_MIRROR does not have all that was asked for' "$apt_says  404  Not Found [IP: 10.0.0.1 443]"
	explains apt-mirror 'the certificate of the mirror of APT_MIRROR is not trusted' "$apt_says  SSL connection failed: error:0A000086:SSL routines::certificate verify failed / Success"
	explains apt-mirror 'the mirror of APT_MIRROR cannot be reached' "$apt_says  Could not connect to m.test:443 (10.0.0.1). - connect (111: Connection refused)"
	explains pip-index-url 'the mirror of PIP_INDEX_URL refuses the user or the password' 'WARNING: 401 Error, Credentials not correct for https://m.test/simple/x/'
	explains pip-index-url 'the certificate of the mirror of PIP_INDEX_URL is not trusted' "$pip_says 'SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate"
	explains pip-index-url 'the mirror of PIP_INDEX_URL does not have all' 'ERROR: No matching distribution found for x==1.0'
	explains pip-index-url 'the mirror of PIP_INDEX_URL refuses' 'hint: An index URL (https://m.test/simple) could not be queried due to a lack of valid authentication credentials (401 Unauthorized).'
	explains pip-index-url 'the certificate of the mirror of PIP_INDEX_URL' 'cause: invalid peer certificate: UnknownIssuer'
	explains npm-registry 'the mirror of NPM_REGISTRY refuses' 'npm error code E401'
	explains npm-registry 'the certificate of the mirror of NPM_REGISTRY' 'npm error code SELF_SIGNED_CERT_IN_CHAIN'
	explains npm-registry 'the proxy wants another user' 'npm error 407 Proxy Authentication Required'
}

@test "the login to another index or to git is not looked for in the setting of the mirror" {
	local sentence='an index refuses the user or the password, or wants one. Compare BUILD_SECRETS'
	explains pip-index-url "$sentence" 'WARNING: 401 Error, Credentials not correct for https://corp.test/simple/x/'
	mirror='' explains pip-index-url "$sentence" 'hint: An index URL (https://corp.test/simple) could not be queried due to a lack of valid authentication credentials (401 Unauthorized).'
	sentence='git needs a login to this repository. Name it in BUILD_SECRETS'
	explains pip-index-url "$sentence" "fatal: could not read Username for 'https://g.test': No such device or address"
	mirror='' explains pip-index-url "$sentence" "fatal: Authentication failed for 'https://g.test/x.git/'"
}

@test "without a mirror the sentence names what is asked, and EXTRA_CA_FILE" {
	mirror='' explains pip-index-url 'the certificate of the Python package index is not trusted. If it is the right one, name the file of its CA in EXTRA_CA_FILE' 'certificate verify failed'
}

@test "a host that is not the mirror's is named instead of it" {
	explains npm-registry 'a command asks for fonts.test, which cannot be reached' 'Error: getaddrinfo ENOTFOUND fonts.test'
	explains pip-index-url 'a command asks for git.test, which cannot be reached' "fatal: unable to access 'https://git.test/x/': Could not resolve host: git.test"
	explains npm-registry 'the mirror of NPM_REGISTRY cannot be reached' 'npm error code ENOTFOUND … reason: getaddrinfo ENOTFOUND m.test'
}

@test "what a package needs that is built from source is named, with the packages that have it" {
	builds() { explains pip-index-url "a package has to be built, perhaps for lack of a wheel for this Python, and a tool or a header is missing. Add to APT_BUILD_PACKAGES: $1 (" "$2"; }
	# The tools' own words.
	builds 'gcc libc6-dev libpq-dev, and to APT_PACKAGES: libpq5' 'Error: pg_config executable not found.'
	builds 'gcc libc6-dev libpq-dev, and to APT_PACKAGES: libpq5' './psycopg/psycopg.h:35:10: fatal error: libpq-fe.h: No such file or directory'
	builds 'gcc libc6-dev pkg-config libmariadb-dev, and to APT_PACKAGES: libmariadb3' 'Exception: Can not find valid pkg-config name.'
	builds 'gcc libc6-dev pkg-config libssl-dev' 'Could not find crypto lib/headers, please set BORG_OPENSSL_PREFIX or ensure libcrypto.pc is in PKG_CONFIG_PATH.'
	builds 'gcc libc6-dev python3-dev' 'x.c:1:10: fatal error: Python.h: No such file or directory'
	builds 'gcc libc6-dev libffi-dev libssl-dev' 'c/_cffi_backend.c:15:10: fatal error: ffi.h: No such file or directory'
	builds 'gcc libc6-dev' "error: command 'gcc' failed: No such file or directory"
	builds 'gcc libc6-dev' 'error: command '"'x86_64-linux-gnu-gcc'"' failed: No such file or directory'
	builds 'gcc libc6-dev' "error: [Errno 2] No such file or directory: 'gcc'"
	builds 'gcc libc6-dev' "error: [Errno 2] No such file or directory: 'x86_64-linux-gnu-gcc'"
	builds 'g++' "error: [Errno 2] No such file or directory: 'x86_64-linux-gnu-g++'"
	builds 'gcc libc6-dev' 'Exception: you need a C compiler to build uWSGI'
	builds 'gcc libc6-dev cargo' "error: [Errno 2] No such file or directory: 'cargo'"
	builds 'gcc libc6-dev libcurl4-openssl-dev libssl-dev' "FileNotFoundError: [Errno 2] No such file or directory: 'curl-config'"
	builds 'gcc libc6-dev pkg-config libmariadb-dev, and to APT_PACKAGES: libmariadb3' 'OSError: mariadb_config not found.'
	builds 'gcc libc6-dev libxml2-dev libxslt1-dev zlib1g-dev' 'Error: Please make sure the libxml2 and libxslt development packages are installed.'
	builds 'gcc libc6-dev pkg-config libcairo2-dev' "ERROR: Dependency lookup for cairo with method 'pkg-config' failed: Pkg-config for machine host machine not found. Giving up."
	builds 'gcc libc6-dev pkg-config' 'error: Unable to invoke pkg-config.'
	builds 'gcc libc6-dev pkg-config libxmlsec1-dev' 'error: xmlsec1 is not installed or not in path.'
	local rest=': https://packages.debian.org finds it'
	builds "gcc libc6-dev, and the package that has krb5-config$rest" "Command 'krb5-config --libs gssapi' returned non-zero exit status 127."
	builds "gcc libc6-dev, and the package that has portaudio.h$rest" 'src/pyaudio/device_api.c:9:10: fatal error: portaudio.h: No such file or directory'
	builds "gcc libc6-dev, and the package that has icu-i18n.pc$rest" "No package 'icu-i18n' found"
	builds 'gcc libc6-dev' '/usr/include/x.h:2:10: fatal error: limits.h: No such file or directory'
	builds 'gcc libc6-dev' 'error: linker `cc` not found'
	builds 'g++' "error: command 'g++' failed: No such file or directory"
	builds 'gcc libc6-dev cargo' "error: can't find Rust compiler"
	builds 'gcc libc6-dev cargo' 'Cargo, the Rust package manager, is not installed or is not on PATH.'
	builds git "ERROR: Cannot find command 'git' - do you have 'git' installed and in your PATH?"
	builds git 'Git executable not found. Ensure that Git is installed and available.'
}

@test "if another Python is needed, PYTHON_IMAGE is named" {
	for line in 'error: No interpreter found for Python >=3.11, <3.13 in managed installations or search path' \
		"ERROR: Package 'old' requires a different Python: 3.13.5 not in '<3.13'" \
		'╰─▶ Because the current Python version (3.13.5) does not satisfy Python<3.13 and old==1.0 depends on Python<3.13, we can' \
		'The currently activated Python version 3.13.5 is not supported by the project (>=3.11,<3.13).'; do
		explains pip-index-url 'something here is for another Python than PYTHON_IMAGE has' "$line"
	done
	for line in "base.pyx.c:5397:27: error: too few arguments to function '_PyLong_AsByteArray'" \
		"a.c:9:5: error: 'PyThreadState' {aka 'struct _ts'} has no member named 'curexc_type'" \
		"a.c:3:8: error: implicit declaration of function '_PyUnicode_Ready'; did you mean 'PyUnicode_READY'?"; do
		explains pip-index-url 'a package is too old to be compiled for this Python' "$line"
	done
}

@test "if a package is built with a setuptools that is too new, the constraint is named" {
	explains pip-index-url 'a package is built with a setuptools that is too new for it. Add to PYTHON_CONSTRAINTS: setuptools<82 (' \
		"ModuleNotFoundError: No module named 'pkg_resources'"
}

@test "a failure of another kind is not explained" {
	: >"$secrets/pip-index-url"
	run -1 below sh -c 'echo "ModuleNotFoundError: No module named "; exit 1'
	assert_output 'ModuleNotFoundError: No module named '
	printf 'https://me:pw@m.test/simple' >"$secrets/pip-index-url"
	run -1 below sh -c 'echo "error: package 401 has no wheel"; exit 1'
	assert_output 'error: package 401 has no wheel'
}
