/** Rules about URLs: does what the containers are told lead anywhere, and how? */
import { finding } from '../finding.ts'
import { hostRules } from './hosts.ts'
import { loginRules } from './logins.ts'
import { protocolRules } from './protocols.ts'
import { publicRules } from './public.ts'
import type { Rule } from './subject.ts'
import { targets } from './targets.ts'
import { isPrivate } from './urls.ts'
import type { Address } from './urls.ts'

const unencrypted: Rule = (subject) => {
  if (!subject.production) return []
  const isOpen = ({ scheme, search }: Address): boolean => /^(http|redis|amqp)$/.test(scheme) || search.includes('sslmode=disable')
  return targets(subject).filter(({ address }) => isOpen(address) && !isPrivate(address.host)).map(({ name, line, address }) =>
    finding('W48', { line, setting: name, message: `${name} reaches ${address.host} without encryption, and this is production.`, hint: 'Use https:, rediss: or sslmode=require, if the other side can.' }))
}

/** The file that a URL of SQLite names, when it lies in the source: three slashes begin a path that is seen from there. */
function fileInSource({ scheme, host, database }: Address): string | undefined {
  const isFile = scheme === 'sqlite' && host === '' && database !== '' && !/^(:memory:|file:)/.test(database)
  return isFile && (!database.startsWith('/') || database.startsWith('/app/')) ? database : undefined
}

/** The source is part of the image in production, unless something is mounted into it. */
const fileInImage: Rule = (subject) => {
  const { production, compose } = subject
  const hasMount = compose?.services.some(({ name, text }) => name === 'web' && /(:|"target":")\/app\//.test(text))
  if (!production || !compose || hasMount) return []
  return targets(subject).flatMap(({ name, line, address }) => {
    const file = fileInSource(address)
    if (file === undefined) return []
    const fate = subject.effective('APP_READ_ONLY') === 'true' ? 'which is read-only in production' : 'and is gone with the container'
    const hint = `What has to stay belongs into /data: ${name}=${address.driver}:////data/${file.split('/').at(-1)}`
    return [finding('W84', { line, setting: name, message: `${name} names a file in the folder of the application, ${fate}.`, hint })]
  })
}

export const addressRules: readonly Rule[] = [...hostRules, ...protocolRules, ...loginRules, ...publicRules, unencrypted, fileInImage]
