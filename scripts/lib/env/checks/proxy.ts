/** Rules about the addresses that the proxy of a production stack answers to. */
import { finding } from '../finding.ts'
import { given } from './subject.ts'
import type { Rule, Subject } from './subject.ts'
import { isLoopback } from './urls.ts'

/** An address up to its host and port. */
export const withoutPath = (address: string): string => address.replace(/(?<![:/])\/(?!\/).*/, '')

/** The addresses of a list, as the proxy takes them: without https://, which a name means anyway. */
const addressesOf = (list: string): string[] => list.split(/[\s,]+/).map((address) => withoutPath(address.replace(/^https:\/\//, '')))

const hostOf = (address: string): string => address.replace(/^http:\/\//, '').replace(/:\d*$/, '')

const sites = (subject: Subject): ReturnType<typeof given> =>
  subject.production ? given(subject).filter(({ setting: { name }, value }) => /^(STORAGE_)?SITE_ADDRESS$/.test(name) && value !== '') : []

const isOnlyHere = (addresses: string): boolean => addressesOf(addresses).some((address) => isLoopback(hostOf(address)))

const onlyHere: Rule = (subject) => sites(subject).filter(({ value }) => isOnlyHere(value)).map(({ setting: { name }, line, value }) =>
  finding('W95', {
    line, setting: name, message: `${name} is ${value}: the proxy answers to that name alone, which only this machine calls it by.`,
    hint: `Write the name under which visitors come (${name}=shop.example.org), or :80 for every name.`,
  }))

/** Caddy takes no configuration in which two sites have one address. */
const twoSites: Rule = (subject) => {
  const [site, store] = sites(subject)
  const shared = store && addressesOf(site!.value).find((address) => addressesOf(store.value).includes(address))
  if (!shared) return []
  return [finding('E96', {
    line: store.line, setting: store.setting.name, message: `STORAGE_SITE_ADDRESS and SITE_ADDRESS are both ${shared}: the proxy cannot tell them apart.`,
    hint: 'Give the store a name of its own, such as STORAGE_SITE_ADDRESS=files.example.org, and the same in S3_PUBLIC_URL.',
  })]
}

export const proxyRules: readonly Rule[] = [onlyHere, twoSites]
