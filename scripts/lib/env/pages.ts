/** The pages of docs/ that are made, not written. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { settingsDocs, settingsPage } from './docs.ts'
import { readExample } from './settings.ts'

/** Their names and texts. */
export async function docPages(): Promise<Record<string, string>> {
  const { text, schema } = await readExample()
  return { [settingsPage]: settingsDocs(schema, text) }
}

/** Writes those that are stale. */
export async function writeDocs(): Promise<{ page: string; written: boolean }[]> {
  return Promise.all(Object.entries(await docPages()).map(async ([page, text]) => {
    const written = (await readFile(page, 'utf8').catch(() => '')) !== text
    if (written) {
      await mkdir(dirname(page), { recursive: true })
      await writeFile(page, text)
    }
    return { page, written }
  }))
}
