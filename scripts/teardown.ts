/** `npm run teardown`: the counterpart of up. Data stays unless --volumes says otherwise. */
import { common, defineCommand, main, yesOption } from './lib/command.ts'
import { compose, composeCommand, ofProject, openStack, readContainers, readModel, readNames, refuseOtherFolder, stackOf } from './lib/compose/stack.ts'
import { read, stream } from './lib/engine/docker.ts'
import { findEngine } from './lib/engine/engine.ts'
import { envFile, loadSettings } from './lib/env/settings.ts'
import { CliError } from './lib/errors.ts'
import { addressed, confirm, ok, print, printJson } from './lib/terminal.ts'

export const teardown = defineCommand({
  name: 'teardown',
  summary: 'Stop the stack and remove its containers and networks. The data stays.',
  options: {
    volumes: { type: 'boolean', help: 'Delete the data too: database, queue, files. Asks for the project name' },
    yes: yesOption,
    ...common,
  },
  notes: 'Running tasks get the time that WORKER_STOP_GRACE gives them.',
  examples: ['npm run teardown', 'npm run teardown -- --volumes', 'npm run teardown -- --volumes --yes'],
  whenStopped: 'Another npm run teardown removes what is left',
  async run({ volumes = false, yes = false, 'env-file': file = envFile, json = false, 'dry-run': dryRun = false }) {
    // Includes services whose profile has been switched off since.
    const down = ['--profile', '*', 'down', '--remove-orphans', ...(volumes ? ['--volumes'] : [])]
    if (dryRun) return print(composeCommand(stackOf(file), ...down))

    if (!(await findEngine())) {
      if (json) return printJson({ ok: true, deletedVolumes: [] })
      return ok('No Docker Engine is running, so this stack does not run either.')
    }
    const stack = stackOf(file)
    // A stack can be taken down with wrong settings, as long as Compose knows what it is made of.
    const { name, volumes: declared = {} } = await readModel(stack).catch(async () => (await openStack(file)).model)
    const containers = await readContainers(name)
    refuseOtherFolder(name, containers, (await loadSettings(file)).values)
    // An external volume is never deleted, even if it still has the project's label.
    const kept = Object.values(declared).flatMap((volume) => (volume?.external ? [volume.name] : []))
    const readData = async (): Promise<string[]> =>
      (await readNames(['volume', 'ls', '--quiet', ...ofProject(name)])).filter((volume) => !kept.includes(volume))
    const data = await readData()
    if (volumes && !yes && data.length > 0) {
      const command = 'npm run teardown -- --volumes --yes'
      await confirm({ name, warning: 'These volumes and all data in them will be deleted.', details: data.join('\n'), command })
    }
    if ((await stream(compose(stack, ...down), { env: stack.env })) !== 0) throw new CliError('The stack was not taken down; Compose says why above.')
    // Compose silently leaves volumes that its files no longer name, and volumes that another container uses.
    const left = volumes ? await readData() : []
    if (left.length > 0) await read(['volume', 'rm', ...left])
    if (json) return printJson({ ok: true, project: name, deletedVolumes: volumes ? data : [] })
    if (containers.length + data.length === 0) return ok(`There was nothing of ${name}. npm run up makes its stack.`)
    if (volumes || data.length === 0) return ok(`${name} is gone, and none of its data is left`)
    const next = addressed('npm run up continues, npm run teardown -- --volumes deletes them', file)
    ok(`${name} is stopped. Its data stays in ${data.length} volumes: ${next}`)
  },
})

await main(teardown, import.meta.url)
