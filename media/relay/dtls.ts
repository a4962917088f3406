import { Worker } from 'node:worker_threads'
import type { SrtpKeys } from '../srtp-suites.ts'
import type { DtlsCertificate, Fingerprint, FromDtlsThread, ToDtlsThread } from './dtls-messages.ts'

/** Datagrams of one association that are looked at: a handshake is some ten, and each may be lost a few times. */
export const DTLS_DATAGRAMS_LIMIT = 200

const WORKER = new URL('./dtls-worker.ts', import.meta.url)

export interface DtlsEvents {
  send(packet: Uint8Array): void
  /** The handshake is done, and the peer is who its description said. */
  secured(keys: SrtpKeys): void
  failed(reason: string): void
}

interface Open {
  readonly events: DtlsEvents
  datagrams: number
}

/** The relay thread's end of its DTLS thread, which is started for the first browser and again should it die. */
export class DtlsThread {
  readonly #open = new Map<number, Open>()
  #worker: Worker | null = null
  #lastId = 0

  open(certificate: DtlsCertificate, fingerprint: Fingerprint, events: DtlsEvents): number {
    const id = ++this.#lastId
    this.#open.set(id, { events, datagrams: 0 })
    this.#tell({ kind: 'open', id, certificate, fingerprint })
    return id
  }

  feed(id: number, packet: Uint8Array): void {
    const association = this.#open.get(id)
    if (association === undefined || ++association.datagrams > DTLS_DATAGRAMS_LIMIT) return
    this.#tell({ kind: 'packet', id, packet })
  }

  close(id: number): void {
    if (this.#open.delete(id)) this.#tell({ kind: 'close', id })
  }

  #tell(message: ToDtlsThread): void {
    this.#worker ??= this.#start()
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread, not a window.
    this.#worker.postMessage(message)
  }

  #start(): Worker {
    const worker = new Worker(WORKER, { name: 'dtls' })
    worker.on('message', (message: FromDtlsThread) => this.#hear(message))
    let cause = 'it ended'
    worker.on('error', (error) => (cause = error instanceof Error ? error.message : String(error)))
    worker.on('exit', () => {
      if (this.#worker !== worker) return
      this.#worker = null
      // Those whose keys we have need it no more.
      for (const { events } of this.#open.values()) events.failed(`the DTLS thread died: ${cause}`)
      this.#open.clear()
    })
    return worker
  }

  #hear(message: FromDtlsThread): void {
    const events = this.#open.get(message.id)?.events
    if (message.kind === 'packet') events?.send(message.packet)
    else if (message.kind === 'keys') events?.secured(message.keys)
    else events?.failed(message.reason)
  }
}
