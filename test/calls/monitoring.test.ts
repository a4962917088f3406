import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { ApiClient, ApiThing } from '../../sipp/api-client.ts'
import { answers, busy, neverAnswers, type Answerer } from '../../sipp/agents/answerers.ts'
import type { IncomingCall } from '../../sipp/agents/incoming-call.ts'
import type { OutgoingCall } from '../../sipp/agents/outgoing-call.ts'
import { createUserAgent, type UserAgent } from '../../sipp/agents/user-agent.ts'
import { Market } from '../support/call-market.ts'
import { Exchange, eventually, startExchange } from '../support/exchange.ts'
import type { Channel } from '../support/freeswitch/channel.ts'
import { startOnFreeSwitch } from '../support/freeswitch/freeswitch-exchange.ts'
import type { ScriptedFreeSwitch } from '../support/freeswitch/scripted-freeswitch.ts'
import { hireColleague, Phone } from '../support/registered-phone.ts'

interface Monitor {
  readonly id: string
  readonly to: string
  readonly mode: string
  readonly state: string
  readonly reason: string | null
}

/** A call that is up between a carrier and a buyer, and supervisors' phones. */
class Stage {
  readonly exchange: Exchange
  readonly market: Market
  readonly callId: string
  readonly call: OutgoingCall
  readonly buyer: ApiThing
  readonly #agents: UserAgent[]

  private constructor(
    exchange: Exchange,
    market: Market,
    callId: string,
    call: OutgoingCall,
    buyer: ApiThing,
    agents: UserAgent[],
  ) {
    this.exchange = exchange
    this.market = market
    this.callId = callId
    this.call = call
    this.buyer = buyer
    this.#agents = agents
  }

  static async open(exchange: Exchange): Promise<Stage> {
    const market = await Market.open(exchange)
    const carrier = await createUserAgent({ address: market.address })
    const agent = await createUserAgent()
    agent.on('call', answers())
    const { account } = await market.standingBid(agent.local)
    const call = carrier.call({ from: '+12125550142', to: market.number, target: exchange.process.sip() })
    const outcome = await call.outcome
    assert.equal(outcome.kind, 'answered', JSON.stringify(outcome))
    const { id } = await market.answered()
    return new Stage(exchange, market, id, call, account, [carrier, agent])
  }

  get path(): string {
    return `/api/v1/calls/${this.callId}`
  }

  /** A phone at 127.0.0.1, its calls as they come, each handled by `take`. */
  async supervisor(take: Answerer): Promise<{ to: string; calls: IncomingCall[] }> {
    const phone = await createUserAgent()
    this.#agents.push(phone)
    const calls: IncomingCall[] = []
    phone.on('call', (call: IncomingCall) => {
      calls.push(call)
      take(call)
    })
    return { to: `sip:desk@127.0.0.1:${phone.port}`, calls }
  }

  monitor(to: string, mode = 'listen', api: ApiClient = this.exchange.api): Promise<Monitor> {
    return api.request<Monitor>('POST', `${this.path}/monitor`, { to, mode })
  }

  /** What the API answers to somebody who may not. */
  async refused(to: string, api: ApiClient = this.exchange.api): Promise<string> {
    const answer = await api.raw('POST', `${this.path}/monitor`, { to, mode: 'listen' })
    const { code, errors } = (await answer.json()) as { code: string; errors: { pointer: string; code: string }[] }
    return [answer.status, code, ...errors.map((error) => `${error.pointer} ${error.code}`)].join(' ')
  }

  async monitors(): Promise<readonly Monitor[]> {
    return (await this.exchange.api.request<{ monitors: Monitor[] }>('GET', this.path)).monitors
  }

  /** This monitor once it has come so far. */
  async untilIn(state: string, id: string): Promise<Monitor> {
    let seen: readonly Monitor[] = []
    return eventually(
      async () => {
        seen = await this.monitors()
        return seen.find((each) => each.id === id && each.state === state)
      },
      () => `${state}: ${JSON.stringify(seen)}`,
    )
  }

  /** What has been written down of it, once that is so many lines. */
  async written(monitorId: string, count: number, limitMs?: number): Promise<Record<string, unknown>[]> {
    const host = join(this.exchange.process.dataDirectory, 'postgres')
    const client = new pg.Client({ host, user: 'dce', database: 'dce' })
    await client.connect()
    let rows: Record<string, unknown>[] = []
    try {
      return await eventually(
        async () => {
          ;({ rows } = await client.query(
            'select event, mode, reason, role from call_monitorings where monitor_id = $1 order by at, id',
            [monitorId],
          ))
          return rows.length >= count ? rows : undefined
        },
        () => `${count} lines: ${JSON.stringify(rows)}`,
        limitMs,
      )
    } finally {
      await client.end()
    }
  }

