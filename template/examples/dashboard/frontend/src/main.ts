import './style.css'
import type { Batch } from './api'
import { showBatch, upload } from './batches'
import { byId } from './dom'
import { watch } from './live'
import { showSensor, showSensors } from './sensors'

function changed(batches: Batch[]): void {
  // The newest come first, and each goes to the top.
  for (const batch of batches.toReversed()) showBatch(batch)
  if (batches.some((batch) => batch.status === 'done')) void showSensor()
}

function live(is: boolean): void {
  byId('live').dataset.live = String(is)
  byId('live').textContent = is ? 'live' : 'every few seconds'
}

byId('upload').addEventListener('submit', (event) => void upload(event))
byId('sensor').addEventListener('change', () => void showSensor())
void showSensors()
watch(changed, live)
