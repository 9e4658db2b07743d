/** Does something hand the application what it cannot do without? */
import { readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { isLeftOut, readSource } from '../explain/source-files.ts'
import type { Model } from '../compose/model.ts'
import { doubtful, well } from './observation.ts'
import type { Observation } from './observation.ts'

export interface Read {
  name: string
  /** Seen from the project. */
  file: string
  line: number
}

/** `os.environ["NAME"]` ends the program where the name is not set; `environ.get` does not. An assignment is no reading. */
const reading = /(?<![.\w])(?:os\.)?environ\[\s*(["'])([A-Z][A-Z0-9_]*)\1\s*\](?!\s*=[^=])/g

/** What the source sets by itself before it reads it. */
const setting = /environ(?:\.setdefault\(\s*|\[\s*)["']([A-Z][A-Z0-9_]*)["'](?:\s*,|\s*\]\s*=[^=])/g

/** What every container has, by its image or by its shell. */
const everywhere = new Set(['HOME', 'HOSTNAME', 'LANG', 'PATH', 'PWD', 'PYTHONPATH', 'PYTHONUNBUFFERED', 'FRONTEND_ROOT'])

/** Every variable that a Python file cannot do without, comments left out. Pure. */
export function readingsIn(file: string, text: string): Read[] {
  return text.split('\n').flatMap((content, index) => {
    const code = content.replace(/(^|\s)#.*/, '')
    return /^\s*del\b/.test(code) ? [] : [...code.matchAll(reading)].map(([, , name]) => ({ name: name!, file, line: index + 1 }))
  })
}

/** Tests have what their runner gives them. */
const isTest = (file: string): boolean => /(?:^|\/)(?:tests?\/|conftest\.py$|test_[^/]*$)/.test(file)

/** Names that a service of the application gets, env files included: Compose has read them. */
function handedOver({ services }: Model): Set<string> {
  const image = services.migrate?.image
  const roles = Object.values(services).filter((service) => service.image === image)
  return new Set(roles.flatMap(({ environment }) => Object.keys(environment ?? {})))
}

/** Each name once, at its first place. Pure. */
export function judgeReadings(readings: readonly Read[], given: ReadonlySet<string>): Observation[] {
  const missing = new Map(readings.toReversed().filter(({ name }) => !given.has(name) && !everywhere.has(name)).map((one) => [one.name, one]))
  if (missing.size === 0) return readings.length === 0 ? [] : [well('Every variable that the application cannot do without is handed to it')]
  return [...missing.values()].toReversed().map(({ name, file, line }) =>
    doubtful(
      `The application cannot do without ${name} (${file}:${line}), and nothing hands it over.`,
      `Write ${name}=… into .env.app (or the file that APP_ENV_FILE names). It may refer to the stack's settings: ${name}=\${DATABASE_URL}`,
    ))
}

export function examineVariables(model: Model): Observation[] {
  const source = readSource(model)
  if (!source) return []
  const texts = source.files.filter((file) => !isTest(file) && !isLeftOut(source, file)).map((file) => [file, readFileSync(join(source.folder, file), 'utf8')] as const)
  const own = texts.flatMap(([, text]) => [...text.matchAll(setting)].map(([, name]) => name!))
  return judgeReadings(texts.flatMap(([file, text]) => readingsIn(posix.join(source.folder, file), text)), new Set([...handedOver(model), ...own]))
}
