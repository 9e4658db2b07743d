/** Rules about single values: what .env.docker.example says about each, and forms for which @type has no word. */
import { nearest } from '../../words.ts'
import type { Found } from '../finding.ts'
import { describe, fits, renamings } from '../schema.ts'
import type { Setting } from '../schema.ts'
import { isUnencoded } from './addresses.ts'
import { isCommand } from './secrets.ts'
import { about, ofEach, shown } from './subject.ts'
import type { Advice, Given, Rule, Subject } from './subject.ts'

/** How to write the setting. A URL whose password is a reference has no secret in it. */
const example = ({ name, value, sensitive, line }: Setting): string =>
  value !== '' && (!sensitive || /:\/\/[^/]*\$\{\w+\}@/.test(value)) ? `For example: ${name}=${value}` : `.env.docker.example:${line} says what it is for.`

/** What does not stand in the file has the default of the Compose files: only without one it is missed. */
function missing(subject: Subject): Found[] {
  const { schema, entryOf, lines, effective } = subject
  if (lines.entries.length + lines.malformed.length === 0) return []
  return schema.settings.filter(({ name, required }) => required && !entryOf.has(name) && effective(name) === '').map((setting) => about(subject, setting.name, [
    `${setting.name} is missing, and it is required.`,
    setting.generate ? 'npm run env -- --init adds it and makes a value.' : example(setting),
  ]))
}

const empty = ofEach(({ setting, name, value }) =>
  value === '' && setting.required ? [`${name} is empty, and it is required.`, setting.generate ? 'npm run env -- --init makes a value.' : example(setting)] : undefined)

/** A password that breaks its URL, and a command in place of a secret, have findings of their own. */
const isMisfit = ({ setting: { type, sensitive }, name, value }: Given, subject: Subject): boolean =>
  value !== '' && !fits(value, type) && !(type.form === 'url' ? isUnencoded(name, subject) : sensitive && isCommand(value))

const wrongType = ofEach((one, subject) => {
  const { setting, name, value } = one
  if (setting.type.form === 'enum' || !isMisfit(one, subject)) return undefined
  const hint = setting.generate ? 'Delete the line; npm run env -- --init then makes a new value.' : example(setting)
  return [`${name} has to be ${describe(setting.type)}${shown(name, value, subject)}.`, hint]
})

const wrongChoice = ofEach((one, subject) => {
  const { setting, name, value } = one
  if (setting.type.form !== 'enum' || !isMisfit(one, subject)) return undefined
  const meant = nearest(value, setting.type.choices)
  return [`${name} has to be ${describe(setting.type)}${shown(name, value, subject)}.`, meant ? `Did you mean ${meant}?` : example(setting)]
})

interface Form {
  of: RegExp
  breaks: RegExp
  /** What the value has to be, after "has to be". */
  rule: string
  /** What was probably meant. */
  meant(value: string): string
  isAsked?(subject: Subject): boolean
}

/** `shop/main.py:app` as Python imports it, also out of a command. */
const dotted = (path: string): string =>
  path.replace(/^.*(?:-A|--app)[ =]+/, '').replace(/\s.*/, '').replace(/\.py(?=:|$)/, '').replaceAll(/[\\/]+/g, '.')

