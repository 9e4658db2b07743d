/** package.json and its lock, with only what the remaining files need. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { $ } from 'zx/core'
import { textOf, type Tree } from './tree.ts'

type Words = Record<string, string>
export interface Package {
  name?: string
  allowScripts?: object
  scripts?: Words
  dependencies?: Words
  devDependencies?: Words
  [key: string]: unknown
}

/** Packages that the owner's own work needs, even if no file imports them. */
const ALWAYS = new Set(['@types/node', 'bats', 'bats-assert', 'bats-support', 'tsx', 'typescript', 'vitest'])

/** Without the template, no script counts the tests: `npm test` stops at the first suite that fails. */
const TESTS = { test: 'tsc && vitest run && npm run test:shell && npm run test:docker', 'test:scripts': 'vitest run' }

const escape = (text: string): string => text.replaceAll(/[/.*+?^${}()|[\]\\]/g, String.raw`\$&`)

/** True when a file imports the package, or runs one of its programs. */
const isUsed = (name: string, texts: readonly string[]): boolean => {
  const use = new RegExp(String.raw`(from |import\(|import |require\(|resolve\(|npx |node_modules/)['"\`]?${escape(name)}\b`)
  return texts.some((text) => use.test(text))
}

/** package.json of a copy that has these files. */
export function fitPackage(original: Package, name: string, tree: Tree): Package {
  const { license: _ofTheTemplate, description: _ofItToo, ...rest } = original
  const texts = [...tree].filter(([path]) => /\.(ts|mjs|sh|bash|bats)$/.test(path)).map(([, content]) => textOf(content))
  const runs = (line: string): boolean => (line.match(/\S+\.ts\b/g) ?? []).every((file) => tree.has(file))
  const pick = (words: Words = {}, keep: (key: string, value: string) => boolean): Words => Object.fromEntries(Object.entries(words).filter((entry) => keep(...entry)))
  const used = pick(original.devDependencies, (one) => ALWAYS.has(one) || isUsed(one, texts))
  // tsc needs the types of each package that stays: of @scope/name they are @types/scope__name.
  const stays = { ...original.dependencies, ...used }
  const isTypes = (one: string): boolean => one.startsWith('@types/') && one.slice(7).replace(/^(.+)__/, '@$1/') in stays
  return {
    ...rest,
    name,
    scripts: pick({ ...original.scripts, ...TESTS }, (_, line) => runs(line)),
    devDependencies: pick(original.devDependencies, (one) => one in used || isTypes(one)),
  }
}

/** Their package.json with our additions. If both have a key, theirs stays, and the key is named. */
export function mergePackages(theirs: Package, ours: Package): { merged: Package; kept: string[] } {
  const add = (section: string, mine: Words = {}, yours: Words = {}): string[] =>
    Object.keys(yours).filter((key) => mine[key] !== undefined && mine[key] !== yours[key]).map((key) => `${section}.${key}`)
  const development = { ...ours.dependencies, ...ours.devDependencies }
  const fresh = Object.fromEntries(Object.entries(development).filter(([name]) => !theirs.dependencies?.[name]))
  return {
    merged: {
      ...theirs,
      scripts: { ...ours.scripts, ...theirs.scripts },
      devDependencies: { ...fresh, ...theirs.devDependencies },
      allowScripts: { ...ours.allowScripts, ...theirs.allowScripts },
    },
    kept: [...add('scripts', theirs.scripts, ours.scripts), ...add('dependencies', { ...theirs.devDependencies, ...theirs.dependencies }, development)],
  }
}

/** One lock with the packages of both; npm removes those that are not needed. */
export const mergeLocks = (theirs: string, ours: string): string => {
  const [mine, yours] = [JSON.parse(theirs), JSON.parse(ours)] as { packages?: object }[]
  return JSON.stringify({ ...mine, packages: { ...yours!.packages, ...mine!.packages } })
}

/**
 * The lock that goes with a package.json, made from another one by npm, which asks a registry only for what that lacks.
 *
 * @returns undefined when npm could not make it
 */
export async function fitLock(manifest: Package, lock: string): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'adopt-lock-'))
  try {
    await writeFile(join(folder, 'package.json'), JSON.stringify(manifest))
    await writeFile(join(folder, 'package-lock.json'), lock)
    const { exitCode } = await $({ cwd: folder, nothrow: true, quiet: true })`npm install --package-lock-only --prefer-offline --ignore-scripts --no-audit --no-fund`
    return exitCode === 0 ? await readFile(join(folder, 'package-lock.json'), 'utf8') : undefined
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
