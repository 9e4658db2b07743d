#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2154 # $output per test; setup_file exports what is used here
# What can be tested without a node: the stack as `docker stack` reads it, and what deploy.sh does.

bats_require_minimum_version 1.5.0

cd "$BATS_TEST_DIRNAME/../../.." || exit 1
# shellcheck source=tests/docker/stack.bash
source tests/docker/stack.bash

setup_file() {
	env_file=$BATS_FILE_TMPDIR/swarm.env
	{
		grep -v '^COMPOSE_PROFILES=\|^DATABASE_URL=\|^S3_' .env.docker.example
		printf '%s\n' COMPOSE_PROJECT_NAME=shop SWARM_IMAGE=registry.test/shop:1.4.0 APP_ENV_FILE= \
			COMPOSE_FILE=compose.yaml:compose.production.yaml:extras/swarm/compose.yaml \
			COMPOSE_PROFILES=postgres,mariadb,redis,storage,beat,flower,frontend MARIADB_PASSWORD=mariadb-local-only WORKER_CPUS=0.5 \
			DATABASE_URL=postgresql+psycopg://postgres:postgres-local-only@db:5432/shop S3_ENDPOINT_URL=http://storage:8333 \
			S3_BUCKET=shop S3_ACCESS_KEY_ID=shop S3_SECRET_ACCESS_KEY=s3-secret-local-only-0123456789
	} >"$env_file"
	stack=$BATS_FILE_TMPDIR/stack.yaml
	own_env_file=$BATS_FILE_TMPDIR/own.env
	sed 's/local-only/of-this-test/; s/,frontend$//' "$env_file" >"$own_env_file"
	export env_file own_env_file stack
	render | docker stack config --compose-file - >"$stack"
}

# render [ARG…]: prints the stack, with the command of README.md.
render() {
	docker compose --env-file "$env_file" config "$@" | sed -E -f extras/swarm/stack.sed
}

# in_stack EXPRESSION: of each service ($) and its name; prints a line for each result that is not undefined.
in_stack() {
	node -e '
		const { services } = require("yaml").parse(require("fs").readFileSync(process.argv[1], "utf8"))
		const look = new Function("name", "$", `return ${process.argv[2]}`)
		for (const [name, service] of Object.entries(services)) {
			const found = look(name, service)
			if (found !== undefined) console.log(name, typeof found === "object" ? JSON.stringify(found) : found)
		}' "$stack" "$1" | sort
}

@test "docker stack accepts the stack with any one of the profiles, with all of them, and with none" {
	local profile
	for profile in '' postgres mariadb redis storage beat flower frontend postgres,mariadb,redis,storage,beat,flower,frontend; do
		echo "profiles: $profile"
		COMPOSE_PROFILES=$profile render >"$BATS_TEST_TMPDIR/stack.yaml"
		run -0 docker stack config --compose-file "$BATS_TEST_TMPDIR/stack.yaml"
		# The profiles choose the services here too.
		assert_equal "$(grep --count '^    image:' <<<"$output")" $((3 + $(tr ',' '\n' <<<"$profile" | grep --count .)))
	done
	run -0 docker stack config --compose-file <(render migrate)
	assert_line --partial 'mode: replicated-job'
}

@test "docker stack accepts what Compose 5 prints" {
	[[ -n ${TEST_LINT_IMAGE:-} ]] || skip "only the long proof has the image with Compose 5"
	docker run --rm --network none --volume "$PWD:/src:ro" --volume "$env_file:/swarm.env:ro" "$TEST_LINT_IMAGE" \
		docker-compose --env-file /swarm.env config 2>/dev/null | sed -E -f extras/swarm/stack.sed >"$BATS_TEST_TMPDIR/stack.yaml"
	run -0 docker stack config --compose-file "$BATS_TEST_TMPDIR/stack.yaml"
	assert_equal "$(grep --count '^    image:' <<<"$output")" 10
}

