import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { StartOptions } from '../../gateway/sip-server/start.ts'
import { TestServer } from '../support/sip-server.ts'
import type { FromPhones, PhonesData } from './sip-phones.ts'

const HOLD_MS = 100

/** What phones of one run met with. */
export type Driven = Extract<FromPhones, { kind: 'done' }>

/** The embedded server in its thread, under an unmodified drachtio-srf `createB2BUA` that does nothing else, between phones. */
export class BareB2bua {
  readonly server: TestServer
  #calleePort = 0

  private constructor(server: TestServer) {
    this.server = server
  }

  static async start(options: Partial<StartOptions> = {}): Promise<BareB2bua> {
    const b2bua = new BareB2bua(await TestServer.start({ inThread: true, ...options }))
    const app = await b2bua.server.srf({
      invite: async (req, res) => {
        try {
          const more = { localSdpB: req.body, headers: { 'X-Call': req.get('X-Call') } }
          const callee = `sip:callee@127.0.0.1:${b2bua.#calleePort}`
          const { uas, uac } = await app.createB2BUA(req, res, callee, more)
          uas.on('destroy', () => void uac.destroy())
          uac.on('destroy', () => void uas.destroy())
        } catch {
          // The phones count what failed.
        }
      },
    })
    return b2bua
  }

  /** Places calls at this rate, and waits until each has ended or five seconds have passed. */
  async drive(callsPerSecond: number, seconds: number): Promise<Driven> {
    const workerData: PhonesData = {
      serverPort: this.server.port('udp'),
      callsPerSecond,
      seconds,
      holdMs: HOLD_MS,
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
    for (let seconds = 0; seconds < 35 && (await this.server.handle.stats()).dialogs > 0; seconds++) await sleep(1_000)
    await this.server.close()
  }
}
