/** Rules about the form of single values, where it is more than `@type` in .env.docker.example can say. */
import { finding } from '../finding.ts'
import { shown } from './file.ts'
import { withoutPath } from './proxy.ts'
import { given } from './subject.ts'
import type { Rule, Subject } from './subject.ts'

interface Form {
  of: readonly string[]
  /** What the value has to be, after "has to be". */
  rule: string
  breaks(value: string, subject: Subject): boolean
  /** The value that was probably meant. */
  meant(value: string, subject: Subject): string
}

/** `shop/main.py` as Python imports it, also when it is seen from above the application. */
function dotted(path: string, { effective }: Subject): string {
  const parts = path.replace(/\.py$/, '').split(/[\\/]+/).filter((part) => part !== '' && part !== '.')
  return parts.slice(parts.length > 1 && parts[0] === effective('APP_DIR') ? 1 : 0).join('.')
}

/** `module:object` of a path, of a call without its module, or of a command with one of these in it. */
function webApplication(value: string, subject: Subject): string {
  const word = value.split(/\s+/).find((one) => /[:/(]|\.py$/.test(one)) ?? value
  const [, path = '', call, object] = /^([^:(]*?)(?:[:.]?(\w+\(.*\))|:(.*))?$/.exec(word) ?? []
  return `${dotted(path, subject) || 'main'}:${call ?? (object || 'app')}`
}

function isNoWebApplication(value: string, { effective }: Subject): boolean {
  if (effective('WEB_COMMAND') !== '') return false
  const [module = ''] = value.split(/[:(]/)
  const needsObject = value.includes('(') || effective('WEB_SERVER') === 'uvicorn'
  return /[\s/\\]|\.py$/.test(module) || (needsObject && !value.includes(':'))
}

function celeryApplication(value: string, subject: Subject): string {
  const [word = ''] = value.replace(/^.*?(-A|--app)[ =]*/, '').split(/\s+/)
  const [path = '', ...object] = word.replace(/\(.*/, '').split(':')
  return [dotted(path, subject), ...object].join(':')
}

const registryOf = ({ effective }: Subject): string => effective('IMAGE_REGISTRY') || '\0'

/** Each address of a site as it may be written. */
const bareAddresses = (value: string): string => value.replaceAll(/[^\s,]+/g, (address) => withoutPath(address).replace(/^\d+$/, ':$&'))

/** The forms of your own settings are added here, if `@type` has no word for them. */
const forms: readonly Form[] = [
  { of: ['WEB_APP'], rule: 'module:object, as it is imported in APP_WORKDIR', breaks: isNoWebApplication, meant: webApplication },
  {
    of: ['CELERY_APP'], rule: 'a module or module:object, as it is imported in APP_WORKDIR',
    breaks: (value) => /[\s/\\()]|^-|\.py(:|$)/.test(value), meant: celeryApplication,
  },
  {
    of: ['HEALTH_HOST'], rule: 'the name of a host, without a scheme and without a path',
    breaks: (value) => /[\s/]/.test(value), meant: (value) => value.replace(/^\w+:\/\//, '').split(/[\s/]/)[0] || 'localhost',
  },
  {
    of: ['APP_PYTHONPATH'], rule: 'folders separated by colons', breaks: (value) => value.includes(';'), meant: (value) => value.replaceAll(/\s*;\s*/g, ':'),
  },
  {
    of: ['PYTHON_IMAGE'], rule: 'an image of Debian, because the build installs with apt', breaks: (value) => /alpine[^/]*$/.test(value),
    meant: (value, { schema }) => (value.includes('-alpine') ? value.replace(/-alpine[\d.]*/, '-slim') : schema.byName.get('PYTHON_IMAGE')!.value),
  },
  {
    of: ['IMAGE_REGISTRY'], rule: 'a host, perhaps with a path, without a scheme and without a slash at the end',
    breaks: (value) => /:\/\/|\/$/.test(value), meant: (value) => value.replaceAll(/^\w+:\/\/|\/+$/g, ''),
  },
  {
    of: ['PYTHON_IMAGE', 'NODE_IMAGE', 'POSTGRES_IMAGE', 'MARIADB_IMAGE', 'REDIS_IMAGE', 'STORAGE_IMAGE', 'PROXY_IMAGE'],
    rule: 'the name of the image alone: IMAGE_REGISTRY stands in front of it by itself',
    breaks: (value, subject) => value.startsWith(`${registryOf(subject)}/`), meant: (value, subject) => value.slice(registryOf(subject).length + 1),
  },
  {
    of: ['SITE_ADDRESS', 'STORAGE_SITE_ADDRESS'], rule: 'a name, or a port behind a colon, without a path',
    breaks: (value, { production }) => production && value !== bareAddresses(value), meant: bareAddresses,
  },
]

const wrongForm: Rule = (subject) => given(subject).filter(({ value }) => value !== '').flatMap(({ setting: { name }, line, value }) => {
  const form = forms.find(({ of, breaks }) => of.includes(name) && breaks(value, subject))
  if (!form) return []
  const text = shown(name, value, subject)
  const hint = text === undefined ? `What it is for stands in .env.docker.example:${subject.schema.byName.get(name)!.line}.` : `${name}=${form.meant(value, subject)}`
  return [finding('E11', { line, setting: name, message: `${name} has to be ${form.rule}${text === undefined ? '' : `; it is ${text}`}.`, hint })]
})

export const formRules: readonly Rule[] = [wrongForm]
