import { parentPort, workerData } from 'node:worker_threads'
import assert from 'node:assert/strict'
import type { LegSide } from '../../model/call.ts'
import { systemRandom } from '../../model/random.ts'
import { DtlsThread } from './dtls.ts'
import { Loop } from './loop.ts'
import { RelayLeg } from './relay-leg.ts'
import {
  NO_LEG_STATS,
  type FromRelayThread,
  type RelayThreadData,
  type RemoteParty,
  type ToRelayThread,
} from './relay-messages.ts'
import { bindSocket, type SocketPair } from './relay-socket.ts'
import { PortPool, portPairs } from './port-pool.ts'
import { Pacer } from './pacer.ts'
import { SessionTools, ToolClock } from './session-tools.ts'
import { SilenceWheel } from './silence-wheel.ts'
import { SocketPairs } from './socket-pairs.ts'
import type { ToolOrder } from './tool-messages.ts'

/** One relay thread: it owns its sockets and its share of the ports, and shares nothing with anyone but messages. */

interface Relayed {
  readonly id: number
  caller: RelayLeg
  buyer: RelayLeg
  /** For whoever may take a side's place. */
  spare: RelayLeg | null
  watched: boolean
  /** From the first use on. */
  tools: SessionTools | null
  readonly loop: Loop | null
}

assert(parentPort !== null, 'relay-worker.ts runs as a worker thread')
const main = parentPort
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- relay-thread.ts, the only one to start us, gives it this type.
const data = workerData as RelayThreadData
const pool = new PortPool(
  portPairs(data.portRange).filter((_, i) => i % data.of === data.index),
  data.portQuietMs,
  systemRandom,
)
const sessions = new Map<number, Relayed>()
const sessionOf = new WeakMap<RelayLeg, Relayed>()
const wheel = data.rtpTimeoutMs > 0 ? new SilenceWheel<RelayLeg>(data.rtpTimeoutMs, performance.now()) : null
const toolClock = new ToolClock(new Pacer(() => performance.now()))

const dtls = new DtlsThread()

let outbox: FromRelayThread[] = []

/** Answers of one turn travel together, as the questions did. */
function tell(message: FromRelayThread): void {
  if (outbox.push(message) > 1) return
  queueMicrotask(() => {
    const messages = outbox
    outbox = []
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread, not a window.
    main.postMessage(messages)
  })
}

const pairs = new SocketPairs(pool, data.addresses, data.readyPairs, (address, port) =>
  tell({ kind: 'ready-port', address, port }),
)

function legAt(pair: SocketPair): RelayLeg {
  return new RelayLeg(pair, data.latching, dtls)
}

function openLeg(address: string): RelayLeg | string {
  const pair = pairs.open(address)
  return typeof pair === 'string' ? pair : legAt(pair)
}

function closeLeg(leg: RelayLeg): void {
  wheel?.unwatch(leg)
  leg.close()
  pairs.give(leg.pair)
}

function open({ ref, session: id, ...asked }: Extract<ToRelayThread, { kind: 'open' }>): void {
  const callerPair = pairs.open(asked.callerAddress)
  if (typeof callerPair === 'string') return tell({ kind: 'refused', ref, reason: callerPair })
  const buyerPair = pairs.open(asked.buyerAddress)
  if (typeof buyerPair === 'string') {
    pairs.abandon(callerPair)
    return tell({ kind: 'refused', ref, reason: buyerPair })
  }
  const [caller, buyer] = [legAt(callerPair), legAt(buyerPair)]
  const loop = asked.loopSsrc === undefined ? null : new Loop(caller, buyer, asked.loopSsrc)
  begin({ id, caller, buyer, spare: null, watched: false, tools: null, loop }, asked.caller)
  tell({ kind: 'opened', ref, callerPort: caller.port, buyerPort: buyer.port })
}

function openReady({ session: id, ...asked }: Extract<ToRelayThread, { kind: 'open-ready' }>): void {
  const caller = legAt(pairs.take(asked.callerAddress, asked.callerPort))
  const buyer = legAt(pairs.take(asked.buyerAddress, asked.buyerPort))
  begin({ id, caller, buyer, spare: null, watched: false, tools: null, loop: null }, asked.caller)
}

function begin(session: Relayed, caller: RemoteParty | null): void {
  if (caller !== null) session.caller.describe(caller)
  join(session)
  sessions.set(session.id, session)
}

function join(session: Relayed): void {
  session.caller.joinTo(session.buyer)
  session.buyer.joinTo(session.caller)
  sessionOf.set(session.caller, session)
  sessionOf.set(session.buyer, session)
  session.tools?.rejoin(session)
  for (const side of ['caller', 'buyer'] as const) {
    const onInsecure = (reason: string): void => tell({ kind: 'insecure', session: session.id, side, reason })
    session[side].onInsecure = onInsecure
  }
}

