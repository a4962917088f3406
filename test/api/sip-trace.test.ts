import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ladderSvg } from '../../api/ladder-svg.ts'
import { ladderText } from '../../api/ladder-text.ts'
import type { SipTrace, TracedMessage } from '../../api/needs.ts'
import { pcapOf } from '../../api/pcap.ts'
import { flowOf } from '../../api/sip-flow.ts'
import type { CallRecord, LegRecord } from '../../model/cdr.ts'
import { newId, type CallId } from '../../model/ids.ts'
import { startApi, type ApiHarness } from '../support/api-harness.ts'
import { sampleCall } from '../support/sample-calls.ts'

const START = Date.UTC(2026, 2, 1, 14, 3, 7) + 123.456
const US = { host: '10.0.0.1', port: 5060 }
const CALLER = { host: '192.0.2.7', port: 5070 }
const FIRST = { host: '198.51.100.1', port: 5060 }
const SECOND = { host: '2001:db8::2', port: 5080 }

interface Said {
  readonly at: number
  readonly way: 'in' | 'out'
  readonly line: string
  readonly method?: string
  readonly sdp?: true
  readonly again?: true
  readonly toTag?: string
  readonly fromTag?: string
}

function said(callId: string, remote: typeof US, messages: readonly Said[]): TracedMessage[] {
  return messages.map(({ at, way, line, method, sdp, again, toTag, fromTag }) => {
    const body = sdp ? 'v=0\r\n' : ''
    const text = [
      line.startsWith('SIP') || line.includes(' ') ? line : `${line} sip:x@10.0.0.1 SIP/2.0`,
      `f: "Zo\u00c3\u00ab" <sip:a@b>;tag=${fromTag ?? `from-${callId}`}`,
      `To: <sip:c@d>${toTag ? `;tag=${toTag}` : ''}`,
      `Call-ID: ${callId}`,
      `CSeq: 1 ${method ?? line}`,
      ...(sdp ? ['Content-Type: application/sdp'] : []),
      `Content-Length: ${body.length}`,
      '',
      body,
    ].join('\r\n')
    const local = remote.host.includes(':') ? { host: '2001:db8::1', port: 5060 } : US
    const place = { direction: way, transport: 'udp', local, remote } as const
    return { callId, atMs: START + at, ...place, text, isRetransmission: again ?? false }
  })
}

/** A caller, a buyer who is busy, and one over IPv6 who answers. */
const MESSAGES: TracedMessage[] = [
  ...said('c', CALLER, [
    { at: 0, way: 'in', line: 'INVITE', sdp: true },
    { at: 0.2, way: 'out', line: 'SIP/2.0 100 Trying', method: 'INVITE' },
  ]),
  ...said('b1', FIRST, [
    { at: 2.5, way: 'out', line: 'INVITE', sdp: true },
    { at: 502.5, way: 'out', line: 'INVITE', sdp: true, again: true },
    { at: 503, way: 'in', line: 'SIP/2.0 486 Busy Here', method: 'INVITE', toTag: 'x' },
    { at: 503.1, way: 'out', line: 'ACK', toTag: 'x' },
  ]),
  ...said('b2', SECOND, [
    { at: 505, way: 'out', line: 'INVITE', sdp: true },
    { at: 600, way: 'in', line: 'SIP/2.0 200 OK', method: 'INVITE', sdp: true, toTag: 'y' },
  ]),
  ...said('c', CALLER, [{ at: 603, way: 'out', line: 'SIP/2.0 200 OK', method: 'INVITE', sdp: true, toTag: 'z' }]),
  ...said('b2', SECOND, [{ at: 9000, way: 'in', line: 'BYE', fromTag: 'y', toTag: 'from-b2' }]),
]

const GOLDEN = `title
                                       caller                     exchange                     buyer 1                     buyer 2
                                 192.0.2.7:5070 udp                                     198.51.100.1:5060 udp      [2001:db8::2]:5080 udp
14:03:07.123456     +0.000 ms             │────── INVITE (SDP) ──────▶│                           │                           │
14:03:07.123656     +0.200 ms             │◀────── 100 Trying ────────│                           │                           │
14:03:07.125956     +2.500 ms             │                           │────── INVITE (SDP) ──────▶│                           │
14:03:07.625956   +502.500 ms             │                           │─── INVITE (SDP), again ──▶│                           │
14:03:07.626456   +503.000 ms             │                           │◀───── 486 Busy Here ──────│                           │
14:03:07.626556   +503.100 ms             │                           │─────────── ACK ──────────▶│                           │
14:03:07.628456   +505.000 ms             │                           │──────────────────── INVITE (SDP) ────────────────────▶│
14:03:07.723456   +600.000 ms             │                           │◀─────────────────── 200 OK (SDP) ─────────────────────│
14:03:07.726456   +603.000 ms             │◀───── 200 OK (SDP) ───────│                           │                           │
14:03:16.123456  +9000.000 ms             │                           │◀──────────────────────── BYE ─────────────────────────│
`

