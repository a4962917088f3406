import assert from 'node:assert/strict'
import type { SipMessage } from '../../gateway/sip-server/message.ts'
import type { StartOptions } from '../../gateway/sip-server/start.ts'
import { SDP } from './sip-peer.ts'
import type { SipPeer } from './sip-peer.ts'
import { eventually, TestServer } from './sip-server.ts'
import type { RawApplication } from './sip-server.ts'

const ROUTES = ['invite', 'options', 'message', 'subscribe', 'refer', 'notify', 'info']

/** Writes a response as an application does: the server adds all that identifies it. */
export function answer(status: number, headers: readonly string[] = [], body = ''): string {
  return `SIP/2.0 ${status} Whatever\r\n${headers.map((line) => `${line}\r\n`).join('')}\r\n${body}`
}

/** A server between one application that is spoken for by hand and one scripted peer. */
export class Stage {
  readonly server: TestServer
  readonly app: RawApplication
  readonly peer: SipPeer

  private constructor(server: TestServer, app: RawApplication, peer: SipPeer) {
    this.server = server
    this.app = app
    this.peer = peer
  }

  /** T1 is 20 ms unless told otherwise. */
  static async open(options: Partial<StartOptions> = {}): Promise<Stage> {
    const server = await TestServer.start({ timers: { t1Ms: 20 }, ...options })
    return new Stage(server, await server.application(...ROUTES), await server.peer())
  }

  get peerUri(): string {
    return `sip:bob@127.0.0.1:${this.peer.port}`
  }

  /** The application sends a request outside dialogs. Answers the echo. */
  async send(method: string, headers: readonly string[] = [], body = ''): Promise<string[]> {
    return this.app.ask(
      `sip||\r\n${method} ${this.peerUri} SIP/2.0\r\n${headers.map((line) => `${line}\r\n`).join('')}\r\n${body}`,
    )
  }

  /** The application sends a request inside a dialog. Answers the echo. */
  async sendIn(dialogId: string, method: string, headers: readonly string[] = [], body = ''): Promise<string[]> {
    return this.app.ask(
      `sip||${dialogId}\r\n${method} sip:placeholder SIP/2.0\r\n${headers.map((line) => `${line}\r\n`).join('')}\r\n${body}`,
    )
  }

  /** The application answers a request it was shown. Answers the echo. */
  async respond(id: string, status: number, headers: readonly string[] = [], body = ''): Promise<string[]> {
    return this.app.ask(`sip|${id}|\r\n${answer(status, headers, body)}`)
  }

  /** The peer rings in: the id of its INVITE. */
  async invited(options: Parameters<SipPeer['buildRequest']>[1] = {}): Promise<string> {
    this.peer.request('INVITE', { body: SDP, ...options })
    return (await this.app.shown('INVITE')).tokens[8]!
  }

  /** A call from the peer that is up: its 200, and the dialog's id. */
  async answered(
    options: Parameters<SipPeer['buildRequest']>[1] = {},
    headers: readonly string[] = [],
  ): Promise<{ ok: SipMessage; dialogId: string }> {
    const echo = await this.respond(await this.invited(options), 200, headers, SDP)
    const ok = await this.peer.receive(200)
    this.peer.requestAsCaller('ACK', ok)
    await this.app.shown('ACK')
    return { ok, dialogId: echo[8]! }
  }

  /** The application rings out: the INVITE as the peer has it, and its transaction's id. */
  async inviting(headers: readonly string[] = [], body = SDP): Promise<{ invite: SipMessage; id: string }> {
    const echo = await this.send('INVITE', headers, body)
    assert.equal(echo[0], 'OK', echo.join('|'))
    return { invite: await this.peer.receive('INVITE'), id: echo[7]! }
  }

  /** A call to the peer that is up: its INVITE, and the dialog's id. */
  async connected(
    headers: readonly string[] = [],
    reply: Parameters<SipPeer['reply']>[3] = {},
  ): Promise<{ invite: SipMessage; dialogId: string }> {
    const { invite } = await this.inviting(headers)
    this.peer.reply(invite, 200, 'OK', { body: SDP, ...reply })
    const dialogId = (await this.app.shown(200)).tokens[9]!
    assert.equal((await this.sendIn(dialogId, 'ACK'))[0], 'OK')
    await this.peer.receive('ACK')
    return { invite, dialogId }
  }

  /** Every transaction and dialog has ended by itself. */
  async nothingLeft(): Promise<void> {
    await eventually(async () => {
      const { openTransactions, lingeringTransactions, dialogs } = await this.server.handle.stats()
      return openTransactions + lingeringTransactions + dialogs === 0
    })
  }

  /** Closes everything; fails when the server has stumbled over itself. */
  async close(): Promise<void> {
    const { internalErrors } = await this.server.handle.stats()
    await this.server.close()
    assert.deepEqual(internalErrors === 0 ? [] : this.server.logged, [])
  }
}
