/**
 * npm run engine -- status|start|stop|remove
 *
 * The private Docker Engine of a machine that has no engine. The user's own engine is reported, and never
 * touched. Changes: the folder ~/.cache/python-docker-starter/engine, sockets in /run, and the packages
 * mmdebstrap and patchelf. Environment: EMBEDDED_ENGINE, PRIVATE_ENGINE_DIR, XDG_CACHE_HOME, and the
 * settings APT_MIRROR, EXTRA_CA_FILE, HTTP_PROXY, HTTPS_PROXY and NO_PROXY.
 */
import { common, defineCommand, main, yesOption } from '../../scripts/lib/command.ts'
import { findEngine } from '../../scripts/lib/engine/engine.ts'
import { CliError, ExitCode } from '../../scripts/lib/errors.ts'
import { describe, type Description, remove, stop } from './private-engine/private-engine.ts'
import { layoutOf } from './private-engine/layout.ts'
import { startPrivate } from './room.ts'
import { kindInUse, readStatus, renderStatus } from './status.ts'
import { confirm, info, ok, print, printJson } from '../../scripts/lib/terminal.ts'

const words = ['status', 'start', 'stop', 'remove'] as const
type Word = (typeof words)[number]

export const command = defineCommand({
  name: 'engine',
  summary: 'Shows, starts, stops or removes the private Docker Engine of a machine that has none.',
  positionals: {
    choices: words,
    help: [
      'status  which engine is used, and whether it answers (this is the default)',
      'start   sets a private engine up and starts it, unless an engine answers already',
      'stop    stops the private engine and its containers',
      'remove  stops it and deletes it with its images, containers and volumes',
    ].join('\n'),
  },
  options: {
    json: common.json,
    'dry-run': { type: 'boolean', help: 'Say what would be done, and change nothing' },
    yes: { ...yesOption, help: 'Do not ask before volumes are deleted' },
  },
  notes: 'Exit codes: 0 an engine answers, or the work is done; 2 usage; 4 no engine answers or can be set up.',
  examples: ['npm run engine', 'npm run engine -- remove --yes'],
  whenStopped: 'npm run engine -- status says what there is.',
  async run({ json = false, 'dry-run': dryRun = false, yes = false }, positionals) {
    const word = chooseWord(positionals)
    if (word === 'status') return showStatus(json)
    if (dryRun) return print(await plan(word))
    if (word === 'start') return start(json)
    if (word === 'stop') return stopEngine(json)
    return removeEngine(json, yes)
  },
})

function chooseWord([word = 'status', ...others]: string[]): Word {
  if (others.length > 0) throw new CliError('One word at a time, please.', { exitCode: ExitCode.usage })
  return word as Word
}

async function showStatus(json: boolean): Promise<void> {
  const status = await readStatus()
  if (json) printJson({ ok: status.running, ...status })
  else print(renderStatus(status))
  if (!status.running) process.exitCode = ExitCode.docker
}

async function start(json: boolean): Promise<void> {
  let engine = await findEngine()
  if (!engine) {
    await startPrivate(process.env)
    engine = (await findEngine())!
  }
  const kind = kindInUse()
  const dir = kind === 'private' ? { dir: layoutOf(process.env).dir } : {}
  if (json) return printJson({ ok: true, kind, ...engine, ...dir })
  ok(`Engine ${engine.engineVersion}, Compose ${engine.composeVersion} answer${dir.dir ? ` (${dir.dir})` : ''}`)
  if (kind === 'existing') info('  It is not a private one: nothing was set up.')
}

async function stopEngine(json: boolean): Promise<void> {
  const stopped = await stop(layoutOf(process.env))
  if (json) return printJson({ ok: true, stopped })
  if (!stopped) ok('No private engine was running')
}

async function removeEngine(json: boolean, yes: boolean): Promise<void> {
  const layout = layoutOf(process.env)
  const { volumes } = await describe(layout)
  if (!yes && volumes.length > 0) {
    await confirm({
      name: 'engine',
      warning: 'The volumes of the private engine would be deleted.',
      details: volumes.join('\n'),
      command: 'npm run engine -- remove --yes',
    })
  }
  const hostPackages = await remove(layout)
  if (json) return printJson({ ok: true, removed: hostPackages !== undefined, volumes, hostPackages })
  if (!hostPackages) return ok('There is no private engine to remove')
  ok(`Removed ${layout.dir}`)
  info('  Its bridges and firewall rules stay until the next reboot.')
  if (hostPackages.length > 0) info(`  Its tools stay: sudo apt-get remove ${hostPackages.join(' ')}`)
}

/**
 * What a command would do, for `--dry-run`.
 *
 * @throws CliError (exit code 4) if `start` could do nothing
 */
async function plan(word: Exclude<Word, 'status'>): Promise<string> {
  const engine = word === 'start' ? await findEngine() : undefined
  if (engine) return `Nothing: Engine ${engine.engineVersion} answers.`
  return planPrivate(word, await describe(layoutOf(process.env)))
}

/** What a command would do to the private engine. */
export function planPrivate(word: Exclude<Word, 'status'>, engine: Description): string {
  const { installed, running, dir, volumes } = engine
  switch (word) {
    case 'start':
      if (running) return 'Nothing: the private engine runs.'
      return installed ? `Start the private engine in ${dir}.` : `Set up a private engine in ${dir} and start it.`
    case 'stop':
      return running ? `Stop the private engine in ${dir}.` : 'Nothing: no private engine runs.'
    case 'remove':
      return `Stop the private engine and delete ${dir}, with these volumes: ${volumes.join(', ') || 'none'}.`
  }
}

await main(command, import.meta.url)
