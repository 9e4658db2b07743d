#!/bin/bash
# extras/swarm/deploy.sh [ENV_FILE]: run it on a manager. It creates missing secrets, migrates with the new image while
# the old version serves, and replaces the old version. It ends with 0 if all services run the new version, 1 if they
# went back to the old one, 3 for the settings, 6 for the migration, 7 if something took longer than SWARM_TIMEOUT.
set -euo pipefail
cd "$(dirname "$0")/../.."
env_file=${1:-.env.docker}

compose() {
	docker compose --env-file "$env_file" "$@"
}

render() {
	compose config "$@" | sed -E -f extras/swarm/stack.sed
}

# takes_too_long: prints the state of the stack's tasks, and exits.
takes_too_long() {
	docker stack ps --no-trunc "$stack" >&2 || true
	echo "Not done after $limit seconds. The tasks above that are not Running say why; a higher SWARM_TIMEOUT waits longer." >&2
	exit 7
}

# A tag that has moved meanwhile, such as the database's, restarts nothing.
deploy() {
	local status=0
	timeout --foreground "$limit" docker stack deploy --with-registry-auth --resolve-image changed --compose-file - "$@" "$stack" || status=$?
	((status != 124)) || takes_too_long
	return "$status"
}

# rolled_back: prints a line for each service of the stack that went back to the version before, with the time.
rolled_back() {
	docker service ls --quiet --filter "label=com.docker.stack.namespace=$stack" |
		xargs --no-run-if-empty docker service inspect --format '{{if .UpdateStatus}}{{.Spec.Name}} {{.UpdateStatus.State}} since {{.UpdateStatus.StartedAt}}{{end}}' |
		grep ' rollback_' | sort || true
}

stack=$(compose config | sed -n 's/^name: //p')
limit=$(compose config | sed -nE 's/^x-timeout: "?([0-9]+)"?$/\1/p')

# Secrets are called PROJECT.SETTING.GENERATION. The values are in no file, argument or log. All values are read before
# any secret is created, because one may be part of another.
is_checked=
declare -A values
for secret in $(compose config | sed -n '/^secrets:/,/^[a-z]*:$/s/^    name: //p'); do
	! docker secret inspect "$secret" >/dev/null 2>&1 || continue
	# This command refuses the secrets of .env.docker.example.
	[[ -n $is_checked ]] || npm run --silent env -- --env-file "$env_file"
	is_checked=yes
	setting=${secret%.*} setting=${setting##*.}
	values[$secret]=$(npm run --silent env -- --env-file "$env_file" --print "$setting" --show-secret)
	if [[ -z ${values[$secret]} && -n $(docker secret ls --quiet --filter "name=${secret%.*}." --filter label=has-value=yes) ]]; then
		echo "$setting is empty in $env_file, and was not before: a new generation needs all values." >&2
		exit 3
	fi
done
for secret in "${!values[@]}"; do
	printf '%s\n' "${values[$secret]}" | docker secret create --label "has-value=${values[$secret]:+yes}" "$secret" - >/dev/null
	echo "Created the secret $secret"
done

# The migration needs the database, which is not there at the first deploy.
data=$(compose config --services | grep --extended-regexp --line-regexp 'postgres|mariadb|redis|storage' || true)
if [[ -n $data ]] && ! docker service inspect "${stack}_web" >/dev/null 2>&1; then
	# shellcheck disable=SC2086 # names, one a word
	render $data | deploy --detach=false --quiet
fi

# `docker stack deploy` would wait for a job that failed, so the loop looks at its task. A new job has only one.
docker service rm "${stack}_migrate" >/dev/null 2>&1 || true
render migrate | deploy --detach
SECONDS=0
until state=$(docker service ps --format '{{.CurrentState}}' "${stack}_migrate") && [[ $state == Complete* ]]; do
	if [[ $state =~ ^(Failed|Rejected|Shutdown|Orphaned|Remove) ]]; then
		docker service ps --no-trunc --format '{{.CurrentState}}: {{.Error}}' "${stack}_migrate" >&2
		docker service logs --raw "${stack}_migrate" >&2 || true
		echo 'The migration failed. Nothing was deployed.' >&2
		exit 6
	fi
	((SECONDS < limit)) || takes_too_long
	sleep 1
done

# Docker reports a version that was rolled back as deployed.
before=$(rolled_back)
render | deploy --detach=false --quiet
failed=$(comm -13 <(echo "$before") <(rolled_back))
if [[ -n $failed ]]; then
	printf '%s\n' "$failed" 'The new version failed, and the old one serves again. "docker service ps --no-trunc NAME" has the reason.' >&2
	exit 1
fi
