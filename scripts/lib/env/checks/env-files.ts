/** Rules about the env files that the application and the frontend have of their own. */
import { normalize } from 'node:path/posix'
import { finding } from '../finding.ts'
import type { Finding } from '../finding.ts'
import { givenPlaces, nearestTo, said } from './paths.ts'
import { isChanged } from './subject.ts'
import type { Rule } from './subject.ts'

/** A file that is not there is in order, unless one of nearly its name is. The example's own name is nobody's slip. */
const nearlyThere: Rule = (subject) =>
  givenPlaces(subject, ['APP_ENV_FILE', 'FRONTEND_ENV_FILE']).filter(({ name }) => isChanged(name, subject)).flatMap((place): Finding[] => {
    const { name, line } = place
    const meant = nearestTo(place)
    if (meant === undefined) return []
    const message = `${name} names ${said(place, subject)}, which is not there, so nothing of it is handed over.`
    return [finding('W87', { line, setting: name, message, hint: `Did you mean ${meant}?` })]
  })

const ofTheStack: Rule = (subject) =>
  givenPlaces(subject, ['APP_ENV_FILE', 'FRONTEND_ENV_FILE']).filter(({ path }) => path === normalize(subject.file ?? '.env.docker')).map(({ name, line }) => {
    const reader = name.startsWith('APP') ? 'application' : 'frontend'
    const example = subject.schema.byName.get(name)?.value
    return finding('E88', {
      line, setting: name, message: `${name} names this file itself, which hands every secret of the stack to the ${reader}.`,
      hint: `${name}=${example}, with what the ${reader} has to know. It may refer to the settings here, as in MY_NAME=\${DATABASE_URL}.`,
    })
  })

export const envFileRules: readonly Rule[] = [nearlyThere, ofTheStack]
