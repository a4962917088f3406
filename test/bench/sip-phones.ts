/** A thread with callers and callees on raw UDP sockets, as cheap as can be: what is measured is the server between them. */
import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { once } from 'node:events'
import { parentPort, workerData } from 'node:worker_threads'

export interface PhonesData {
  readonly server: { readonly host: string; readonly port: number }
  readonly callsPerSecond: number
  readonly seconds: number
  /** How long a call stays up. */
  readonly holdMs: number
  /** Whether what goes unanswered is sent again, as RFC 3261 §17.1 and §13.3.1.4 have it: else a datagram lost is a call lost. */
  readonly repeats: boolean
}

/** How far calls came that neither completed nor were refused. */
export interface FailedAt {
  /** The caller heard nothing at all. */
  unheard: number
  /** It heard 1xx and no more. */
  unanswered: number
  /** Its BYE was not answered. */
  unended: number
}

/** First the callee's port, then (after `go`) the outcome. */
export type FromPhones =
  | { readonly kind: 'ready'; readonly calleePort: number }
  | {
      readonly kind: 'done'
      readonly calls: number
      /** Neither completed nor refused. */
      readonly failed: number
      readonly failedAt: FailedAt
      /** Requests and answers sent again. */
      readonly repeated: number
      /** Answered 503. */
      readonly refused: number
      /** INVITE sent to INVITE received on the other side: what the caller waits because of us. */
      readonly addedMs: readonly number[]
    }

const SDP =
  'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n'

const header = (text: string, name: string): string => {
  const at = text.indexOf(`\r\n${name}: `)
  return at === -1 ? '' : text.slice(at + name.length + 4, text.indexOf('\r\n', at + 2))
}

/** RFC 3261 §17.1.1.1: the first interval, and the longest of all but INVITEs. */
const [T1_MS, T2_MS] = [500, 4_000]
/** How often is looked for what is due to be sent again. */
const REPEAT_LOOK_MS = 50
/** How long the last calls may take to come to their end. */
const LAST_CALLS_MS = { once: 5_000, repeating: 20_000 } as const

/** What is sent again until it is answered. */
interface Unanswered {
  readonly send: () => void
  readonly longestMs: number
  intervalMs: number
  dueMs: number
}

async function bind(): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4_194_304, sendBufferSize: 4_194_304 })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return socket
}

