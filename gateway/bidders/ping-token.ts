import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import type { CallId } from '../../model/ids.ts'

/** The header our requests to bidders bear. */
export const PING_HEADER = 'X-DCE-Ping'

const TOKEN = /^(?<callId>[0-9a-f-]{36})\.(?<mac>[0-9a-f]{32})$/

/** A mark of ours on what we send to bidders: what comes back with it has gone round in a circle. */
export class PingTokens {
  readonly #key: Buffer

  constructor(secret: Buffer) {
    this.#key = Buffer.from(hkdfSync('sha256', secret, '', 'ping tokens', 32))
  }

  tokenOf(callId: CallId): string {
    return `${callId}.${this.#mac(callId).toString('hex')}`
  }

  isOurs(token: string | undefined): boolean {
    const { callId, mac } = TOKEN.exec(token?.trim() ?? '')?.groups ?? {}
    return callId !== undefined && timingSafeEqual(Buffer.from(mac!, 'hex'), this.#mac(callId))
  }

  #mac(callId: string): Buffer {
    return createHmac('sha256', this.#key).update(callId).digest().subarray(0, 16)
  }
}
