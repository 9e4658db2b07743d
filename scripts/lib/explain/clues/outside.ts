/** Services that the application talks to: their names, keys and certificates. */
import { isLoopback } from '../../env/rules/addresses.ts'
import { again } from './clue.ts'
import type { Clue } from './clue.ts'

/** Somebody was asked who does not listen: the application's own default, more often than not. */
function nobodyListens(host: string): string {
  return isLoopback(host)
    ? `The application asks ${host}, which in a container is the container itself. It has to take the address from DATABASE_URL, REDIS_URL or ` +
        `S3_ENDPOINT_URL; under a name of its own it gets it by a line in .env.app, such as CELERY_BROKER_URL=\${REDIS_URL}. Then run npm run up again.`
    : `Likely: ${host} is there and does not listen on that port, or does not run. Compare the host and the port in .env.docker: npm run env knows those of the stack.`
}

export const outsideClues: readonly Clue[] = [
  {
    // What Celery takes when nobody has told it of a broker.
    pattern: /Cannot connect to amqps?:\/\/guest:\*+@(?:127\.0\.0\.1|localhost):5672/,
    say: () =>
      'The Celery application that CELERY_APP names has no broker, and so takes RabbitMQ on its own machine. It has to read the address from REDIS_URL; ' +
      `under a name of its own it gets it by a line in .env.app, such as CELERY_BROKER_URL=\${REDIS_URL}. Then run npm run up again.`,
  },
  {
    // redis-py and kombu; libpq; PyMySQL; botocore.
    pattern:
      /Error 111 connecting to ([\w.-]+):\d+|connection to server at "([^"]+)"[^\n]* failed: Connection refused|Can't connect to MySQL server on '([^']+)'[^\n]*refused|Could not connect to the endpoint URL: "https?:\/\/([^/:"]+)/,
    say: ([, ...hosts]) => nobodyListens(hosts.find(Boolean)!),
  },
  {
    pattern: /WRONGPASS|invalid username-password pair|NOAUTH|Authentication required\./,
    say: () => `REDIS_URL has another password (or user) than the queue. Correct it in .env.docker, ${again}`,
  },
  {
    pattern: /SignatureDoesNotMatch|InvalidAccessKeyId|signature we calculated does not match/,
    say: () => 'The object store refuses the key. Compare S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY in .env.docker with those of its provider.',
  },
  {
    // libpq, Python's ssl, urllib3.
    pattern: /certificate for "[^"]+".* does not match host name "([^"]+)"|certificate is not valid for '([^']+)'|hostname '([^']+)' doesn't match/,
    say: ([, ...names]) =>
      `"${names.find(Boolean)}" is not a name in the certificate of the service that answered. Use the host in the URL that its provider gives.`,
  },
  {
    pattern: /certificate has expired/i,
    say: () => 'The certificate of a service outside has expired. That is for its provider to mend; compare the clock of this machine too.',
  },
  {
    pattern: /certificate verify failed|root certificate file "[^"]+" does not exist/i,
    say: () =>
      'Nobody whom the application trusts has signed the certificate of a service outside. ' +
      'Name the file of its CA in APP_CA_FILE in .env.docker, or the right one if it names another.',
  },
  {
    pattern: /(?:could not translate host name|failed to resolve host) ["']([^"']+)["']|Name or service not known/,
    say: (match) =>
      `Likely: ${match[1] ? `"${match[1]}"` : 'a host in a URL of .env.docker'} is neither a service of this stack nor a name that is known outside. ` +
      'Is it spelt well, and is its profile in COMPOSE_PROFILES?',
  },
]
