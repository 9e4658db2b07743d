/** The forms that a value can have: what `@type=` may say in .env.docker.example. */
import { isIP } from 'node:net'

type TypeOptions = Readonly<Record<string, string>>

export interface ValueType {
  form: string
  options: TypeOptions
  /** The words of an enum; empty for every other form. */
  choices: readonly string[]
}

interface Form {
  /** Names of the options in brackets, and what each may be. */
  options?: Readonly<Record<string, RegExp>>
  /** What the value has to be, after "has to be". */
  rule(type: ValueType): string
  fits(value: string, type: ValueType): boolean
}

const aNumber = /^-?\d+(\.\d+)?$/
const aBoolean = /^(true|false)$/

const within = (value: number, { min, max }: TypeOptions): boolean =>
  value >= Number(min ?? -Infinity) && value <= Number(max ?? Infinity)

/** "a number from 1 to 64", with the ends that are set. */
function range(noun: string, { min, max }: TypeOptions): string {
  if (min !== undefined && max !== undefined) return `${noun} from ${min} to ${max}`
  if (min !== undefined) return `${noun} of at least ${min}`
  return max === undefined ? noun : `${noun} of at most ${max}`
}

const forms: Readonly<Record<string, Form>> = {
  string: {
    options: { minLength: aNumber, startsWith: /^\S+$/ },
    rule: ({ options: { minLength, startsWith } }) =>
      [startsWith && `text that begins with ${startsWith}`, minLength && `at least ${minLength} characters long`].filter(Boolean).join(', ') || 'any text',
    fits: (value, { options }) => value.length >= Number(options.minLength ?? 0) && value.startsWith(options.startsWith ?? ''),
  },
  number: {
    options: { isInt: aBoolean, min: aNumber, max: aNumber },
    rule: ({ options }) => range(options.isInt === 'true' ? 'a whole number' : 'a number', options),
    fits: (value, { options }) => (options.isInt === 'true' ? /^-?\d+$/ : aNumber).test(value) && within(Number(value), options),
  },
  boolean: { rule: () => 'true or false', fits: (value) => aBoolean.test(value) },
  enum: { rule: ({ choices }) => `one of ${choices.join(', ')}`, fits: (value, { choices }) => choices.includes(value) },
  port: {
    options: { min: aNumber },
    rule: ({ options: { min = '1' } }) => range('a port number', { min, max: '65535' }),
    fits: (value, { options: { min = '1' } }) => /^\d+$/.test(value) && within(Number(value), { min, max: '65535' }),
  },
  url: {
    // public=true: for browsers, so that localhost means the machine in front of which they are.
    options: { public: aBoolean },
    rule: () => 'a URL with its scheme, such as https://example.com or redis://redis:6379/0',
    fits: (value) => /^[a-z][a-z0-9+.-]*:\/\/\S+$/i.test(value) && URL.canParse(value),
  },
  ip: { rule: () => 'an IP address, such as 127.0.0.1', fits: (value) => isIP(value.replaceAll(/^\[|\]$/g, '')) !== 0 },
  duration: { rule: () => 'a duration such as 30s, 5m or 1h30m', fits: (value) => /^(\d+(\.\d+)?(us|ms|s|m|h))+$/.test(value) },
  size: { rule: () => 'a size such as 512m or 2g', fits: (value) => /^\d+(\.\d+)?[kmg]b?$/i.test(value) },
}

/** What a setting without `@type` may be: anything. */
export const anyString: ValueType = { form: 'string', options: {}, choices: [] }

/** What the value has to be, in words that follow "has to be". */
export const describe = (type: ValueType): string => forms[type.form]!.rule(type)

export const fits = (value: string, type: ValueType): boolean => forms[type.form]!.fits(value, type)

/**
 * Reads the text after `@type=`, e.g. `string(minLength=16)` or `enum(uv, pip)`.
 *
 * @returns the type, or what is wrong with the text
 */
export function parseType(text: string): ValueType | { problem: string } {
  const [, form = '', brackets = ''] = /^(\w+)(?:\(([^)]*)\))?$/.exec(text) ?? []
  if (!Object.hasOwn(forms, form)) return { problem: `@type is none of ${Object.keys(forms).join(', ')}` }
  const words = brackets.split(',').map((word) => word.trim()).filter(Boolean)
  if (form === 'enum') return words.length > 0 ? { form, options: {}, choices: words } : { problem: '@type=enum names no choices' }
  const options: Record<string, string> = {}
  for (const word of words) {
    const [name = '', value = ''] = word.split('=').map((part) => part.trim())
    const valid = forms[form]!.options?.[name]
    if (!valid) return { problem: `@type=${form} has no option ${name}` }
    if (!valid.test(value)) return { problem: `the option ${name} of @type=${form} has no usable value` }
    options[name] = value
  }
  return { form, options, choices: [] }
}
