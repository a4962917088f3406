import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { AppDialog } from '../support/sip-server.ts'
import type { BenchServer } from './bench-server.ts'
import type { FromPhones, PhonesData } from './sip-phones.ts'

const HOLD_MS = 100

/** What phones of one run met with. */
export type Driven = Extract<FromPhones, { kind: 'done' }>

/** A SIP server under an unmodified drachtio-srf `createB2BUA` that does nothing else, between phones. */
export class BareB2bua {
  readonly server: BenchServer
  #calleePort = 0
  #calls = 0

  private constructor(server: BenchServer) {
    this.server = server
  }

  /** On this server, which `close` closes too. */
  static async start(server: BenchServer): Promise<BareB2bua> {
    const b2bua = new BareB2bua(server)
    const app = await server.app({
      invite: async (req, res) => {
        try {
          const more = { localSdpB: req.body, headers: { 'X-Call': req.get('X-Call') } }
          const callee = `sip:callee@127.0.0.1:${b2bua.#calleePort}`
          const { uas, uac } = await app.createB2BUA(req, res, callee, more)
          b2bua.#calls++
          const hangUp = async (other: AppDialog): Promise<void> => {
            await other.destroy().catch(() => undefined) // The phones count what failed.
            b2bua.#calls--
          }
          uas.on('destroy', () => void hangUp(uac))
          uac.on('destroy', () => void hangUp(uas))
        } catch {
          // The phones count what failed.
        }
      },
    })
    return b2bua
  }

  /** Places calls at this rate, and waits until each has ended or some seconds have passed. `repeats` as in `PhonesData`. */
  async drive(callsPerSecond: number, seconds: number, repeats = false): Promise<Driven> {
    const workerData: PhonesData = {
      server: this.server.sip,
      callsPerSecond,
      seconds,
      holdMs: HOLD_MS,
      repeats,
    }
    const phones = new Worker(new URL('./sip-phones.ts', import.meta.url), { workerData })
    const [ready]: FromPhones[] = await once(phones, 'message')
    if (ready?.kind === 'ready') this.#calleePort = ready.calleePort
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread, not a window
    phones.postMessage('go')
    const [done]: FromPhones[] = await once(phones, 'message')
    await phones.terminate()
    if (done?.kind !== 'done') throw new Error('the phones said something else')
    return done
  }

  /** Waits for calls that are still up, a transaction's time at most: drachtio-srf cannot be parted from in mid-sentence. */
  async close(): Promise<void> {
    for (let seconds = 0; seconds < 35 && this.#calls > 0; seconds++) await sleep(1_000)
    await this.server.close()
  }
}
