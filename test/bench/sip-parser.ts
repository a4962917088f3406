import { TraceStore } from '../../gateway/sip-server/trace.ts'
import { parseUri } from '../../gateway/sip-server/uri.ts'
import { isParseFailure, parseMessage, serialize } from '../../gateway/sip-server/wire-format.ts'
import type { BenchResult } from './bench-result.ts'

const BODY =
  'v=0\r\no=carrier 53655765 2353687637 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n' +
  'm=audio 6000 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n'

/** An INVITE as a carrier sends it: 14 header lines and an SDP offer. */
const INVITE = Buffer.from(
  'INVITE sip:+18005550100@127.29.0.10:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 127.29.0.51:5060;branch=z9hG4bK-13086-12345-0;rport\r\n' +
    'From: "Alice" <sip:+13125550199@127.29.0.51:5060>;tag=13086SIPpTag0012345\r\nTo: <sip:+18005550100@127.29.0.10:5060>\r\n' +
    'Call-ID: 12345-13086@127.29.0.51\r\nCSeq: 1 INVITE\r\nContact: <sip:+13125550199@127.29.0.51:5060>\r\nMax-Forwards: 70\r\n' +
    'User-Agent: carrier/1.0\r\nAllow: INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE\r\nSupported: 100rel, timer\r\n' +
    'P-Asserted-Identity: <sip:+13125550199@127.29.0.51>\r\nSubject: Performance Test\r\nContent-Type: application/sdp\r\n' +
    `Content-Length: ${BODY.length}\r\n\r\n${BODY}`,
  'latin1',
)

const ROUNDS = 5
const RUNS = 40_000

/** The best of some rounds, in nanoseconds of this thread's CPU for each run: other work on the machine is not counted. */
function measure(work: () => unknown): number {
  let best = Infinity
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.threadCpuUsage()
    for (let i = 0; i < RUNS; i++) work()
    const used = process.threadCpuUsage(before)
    best = Math.min(best, ((used.user + used.system) * 1000) / RUNS)
  }
  return best
}

/** Sees one message after the other, each call's first an INVITE, as the tap of a transport would show them. */
function traceOne(): () => void {
  const store = new TraceStore({ maxBytes: 67_108_864, maxMessagesPerCall: 500, maxCalls: 50_000, maxAnswer: 2_000 })
  const transport = {
    name: 'udp',
    isReliable: false,
    host: '127.0.0.1',
    port: 5060,
    send: () => undefined,
    close: () => Promise.resolve(),
  } as const
  const peer = { transport, host: '192.0.2.7', port: 5060, connection: null }
  const text = INVITE.toString('latin1')
  let seen = 0
  const see = (): void => store.see('in', text, `call-${Math.floor(seen++ / 7)}@127.29.0.51`, peer, seen)
  for (let i = 0; i < 200_000; i++) see()
  return see
}

export async function run(): Promise<BenchResult[]> {
  const message = parseMessage(INVITE.toString('latin1'))
  if (isParseFailure(message)) throw new Error(`the benchmark's own INVITE is malformed: ${message.reason}`)
  const what = `CPU of one thread, best of ${ROUNDS} × ${RUNS}`
  return [
    {
      name: 'sip parse INVITE',
      value: measure(() => parseMessage(INVITE.toString('latin1'))),
      unit: 'ns',
      detail: `${INVITE.length} bytes, 14 header lines, bytes to checked message; ${what}`,
    },
    {
      name: 'sip serialize INVITE',
      value: measure(() => Buffer.from(serialize(message), 'latin1')),
      unit: 'ns',
      detail: `message to bytes; ${what}`,
    },
    {
      name: 'sip parse URI',
      value: measure(() => parseUri(message.requestUri)),
      unit: 'ns',
      detail: `${message.requestUri}; ${what}`,
    },
    {
      name: 'sip trace a message',
      value: measure(traceOne()),
      unit: 'ns',
      detail: `${INVITE.length} bytes into a full ring of 64 MB, seven messages a call; ${what}`,
    },
  ]
}
