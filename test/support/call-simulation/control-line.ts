import net from 'node:net'
import type { Socket } from 'node:net'
import { Applications } from '../../../gateway/sip-server/applications.ts'
import { ControlConnection } from '../../../gateway/sip-server/control-connection.ts'
import type { SipActions } from '../../../gateway/sip-server/control-connection.ts'
import { DEFAULT_LIMITS } from '../../../gateway/sip-server/limits.ts'
import type { Dice } from '../../simulation/dice.ts'
import type { VirtualTime } from '../sip-simulation/network.ts'
import { connection } from './memory-socket.ts'
import { replace } from './virtual-globals.ts'

export const SECRET = 'shared'

/** The control port without its port: drachtio-srf connects here whenever it connects anywhere. */
export class ControlLine {
  /** Whom the server knows. */
  readonly applications = new Applications()
  /** The final answers the exchange gave and the server never read, for the connection broke: `Call-ID status`. */
  readonly #lostAnswers = new Set<string>()
  readonly #restore: () => void
  #line: Socket | null = null

  constructor(time: VirtualTime, dice: Dice, stir: () => void, address: string, actions: () => SipActions) {
    const greeting = `${address}|v0.9.10-dce|${address}`
    const connect = (): Socket => {
      const { client, server } = connection(time, dice, stir)
      this.#line = client
      client.onLost = (text) => this.#lost(text)
      this.applications.add(
        new ControlConnection(server, {
          secret: SECRET,
          limits: DEFAULT_LIMITS,
          actions: actions(),
          greeting,
          directory: this.applications,
        }),
      )
      time.in(1, () => {
        stir()
        client.emit('connect')
      })
      return client
    }
    this.#restore = replace(net, { connect })
  }

  #lost(text: string): void {
    for (const [, status, head] of text.matchAll(/^SIP\/2\.0 ([2-6]\d\d) ((?:.+\r\n)+)/gm)) {
      const callId = /^Call-ID: (.*)\r$/im.exec(head!)?.[1]
      if (/^CSeq: \d+ INVITE\r$/im.test(head!)) this.#lostAnswers.add(`${callId} ${status}`)
    }
  }

  /** Whether the exchange answered this INVITE so, and the server has never heard of it. */
  hasLost(callId: string, status: number): boolean {
    return this.#lostAnswers.has(`${callId} ${status}`)
  }

  /** The connection breaks; drachtio-srf makes another. */
  cut(): void {
    this.#line?.destroy()
  }

  close(): void {
    this.#restore()
  }
}
