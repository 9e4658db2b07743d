/** `npm run check-image`: is every Python file of the source in the image, and can it be imported there? */
import { readFileSync } from 'node:fs'
import { common, defineCommand, main } from './lib/command.ts'
import { withFile } from './lib/compose/model.ts'
import { buildImages, captureCompose, composeCommand, openStack, stackOf, type Stack } from './lib/compose/stack.ts'
import { lastLines } from './lib/engine/docker.ts'
import { ensureImages } from './lib/engine/images.ts'
import { envFile } from './lib/env/settings.ts'
import { CliError, ExitCode } from './lib/errors.ts'
import { lostData, lostFiles, readSource } from './lib/explain/source-files.ts'
import { info, ok, print, printJson } from './lib/terminal.ts'

/** The image without what development mounts over it. */
const overlay = 'scripts/lib/explain/check-image.yaml'

const run = ['run', '--rm', '--no-deps', '--no-TTY', 'web', 'python', '-']

type Finding = Record<'what' | 'error', string>

/** The answer of check_modules.py. */
type Answer = Record<'broken' | 'notes', Finding[]> & { files: string[] }

const list = (findings: readonly Finding[]): string => findings.map(({ what, error }) => `${what}: ${error}`).join('\n')

/** @throws CliError when the check itself did not end */
async function askImage(stack: Stack, leftOut: readonly string[]): Promise<Answer> {
  const input = readFileSync(new URL('lib/explain/check_modules.py', import.meta.url), 'utf8')
  const { exitCode, stdout, stderr } = await captureCompose(stack, [...run, ...leftOut], { input })
  try {
    return JSON.parse(stdout) as Answer
  } catch {
    throw new CliError(`The modules could not be imported: the check ended with exit code ${exitCode}.`, {
      details: lastLines(stdout + stderr),
      hint: 'If it was killed, raise WEB_MEMORY in .env.docker, then run npm run check-image again.',
    })
  }
}

export const checkImage = defineCommand({
  name: 'check-image',
  summary: 'Build the image, compare its Python files with those of the source, and import every module in it.',
  options: common,
  notes: 'The modules are imported in a container without network, volumes and mounted source. Paths in\n'
    + 'PROD_EXCLUDE are left out. A module that fails for any reason but a missing module is only mentioned.\n\n'
    + 'Exit codes: 0 nothing is missing, 1 something is, 3 settings, 4 no engine, 5 the image cannot be built.',
  examples: ['npm run check-image', 'npm run check-image -- --env-file .env.production'],
  whenStopped: 'Nothing was changed except the image.',
  async run({ 'env-file': file = envFile, json = false, 'dry-run': dryRun = false }) {
    if (dryRun) {
      print(composeCommand(stackOf(file), 'build', 'migrate'))
      return print(`APP_CA_FILE= COMPOSE_FILE=…:${overlay} ${composeCommand(stackOf(file), ...run)} < scripts/lib/explain/check_modules.py`)
    }
    const opened = await openStack(file)
    const { stack, model } = await ensureImages(opened.stack, opened.model, opened.settings.values)
    // The application's image alone: the image of a frontend has no Python.
    await buildImages(stack, 'migrate')
    const source = readSource(model)
    if (!source) throw new CliError('This stack builds no image: migrate has no build.', { exitCode: ExitCode.config })
    const files = withFile({ ...opened.settings.values, ...process.env, ...stack.env }, overlay)
    // Without a network no certificate is needed.
    const alone = { ...stack, env: { ...stack.env, COMPOSE_FILE: files, APP_CA_FILE: '' } }
    const { files: inImage, broken, notes } = await askImage(alone, source.leftOut)
    const others = notes.filter(({ error }) => lostData(source, error).length === 0)
    if (others.length > 0) info(`Not imported, for a reason that is not the fault of the image:\n${list(others)}`)
    const lost = [...lostFiles(source, inImage), ...lostData(source, list(notes))]
    const details = [...lost, list(broken)].join('\n').trim()
    const [message = '', hint] = lost.length > 0
      ? ['Not every file of the source that Python needs is in the image.',
        'Remove the line that hides it, or bring it back below that line by "!" and the path. What production does not need belongs in PROD_EXCLUDE.']
      : ['Not every module can be imported in the image: something that a module needs is missing.',
        'A package is missing in PYTHON_MANIFEST, or a folder in APP_PYTHONPATH. Files of tests or tools belong in PROD_EXCLUDE.']
    if (details) throw new CliError(message, { details, hint })
    const rest = others.length > 0 ? '. What the modules above import after their error was not looked at' : ', and nothing that they import is missing'
    ok(`${source.files.length} Python files of ${source.folder} are in the image${rest}`)
    if (json) printJson({ ok: true, files: inImage.length, notes })
  },
})

await main(checkImage, import.meta.url)
