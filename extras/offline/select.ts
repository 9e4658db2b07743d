/** Selects stand-ins for a stack whose images cannot be pulled. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { filesIn, foreignImages, withFile, type Model } from '../../scripts/lib/compose/model.ts'
import { ofProject, readModel, readNames, type ModelledStack, type Stack } from '../../scripts/lib/compose/stack.ts'
import { read } from '../../scripts/lib/engine/docker.ts'
import { shortName } from '../../scripts/lib/engine/images.ts'
import { cacheFolder } from './private-engine/layout.ts'
import { isStandIn, standInOverlay } from '../../scripts/lib/rooms.ts'
import { envFile as ownEnvFile } from '../../scripts/lib/env/settings.ts'
import { writeSecretly } from '../../scripts/lib/env/write.ts'
import { CliError, ExitCode } from '../../scripts/lib/errors.ts'
import { warn } from '../../scripts/lib/terminal.ts'
import { ensureStandIns, insteadOfStandIn, recipeFor, stoodFor } from './stand-ins.ts'

type Values = Readonly<Record<string, string | undefined>>

/**
 * The env file's text with the overlay at the end of COMPOSE_FILE, and everything else as it was. Pure.
 *
 * @param values the values of that file, which may set the separator between two files
 */
export function selectStandIns(text: string, values: Values = {}): string {
  // Quotes and a comment after the value stay where they are.
  const line = /^(?<before>[ \t]*(?:export[ \t]+)?COMPOSE_FILE[ \t]*[=:][ \t]*(?<quote>["']?))(?<files>.*?)\k<quote>[ \t]*(?:(?<=["' \t])#.*)?$/m.exec(text)
  const { before, files } = line?.groups ?? {}
  if (!line || before === undefined || files === undefined) {
    return `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}COMPOSE_FILE=${withFile({ ...values, COMPOSE_FILE: '' }, standInOverlay)}\n`
  }
  const chosen = { ...values, COMPOSE_FILE: files }
  if (filesIn(chosen).includes(standInOverlay)) return text
  const start = line.index + before.length
  return `${text.slice(0, start)}${withFile(chosen, standInOverlay)}${text.slice(start + files.length)}`
}

/**
 * The images that stand-ins cannot replace: an image that has no stand-in, one that the overlay would replace with the
 * stand-in of another image, and one that the overlay leaves alone and that is missing. Pure.
 *
 * @param wanted the images of the stack; `selected` those with the overlay; `absent` those that are not here
 */
function withoutStandIn(wanted: readonly string[], selected: readonly string[], absent: readonly string[]): string[] {
  const stood = new Set(selected.filter(isStandIn).map((standIn) => shortName(stoodFor(standIn))))
  return wanted.filter((image) => {
    if (isStandIn(image)) return false
    if (selected.includes(image)) return absent.includes(image)
    return !recipeFor(image) || !stood.has(shortName(image))
  })
}

/** The volumes of a project, each with the time of its creation: one that was deleted and made again is another one. */
async function volumesOf(project: string): Promise<string[]> {
  const names = await readNames(['volume', 'ls', '--quiet', ...ofProject(project)])
  return names.length === 0 ? [] : (await read(['volume', 'inspect', '--format', '{{.Name}} {{.CreatedAt}}', ...names])).trim().split('\n')
}

/** Lists the volumes that stand-ins have made. A project's env file does not always say that it has used them. */
const listOf = (project: string): string => join(cacheFolder(process.env), 'stand-ins', project)

/** Whether the containers of this project were started with the overlay. If so, stand-ins have made their data. */
async function runsOnStandIns(project: string): Promise<boolean> {
  const files = await read(['ps', '--all', ...ofProject(project), '--format', '{{.Label "com.docker.compose.project.config_files"}}'])
  if (!files.includes(standInOverlay)) return false
  const list = (await volumesOf(project)).join('\n')
  await mkdir(dirname(listOf(project)), { recursive: true }).then(() => writeFile(listOf(project), list)).catch(() => {})
  return true
}

/**
 * Why this stack must not get stand-ins; undefined if it may. Production gets the images that it asked for, and no
 * stand-in opens data that another image has made.
 */
async function findObjection({ name }: Model, values: Values): Promise<string | undefined> {
  if (filesIn(values).some((file) => basename(file) === 'compose.production.yaml')) return 'this stack is for production'
  if (await runsOnStandIns(name)) return undefined
  const own = (await readFile(listOf(name), 'utf8').catch(() => '')).split('\n')
  const others = (await volumesOf(name)).filter((volume) => !own.includes(volume)).map((volume) => volume.split(' ')[0])
  return others.length === 0 ? undefined : `${name} has data that other images have made (${others.join(', ')})`
}

/**
 * Builds the stand-ins and selects them for this stack. It writes the choice into the project's own .env.docker, so
 * that plain Compose commands do the same. Another env file, or a COMPOSE_FILE of the shell, belongs to the user: then
 * the choice holds for this run only.
 */
export async function useStandIns(
  stack: Stack,
  model: Model,
  settings: Values,
  absent: readonly string[],
  reason: string,
): Promise<ModelledStack | undefined> {
  // A variable of the shell wins over the file.
  const values = { ...settings, ...process.env }
  const objection = await findObjection(model, values)
  if (objection) {
    warn(`Stand-ins are not used: ${objection}.`)
    return undefined
  }
  const chosen = { ...stack, env: { ...stack.env, COMPOSE_FILE: withFile(values, standInOverlay) } }
  const changed = await readModel(chosen)
  const strangers = withoutStandIn(foreignImages(model), foreignImages(changed), absent)
  if (strangers.length > 0) {
    throw new CliError(`No registry answers for ${absent[0]}, and there is no stand-in for ${strangers.join(', ')}.`, {
      hint: insteadOfStandIn(),
      exitCode: ExitCode.docker,
    })
  }
  warn(`${reason} for ${absent[0]}: stand-ins from Debian packages are used instead.`)
  await ensureStandIns(foreignImages(changed).filter(isStandIn), settings)
  if (stack.envFile !== ownEnvFile || process.env.COMPOSE_FILE !== undefined) return { stack: chosen, model: changed }

  // Only after they are built: a file that names missing images would stop every later run.
  await writeSecretly(stack.envFile, selectStandIns(await readFile(stack.envFile, 'utf8'), settings))
  warn(`${stack.envFile} says so now: COMPOSE_FILE names ${standInOverlay}. Take that out to go back to the official images.`)
  return { stack, model: changed }
}

/** An env file of the user's own does not say that `up` has used stand-ins for its stack, but the containers do. */
export async function asItWasStarted(stack: Stack, model: Model, settings: Values): Promise<ModelledStack | undefined> {
  const values = { ...settings, ...process.env }
  if (!(await runsOnStandIns(model.name)) || filesIn(values).includes(standInOverlay)) return undefined
  const chosen = { ...stack, env: { ...stack.env, COMPOSE_FILE: withFile(values, standInOverlay) } }
  return { stack: chosen, model: await readModel(chosen) }
}