@test "no secret is in the environment or the arguments of a service, and each is a file" {
	# The guard of the databases names it too, between asterisks.
	refute grep '[^*]local-only' "$stack"
	run in_stack '$.secrets && [...$.secrets.map(({ source }) => source)].sort().join(" ")'
	assert_output "$(sort <<-SECRETS
		beat DATABASE_URL REDIS_URL S3_SECRET_ACCESS_KEY SECRET_KEY
		flower DATABASE_URL FLOWER_PASSWORD REDIS_URL S3_SECRET_ACCESS_KEY SECRET_KEY
		mariadb MARIADB_PASSWORD
		postgres POSTGRES_PASSWORD
		redis REDIS_PASSWORD
		storage S3_SECRET_ACCESS_KEY
		web DATABASE_URL REDIS_URL S3_SECRET_ACCESS_KEY SECRET_KEY
		worker DATABASE_URL REDIS_URL S3_SECRET_ACCESS_KEY SECRET_KEY
	SECRETS
	)"
	# Another generation has other secrets and other configs.
	SWARM_GENERATION=2 render >"$BATS_TEST_TMPDIR/second.yaml"
	run grep --extended-regexp --only-matching 'name: shop\.[A-Za-z0-9_-]+\.[0-9]+' "$BATS_TEST_TMPDIR/second.yaml"
	assert_equal "${#lines[@]}" 10
	refute_output --regexp '\.1$'
}

@test "only the proxy publishes ports, those of the machine itself; every name resolves to the tasks" {
	run in_stack '$.ports?.map(({ mode, published, target }) => `${mode} ${published}:${target}`)'
	assert_output 'proxy ["host 80:80","host 443:443","host 443:443"]'
	run in_stack '$.deploy.endpoint_mode === "dnsrr" ? undefined : "has a virtual address"'
	assert_output ''
}

@test "if two versions may run at once, the new one starts first, else the old one ends first; a failure rolls back" {
	run in_stack '$.deploy.update_config.order + " " + $.deploy.update_config.failure_action'
	assert_output "$(sort <<-ORDER
		beat stop-first rollback
		flower start-first rollback
		frontend start-first rollback
		mariadb stop-first rollback
		postgres stop-first rollback
		proxy stop-first rollback
		redis stop-first rollback
		storage stop-first rollback
		web start-first rollback
		worker start-first rollback
	ORDER
	)"
	run in_stack 'name === "beat" ? $.deploy.replicas : undefined'
	assert_output 'beat 1'
}

@test "no service needs a file of the machine that it runs on, and all writes go into memory or a volume" {
	run in_stack '$.volumes?.filter(({ type }) => type === "bind").length || undefined'
	assert_output ''
	# docker stack ignores tmpfs, so each is a volume of type tmpfs instead.
	run in_stack '$.tmpfs'
	assert_output ''
	run in_stack '$.volumes.filter(({ type }) => type === "tmpfs").map(({ target }) => target).join(" ")'
	assert_output "$(sort <<-MEMORY
		beat /tmp /run/app
		flower /tmp /run/app
		frontend /tmp
		mariadb /tmp /run/mysqld
		postgres /tmp /var/run/postgresql
		proxy /tmp /config
		redis /tmp
		storage /tmp
		web /tmp /run/app
		worker /tmp /run/app
	MEMORY
	)"
}

@test "limits, capabilities and the read-only root are those of production" {
	run in_stack '$.read_only && $.cap_drop.join() === "ALL" && $.deploy.resources.limits.memory && $.logging.driver === "json-file" ? undefined : "is weaker"'
	assert_output ''
	run in_stack 'name === "worker" ? $.deploy.resources.limits.cpus : undefined'
	assert_output 'worker 0.5'
}

# fake_docker STATE [no-stack]: puts a docker first on PATH that writes its arguments down. Compose is the real one. The
# task of the migration is in STATE. The swarm has no secrets; with HAS_ALL=yes it has all, and with OLDER=yes those of
# an older generation. With HANGS=yes a deploy that is waited for never ends.
fake_docker() {
	mkdir "$BATS_TEST_TMPDIR/bin"
	cat >"$BATS_TEST_TMPDIR/bin/docker" <<-DOCKER
		#!/bin/bash
		printf '%s\n' "\$*" >>'$BATS_TEST_TMPDIR/calls'
		case "\$*" in
		compose*) exec '$(command -v docker)' "\$@" ;;
		'secret inspect'*) [[ -n '${HAS_ALL:-}' ]] ;;
		'secret ls'*SECRET_KEY.*label=has-value=yes) [[ -z '${OLDER:-}' ]] || echo an-id ;;
		'secret create'*) cat >>'$BATS_TEST_TMPDIR/secrets' ;;
		'service ps'*) echo '$1' ;;
		'service inspect'*) [[ -z '${2:-}' ]] ;;
		'stack deploy'*) cat >/dev/null && [[ -z '${HANGS:-}' || "\$*" != *--detach=false* ]] || exec sleep 60 ;;
		'stack ps'*) echo 'no suitable node' ;;
		esac
	DOCKER
	chmod +x "$BATS_TEST_TMPDIR/bin/docker"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

