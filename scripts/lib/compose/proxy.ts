/** The proxy's Caddyfile: Compose does not look into mounted files, so it does not notice a change. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { lastLines } from '../engine/docker.ts'
import { CliError, ExitCode } from '../errors.ts'
import { ok } from '../terminal.ts'
import type { Container, Model } from './model.ts'
import { captureCompose, type Stack } from './stack.ts'

const inside = '/etc/caddy/Caddyfile'

/** The Caddyfile on this machine, if it was changed after the proxy that runs has started. */
function changedFile({ services: { proxy } }: Model, all: readonly Container[]): string | undefined {
  const folder = proxy?.volumes?.find(({ type, target }) => type === 'bind' && target === '/etc/caddy')?.source
  const file = folder && join(folder, 'Caddyfile')
  // Not mtime: a file that was copied here may have that of long ago.
  const changed = (file && statSync(file, { throwIfNoEntry: false })?.ctimeMs) || 0
  const isOlder = ({ service, state, startedAt }: Container): boolean => service === 'proxy' && state === 'running' && Date.parse(startedAt) < changed
  return all.some(isOlder) ? file : undefined
}

/** @throws CliError (exit code 3) for a mistake in a Caddyfile that the proxy has not read yet */
export async function checkCaddyfile(stack: Stack, model: Model, all: readonly Container[]): Promise<void> {
  const file = changedFile(model, all)
  if (!file) return
  // Not in the proxy that runs, because its settings may have changed too.
  const adapt = ['--progress', 'quiet', 'run', '--rm', '--no-deps', '--no-TTY', '--entrypoint', 'caddy', 'proxy', 'adapt', '--config', inside]
  const { exitCode, stderr } = await captureCompose(stack, adapt)
  if (exitCode === 0) return
  throw new CliError(`${file} has a mistake. What ran before still runs.`, {
    details: lastLines(stderr, 3), hint: 'Correct it, then run npm run up again.', exitCode: ExitCode.config,
  })
}

/** Has a proxy that runs read a Caddyfile that was changed. @throws CliError (exit code 7) */
export async function reloadProxy(stack: Stack, model: Model, all: readonly Container[]): Promise<void> {
  if (!changedFile(model, all)) return
  const { exitCode, stderr } = await captureCompose(stack, ['exec', '--no-TTY', 'proxy', 'caddy', 'reload', '--config', inside])
  if (exitCode === 0) return ok('The proxy has the changed Caddyfile')
  throw new CliError('The proxy did not take the changed Caddyfile. It keeps the former configuration until it restarts.', {
    details: lastLines(stderr, 3), exitCode: ExitCode.unhealthy,
  })
}
