import { ask, type Batch, type Rejection } from './api'
import { byId, element } from './dom'

const list = byId('batches')
const template = byId('batch') as HTMLTemplateElement

/** Brings a batch up to date in the list; one that is new comes first. */
export function showBatch(batch: Batch): void {
  let item = document.getElementById(batch.id)
  if (!item) {
    item = template.content.firstElementChild!.cloneNode(true) as HTMLElement
    item.id = batch.id
    element(item, 'h3').textContent = batch.file_name
    element(item, 'progress').ariaLabel = `Progress of ${batch.file_name}`
    element(item, 'details').addEventListener('toggle', () => void showRejections(batch.id))
    list.prepend(item)
  }
  item.dataset.status = batch.status
  element<HTMLProgressElement>(item, 'progress').value = batch.rows ? batch.rows_done / batch.rows : 0
  element(item, '.state').textContent = sentence(batch)
  element(item, 'details').hidden = batch.rows_rejected === 0
}

function sentence(batch: Batch): string {
  if (batch.error) return batch.error
  if (batch.status === 'queued') return 'in the queue'
  const [done, rows, rejected] = [batch.rows_done, batch.rows, batch.rows_rejected].map((n) => n.toLocaleString('en'))
  return `${batch.status}: ${done} of ${rows} rows, ${rejected} rejected`
}

async function showRejections(id: string): Promise<void> {
  const details = document.querySelector<HTMLDetailsElement>(`[id="${id}"] details`)!
  if (!details.open) return
  const { rejections } = await ask<{ rejections: Rejection[] }>(`/api/batches/${id}`)
  element(details, 'ul').replaceChildren(
    ...rejections.map(({ line, reason, text }) => {
      const item = document.createElement('li')
      const code = document.createElement('code')
      code.textContent = text
      item.append(`line ${line}: ${reason} `, code)
      return item
    }),
  )
}

/** Sends the chosen file; what is wrong with it is said below the form, or by its batch. */
export async function upload(event: SubmitEvent): Promise<void> {
  event.preventDefault()
  const form = event.target as HTMLFormElement
  const problem = byId('problem')
  problem.textContent = ''
  try {
    await ask('/api/batches', { method: 'POST', body: new FormData(form) })
    form.reset()
  } catch (error) {
    problem.textContent = (error as Error).message
  }
}
