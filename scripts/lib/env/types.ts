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
  /** Names of the options in brackets. */
  options: readonly string[]
  /** What the value has to be, after "has to be". */
  rule(type: ValueType): string
  fits(value: string, type: ValueType): boolean
}

const bound = (options: TypeOptions, name: string, otherwise: number): number => Number(options[name] ?? otherwise)

const within = (value: number, { min, max }: TypeOptions): boolean =>
  value >= Number(min ?? -Infinity) && value <= Number(max ?? Infinity)

/** "a number from 1 to 64", with the ends that are set. */
function range(noun: string, { min, max }: TypeOptions): string {
  if (min !== undefined && max !== undefined) return `${noun} from ${min} to ${max}`
  if (min !== undefined) return `${noun} of at least ${min}`
  return max === undefined ? noun : `${noun} of at most ${max}`
}

const portRange = ({ options }: ValueType): TypeOptions => ({ min: options.min ?? '1', max: '65535' })

const forms: Readonly<Record<string, Form>> = {
  string: {
    options: ['minLength', 'maxLength', 'startsWith'],
    rule: ({ options: { minLength, maxLength, startsWith } }) => {
      const bounds = [minLength && `at least ${minLength}`, maxLength && `at most ${maxLength}`].filter(Boolean)
      const length = bounds.length > 0 ? `${bounds.join(' and ')} characters long` : 'any text'
      return startsWith === undefined ? length : `text that begins with ${startsWith}${bounds.length > 0 ? `, ${length}` : ''}`
    },
    fits: (value, { options }) =>
      value.length >= bound(options, 'minLength', 0) && value.length <= bound(options, 'maxLength', Infinity) &&
      value.startsWith(options.startsWith ?? ''),
  },
  number: {
    options: ['isInt', 'min', 'max'],
    rule: ({ options }) => range(options.isInt === 'true' ? 'a whole number' : 'a number', options),
    fits: (value, { options }) =>
      (options.isInt === 'true' ? /^-?\d+$/ : /^-?\d+(\.\d+)?$/).test(value) && within(Number(value), options),
  },
  boolean: { options: [], rule: () => 'true or false', fits: (value) => value === 'true' || value === 'false' },
  enum: {
    options: [],
    rule: ({ choices }) => `one of ${choices.join(', ')}`,
    fits: (value, { choices }) => choices.includes(value),
  },
  port: {
    options: ['min'],
    rule: (type) => range('a port number', portRange(type)),
    fits: (value, type) => /^\d+$/.test(value) && within(Number(value), portRange(type)),
  },
  url: {
    // public=true: for browsers, so that localhost means the machine in front of which they are.
    options: ['public'],
    rule: () => 'a URL with its scheme, such as https://example.com or redis://redis:6379/0',
    fits: (value) => /^[a-z][a-z0-9+.-]*:\/\/\S+$/i.test(value) && URL.canParse(value),
  },
  ip: { options: [], rule: () => 'an IP address, such as 127.0.0.1', fits: (value) => isIP(value.replaceAll(/^\[|\]$/g, '')) !== 0 },
  email: {
    options: [],
    rule: () => 'an e-mail address',
    fits: (value) => /^[^\s@]+@[^\s@]+$/.test(value),
  },
  duration: {
    options: [],
    rule: () => 'a duration such as 30s, 5m or 1h30m',
    fits: (value) => /^(\d+(\.\d+)?(us|ms|s|m|h))+$/.test(value),
  },
  size: {
    options: [],
    rule: () => 'a size such as 512m or 2g',
    fits: (value) => /^\d+(\.\d+)?[kmg]b?$/i.test(value),
  },
}

/** What a setting without `@type` may be: anything. */
export const anyString: ValueType = { form: 'string', options: {}, choices: [] }

/** What the value has to be, in words that follow "has to be". */
export const describe = (type: ValueType): string => forms[type.form]!.rule(type)

export const fits = (value: string, type: ValueType): boolean => forms[type.form]!.fits(value, type)

/** What an option may be, where that is no number. */
const optionValues: Readonly<Record<string, RegExp>> = { isInt: /^(true|false)$/, public: /^(true|false)$/, startsWith: /^\S+$/ }

/**
 * Reads the text after `@type=`, e.g. `string(minLength=16)` or `enum(uv, pip)`.
 *
 * @returns the type, or what is wrong with the text
 */
export function parseType(text: string): ValueType | { problem: string } {
  const [, form = '', brackets = ''] = /^(\w+)(?:\(([^)]*)\))?$/.exec(text) ?? []
  const rules = Object.hasOwn(forms, form) ? forms[form] : undefined
  if (!rules) return { problem: `@type is none of ${Object.keys(forms).join(', ')}` }
  const words = brackets.split(',').map((word) => word.trim()).filter(Boolean)
  if (form === 'enum') {
    return words.length > 0 ? { form, options: {}, choices: words } : { problem: '@type=enum names no choices' }
  }
  const options: Record<string, string> = {}
  for (const word of words) {
    const [name = '', value = ''] = word.split('=').map((part) => part.trim())
    if (!rules.options.includes(name)) return { problem: `@type=${form} has no option ${name}` }
    const valid = optionValues[name] ?? /^-?\d+(\.\d+)?$/
    if (!valid.test(value)) return { problem: `the option ${name} of @type=${form} has no usable value` }
    options[name] = value
  }
  return { form, options, choices: [] }
}
