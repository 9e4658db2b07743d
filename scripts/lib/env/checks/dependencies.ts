/** Can the dependencies be installed from the file that lists them? As docker/build/install-dependencies.sh has it. */
import { basename, dirname, join, relative } from 'node:path/posix'
import { finding } from '../finding.ts'
import { givenPlaces } from './paths.ts'
import type { GivenPlace } from './paths.ts'
import { kindOf } from './places.ts'
import { isChanged } from './subject.ts'
import type { Rule } from './subject.ts'

/** Why not, and what to write. */
type Mismatch = [why: string, hint: string] | undefined

/** A project whose versions a lock names: its installer is the one that made the lock. */
function ofProject(installer: string, locked: string | undefined, hasOwn: boolean, file: string): Mismatch {
  if (installer === 'pip') {
    const hint = locked ? `PYTHON_INSTALLER=${locked}, whose lock is there.` : 'PYTHON_INSTALLER=uv, and make a lock beside it: uv lock; or name a requirements file.'
    return ['pip installs no pyproject.toml without its project', hint]
  }
  if (hasOwn) return undefined
  const make = `make a lock there: ${installer} lock`
  return [`${installer} needs ${installer}.lock beside ${file}`, locked ? `PYTHON_INSTALLER=${locked}, whose lock is there; or ${make}` : make.replace(/^m/, 'M')]
}

function mismatch({ path = '', from, project }: GivenPlace, installer: string): Mismatch {
  const [file, folder] = [basename(path), dirname(path)]
  const has = (name: string): boolean => kindOf(project, join(folder, name)) === 'file'
  if (file === 'pyproject.toml') return ofProject(installer, ['uv', 'poetry'].find((tool) => has(`${tool}.lock`)), has(`${installer}.lock`), path)
  const beside = `PYTHON_MANIFEST=${relative(from, join(folder, 'pyproject.toml'))}`
  if (/^(uv|poetry)\.lock$/.test(file)) return [`${file} is found by itself, beside pyproject.toml`, beside]
  if (/^(Pipfile(\.lock)?|pdm\.lock)$/.test(file)) {
    return [`none of uv, pip and poetry reads ${file}`, 'Make a requirements file of it (pipenv requirements, pdm export), and name that.']
  }
  if (installer !== 'poetry') return undefined
  return [`poetry reads its lock beside pyproject.toml, and no ${file}`, `${has('poetry.lock') ? `${beside}; or ` : ''}PYTHON_INSTALLER=uv`]
}

const dependencies: Rule = (subject) => {
  const installer = subject.effective('PYTHON_INSTALLER') ?? ''
  if (!['uv', 'pip', 'poetry'].includes(installer)) return []
  return givenPlaces(subject, ['PYTHON_MANIFEST']).filter(({ path, project }) => path !== undefined && kindOf(project, path) === 'file').flatMap((place) => {
    const [why, hint] = mismatch(place, installer) ?? []
    if (why === undefined || hint === undefined) return []
    const isInstallers = isChanged('PYTHON_INSTALLER', subject) && !isChanged('PYTHON_MANIFEST', subject)
    const setting = isInstallers ? 'PYTHON_INSTALLER' : 'PYTHON_MANIFEST'
    return [finding('E86', { line: subject.lineOf.get(setting), setting, message: `The dependencies cannot be installed: ${why}.`, hint })]
  })
}

export const dependencyRules: readonly Rule[] = [dependencies]