function freshBuyer(ref: number, session: Relayed | undefined, address: string): void {
  if (session === undefined) return tell({ kind: 'refused', ref, reason: 'the session is closed' })
  const buyer = openLeg(address)
  if (typeof buyer === 'string') return tell({ kind: 'refused', ref, reason: buyer })
  closeLeg(session.buyer)
  session.buyer = buyer
  join(session)
  tell({ kind: 'opened', ref, callerPort: session.caller.port, buyerPort: buyer.port })
}

function openSpare(ref: number, session: Relayed | undefined, address: string): void {
  if (session === undefined) return tell({ kind: 'refused', ref, reason: 'the session is closed' })
  const spare = openLeg(address)
  if (typeof spare === 'string') return tell({ kind: 'refused', ref, reason: spare })
  dropSpare(session)
  session.spare = spare
  tell({ kind: 'spare-opened', ref, port: spare.port })
}

function takeSpare(ref: number, session: Relayed | undefined, side: LegSide): void {
  if (!session?.spare) return tell({ kind: 'refused', ref, reason: 'there is nothing to take' })
  watch(session, false)
  closeLeg(session[side])
  session[side] = session.spare
  session.spare = null
  join(session)
  tell({ kind: 'agreed', ref })
}

function dropSpare(session: Relayed | undefined): void {
  if (session?.spare) closeLeg(session.spare)
  if (session) session.spare = null
}

function watch(session: Relayed | undefined, on: boolean): void {
  if (session === undefined || session.watched === on) return
  session.watched = on
  for (const leg of [session.caller, session.buyer]) {
    leg.watch(on)
    if (on) wheel?.watch(leg, performance.now())
    else wheel?.unwatch(leg)
  }
}

function useTool(id: number, session: Relayed | undefined, order: ToolOrder): void {
  if (session === undefined) return // Whoever asked hears of the session's end by itself.
  session.tools ??= new SessionTools(session, toolClock, (event) => tell({ kind: 'tool', session: id, event }))
  session.tools.obey(order)
}

function report(ref: number, session: Relayed | undefined): void {
  const stats = { caller: session?.caller.stats() ?? NO_LEG_STATS, buyer: session?.buyer.stats() ?? NO_LEG_STATS }
  tell({ kind: 'stats', ref, stats })
}

function close(session: Relayed | undefined): void {
  if (session === undefined || !sessions.delete(session.id)) return
  session.tools?.close()
  closeLeg(session.caller)
  closeLeg(session.buyer)
  dropSpare(session)
}

main.on('message', (messages: readonly ToRelayThread[]) => messages.forEach(obey))

function obey(message: ToRelayThread): void {
  if (message.kind === 'release') return message.ports.forEach((port) => pairs.release(message.address, port))
  const session = sessions.get(message.session)
  switch (message.kind) {
    case 'open':
      return open(message)
    case 'open-ready':
      return openReady(message)
    case 'fresh-buyer':
      return freshBuyer(message.ref, session, message.buyerAddress)
    case 'spare':
      return openSpare(message.ref, session, message.address)
    case 'take-spare':
      return takeSpare(message.ref, session, message.side)
    case 'drop-spare':
      return dropSpare(session)
    case 'agree':
      session?.caller.describe(message.caller)
      session?.buyer.describe(message.buyer)
      if (message.loop) session?.loop?.agree(message.loop)
      watch(session, message.watch)
      return tell({ kind: 'agreed', ref: message.ref })
    case 'watch':
      return watch(session, message.on)
    case 'tool':
      return useTool(message.session, session, message.order)
    case 'stats':
      return report(message.ref, session)
    case 'close':
      report(message.ref, session)
      return close(session)
  }
}

if (wheel !== null) {
  setInterval(() => {
    for (const leg of wheel.turn(performance.now())) {
      const session = sessionOf.get(leg)
      if (session !== undefined)
        tell({ kind: 'silent', session: session.id, side: leg === session.caller ? 'caller' : 'buyer' })
    }
  }, wheel.tickMs)
}

/** A fault is found at most this much later than it is one. */
const judgeEveryMs = Math.min(1000, Math.max(10, (data.oneWayAfterMs || 1000) / 10))
setInterval(() => {
  const nowMs = performance.now()
  for (const session of sessions.values()) {
    if (!session.watched) continue
    for (const side of ['caller', 'buyer'] as const) {
      const fault = session[side].judge(nowMs, data.oneWayAfterMs)
      if (fault !== null && data.oneWayEndsCall) tell({ kind: 'silent', session: session.id, side })
    }
  }
}, judgeEveryMs)

// An address that is not this machine's would fail every call; better that the start fails.
function findUnusable(): string | null {
  for (const address of data.addresses) {
    const trial = bindSocket(address, 0)
    if (typeof trial === 'string') return `cannot open a UDP socket on ${address}: ${trial}`
    trial.close()
  }
  return null
}

const unusable = findUnusable()
tell(unusable === null ? { kind: 'ready' } : { kind: 'unusable', reason: unusable })
if (unusable === null) pairs.fill()
