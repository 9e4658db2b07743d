/** Rules about the user, the password and the database in URLs. */
import { finding } from '../finding.ts'
import type { Finding } from '../finding.ts'
import { databasesOf, encoded, isNoneOf, passwordsOf, referencesTo, urlFor, usersOf } from './own-login.ts'
import { isCommand, isPlaceholder } from './placeholders.ts'
import { given } from './subject.ts'
import type { Rule, Subject } from './subject.ts'
import { ofReached } from './targets.ts'
import type { Target } from './targets.ts'
import { addressOf, isPlain, unencoded } from './urls.ts'
import type { ServiceView } from './compose-view.ts'

/** A stopgap such as <your password> is told as what it is. */
const isStopgap = (culprit: string, url: string, subject: Subject): boolean => {
  const value = subject.values[culprit] ?? ''
  return isCommand(value) || isPlaceholder(culprit, culprit === url ? (addressOf(value)?.password ?? '') : value, subject)
}

const encoding: Rule = (subject) =>
  given(subject).filter(({ setting }) => setting.type.form === 'url').flatMap(({ setting: { name }, setting, line }) => {
    const culprit = unencoded(setting, subject)
    if (culprit === undefined || isStopgap(culprit, name, subject)) return []
    if (culprit === name) {
      const message = `The user or the password in ${name} has characters that have to be percent-encoded in a URL.`
      return [finding('E43', { line, setting: name, message, hint: `Write it ${encoded}.` })]
    }
    const message = `${name} refers to ${culprit}, which has characters that have to be percent-encoded in a URL.`
    const made = subject.schema.byName.get(culprit)?.sensitive ? ' (openssl rand -hex 24)' : ''
    const hint = `Take a ${culprit} of letters and digits${made}; or leave it, and in ${name} write its value in place of \${${culprit}}, ${encoded}.`
    return [finding('E43', { line, setting: name, message, hint })]
  })

function noPassword({ name, line, address }: Target, service: ServiceView): Finding {
  const { driver, host, port = 0, database } = address
  const url = urlFor(service, { scheme: driver, host, port, database, search: '' })
  const colon = usersOf(service).length === 0 ? ', with the colon' : ''
  const message = `${name} has no password, and ${service.name} has one.`
  return finding('E44', { line, setting: name, message, hint: `Write it in front of the host${colon}: ${name}=${url}` })
}

function otherPassword({ name, line }: Target, service: ServiceView): Finding {
  const passwords = passwordsOf(service)
  const message = `The password in ${name} is not the one that ${service.name} has.`
  const hint = passwords.every(({ value }) => isPlain(value))
    ? `Write ${referencesTo(passwords)} there, so that both stay the same.`
    : `Write the value of ${passwords.map(({ source }) => source).join(' or ')} there, ${encoded}.`
  return finding('E44', { line, setting: name, message, hint })
}

/** Login and database against what the service is told to make: the first difference. */
const login = ofReached((target, service) => {
  const { name, line, address } = target
  const [users, databases] = [usersOf(service), databasesOf(service)]
  const another = (what: string, found: typeof users): Finding => finding('W45', {
    line, setting: name, message: `The ${what} in ${name} is not the one that ${service.name} makes.`,
    hint: `Write ${referencesTo(found)} there, or make the other one yourself.`,
  })
  if (address.password === '' && isNoneOf(passwordsOf(service), '')) return [noPassword(target, service)]
  // The administrator is there without being named.
  if (address.user !== '' && address.user !== 'root' && isNoneOf(users, address.user)) return [another('user', users)]
  if (isNoneOf(passwordsOf(service), address.password)) return [otherPassword(target, service)]
  return address.database !== '' && isNoneOf(databases, address.database) ? [another('database', databases)] : []
})

export const loginRules: readonly Rule[] = [encoding, login]
