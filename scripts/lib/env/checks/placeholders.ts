/** Words that are no secrets. */
import type { Subject } from './subject.ts'

const stopgap =
  /^(?:<.*>|\.{3}|x{3,}|\*{3,}|foo|bar|foobar|todo|fixme|test(?:ing|er)?|admin(?:istrator)?|root|user|default|dummy|guest|example|sample|demo|placeholder|letmein|welcome|postgres|redis|mysql|mariadb|(?:my[-_]?)?(?:pass(?:word|wd)?|passw0rd|pw|secret|token|key)[\d!]*|insert[-_ ].*|replace[-_ ]?.*|your[-_ ].*|.*change[-_ ]?(?:me|this|it).*|.*not[-_ ]?(?:a[-_ ]?)?secret.*)$/i

/** Is it a word that stands for a secret, or that everybody tries first? */
export function isPlaceholder(name: string, value: string, { values }: Subject): boolean {
  const users = Object.keys(values).filter((other) => /(^|_)USER$/.test(other)).map((other) => values[other])
  return stopgap.test(value) || value.toUpperCase() === name || users.includes(value)
}

/** `$(openssl rand -hex 24)`: only a shell would run it. */
export const isCommand = (value: string): boolean => /^(\$\(.*\)|`.*`)$/s.test(value)
