import { setImmediate } from 'node:timers/promises'
import { createTelemetry } from '../../config/telemetry.ts'
import { Authentication } from '../../gateway/identity/authentication.ts'
import { Directory } from '../../gateway/directory.ts'
import { OwnHosts } from '../../gateway/start/own-hosts.ts'
import { Registrar } from '../../gateway/registrar/registrar.ts'
import { SipCredentials } from '../../gateway/identity/sip-credentials.ts'
import type { Signaling } from '../../gateway/srf.ts'
import type { SipRequest, SipResponse } from '../../gateway/srf/srf-types.ts'
import { Trunks } from '../../gateway/identity/trunks.ts'
import type { AskingParts } from '../../gateway/outside-calls/who-asks.ts'
import type { SipBinding } from '../../model/sip-user.ts'
import { aSipUser, aTrunk, anAccount } from './market.ts'

/** A trunk's address. */
export const CARRIER = '192.0.2.7'

/** An exchange's knowledge for requests outside calls: one customer with a trunk at `CARRIER` and a SIP user “desk”. */
export class AskingExchange {
  readonly parts: AskingParts
  readonly #registrar: Registrar
  readonly #telemetry = createTelemetry()

  constructor() {
    const now = (): number => 1_800_000_000_000
    const [directory, trunks, credentials] = [new Directory(), new Trunks(), new SipCredentials('dce')]
    const authentication = new Authentication({
      realm: 'dce',
      algorithms: ['SHA-256'],
      nonceLifetimeMs: 60_000,
      credentials,
      now,
      telemetry: this.#telemetry,
    })
    this.#registrar = new Registrar({
      realm: 'dce',
      limits: { minExpires: 60, maxExpires: 7200, defaultExpires: 3600, maxBindings: 10 },
      authentication,
      now,
      isCarrier: () => false,
      onBindings: () => {},
      onReachable: () => {},
    })
    const user = aSipUser('desk', 'seller')
    const trunk = aTrunk('trunk', 'seller', { addresses: [CARRIER] })
    const account = anAccount('seller', { type: 'seller' })
    directory.apply({ kind: 'account', id: account.id, value: account })
    trunks.apply({ kind: 'trunk', id: trunk.id, value: trunk })
    credentials.apply({ kind: 'sip-user', id: user.id, value: user })
    this.#registrar.apply({ kind: 'sip-user', id: user.id, value: user })
    this.parts = {
      authentication,
      directory,
      trunks,
      registrar: this.#registrar,
      isSipServerOurs: true,
      ownHosts: new OwnHosts('dce', []),
    }
  }

  /** Has the desk's phones registered: the first preferred to the second, and so on; those in one list are equals. */
  register(...groups: readonly (readonly string[])[]): void {
    const bindings = groups.flatMap((contacts, n) => contacts.map((contact) => aBinding(contact, 1000 - n)))
    this.#registrar.restore(aSipUser('desk', 'seller').id, bindings)
  }

  close(): void {
    this.#telemetry.close()
  }
}

function aBinding(contact: string, q: number): SipBinding {
  return {
    contact,
    instance: null,
    regId: null,
    callId: contact,
    cseq: 1,
    q,
    expiresAtMs: Infinity,
    registeredAtMs: 0,
    path: [],
    source: { transport: 'udp', host: '198.51.100.7', port: 5060 },
    userAgent: null,
  }
}

/** A request as drachtio-srf shows it, from the carrier to the desk. */
export function aRequest(
  method: string,
  { headers = {}, body }: { headers?: Readonly<Record<string, string>>; body?: string } = {},
): SipRequest {
  const all: Record<string, string> = {
    From: '<sip:+12125550142@192.0.2.7>;tag=theirs',
    To: '<sip:desk@dce>',
    'Call-ID': 'call',
    Contact: '<sip:carrier@192.0.2.7>',
    ...headers,
  }
  const get = (name: string): string | undefined => all[name]
  const has = (name: string): boolean => name in all
  const fields = { method, uri: 'sip:desk@dce', source_address: CARRIER, source_port: 5060, body, get, has }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- What requests outside calls look at.
  return fields as unknown as SipRequest
}

/** An answer that is to be sent: what was sent is in `sent`. */
export function anAnswer(): SipResponse & { sent: { status: number; headers: Record<string, string> }[] } {
  const sent: { status: number; headers: Record<string, string> }[] = []
  const send = (status: number, ...rest: unknown[]): void => {
    const options = rest.find((each) => typeof each === 'object') as { headers?: Record<string, string> } | undefined
    sent.push({ status, headers: options?.headers ?? {} })
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- The same.
  return { sent, send } as unknown as ReturnType<typeof anAnswer>
}

/** What a phone answers us. */
export function anAnswerOf(status: number, headers: Readonly<Record<string, string>> = {}, dialog = ''): SipResponse {
  const get = (name: string): string | undefined => headers[name]
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- The same.
  return { status, get, stackDialogId: dialog } as unknown as SipResponse
}

interface Asked {
  /** The URI, or the dialog. */
  readonly to: string
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  answer(response: SipResponse): void
  fail(): void
}

/** A connection whose other end a test plays: what is asked over it waits in `asked` for an answer. */
export class ScriptedSignaling {
  readonly asked: Asked[] = []
  /** The dialogs that were begun by an answer of ours. */
  accepts = true
  #dialogs = 0
  #calls = 0

  /** As the gateway knows it. */
  get face(): Signaling {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- What requests outside calls use of it.
    return this as unknown as Signaling
  }

  ask(
    uri: string,
    options: { method: string; headers: Record<string, string> },
    onSent?: (request: SipRequest) => void,
  ): Promise<SipResponse> {
    const headers = { 'Call-ID': `ours-${++this.#calls}`, From: '<sip:x@dce>;tag=ours' }
    onSent?.(aRequest(options.method, { headers }))
    return this.#ask(uri, options)
  }

  askInDialog(dialog: string, options: { method: string; headers: Record<string, string> }): Promise<SipResponse> {
    return this.#ask(dialog, options)
  }

  accept(res: SipResponse, status: number, options: { headers?: Record<string, string> }): Promise<string> {
    if (!this.accepts) return Promise.reject(new Error('its connection is gone'))
    res.send(status, undefined, options)
    return Promise.resolve(`subscriber-${++this.#dialogs}`)
  }

  #ask(to: string, { method, headers }: { method: string; headers: Record<string, string> }): Promise<SipResponse> {
    const { promise, resolve, reject } = Promise.withResolvers<SipResponse>()
    this.asked.push({ to, method, headers, answer: resolve, fail: () => reject(new Error('not sent')) })
    return promise
  }
}

/** Lets promises settle, and what waits for a turn of the event loop or two. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await setImmediate()
}