@test "deploy.sh creates the secrets through standard input, migrates, and then deploys" {
	fake_docker 'Complete 1 second ago'
	run -0 extras/swarm/deploy.sh "$own_env_file"
	refute_output --partial of-this-test
	run -0 grep --invert-match --extended-regexp '^compose ' "$BATS_TEST_TMPDIR/calls"
	refute_output --partial of-this-test
	assert_output --regexp 'secret create --label has-value=yes shop\.SECRET_KEY\.1 -
.*service rm shop_migrate
stack deploy .*--detach shop
service ps .*shop_migrate
.*stack deploy .*--resolve-image changed .*--detach=false --quiet shop'
	run -0 cat "$BATS_TEST_TMPDIR/secrets"
	assert_line postgres-of-this-test
	assert_line postgresql+psycopg://postgres:postgres-of-this-test@db:5432/shop
}

@test "deploy.sh starts the data services first if there is no stack yet" {
	fake_docker 'Complete 1 second ago' no-stack
	run -0 extras/swarm/deploy.sh "$own_env_file"
	run -0 grep --extended-regexp '^(stack deploy|service rm)' "$BATS_TEST_TMPDIR/calls"
	assert_line --index 0 --partial 'stack deploy'
	assert_line --index 1 'service rm shop_migrate'
	# The other calls are for all services, and for the migration alone.
	run -0 grep --extended-regexp --only-matching 'config [a-z ]+' "$BATS_TEST_TMPDIR/calls"
	assert_line --regexp '^config( mariadb| postgres| redis| storage){4}$'
}

@test "deploy.sh deploys nothing if the migration fails in any way, and says so" {
	local state
	for state in Failed Rejected Shutdown Orphaned Remove; do
		rm -rf "${BATS_TEST_TMPDIR:?}/bin" "$BATS_TEST_TMPDIR/calls"
		HAS_ALL=yes fake_docker "$state 1 second ago"
		SWARM_TIMEOUT=5 run -6 extras/swarm/deploy.sh "$own_env_file"
		assert_line 'The migration failed. Nothing was deployed.'
		run -0 grep --count '^stack deploy' "$BATS_TEST_TMPDIR/calls"
		assert_output 1
	done
}

@test "deploy.sh ends with 7 and shows the tasks when a migration or a service does not start in time" {
	HAS_ALL=yes fake_docker 'Pending 1 second ago'
	SWARM_TIMEOUT=1 run -7 timeout 60 extras/swarm/deploy.sh "$own_env_file"
	assert_line 'no suitable node'
	rm -r "${BATS_TEST_TMPDIR:?}/bin"
	HAS_ALL=yes HANGS=yes fake_docker 'Complete 1 second ago'
	SWARM_TIMEOUT=1 run -7 timeout 60 extras/swarm/deploy.sh "$own_env_file"
	assert_line 'no suitable node'
	assert_line --partial 'Not done after 1 seconds.'
}

@test "deploy.sh creates no secret of a new generation while a value that an older one has is missing" {
	sed 's/^SECRET_KEY=.*/SECRET_KEY=/; $aSWARM_GENERATION=2' "$own_env_file" >"$BATS_TEST_TMPDIR/second.env"
	OLDER=yes fake_docker 'Complete 1 second ago'
	run -3 extras/swarm/deploy.sh "$BATS_TEST_TMPDIR/second.env"
	assert_line "SECRET_KEY is empty in $BATS_TEST_TMPDIR/second.env, and was not before: a new generation needs all values."
	refute grep --extended-regexp '^(secret create|stack deploy)' "$BATS_TEST_TMPDIR/calls"
}

@test "deploy.sh creates no secret from .env.docker.example" {
	fake_docker 'Complete 1 second ago'
	run -3 extras/swarm/deploy.sh "$env_file"
	refute grep --extended-regexp '^(secret create|stack deploy)' "$BATS_TEST_TMPDIR/calls"
}
