import type { Application, Shown } from '../../../../gateway/sip-server/application.ts'
import { systemChance } from '../../../../gateway/sip-server/chance.ts'
import { openDns } from '../../../../gateway/sip-server/dns.ts'
import { Engine } from '../../../../gateway/sip-server/engine.ts'
import { DEFAULT_LIMITS } from '../../../../gateway/sip-server/limits.ts'
import type { Transport } from '../../../../gateway/sip-server/transport.ts'
import { isParseFailure, parseAppMessage, parseMessage } from '../../../../gateway/sip-server/wire-format.ts'

/** What one datagram led to. */
export interface Reaction {
  /** The statuses that were sent back, without 100 Trying. */
  readonly statuses: readonly number[]
  /** The first of those answers, whole. */
  readonly answer: string
  /** The methods an application was shown. */
  readonly shown: readonly string[]
}

/**
 * A server's engine without its sockets, and an application that wants everything and answers 200. One datagram goes in; what comes
 * out is seen at once. Throws what the engine would only have counted: a bug of ours.
 */
export function reactTo(datagram: string): Reaction {
  const shown: string[] = []
  const sent: string[] = []
  const faults: string[] = []
  const app: Application = {
    isOpen: true,
    identity: '',
    show: ({ message, transactionId }: Shown) => {
      if (message.isRequest) shown.push(message.method)
      if (message.isRequest && message.method !== 'ACK') {
        const ok = parseAppMessage('SIP/2.0 200 OK\r\n\r\n')
        if (isParseFailure(ok)) throw new Error(ok.reason)
        engine.actions.respond(app, 'frame', transactionId, ok)
      }
      return 1
    },
    echo: () => 1,
    tellProxied: () => undefined,
    finishProxied: () => undefined,
    tellCdr: () => undefined,
    refuse: (_frameId, reason) => void faults.push(`the application was refused: ${reason}`),
  }
  const engine = new Engine({
    limits: DEFAULT_LIMITS,
    timers: {},
    publicAddresses: [],
    dns: openDns({ servers: [], timeoutMs: 1_000 }),
    largeRequests: 'tcp',
    router: {
      route: (method) => (method.startsWith('cdr:') ? null : app),
      routeToTag: () => null,
      isForeign: () => false,
      routes: () => [],
    },
    chance: systemChance,
    guard: null,
    overload: null,
    outside: null,
    understands: { extensions: ['timer', '100rel'], bodies: ['application/sdp'] },
    nowMs: 0,
    onLog: (_level, text) => void faults.push(text),
  })
  const transport: Transport = {
    name: 'udp',
    isReliable: false,
    host: '192.0.2.1',
    port: 5060,
    send: (text) => void sent.push(text),
    close: () => Promise.resolve(),
  }
  engine.core.transports.push(transport)
  const peer = { transport, host: '192.0.2.2', port: 5060, connection: null }
  const message = parseMessage(datagram)
  if (isParseFailure(message)) engine.onParseFailure(message, peer)
  else engine.onMessage(message, peer)
  if (faults.length > 0) throw new Error(faults.join('\n'))
  const answers = sent.filter((text) => text.startsWith('SIP/2.0 ') && !text.startsWith('SIP/2.0 100'))
  return { statuses: answers.map((text) => Number(text.slice(8, 11))), answer: answers[0] ?? '', shown }
}
