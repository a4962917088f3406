import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { ApiClient } from '../../sipp/api-client.ts'
import { ADMIN } from '../../sipp/exchange-process.ts'
import { type CallAnswer, Exchange, requireEmbeddedSip, requireSipp, startExchange } from '../support/exchange.ts'
import { Market, type Buyer } from '../support/call-market.ts'

interface Trace {
  readonly legs: readonly { readonly name: string; readonly sip_call_id: string }[]
  readonly messages: readonly { readonly leg: string; readonly direction: string; readonly summary: string }[]
  readonly complete: boolean
}

interface Answer {
  readonly windows: readonly { readonly attempts: number; readonly asr: number; readonly ner: number }[]
}

const DCE = join(import.meta.dirname, '..', '..', 'gateway', 'dce.js')

describe('what is seen of a call that a second buyer takes', function () {
  this.timeout(90_000)
  let exchange: Exchange
  let market: Market
  let second: Buyer
  let record: CallAnswer
  const collector = createSocket('udp4')
  const exported: string[] = []
  before(async function () {
    requireEmbeddedSip(this, 'what it remembers of calls')
    requireSipp(this)
    collector.bind(0, '127.0.0.1')
    await once(collector, 'listening')
    collector.on('message', (packet) => exported.push(packet.toString('latin1')))
    const env = { DCE_TELEPHONY_HEP_HOST: '127.0.0.1', DCE_TELEPHONY_HEP_PORT: String(collector.address().port) }
    exchange = await startExchange(this, { env })
    market = await Market.open(exchange)
    await market.buyer('uas-busy-expect-486.xml', { amount: '9.00' })
    second = await market.buyer('uas-answer-caller-hangs-up-expect-200.xml', { amount: '4.00' })
    await market.call('uac-answered-caller-hangs-up-expect-200.xml')
    record = await market.ended({ outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up' })
  })
  after(async () => {
    await exchange?.close()
    collector.close()
  })

  const traceFor = (api: ApiClient): Promise<Trace> => api.request<Trace>('GET', `/api/v1/calls/${record.id}/sip`)
  const keyOf = async (accountId: string): Promise<ApiClient> => {
    const key = await exchange.api.create(`accounts/${accountId}/api-keys`, { name: 'trace' })
    return exchange.api.as(String(key['secret']))
  }
  const linesOf = (trace: Trace): string[] =>
    trace.messages
      .filter(({ summary }) => summary !== '100 Trying')
      .map(({ leg, direction, summary }) => `${leg} ${direction}: ${summary}`)

  const quality = async (what: string): Promise<unknown> => {
    const { windows } = await exchange.api.request<Answer>('GET', `/api/v1/${what}/quality`)
    return windows.map(({ attempts, asr, ner }) => [attempts, asr, ner])
  }
  const three = (window: number[]): number[][] => [window, window, window]

  it('is INVITE, 486, INVITE, 200 over three legs, in order, to an administrator', async () => {
    const trace = await traceFor(exchange.api)
    assert.equal(trace.complete, true)
    assert.deepEqual(
      trace.legs.map(({ name, sip_call_id }) => [name, sip_call_id]),
      record.legs.map((leg, index) => [['caller', 'buyer 1', 'buyer 2'][index], leg['sip_call_id']]),
    )
    const lines = linesOf(trace)
    const order = [
      'caller in: INVITE',
      'buyer 1 out: INVITE',
      'buyer 1 in: 486 Busy Here',
      'buyer 2 out: INVITE',
      'buyer 2 in: 200 OK',
      'caller out: 200 OK',
      'caller in: BYE',
      'buyer 2 out: BYE',
    ]
    let at = -1
    for (const line of order) {
      const next = lines.indexOf(line, at + 1)
      assert.ok(next > at, `${line} comes next in ${JSON.stringify(lines)}`)
      at = next
    }
  })

  it('is the caller’s leg alone to the seller, and the answered leg alone to the buyer who took it', async () => {
    const toSeller = linesOf(await traceFor(await keyOf(market.seller.id)))
    assert.ok(toSeller.includes('caller in: INVITE') && toSeller.every((line) => line.startsWith('caller ')))
    const toBuyer = linesOf(await traceFor(await keyOf(second.account.id)))
    assert.ok(toBuyer.includes('buyer out: INVITE') && toBuyer.every((line) => line.startsWith('buyer ')))
    assert.ok(!toBuyer.some((line) => line.includes('486')))
  })

  it('does not exist for the buyer who was busy', async () => {
    const api = await keyOf(market.buyers[0]!.account.id)
    assert.equal((await api.raw('GET', `/api/v1/calls/${record.id}/sip`)).status, 404)
  })

  it('counts for its trunk and for both targets', async () => {
    const [, busy, taken] = record.legs.map((leg) => String(leg['target_id']))
    assert.deepEqual(await quality(`trunks/${record.trunk_id}`), three([1, 1, 1]))
    assert.deepEqual(await quality(`targets/${busy}`), three([1, 0, 1]))
    assert.deepEqual(await quality(`targets/${taken}`), three([1, 1, 1]))
    const page = await exchange.api.metrics()
    assert.match(
      page,
      new RegExp(`^dce_trunk_invites_total\\{trunk="${record.trunk_id}",transport="udp",status="200"\\} 1$`, 'm'),
    )
    assert.match(page, new RegExp(`^dce_trunk_calls_total\\{trunk="${record.trunk_id}",result="answered"\\} 1$`, 'm'))
    assert.match(page, new RegExp(`^dce_target_asr\\{target="${busy}",window="300s"\\} 0$`, 'm'))
    assert.match(page, /^dce_sip_messages_total\{direction="in",transport="udp",kind="486"\} 1$/m)
    assert.match(page, /^dce_sip_messages_total\{direction="out",transport="udp",kind="INVITE"\} 2$/m)
  })

  it('is told to a capture server, message by message', async () => {
    const { messages } = await traceFor(exchange.api)
    const callIds = record.legs.map((leg) => String(leg['sip_call_id']))
    const packets = exported.filter((packet) => callIds.some((callId) => packet.includes(`Call-ID: ${callId}`)))
    assert.equal(packets.length, messages.length)
    assert.ok(packets.every((packet) => packet.startsWith('HEP3')))
  })

  it('counts for an outbound trunk where the target is a number', async () => {
    const story = await Market.open(exchange)
    const buyer = await story.buyer('uas-answer-caller-hangs-up-expect-200.xml', { target: { uri: '+13125550123' } })
    const [house] = await exchange.api.listAll('accounts').then((all) => all.filter(({ type }) => type === 'operator'))
    const trunk = await exchange.api.create('trunks', {
      account_id: house!.id,
      name: 'Way out',
      direction: 'outbound',
      host: `${buyer.run.host}:${buyer.run.port}`,
    })
    await story.call('uac-answered-caller-hangs-up-expect-200.xml')
    await story.ended({ outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up' })
    assert.deepEqual(await quality(`trunks/${trunk.id}`), three([1, 1, 1]))
  })

  it('is printed by `dce call show`, and written as a capture file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'dce-show-'))
    try {
      const file = join(folder, 'call.pcap')
      const { host, port } = exchange.process.http
      const settings = {
        'server.host': host,
        'server.port': String(port),
        'admin.email': ADMIN.email,
        data_dir: exchange.process.dataDirectory,
      }
      const flags = Object.entries(settings).flatMap(([key, value]) => [`--${key}`, value])
      const show = (...more: string[]) =>
        promisify(execFile)(process.execPath, [DCE, 'call', 'show', record.id, ...flags, ...more])
      const { stdout } = await show('--pcap', file)
      assert.match(stdout, /invited: rank 1/, 'the decision')
      assert.match(stdout, /caller +exchange +buyer 1 +buyer 2/, 'the ladder')
      assert.match(stdout, /◀─+ 486 Busy Here ─+│/)
      assert.equal((await readFile(file)).readUInt32LE(0), 0xa1b2c3d4)
      const refused = await show('--token', 'nobody', '--pcap', file).catch(
        (error: { stdout: string; stderr: string }) => error,
      )
      assert.match(refused.stdout, /no SIP ladder: the exchange at .* does not know this token/)
      assert.match(refused.stderr, /--pcap: the exchange at .* does not know this token/)
      const away = await show('--server.port', '1')
      assert.match(away.stdout, /no SIP ladder: no exchange answers at http:\/\/127\.0\.0\.1:1/)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('of the SIP nothing, of the quality everything, after a restart', async () => {
    await exchange.process.stop()
    const { dataDirectory } = exchange.process
    const again = await Exchange.start({ dataDirectory })
    try {
      const trace = await again.api.raw('GET', `/api/v1/calls/${record.id}/sip`)
      assert.equal(trace.status, 410)
      assert.match(await trace.text(), /sip_trace_gone/)
      const restored = await again.api.request<Answer>('GET', `/api/v1/trunks/${record.trunk_id}/quality`)
      assert.deepEqual(
        restored.windows.map(({ attempts, asr }) => [attempts, asr]),
        [
          [1, 1],
          [1, 1],
          [1, 1],
        ],
      )
    } finally {
      await again.close()
    }
  })
})