  async close(): Promise<void> {
    await this.call.hangUp()
    await Promise.all(this.#agents.map((phone) => phone.close()))
    await this.market.close()
  }
}

const events = (rows: readonly Record<string, unknown>[]): string =>
  rows.map(({ event, mode, reason }) => [event, reason ?? mode].join(' ')).join(', ')

describe('a supervisor at a call', function () {
  this.timeout(120_000)
  let exchange: Exchange
  let freeswitch: ScriptedFreeSwitch
  let stage: Stage
  let dataDirectory: string
  const phones: Phone[] = []

  before(async function () {
    dataDirectory = await mkdtemp(join(tmpdir(), 'dce-monitoring-'))
    const env = { DCE_TELEPHONY_MONITOR_HOSTS: '127.0.0.1' }
    ;({ exchange, freeswitch } = await startOnFreeSwitch(this, { env, dataDirectory }))
  })
  beforeEach(async () => {
    stage = await Stage.open(exchange)
  })
  afterEach(async () => {
    await stage.close()
    for (const phone of phones.splice(0)) await phone.close()
  })
  after(async () => {
    await exchange?.close()
    await freeswitch?.die()
    await rm(dataDirectory, { recursive: true, force: true })
    await rm(`${dataDirectory}.log`, { force: true })
  })

  /** The channel that eavesdrops now. */
  const listener = (): Promise<Channel> =>
    eventually(
      async () => freeswitch.live.find(({ eavesdrop }) => eavesdrop !== null),
      () => 'nobody listens',
    )

  it('is called, hears it, whispers and barges in, until it is hung up on', async () => {
    const { to, calls } = await stage.supervisor(answers())
    const { id, state } = await stage.monitor(to)
    assert.equal(state, 'ringing')
    await stage.untilIn('joined', id)
    const channel = await listener()
    assert.equal(channel.bridgedTo, null)
    assert.equal(calls[0]!.invite.get('x-dce-call-id'), stage.callId)
    assert.doesNotMatch(calls[0]!.invite.get('from')!, /12125550142/)
    for (const [mode, command] of [
      ['whisper', '2'],
      ['barge', '3'],
    ] as const) {
      await exchange.api.request('PATCH', `${stage.path}/monitor/${id}`, { mode })
      assert.equal(channel.eavesdrop!.command, command)
    }
    await exchange.api.request('DELETE', `${stage.path}/monitor/${id}`)
    const { cause } = await calls[0]!.ended
    assert.equal(cause, 'remote-hung-up')
    assert.equal((await stage.untilIn('ended', id)).reason, 'closed')
    const rows = await stage.written(id, 5)
    assert.equal(events(rows), 'started listen, joined listen, changed whisper, changed barge, ended closed')
    assert.deepEqual(
      rows.map(({ role }) => role),
      ['admin', null, 'admin', 'admin', 'admin'],
    )
    // The call noticed nothing of it.
    await stage.call.hangUp()
    await stage.market.ended({
      outcome: 'answered',
      sip_status: 200,
      end_reason: 'caller_hung_up',
      hung_up_by: 'caller',
    })
    assert.equal(await stage.refused(to), '409 call_not_up')
    assert.deepEqual(await stage.monitors(), [])
  })

  it('leaves when it likes, and may move its audio before', async () => {
    const { to, calls } = await stage.supervisor(answers())
    const { id } = await stage.monitor(to)
    await stage.untilIn('joined', id)
    assert.equal((await calls[0]!.request('INVITE', { body: `${calls[0]!.localSdp}a=sendonly\r\n` }))!.status, 200)
    assert.match(calls[0]!.remoteSdp, /a=recvonly/)
    await calls[0]!.hangUp()
    assert.equal((await stage.untilIn('ended', id)).reason, 'supervisor_hung_up')
    const answer = await exchange.api.raw('PATCH', `${stage.path}/monitor/${id}`, { mode: 'barge' })
    assert.equal(answer.status, 409)
  })

  it('is for a buyer one of its own registered agents, rung wherever they are', async () => {
    const own = await hireColleague(stage.market, stage.buyer)
    const { secret } = await exchange.api.request<{ secret: string }>(
      'POST',
      `/api/v1/accounts/${stage.buyer.id}/api-keys`,
      { name: 'supervision' },
    )
    const api = exchange.api.as(secret)
    assert.equal(await stage.refused(`sip:${own}@dce`, api), '422 invalid /to not_registered')
    const phone = await Phone.open(exchange, own)
    phones.push(phone)
    await phone.register()
    const { to } = await stage.supervisor(answers())
    assert.equal(await stage.refused(to, api), '422 invalid /to not_allowed')
    assert.equal(await stage.refused(`sip:${stage.market.number}@dce`, api), '422 invalid /to not_found')
    const answered = phone.answer()
    const { id } = await stage.monitor(`sip:${own}@dce`, 'whisper', api)
    await answered
    await stage.untilIn('joined', id)
    const hungUp = phone.hungUp()
    await stage.call.hangUp()
    await hungUp
    assert.equal(events(await stage.written(id, 3)), 'started whisper, joined whisper, ended call_ended')
  })

  it('is never called at a carrier’s, nor anywhere the operator has not named', async () => {
    const { to, calls } = await stage.supervisor(answers())
    const host = to.replace('sip:desk@', '')
    const operator = (await exchange.api.listAll('accounts')).find(({ type }) => type === 'operator')!
    const trunk = await exchange.api.create('trunks', {
      account_id: operator.id,
      name: 'out',
      direction: 'outbound',
      host,
    })
    assert.equal(await stage.refused(to), '422 invalid /to not_allowed')
    assert.equal(await stage.refused('sip:desk@127.0.0.2'), '422 invalid /to not_allowed')
    assert.equal(calls.length, 0)
    await exchange.api.request('DELETE', `/api/v1/trunks/${trunk.id}`)
  })

  it('may be busy, and may have nothing in common with the call', async () => {
    const { to } = await stage.supervisor(busy())
    const { id } = await stage.monitor(to)
    assert.equal((await stage.untilIn('ended', id)).reason, 'busy')
    assert.equal(events(await stage.written(id, 2)), 'started listen, ended busy')
    const other = await stage.supervisor((call) => call.accept('v=0\r\n'))
    const second = await stage.monitor(other.to)
    assert.equal((await stage.untilIn('ended', second.id)).reason, 'unacceptable_media')
    assert.equal((await other.calls[0]!.ended).cause, 'remote-hung-up')
    await eventually(
      async () => freeswitch.live.length === 2 || undefined,
      () => 'a channel of a supervisor is left',
    )
  })

  it('is not rung any longer when the call ends, or when nobody wants it any more', async () => {
    const { to, calls } = await stage.supervisor(neverAnswers())
    const [first, second] = [await stage.monitor(to), await stage.monitor(to)]
    await eventually(
      async () => calls.length === 2 || undefined,
      () => 'they are not rung',
    )
    await exchange.api.request('DELETE', `${stage.path}/monitor/${first.id}`)
    assert.equal((await calls[0]!.ended).cause, 'cancelled')
    await stage.call.hangUp()
    assert.equal((await calls[1]!.ended).cause, 'cancelled')
    assert.equal(events(await stage.written(first.id, 2)), 'started listen, ended closed')
    assert.equal(events(await stage.written(second.id, 2)), 'started listen, ended call_ended')
  })

  it('is one of three at most', async () => {
    const { to } = await stage.supervisor(neverAnswers())
    const three = [await stage.monitor(to), await stage.monitor(to), await stage.monitor(to)]
    assert.equal(await stage.refused(to), '409 too_many_monitors')
    await exchange.api.request('DELETE', `${stage.path}/monitor/${three[0]!.id}`)
    await stage.monitor(to)
    assert.equal((await stage.monitors()).length, 4)
  })

  it('is not called when the engine has no room', async () => {
    const { to, calls } = await stage.supervisor(answers())
    freeswitch.habits.refuseWith = 503
    try {
      assert.equal(await stage.refused(to), '503 media_unavailable')
    } finally {
      freeswitch.habits.refuseWith = 0
    }
    assert.equal(calls.length, 0)
    assert.deepEqual(await stage.monitors(), [])
  })

  it('hears BYE when the exchange that was killed is back', async () => {
    const { to, calls } = await stage.supervisor(answers())
    const { id } = await stage.monitor(to, 'barge')
    await stage.untilIn('joined', id)
    const { port } = exchange.process.sip()
    await exchange.process.kill()
    exchange = await Exchange.start({
      dataDirectory,
      env: {
        DCE_MEDIA_ENGINE: 'freeswitch',
        DCE_MEDIA_FREESWITCH_SERVERS: `127.0.0.1:${freeswitch.port}`,
        DCE_TELEPHONY_SIP_PORT: String(port),
        DCE_TELEPHONY_MONITOR_HOSTS: '127.0.0.1',
      },
    })
    assert.equal((await calls[0]!.ended).cause, 'remote-hung-up')
    assert.equal(events(await stage.written(id, 3)), 'started barge, joined barge, ended interrupted')
  })

  it('hears BYE when the engine dies', async () => {
    const { to, calls } = await stage.supervisor(answers())
    const { id } = await stage.monitor(to)
    await stage.untilIn('joined', id)
    await freeswitch.die()
    assert.equal((await calls[0]!.ended).cause, 'remote-hung-up')
    assert.equal((await stage.market.records(1, 30_000))[0]!.end_reason, 'media_failed')
    // Its own end waits for the answers to BYEs that a dead FreeSWITCH does not give: 5 s, one channel after another.
    assert.match(events(await stage.written(id, 3, 30_000)), /^started listen, joined listen, ended \S/)
  })
})

describe('a supervisor at a call of the relay', function () {
  this.timeout(120_000)
  let exchange: Exchange
  before(async function () {
    exchange = await startExchange(this, { env: { DCE_TELEPHONY_MONITOR_HOSTS: '127.0.0.1' } })
  })
  after(() => exchange?.close())

  it('is told that this engine lets nobody listen', async () => {
    const stage = await Stage.open(exchange)
    const { to, calls } = await stage.supervisor(answers())
    assert.equal(await stage.refused(to), '409 cannot_monitor')
    assert.equal(calls.length, 0)
    await stage.close()
  })
})
