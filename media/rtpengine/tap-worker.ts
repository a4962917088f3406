import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { parentPort } from 'node:worker_threads'
import type { LegSide } from '../../model/call.ts'
import { Pacer } from '../relay/pacer.ts'
import { NO_FORMATS } from '../relay/party-formats.ts'
import { isRtp } from '../relay/rtp-packet.ts'
import type { TappedLeg } from '../relay/leg-audio.ts'
import { SessionTools, ToolClock } from '../relay/session-tools.ts'
import type { PartyFormats } from '../relay/tool-messages.ts'
import type { FromTapThread, ToTapThread } from './tap-messages.ts'

/** The thread that listens: to copies of what the sides of calls say, for the digits in them and to record them. */

/** What the system keeps of packets that wait for us: 250 ms of some hundred calls. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024

type Copy = TappedLeg & { formats: PartyFormats }

interface TappedCall {
  readonly legs: Record<LegSide, Copy>
  readonly tools: SessionTools
  /** Where its copies come from: keys of `heard`. */
  keys: readonly string[]
}

assert(parentPort !== null, 'tap-worker.ts runs as a worker thread')
const main = parentPort
const clock = new ToolClock(new Pacer(() => performance.now()))
const calls = new Map<number, TappedCall>()
const heard = new Map<string, TappedLeg>()

function tell(message: FromTapThread): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread, not a window.
  main.postMessage(message)
}

function listen(address: string): void {
  const socket = createSocket({ type: isIPv6(address) ? 'udp6' : 'udp4', recvBufferSize: RECEIVE_BUFFER_BYTES })
  socket.once('error', (error) => {
    tell({ kind: 'deaf', address, reason: error.message })
    socket.close()
  })
  socket.on('message', (packet, from) => {
    if (isRtp(packet)) heard.get(`${from.address}:${from.port}`)?.tap?.received(packet, performance.now())
  })
  socket.bind(0, address, () => tell({ kind: 'listening', address, port: socket.address().port }))
}

function callOf(id: number): TappedCall {
  let call = calls.get(id)
  if (call === undefined) {
    const legs = { caller: newLeg(), buyer: newLeg() }
    const tools = new SessionTools(legs, clock, (event) => tell({ kind: 'event', call: id, event }))
    calls.set(id, (call = { legs, tools, keys: [] }))
  }
  return call
}

/** A copy has nobody to be sent to. */
function newLeg(): Copy {
  return { formats: NO_FORMATS, tap: null, lastEvent: null, sendRtp() {} }
}

function setSources(id: number, sources: Extract<ToTapThread, { kind: 'sources' }>['sources']): void {
  const call = callOf(id)
  forgetSources(call)
  for (const { side, formats } of sources) call.legs[side].formats = formats
  call.keys = sources.map(({ side, address, port }) => {
    const key = `${address}:${port}`
    heard.set(key, call.legs[side])
    return key
  })
}

function forgetSources({ keys, legs }: TappedCall): void {
  for (const key of keys) {
    const leg = heard.get(key)
    if (leg === legs.caller || leg === legs.buyer) heard.delete(key) // Else the port is another call's already.
  }
}

function close(id: number, reason: string): void {
  const call = calls.get(id)
  if (call === undefined) return
  calls.delete(id)
  forgetSources(call)
  call.tools.close(reason)
}

main.on('message', (message: ToTapThread) => {
  if (message.kind === 'listen') listen(message.address)
  else if (message.kind === 'sources') setSources(message.call, message.sources)
  else if (message.kind === 'order') callOf(message.call).tools.obey(message.order)
  else close(message.call, message.reason)
})
