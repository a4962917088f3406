import { createRequire } from 'node:module'

interface RequestQueue {
  readonly pending: readonly unknown[]
  readonly throttledUntil: number
  scheduleCheckPendingRequests(): void
}

let mended = false

/**
 * kafkajs 2.2.4 looks every millisecond whether a broker's throttling of it has ended, also when there is none and nothing waits: 2 % of
 * a core for ever, and on Node 24 a warning about a negative timeout. Here it looks only when there is something to look for.
 */
export function mendRequestQueue(): void {
  if (mended) return
  mended = true
  const load = createRequire(import.meta.url)
  const { prototype } = load('kafkajs/src/network/requestQueue') as { prototype: RequestQueue }
  // oxlint-disable-next-line typescript/unbound-method -- Called on the queue below.
  const schedule = prototype.scheduleCheckPendingRequests
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
    if (this.pending.length > 0 || this.throttledUntil > Date.now()) schedule.call(this)
  }
}
