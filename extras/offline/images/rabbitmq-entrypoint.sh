#!/bin/sh
# What the official RabbitMQ image promises of its start: a server that root starts runs as the user rabbitmq. The
# server itself reads RABBITMQ_DEFAULT_USER, RABBITMQ_DEFAULT_PASS and RABBITMQ_DEFAULT_VHOST when its volume is new.
set -eu

case $1 in
rabbitmq*)
	if [ "$(id -u)" = 0 ]; then
		[ "$1" != rabbitmq-server ] || find /var/lib/rabbitmq ! -user rabbitmq -exec chown rabbitmq '{}' +
		exec setpriv --reuid rabbitmq --regid rabbitmq --clear-groups "$0" "$@"
	fi
	;;
esac
exec "$@"