function legs(call: Pick<CallRecord, 'bidId'>): LegRecord[] {
  const [caller, buyer] = sampleCall(newId()).legs as [LegRecord, LegRecord]
  const invitedAt = new Date(START)
  return [
    { ...caller, sipCallId: 'c', sipCallIds: ['c'], invitedAt },
    { ...buyer, sipCallId: 'b1', sipCallIds: ['b1'], invitedAt, bidId: newId() },
    { ...buyer, sipCallId: 'b2', sipCallIds: ['b2'], invitedAt, bidId: call.bidId },
    { ...buyer, sipCallId: '', sipCallIds: [], invitedAt, bidId: newId() },
  ]
}

const FLOW = flowOf(legs({ bidId: null }), { messages: MESSAGES, leftOut: 0 })

describe('the ladder of a call', () => {
  it('shows every leg a column and every message an arrow, as text', () => {
    assert.equal(ladderText('title', FLOW), GOLDEN)
  })

  it('shows each phone of a buyer who was rung at several', () => {
    const [caller, buyer] = legs({ bidId: null })
    const forked = [caller!, { ...buyer!, sipCallIds: ['b1', 'b2'] }]
    const flow = flowOf(forked, { messages: MESSAGES, leftOut: 0 })
    assert.deepEqual(
      flow.legs.map((leg) => leg.name),
      ['caller', 'buyer phone 1', 'buyer phone 2'],
    )
    assert.equal(flow.messages.length, MESSAGES.length)
  })

  it('says what is missing', () => {
    const late = flowOf(legs({ bidId: null }), { messages: MESSAGES.slice(3), leftOut: 4 })
    assert.match(
      ladderText('title', late),
      /4 further messages were not kept\.\nThe beginning of at least one leg is no/,
    )
    assert.match(ladderSvg('title', late), /4 further messages were not kept\..*\n.*The beginning of at least one leg/)
  })

  it('holds nothing that a terminal would obey, or that an XML reader would choke on', () => {
    const evil = said('c', CALLER, [
      { at: 0, way: 'in', line: 'INVITE' },
      { at: 1, way: 'in', line: 'SIP/2.0 400 \u001b]0;x\u0007\u00c2\u009b2J\u00ef\u00bf\u00be\u00e2\u0080\u00ae' },
    ])
    const flow = flowOf(legs({ bidId: null }).slice(0, 1), { messages: evil, leftOut: 0 })
    assert.equal(flow.messages[1]!.summary, '400 \ufffd]0;x\ufffd\ufffd2J\ufffd\ufffd')
  })

  it('shows nothing of another call that uses the same Call-ID', () => {
    const others = [
      ...said('c', FIRST, [{ at: -9000, way: 'in', line: 'INVITE', fromTag: 'earlier' }]),
      ...said('c', FIRST, [{ at: 5000, way: 'in', line: 'INVITE', fromTag: 'later' }]),
      ...said('c', FIRST, [{ at: 5001, way: 'out', line: 'SIP/2.0 403 No', fromTag: 'later', toTag: 'q' }]),
    ]
    const flow = flowOf(legs({ bidId: null }).slice(0, 1), { messages: [...others, ...MESSAGES], leftOut: 0 })
    assert.deepEqual(
      flow.messages.map((each) => each.summary),
      ['INVITE', '100 Trying', '200 OK'],
    )
  })

  it('is an SVG that stands alone, says what it shows, and runs nothing a caller wrote', () => {
    const evil = said('c', CALLER, [
      { at: 0, way: 'in', line: 'INVITE' },
      { at: 1, way: 'in', line: 'SIP/2.0 400 <script>"&\u0007' },
    ])
    const svg = ladderSvg('call <1>', flowOf(legs({ bidId: null }).slice(0, 1), { messages: evil, leftOut: 0 }))
    assert.match(svg, /<title id="title">call &lt;1&gt;<\/title>/)
    assert.match(svg, /<desc id="description">14:03:07.123456 INVITE from caller\. /)
    assert.match(svg, /400 &lt;script&gt;&quot;&amp;\ufffd/)
    assert.ok(!svg.includes('<script'))
    assert.match(svg, /prefers-color-scheme: dark/)
    const whole = ladderSvg('title', FLOW)
    assert.equal(whole.match(/class="arrow"/g)!.length, MESSAGES.length)
    assert.equal(whole.match(/ again"/g)!.length, 1)
  })
})

describe('a capture file', () => {
  it('holds each message as a datagram between its addresses, its checksums right', () => {
    const file = pcapOf(said('a', CALLER, [{ at: 0, way: 'in', line: 'OPTIONS' }]))
    const payload = said('a', CALLER, [{ at: 0, way: 'in', line: 'OPTIONS' }])[0]!.text
    assert.equal(file.readUInt32LE(0), 0xa1b2c3d4)
    assert.equal(file.readUInt32LE(20), 101)
    const seconds = Math.floor(START / 1000)
    assert.deepEqual([file.readUInt32LE(24), file.readUInt32LE(28)], [seconds, 123_456])
    const packet = file.subarray(40)
    assert.deepEqual([file.readUInt32LE(32), file.readUInt32LE(36)], [packet.length, packet.length])
    assert.equal(packet.toString('hex', 12, 20), 'c00002070a000001')
    assert.deepEqual([packet.readUInt16BE(20), packet.readUInt16BE(22)], [5070, 5060])
    assert.equal(packet.toString('latin1', 28), payload)
    assert.equal(sum(packet.subarray(0, 20)), 0xffff, 'the IP header adds up')
    const udpLength = packet.length - 20
    const pseudo = Buffer.concat([packet.subarray(12, 20), Buffer.from([0, 17, udpLength >> 8, udpLength & 255])])
    assert.equal(sum(Buffer.concat([pseudo, packet.subarray(20)])), 0xffff, 'and so does UDP')
  })

  it('cuts what no datagram can hold, and says so', () => {
    const [message] = said('a', CALLER, [{ at: 0, way: 'in', line: 'OPTIONS' }])
    const file = pcapOf([{ ...message!, text: message!.text.padEnd(66_000, 'x') }])
    assert.deepEqual([file.readUInt32LE(32), file.readUInt32LE(36)], [65_535, 66_028])
  })

  it('is SIP to tshark, over IPv4 and IPv6', function () {
    this.timeout(90_000)
    if (spawnSync('tshark', ['--version']).error) {
      process.stderr.write('skipped: reading the capture file needs tshark (apt-get install tshark)\n')
      this.skip()
    }
    const folder = mkdtempSync(join(tmpdir(), 'dce-pcap-'))
    try {
      const file = join(folder, 'call.pcap')
      writeFileSync(file, pcapOf(MESSAGES))
      const options = ['-o', 'ip.check_checksum:TRUE', '-o', 'udp.check_checksum:TRUE', '-T', 'fields']
      const fields = ['sip.Call-ID', 'sip.CSeq.method', 'sip.Status-Code', 'udp.checksum.status', 'ip.checksum.status']
      const out = execFileSync(
        'tshark',
        ['-r', file, '-Y', 'sip', ...options, ...fields.flatMap((field) => ['-e', field])],
        { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
      )
      const rows = out
        .trim()
        .split('\n')
        .map((line) => line.split('\t'))
      assert.equal(rows.length, MESSAGES.length)
      assert.deepEqual(rows[0]!.slice(0, 5), ['c', 'INVITE', '', '1', '1'])
      assert.deepEqual(rows[7]!.slice(0, 4), ['b2', 'INVITE', '200', '1'])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

function sum(bytes: Buffer): number {
  let total = 0
  for (let at = 0; at < bytes.length; at += 2) total += bytes[at]! * 256 + (bytes[at + 1] ?? 0)
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16)
  return total
}

describe('GET /calls/{id}/sip', () => {
  let api: ApiHarness
  let trace: SipTrace = { messages: MESSAGES, leftOut: 0 }
  let asked: readonly string[] = []
  before(async () => {
    const find = async (ids: readonly string[]): Promise<SipTrace> => {
      asked = ids
      return { ...trace, messages: trace.messages.filter(({ callId }) => ids.includes(callId)) }
    }
    api = await startApi({ sipTraces: { unavailable: null, find, mask: async () => {} } })
  })
  after(() => api.api.close())

  async function sold() {
    const seller = await api.person('seller')
    const buyer = await api.person('buyer')
    const admin = await api.person('operator')
    const bidId = newId<NonNullable<CallRecord['bidId']>>()
    const call = sampleCall(seller.account.id, { buyerId: buyer.account.id, bidId, legs: legs({ bidId }) })
    api.stores.callRecords.set(call.id, call)
    return { seller, buyer, admin, call }
  }
  const lines = (body: { messages: { leg: string; summary: string }[] }): string[] =>
    body.messages.map(({ leg, summary }) => `${leg}: ${summary}`)

  it('shows an administrator all legs', async () => {
    const { admin, call } = await sold()
    const { status, body } = await api.request('GET', `calls/${call.id}/sip`, { token: admin.token })
    assert.equal(status, 200)
    assert.equal(body.complete, true)
    assert.deepEqual(
      body.legs.map((leg: { name: string }) => leg.name),
      ['caller', 'buyer 1', 'buyer 2'],
    )
    assert.equal(body.messages.length, MESSAGES.length)
    assert.deepEqual(
      { ...body.messages[4], text: '' },
      {
        at: '2026-03-01T14:03:07.626456Z',
        offset_ms: 503,
        leg: 'buyer 1',
        direction: 'in',
        transport: 'udp',
        source: FIRST,
        destination: US,
        summary: '486 Busy Here',
        retransmission: false,
        text: '',
      },
    )
    assert.match(body.messages[0].text, /^f: "Zoë" </m, 'UTF-8 is read as that')
  })

  it('shows a seller its own leg and nothing of any buyer', async () => {
    const { seller, call } = await sold()
    const { body } = await api.request('GET', `calls/${call.id}/sip`, { token: seller.token })
    assert.deepEqual(asked, ['c'])
    assert.deepEqual(lines(body), ['caller: INVITE', 'caller: 100 Trying', 'caller: 200 OK'])
    for (const format of ['json', 'text', 'svg', 'pcap']) {
      const reply = await api.request('GET', `calls/${call.id}/sip?format=${format}`, { token: seller.token })
      assert.equal(reply.status, 200)
      assert.ok(!JSON.stringify(reply.body).includes('198.51.100.1'), format)
      assert.ok(!JSON.stringify(reply.body).includes('buyer'), format)
    }
  })

  it('shows a buyer the leg it took and nothing of the caller or of those rung before', async () => {
    const { buyer, call } = await sold()
    const { body } = await api.request('GET', `calls/${call.id}/sip`, { token: buyer.token })
    assert.deepEqual(asked, ['b2'])
    assert.deepEqual(lines(body), ['buyer: INVITE', 'buyer: 200 OK', 'buyer: BYE'])
  })

  it('does not exist for others', async () => {
    const { call } = await sold()
    for (const type of ['seller', 'buyer'] as const) {
      const stranger = await api.person(type)
      const { status } = await api.request('GET', `calls/${call.id}/sip`, { token: stranger.token })
      assert.equal(status, 404)
    }
    assert.equal((await api.request('GET', `calls/${call.id}/sip`)).status, 401)
    const admin = await api.person('operator')
    const unknown = await api.request('GET', `calls/${newId<CallId>()}/sip`, { token: admin.token })
    assert.equal(unknown.status, 404)
  })

  it('is text, SVG or a capture file when asked, each under its own type', async () => {
    const { admin, call } = await sold()
    const get = (format: string) => api.request('GET', `calls/${call.id}/sip?format=${format}`, { token: admin.token })
    const text = await get('text')
    assert.equal(text.headers.get('content-type'), 'text/plain; charset=utf-8')
    assert.equal(text.body, GOLDEN.replace('title', `SIP of call ${call.id}: 10 messages, 3 legs`))
    const svg = await get('svg')
    assert.equal(svg.headers.get('content-type'), 'image/svg+xml')
    assert.match(svg.headers.get('content-security-policy')!, /default-src 'none'; style-src 'unsafe-inline'/)
    assert.match(svg.body, /^<svg /)
    const pcap = await get('pcap')
    assert.equal(pcap.headers.get('content-type'), 'application/vnd.tcpdump.pcap')
    assert.match(pcap.headers.get('content-disposition')!, /filename="[0-9a-f-]{36}\.pcap"/)
    const wrong = await get('pdf')
    assert.equal(wrong.status, 422)
    assert.equal(wrong.body.errors[0].pointer, '/query/format')
  })

  it('says 410 with a reason once it is no longer kept', async () => {
    const { admin, call } = await sold()
    trace = { messages: [], leftOut: 0 }
    const { status, body } = await api.request('GET', `calls/${call.id}/sip`, { token: admin.token })
    trace = { messages: MESSAGES, leftOut: 0 }
    assert.deepEqual([status, body.code], [410, 'sip_trace_gone'])
    assert.match(body.detail, /newer calls or a restart took their place/)
  })

  it('says 501 with a reason where nothing is kept', async () => {
    const elsewhere = await startApi({
      sipTraces: {
        unavailable: 'telephony.trace.enabled is false.',
        find: () => Promise.reject(new Error('asked')),
        mask: async () => {},
      },
    })
    try {
      const admin = await elsewhere.person('operator')
      const call = sampleCall(newId())
      elsewhere.stores.callRecords.set(call.id, call)
      const { status, body } = await elsewhere.request('GET', `calls/${call.id}/sip`, { token: admin.token })
      assert.deepEqual([status, body.code, body.detail], [501, 'no_sip_trace', 'telephony.trace.enabled is false.'])
    } finally {
      await elsewhere.api.close()
    }
  })
})
