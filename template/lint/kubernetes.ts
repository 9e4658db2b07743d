/** What `npm run kubernetes` writes, as kubectl renders it: compared with snapshots, and held against the types of the resources that Kubernetes itself does not know. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { $ } from 'zx/core'
import { read } from '../../scripts/lib/engine/docker.ts'
import { difference } from './compose-configs.ts'
import type { Outcome } from './compose-variants.ts'

/** Git and builds ignore this name. It is in the repository: there kustomize reads the room and tsc finds packages. */
const workshop = '.env.kubernetes-lint-'

const settings = [
  'COMPOSE_PROJECT_NAME=shop', 'COMPOSE_FILE=compose.yaml:compose.production.yaml', 'SITE_ADDRESS=shop.example.org', 'WEB_APP=shop:app', 'CELERY_APP=shop',
  'DATABASE_URL=postgresql+psycopg://shop:sample@db.example.org/shop', 'SECRET_KEY=sample-sample-sample', 'WORKER_QUEUES=fast,slow',
  'REDIS_URL=rediss://:sample@redis.example.org/2',
]

/** Each cluster, each broker, with and without the frontend. */
const variants: Readonly<Record<string, { lines: string[]; broker?: string; args: string[] }>> = {
  own: { lines: ['COMPOSE_PROFILES=beat'], args: ['--keda'] },
  managed: { lines: ['COMPOSE_PROFILES=beat,frontend', 'FRONTEND_DIR=docker'], broker: 'amqps://shop:sample@rabbit.example.org//', args: ['--cluster', 'managed', '--keda', '--frontend-image', 'registry.example.org/team/front:1.4.0'] },
}

/** The package with the types of each kind. They are generated from the operator's own resource definitions. */
const types: Readonly<Record<string, string>> = {
  ScaledObject: '@kubernetes-models/keda/keda.sh/v1alpha1',
  Gateway: '@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1',
  HTTPRoute: '@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1',
  Cluster: '@kubernetes-models/cloudnative-pg/postgresql.cnpg.io/v1',
}

/** Runs something in a temporary folder. */
async function inWorkshop<T>(run: (path: string) => Promise<T>): Promise<T> {
  const path = await mkdtemp(workshop)
  try {
    return await run(path)
  } finally {
    await rm(path, { recursive: true, force: true })
  }
}

/** What kubectl would send to a cluster, by the name of the variant; `run` is how a tool is run in the linters' image. */
export const render = async (run: readonly string[]): Promise<Record<string, string>> =>
  inWorkshop(async (path) => {
    const rendered = Object.entries(variants).map(async ([name, { lines, broker, args }]) => {
      const [output, file, app] = [join(path, name), join(path, `${name}.env`), join(path, `${name}.app.env`)]
      await writeFile(app, broker === undefined ? '' : `CELERY_BROKER_URL=${broker}\n`)
      await writeFile(file, [`APP_ENV_FILE=${app}`, ...settings, ...lines].map((line) => `${line}\n`).join(''))
      await $({ quiet: true })`npm run --silent kubernetes -- --env-file ${file} --output ${output} --image registry.example.org/team/shop:1.4.0 ${args}`
      return [name, await read([...run, 'kubectl', 'kustomize', output])] as const
    })
    return Object.fromEntries(await Promise.all(rendered))
  })

/** Whether the reviewed files are what is rendered today. With `update` they are written again. */
export async function checkRendered(rendered: Readonly<Record<string, string>>, update: boolean): Promise<Outcome> {
  const differences = await Promise.all(
    Object.entries(rendered).map(async ([name, yaml]) => {
      const file = `template/lint/rendered/${name}.yaml`
      const text = `# What kubectl renders of npm run kubernetes ${variants[name]!.args.join(' ')}. Written by: npm run lint -- --update\n${yaml}`
      if (update) await writeFile(file, text)
      return difference(file, text)
    }),
  )
  const stdout = differences.filter(Boolean).join('\n\n')
  return { exitCode: stdout === '' ? 0 : 1, stdout, stderr: stdout && '\n\nIf that is meant: npm run lint -- --update, and git diff shows the change.' }
}

/** Which resources have fields that their operators do not know, or lack some. Kubernetes' own kinds are left out. */
export async function judgeResources(...manifests: string[]): Promise<Outcome> {
  const all = manifests.flatMap((one) => parseAllDocuments(one).map((document) => document.toJS() as { kind: string }))
  const foreign = all.filter(({ kind }) => kind in types)
  const lines = foreign.map(({ kind, ...rest }, index) => `import type { I${kind} as Kind${index} } from '${types[kind]}'\nexport const of${index}: Kind${index} = ${JSON.stringify({ kind, ...rest })}\n`)
  return inWorkshop(async (path) => {
    const compilerOptions = { strict: true, noEmit: true, skipLibCheck: true, module: 'esnext', moduleResolution: 'bundler', types: [] }
    await writeFile(join(path, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['resources.ts'] }))
    await writeFile(join(path, 'resources.ts'), lines.join(''))
    return $({ quiet: true, nothrow: true, preferLocal: true })`tsc --pretty false --project ${path}`
  })
}

/** The PostgreSQL of the room, which is applied by itself and so not rendered. */
export const postgres = async (): Promise<string> => readFile('extras/kubernetes/postgres.yaml', 'utf8')
