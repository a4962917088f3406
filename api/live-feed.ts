import { STATUS_CODES, type IncomingMessage, type Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import type { DomainEvent } from '../model/events.ts'
import { bearerOf } from './authenticate.ts'
import { CLOSE_GOING_AWAY, FeedClient, PING_INTERVAL_MS, type Admitted } from './feed-client.ts'
import { createMessages, topicOf } from './feed-messages.ts'
import type { Kit } from './kit.ts'
import { Problem, PROBLEM_TYPE, problemBody, problemOf } from './problems.ts'

const EVENTS_PATH = '/ws/v1/events'
const BIDDING_PATH = '/ws/v1/bidding'
/** A client's longest message. */
const MAX_MESSAGE_BYTES = 16_384
/** Clients of one address that have not said yet who they are: they have five seconds, and must not keep the others out. */
export const MAX_UNKNOWN_OF_ADDRESS = 100
/** Sends in one turn of the event loop: ten thousand at once would keep calls waiting for 200 ms. */
const SENDS_PER_TURN = 500
/** Events not yet sent to everybody; beyond it the oldest are lost to the feed (the records have them). */
const MAX_PENDING_EVENTS = 10_000

export interface LiveFeed {
  readonly clients: number
  /** Says goodbye to every client. */
  close(): void
  /** Drops those that have not said it back. */
  terminate(): void
}

/** The event stream over WebSocket (RFC 6455): each subscriber sees what its role may read. */
export function createLiveFeed(kit: Kit, server: Server): LiveFeed {
  const { settings, log, authenticator } = kit
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES, perMessageDeflate: false })
  const clients = new Set<FeedClient>()
  /** By address, those that have not said yet who they are. */
  const unknown = new Map<string, number>()
  let unsubscribe: (() => void) | null = null
  let pending: DomainEvent[] = []
  let lost = 0
  let pumping = false
  let closed = false

  async function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const admitted = await admit(request)
    if (closed || socket.destroyed) return void socket.destroy()
    const address = request.socket.remoteAddress ?? ''
    if (!admitted && (unknown.get(address) ?? 0) >= MAX_UNKNOWN_OF_ADDRESS)
      throw new Problem('too_many_clients', `At most ${MAX_UNKNOWN_OF_ADDRESS} of one address may be without a token.`)
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      const noLongerUnknown = admitted ? () => {} : countUnknown(address)
      const client: FeedClient = new FeedClient(
        {
          socket: webSocket,
          authenticate: (token) => authenticator.fromToken(token),
          bufferBytes: settings.wsBufferBytes,
          now: () => kit.clock.now(),
          onAdmitted: noLongerUnknown,
          onSlow: () => log.warn({ account: client.caller?.accountId }, 'feed client dropped: it does not read'),
        },
        admitted,
      )
      clients.add(client)
      // Subscribed only while somebody looks: nobody builds events for no reader.
      unsubscribe ??= kit.events.subscribe(listen)
      webSocket.on('close', () => {
        noLongerUnknown()
        clients.delete(client)
        if (clients.size === 0) stopListening()
      })
    })
  }

  /** Counts one in; what it returns, once, counts it out again. */
  function countUnknown(address: string): () => void {
    unknown.set(address, (unknown.get(address) ?? 0) + 1)
    let counted = true
    return () => {
      if (!counted) return
      counted = false
      const left = unknown.get(address)! - 1
      if (left === 0) unknown.delete(address)
      else unknown.set(address, left)
    }
  }

  /** Who the request says it is; null when it will say so in its first message. */
  async function admit(request: IncomingMessage): Promise<Admitted | null> {
    const url = URL.parse(request.url ?? '/', 'http://localhost')
    if (url?.pathname === BIDDING_PATH) throw new Problem('not_available', 'Live bidding comes in a later version.')
    if (url?.pathname !== EVENTS_PATH) throw new Problem('unknown_route', `The feed is at ${EVENTS_PATH}.`)
    if (clients.size >= settings.wsMaxClients) {
      throw new Problem('too_many_clients', `At most ${settings.wsMaxClients} clients are served.`)
    }
    const { authorization } = request.headers
    const token = authorization === undefined ? url.searchParams.get('token') : bearerOf(authorization)
    return token === null ? null : { token, caller: await authenticator.fromToken(token) }
  }

  function stopListening(): void {
    unsubscribe?.()
    unsubscribe = null
  }

  function listen(event: DomainEvent): void {
    if (pending.length >= MAX_PENDING_EVENTS) {
      pending.shift()
      lost++
    }
    pending.push(event)
    if (pumping) return
    pumping = true
    setImmediate(() => void pump())
  }

  /** Sends what is pending, a few hundred messages a turn. */
  async function pump(): Promise<void> {
    let sends = 0
    // oxlint-disable-next-line no-unmodified-loop-condition -- close() ends it.
    while (pending.length > 0 && !closed) {
      const batch = pending
      pending = []
      for (const event of batch) {
        const topic = topicOf(event)
        const messageFor = createMessages(event)
        for (const client of clients) {
          const text = client.caller && client.wants(topic) ? messageFor(client.caller) : null
          if (text !== null) client.send(text)
          if (++sends % SENDS_PER_TURN === 0) await new Promise(setImmediate)
        }
      }
    }
    pumping = false
    if (lost > 0) log.warn({ lost }, 'events lost to the feed: more came than could be sent')
    lost = 0
  }

  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => undefined) // Reset while being answered: nobody is left to tell.
    upgrade(request, socket, head).catch((error: unknown) => {
      const problem = problemOf(error)
      if (!problem) log.error({ error }, 'feed request failed')
      refuse(socket, problem ?? new Problem('internal_error', 'It has been logged.'))
    })
  }
  server.on('upgrade', onUpgrade)
  const pings = setInterval(() => clients.forEach((client) => client.ping()), PING_INTERVAL_MS)
  pings.unref()

  return {
    get clients() {
      return clients.size
    },
    close() {
      closed = true
      stopListening()
      clearInterval(pings)
      server.off('upgrade', onUpgrade)
      for (const client of clients) client.close(CLOSE_GOING_AWAY, 'the server is stopping')
      sockets.close()
    },
    terminate: () => clients.forEach((client) => client.terminate()),
  }
}

/** Answers an upgrade with a problem, as plain HTTP. */
function refuse(socket: Duplex, problem: Problem): void {
  const body = problemBody(problem)
  const headers = { ...problem.headers, 'content-type': PROBLEM_TYPE, connection: 'close' }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const status = `${problem.status} ${STATUS_CODES[problem.status] ?? ''}`
  socket.end(`HTTP/1.1 ${status}\r\n${lines.join('')}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
}
