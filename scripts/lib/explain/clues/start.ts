/** A container that does not even come as far as the application. */
import { makeRoom } from '../../engine/machine.ts'
import { again, commandOf } from './clue.ts'
import type { Clue } from './clue.ts'

export const startClues: readonly Clue[] = [
  {
    pattern: /Read-only file system: '((?!.*\.migrate-lock')[^']+)'/,
    say: ([, path]) =>
      `The application writes to ${path}, and its container is read-only. What has to stay belongs into /data, which is a volume, and what has not into /tmp. ` +
      'One more folder in memory is APP_WRITABLE_DIR; APP_READ_ONLY=false lets it write anywhere, until the container goes. Then run npm run up again.',
  },
  {
    pattern: /PermissionError: \[Errno 13\] Permission denied: '((?!.*\.migrate-lock')[^']+)'/,
    say: ([, path]) =>
      /^(?:\/app|[^/])/.test(path!)
        ? `The application may not write to ${path}: the source belongs to another user than the one in APP_UID. In development make that its owner ` +
          `(APP_UID and APP_GID in .env.docker; stat -c %u:%g app), ${again} Data belongs into /data.`
        : `The application may not use ${path}: it belongs to another user than the one in APP_UID. A volume keeps the owner with whom it was made. ` +
          'Data belongs into /data, or into the folders of APP_WRITABLE_DIR.',
  },
  {
    pattern: /exec format error/i,
    say: () =>
      'The image was made for another kind of processor than this machine has. Build it here: npm run up without --no-build, ' +
      'and no DOCKER_DEFAULT_PLATFORM in the shell. A base image of your own has to be there for this processor too.',
  },
  {
    // tini finds the script, and the kernel does not find "/bin/sh\r".
    pattern: /exec entrypoint\.sh failed: No such file or directory|env: '?(?:ba)?sh\\r|\/bin\/(?:ba)?sh\^M/,
    say: () =>
      'Likely: docker/entrypoint.sh has the line endings of Windows (CRLF). .gitattributes of the template keeps them away: ' +
      'git config core.autocrlf input, then git add --renormalize . and git checkout -- docker, then npm run up.',
  },
  {
    pattern: /exec (\S+) failed: Permission denied|^(?:\/bin\/)?sh: \d+: (\S+): Permission denied/m,
    say: ([, ...names]) => `${names.find(Boolean)} is there and may not be executed: chmod +x the file in the source, ${again}`,
  },
  {
    pattern: /^entrypoint: .* which is not installed/m,
    say: () => 'In the file of PYTHON_MANIFEST or in PYTHON_EXTRA_PACKAGES of .env.docker; npm run up builds the image again.',
  },
  {
    pattern: /^(entrypoint|check-secrets): (.*)$/m,
    say: () => `Correct the setting in .env.docker, ${again}`,
  },
  {
    pattern: /^(?:\/bin\/)?sh: \d+: (\S+): not found|sh: (?:line \d+: )?(\S+): command not found/m,
    say: ([, dash, bash], { role }) =>
      `${commandOf(role)} runs "${dash ?? bash}", which is not in the image. Is it spelt well? A package of Python that brings it belongs into ` +
      'PYTHON_MANIFEST, one of Debian into APT_PACKAGES.',
  },
  {
    pattern: /no space left on device|enough free space|disk quota exceeded/i,
    say: () => `A disk is full. ${makeRoom}\nWhere the volume has a size of its own, that has to grow.`,
  },
  {
    // gunicorn; Celery's prefork pool.
    pattern: /was sent SIGKILL! Perhaps out of memory|exited prematurely: signal 9 \(SIGKILL\)/,
    say: (_, { role }) => `Likely: its processes need more memory than the container may have. ${moreMemory(role)}`,
  },
]

/** What gives a role more room for what it does. */
export function moreMemory(role: string): string {
  const name = role.toUpperCase()
  const fewer = role === 'web' || role === 'worker' ? `, or lower ${name}_CONCURRENCY` : ''
  return `Raise ${name}_MEMORY in .env.docker${fewer}, ${again}`
}