async function run(): Promise<void> {
  const port = parentPort!
  const { server, callsPerSecond, seconds, holdMs, repeats }: PhonesData = workerData
  const [caller, callee] = [await bind(), await bind()]
  const [callerPort, calleePort] = [caller.address().port, callee.address().port]
  const send = (socket: Socket, text: string): void =>
    socket.send(Buffer.from(text, 'latin1'), server.port, server.host)

  const startedMs = new Map<string, number>()
  const reached = new Set<string>()
  const addedMs: number[] = []
  let finished = 0
  let refused = 0
  let repeated = 0

  const unanswered = new Map<string, Unanswered>()
  /** Sends, and again until `unanswered` has lost the key. */
  const sendUntil = (key: string, sendIt: () => void, longestMs: number): void => {
    sendIt()
    if (repeats) unanswered.set(key, { send: sendIt, longestMs, intervalMs: T1_MS, dueMs: performance.now() + T1_MS })
  }
  const repeating = setInterval(() => {
    const nowMs = performance.now()
    for (const one of unanswered.values()) {
      if (one.dueMs > nowMs) continue
      one.send()
      repeated++
      one.intervalMs = Math.min(one.longestMs, one.intervalMs * 2)
      one.dueMs = nowMs + one.intervalMs
    }
  }, REPEAT_LOOK_MS)

  const answer = (request: string, status: string, body: string): void => {
    const vias = request.split('\r\n').filter((line) => line.startsWith('Via: '))
    const to = header(request, 'To')
    const lines = [
      `SIP/2.0 ${status}`,
      ...vias,
      `From: ${header(request, 'From')}`,
      `To: ${to.includes('tag=') ? to : `${to};tag=c${calleePort}`}`,
      `Call-ID: ${header(request, 'Call-ID')}`,
      `CSeq: ${header(request, 'CSeq')}`,
      `Contact: <sip:callee@127.0.0.1:${calleePort}>`,
      ...(body === '' ? [] : ['Content-Type: application/sdp']),
      `Content-Length: ${body.length}`,
    ]
    send(callee, `${lines.join('\r\n')}\r\n\r\n${body}`)
  }

  callee.on('message', (bytes) => {
    const text = bytes.toString('latin1')
    if (text.startsWith('INVITE ')) {
      const call = header(text, 'X-Call')
      const sentMs = startedMs.get(call)
      // Once: the same INVITE may come again.
      if (sentMs !== undefined && !reached.has(call)) addedMs.push(performance.now() - sentMs)
      reached.add(call)
      answer(text, '180 Ringing', '')
      const callId = header(text, 'Call-ID')
      sendUntil(`200 ${callId}`, () => answer(text, '200 OK', SDP), T2_MS)
    } else if (text.startsWith('ACK ')) unanswered.delete(`200 ${header(text, 'Call-ID')}`)
    else if (text.startsWith('BYE ')) answer(text, '200 OK', '')
  })

  const inDialog = (method: string, cseq: number, ok: string): string =>
    [
      `${method} ${/<([^>]+)>/.exec(header(ok, 'Contact'))![1]} SIP/2.0`,
      `Via: SIP/2.0/UDP 127.0.0.1:${callerPort};branch=z9hG4bK${method}${header(ok, 'Call-ID')};rport`,
      'Max-Forwards: 70',
      `From: ${header(ok, 'From')}`,
      `To: ${header(ok, 'To')}`,
      `Call-ID: ${header(ok, 'Call-ID')}`,
      `CSeq: ${cseq} ${method}`,
      'Content-Length: 0',
      '',
      '',
    ].join('\r\n')

  const acknowledged = new Set<string>()
  const heard = new Set<string>()
  caller.on('message', (bytes) => {
    const text = bytes.toString('latin1')
    const callId = header(text, 'Call-ID')
    heard.add(callId)
    unanswered.delete(`INVITE ${callId}`)
    if (text.startsWith('SIP/2.0 503') && startedMs.delete(callId)) {
      // RFC 3261 §17.1.1.3: no ACK here, the server keeps nothing it could end.
      refused++
      return
    }
    if (!text.startsWith('SIP/2.0 2')) return
    if (header(text, 'CSeq') === '2 BYE') {
      unanswered.delete(`BYE ${callId}`)
      if (startedMs.delete(callId)) finished++
      return
    }
    send(caller, inDialog('ACK', 1, text))
    if (acknowledged.has(callId)) return
    acknowledged.add(callId)
    const bye = (): void => send(caller, inDialog('BYE', 2, text))
    setTimeout(() => sendUntil(`BYE ${callId}`, bye, T2_MS), holdMs)
  })

  const place = (index: number): void => {
    const callId = `bench-${callerPort}-${process.pid}-${index}`
    startedMs.set(callId, performance.now())
    const invite =
      `INVITE sip:1000@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:${callerPort};branch=z9hG4bK${callId};rport\r\n` +
      `Max-Forwards: 70\r\nFrom: <sip:15551230000@127.0.0.1>;tag=t${index}\r\nTo: <sip:1000@127.0.0.1>\r\nCall-ID: ${callId}\r\n` +
      `CSeq: 1 INVITE\r\nContact: <sip:caller@127.0.0.1:${callerPort}>\r\nX-Call: ${callId}\r\nContent-Type: application/sdp\r\n` +
      `Content-Length: ${SDP.length}\r\n\r\n${SDP}`
    sendUntil(`INVITE ${callId}`, () => send(caller, invite), Infinity)
  }

  port.postMessage({ kind: 'ready', calleePort } satisfies FromPhones)
  await once(port, 'message')
  const calls = callsPerSecond * seconds
  let placed = 0
  const beginMs = performance.now()
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const due = Math.min(calls, Math.floor(((performance.now() - beginMs) / 1000) * callsPerSecond))
      while (placed < due) place(placed++)
      if (placed < calls) return
      clearInterval(timer)
      resolve()
    }, 5)
  })
  await new Promise<void>((resolve) => {
    const deadlineMs = performance.now() + LAST_CALLS_MS[repeats ? 'repeating' : 'once']
    const poll = setInterval(() => {
      if (finished + refused < calls && performance.now() < deadlineMs) return
      clearInterval(poll)
      resolve()
    }, 20)
  })
  clearInterval(repeating)
  const failedAt: FailedAt = { unheard: 0, unanswered: 0, unended: 0 }
  for (const callId of startedMs.keys()) {
    if (!heard.has(callId)) failedAt.unheard++
    else if (!acknowledged.has(callId)) failedAt.unanswered++
    else failedAt.unended++
  }
  const failed = calls - finished - refused
  port.postMessage({ kind: 'done', calls, failed, failedAt, repeated, refused, addedMs } satisfies FromPhones)
}

await run()