/** The forms of your own settings are added here, if @type has no word for them. */
const forms: readonly Form[] = [
  {
    of: /^WEB_APP$/, breaks: /^[^:(]*([\s/\\]|\.py(:|$))|^[^:]*\(/, rule: 'module:object, as it is imported in APP_WORKDIR',
    isAsked: ({ effective }) => effective('WEB_COMMAND') === '',
    meant: (value) => (value.endsWith('.py') ? `${dotted(value)}:app` : dotted(value).replace(/\.(?=[^.]*\()/, ':')),
  },
  {
    of: /^CELERY_APP$/, breaks: /[\s/\\()]|^-|\.py(:|$)/, rule: 'a module or module:object, as it is imported in APP_WORKDIR',
    meant: (value) => dotted(value).replace(/\(.*/, ''),
  },
  {
    of: /^HEALTH_HOST$/, breaks: /[\s/]/, rule: 'the name of a host, without a scheme and without a path',
    meant: (value) => value.replace(/^\w+:\/\//, '').replace(/[\s/].*/, ''),
  },
  {
    of: /^PYTHON_IMAGE$/, breaks: /alpine[^/]*$/, rule: 'an image of Debian, because the build installs with apt',
    meant: (value) => value.replace(/-alpine[\d.]*/, '-slim'),
  },
  {
    of: /^IMAGE_REGISTRY$/, breaks: /:\/\/|@|\/$/, rule: 'a host, perhaps with a path, without a scheme, a user or a slash at the end',
    meant: (value) => value.replaceAll(/^\w+:\/\/|\/+$/g, ''),
  },
  {
    of: /SITE_ADDRESS$/, breaks: /^\d+$|[^:/]\/(?!\/)/, rule: 'a name, or a port behind a colon, without a path',
    isAsked: ({ production }) => production, meant: (value) => value.replace(/^\d+$/, ':$&').replace(/([^:/])\/.*/, '$1'),
  },
]

const wrongForm = ofEach(({ setting, name, value }, subject) => {
  const form = forms.find(({ of, breaks, isAsked }) => of.test(name) && breaks.test(value) && (isAsked?.(subject) ?? true))
  if (!form) return undefined
  // In front of an @ there may be a password.
  const text = value.includes('@') ? '' : shown(name, value, subject)
  return [`${name} has to be ${form.rule}${text}.`, text === '' ? `.env.docker.example:${setting.line} says what it is for.` : `${name}=${form.meant(value)}`]
})

/** Compose refuses all of its files for one port that is none. */
const noPublishedPort = ofEach(({ name, value }, subject) => {
  const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(value) ?? []
  const isRange = first !== undefined && Number(first) >= 1 && Number(first) <= Number(last) && Number(last) <= 65_535
  if (!name.endsWith('_PUBLISHED_PORT') || value === '' || isRange) return undefined
  const hint = value.includes(':')
    ? 'Write the port alone: on which address it is published, the Compose file says.'
    : 'Write a number from 1 to 65535, or a range such as 8000-8009.'
  return [`${name} is no port that can be published${shown(name, value, subject)}.`, hint]
})

const movingImage = ofEach(({ setting, name, value }) =>
  name.endsWith('_IMAGE') && value !== '' && !/@sha256:|:(?!latest$)[^:/]+$/.test(value)
    ? [`${name} names no version: it is another image tomorrow.`, `Name one, as in ${name}=${setting.value}`]
    : undefined)

/** What to do about a name that nobody declared. */
function strangerAdvice(name: string, { schema, entryOf }: Subject): string {
  const meant = nearest(name, [...schema.byName.keys()])
  if (meant === undefined) {
    return 'What only the application reads belongs into APP_ENV_FILE. Declare a setting of your Compose files in .env.docker.example. ' +
      'Otherwise delete the line.'
  }
  const there = entryOf.get(meant)?.line
  return `Did you mean ${meant}?${there === undefined ? '' : ` That is on line ${there} already: set it there, and delete this line.`}`
}

/** A rule about the name of each entry, declared or not. */
const ofNames = (judge: (name: string, subject: Subject) => Advice) => (subject: Subject): Found[] => subject.lines.entries.flatMap(({ name, line }) => {
  const advice = judge(name, subject)
  return advice ? [{ ...about(subject, name, advice), line }] : []
})

const undeclared = ofNames((name, subject) => {
  const { schema } = subject
  // Docker reads its own by itself.
  const isKnown = schema.byName.has(name) || /^(COMPOSE|DOCKER|BUILDKIT)_/.test(name) || renamings(schema).has(name)
  return isKnown ? undefined : [`${name} is not declared in .env.docker.example.`, strangerAdvice(name, subject)]
})

const renamed = ofNames((name, { schema, entryOf }) => {
  const now = renamings(schema).get(name)
  const hint = entryOf.has(now ?? '') ? `${now} is there too: delete the line.` : 'npm run env -- --sync renames it.'
  return now === undefined ? undefined : [`${name} is called ${now} now, and nothing reads the old name.`, hint]
})

export const valueRules: readonly Rule[] = [
  ['E10', 'error', missing],
  ['E10', 'error', empty],
  ['E11', 'error', wrongType],
  ['E11', 'error', wrongForm],
  ['E12', 'error', wrongChoice],
  ['W13', 'warning', undeclared],
  ['W15', 'warning', renamed],
  ['E36', 'production', movingImage],
  ['E54', 'error', noPublishedPort],
]
