import assert from 'node:assert/strict'
import { createTelemetry, type Telemetry } from '../../../config/telemetry.ts'
import { Authentication } from '../../../gateway/identity/authentication.ts'
import { Registrar, type RegisterAnswer } from '../../../gateway/registrar/registrar.ts'
import { SipCredentials } from '../../../gateway/identity/sip-credentials.ts'
import type { SipRequest } from '../../../gateway/srf/srf-types.ts'
import type { SipUserId } from '../../../model/ids.ts'
import type { SipBinding, SipUser } from '../../../model/sip-user.ts'
import type { Target } from '../../../model/trunk.ts'
import { answerChallenge } from '../../support/digest-client.ts'
import { aSipUser, aTarget } from '../../support/market.ts'

const PHONE = '<sip:agent@198.51.100.7:5062>'
const LIMITS = { minExpires: 60, maxExpires: 7200, defaultExpires: 3600, maxBindings: 3 }

interface Sent {
  readonly contact?: string
  readonly headers?: Record<string, string>
  readonly callId?: string
  readonly cseq?: number
  readonly user?: string
  readonly password?: string
  readonly to?: string
  readonly source?: readonly [transport: string, host: string, port: number]
}

describe('the registrar', () => {
  let telemetry: Telemetry
  let registrar: Registrar
  let credentials: SipCredentials
  let authentication: Authentication
  let nowMs: number
  let written: [string, readonly SipBinding[]][]
  let reachable: Map<string, boolean>
  let cseq: number
  before(() => (telemetry = createTelemetry()))
  after(() => telemetry.close())
  beforeEach(() => {
    nowMs = 1_800_000_000_000
    cseq = 0
    written = []
    reachable = new Map()
    credentials = new SipCredentials('dce')
    authentication = new Authentication({
      realm: 'dce',
      algorithms: ['SHA-256', 'MD5'],
      nonceLifetimeMs: 60_000,
      credentials,
      now: () => nowMs,
      telemetry,
    })
    registrar = create()
    know(aSipUser('agent', 'buyer'))
  })

  const create = (): Registrar =>
    new Registrar({
      realm: 'dce',
      limits: LIMITS,
      authentication,
      now: () => nowMs,
      isCarrier: (uri) => uri.includes('@carrier.example'),
      onBindings: (id, bindings) => written.push([id, bindings]),
      onReachable: (id, isReachable) => reachable.set(id, isReachable),
    })
  function know(user: SipUser): void {
    credentials.apply({ kind: 'sip-user', id: user.id, value: user })
    registrar.apply({ kind: 'sip-user', id: user.id, value: user })
  }
  function aim(uri: string, accountId = 'buyer', id = 'target'): Target {
    const target = aTarget(id, accountId, { uri })
    registrar.apply({ kind: 'target', id: target.id, value: target })
    return target
  }

  function requestOf(sent: Sent, authorization?: string): SipRequest {
    const { user = 'agent', to = `<sip:${user}@dce>`, source = ['udp', '198.51.100.7', 5062] } = sent
    const headers: Record<string, string | undefined> = {
      From: `<sip:${user}@dce>;tag=a`,
      To: to,
      'Call-ID': sent.callId ?? 'call',
      CSeq: `${sent.cseq ?? ++cseq} REGISTER`,
      Via: 'SIP/2.0/UDP 198.51.100.7;branch=z9hG4bKa',
      Contact: sent.contact,
      Authorization: authorization,
      ...sent.headers,
    }
    const [protocol, source_address, source_port] = source
    const fields = { method: 'REGISTER', uri: 'sip:dce', protocol, source_address, source_port }
    return { ...fields, get: (name: string) => headers[name] } as unknown as SipRequest
  }

  /** Registers as a client does: asked for a password, it says it. */
  function register(sent: Sent): RegisterAnswer {
    const asked = registrar.register(requestOf({ cseq: 0, ...sent, contact: undefined! }))
    assert.equal(asked.status, 401)
    const { user: username = 'agent', password = 'secret' } = sent
    const options = { username, password, method: 'REGISTER', uri: 'sip:dce' }
    return registrar.register(requestOf(sent, answerChallenge(asked.headers['WWW-Authenticate']!, options)))
  }
  const contacts = (answer: RegisterAnswer): string[] => {
    assert.equal(answer.status, 200, answer.reason)
    return (answer.headers['Contact'] ?? '').split(', ').filter((text) => text !== '')
  }

  it('lists what is registered with the time that is left, and lets it go when that is over', () => {
    assert.deepEqual(contacts(register({ contact: PHONE })), [`${PHONE};expires=3600`])
    nowMs += 600_500
    assert.deepEqual(contacts(register({ contact: '<sip:agent@198.51.100.8>;expires=60;q=0.5' })), [
      `${PHONE};expires=3000`,
      '<sip:agent@198.51.100.8>;expires=60;q=0.5',
    ])
    nowMs += 60_000
    assert.deepEqual(contacts(register({})), [`${PHONE};expires=2940`], 'without Contact it is a question')
  })

  it('changes and removes one binding, or all with *', () => {
    register({ contact: PHONE })
    register({ contact: '<sip:agent@198.51.100.8>' })
    assert.equal(contacts(register({ contact: `${PHONE};expires=120` })).length, 2)
    assert.deepEqual(contacts(register({ contact: `${PHONE};expires=0` })), ['<sip:agent@198.51.100.8>;expires=3600'])
    assert.deepEqual(contacts(register({ contact: '*', headers: { Expires: '0' } })), [])
    assert.deepEqual(written.at(-1), ['agent', []])
  })

  for (const [what, sent, status, reason] of [
    ['* with other contacts', { contact: `*, ${PHONE}`, headers: { Expires: '0' } }, 400, /Contact/],
    ['* with a time', { contact: '*', headers: { Expires: '60' } }, 400, /Contact/],
    ['* without Expires', { contact: '*' }, 400, /Contact/],
    ['a contact that is no SIP URI', { contact: '<mailto:a@b>' }, 400, /Contact/],
    ['a contact that cannot be read', { contact: '"open <sip:a@b>' }, 400, /Contact/],
    ['too long a contact', { contact: `<sip:${'a'.repeat(512)}@b.example>` }, 400, /Contact/],
    ['an instance that ends its brackets', { contact: `${PHONE};+sip.instance="<urn:1>;x=<2>"` }, 400, /instance/],
    ['an instance with a quote', { contact: `${PHONE};+sip.instance="<urn:\\"1>"` }, 400, /instance/],
    ['too long an instance', { contact: `${PHONE};+sip.instance="<${'a'.repeat(513)}>"` }, 400, /instance/],
    ['a contact that is an address of record', { contact: '<sip:other@dce>' }, 403, /address of record/],
    ['a carrier of ours as a contact', { contact: '<sip:+19005550100@carrier.example>' }, 403, /phone/],
    ['a carrier of ours as a way', { contact: PHONE, headers: { Path: '<sip:x@carrier.example;lr>' } }, 403, /phone/],
    ['too many contacts', { contact: Array(11).fill(PHONE).join(', ') }, 400, /more than 10/],
    ['too short a time', { contact: `${PHONE};expires=59` }, 423, /Brief/],
    ['too short a time in Expires', { contact: PHONE, headers: { Expires: '1' } }, 423, /Brief/],
    ['an extension nobody knows', { contact: PHONE, headers: { Require: 'path, x-new' } }, 420, /Extension/],
    ['a Path that cannot be read', { contact: PHONE, headers: { Path: '<nowhere>' } }, 400, /Path/],
    [
      'too long a Path',
      { contact: PHONE, headers: { Path: Array(6).fill('<sip:p.example;lr>').join(', ') } },
      400,
      /Path/,
    ],
    [
      'a reg-id of 0',
      { contact: `${PHONE};+sip.instance="<urn:uuid:1>";reg-id=0`, headers: { Supported: 'outbound' } },
      400,
      /reg-id/,
    ],
  ] as [string, Sent, number, RegExp][]) {
    it(`refuses ${what}, and changes nothing`, () => {
      register({ contact: PHONE })
      const before = written.length
      const answer = register(sent)
      assert.equal(answer.status, status, answer.reason)
      assert.match(answer.reason ?? '', reason)
      assert.equal(written.length, before)
      if (status === 423) assert.equal(answer.headers['Min-Expires'], '60')
      if (status === 420) assert.equal(answer.headers['Unsupported'], 'x-new')
    })
  }

  it('gives no longer than the maximum, the default for no time, and an hour for a malformed one', () => {
    const expires = (expiresText: string): string =>
      contacts(register({ contact: PHONE, headers: { Expires: expiresText } }))[0]!.split('expires=')[1]!
    assert.deepEqual([expires('99999'), expires('99999999999999'), expires('soon')], ['7200', '7200', '3600'])
  })

  it('keeps no more of a User-Agent than a line', () => {
    register({ contact: PHONE, headers: { 'User-Agent': 'x'.repeat(5000) } })
    assert.equal(registrar.bindingsOf('agent' as SipUserId)[0]!.userAgent?.length, 200)
  })

  it('does not let an older request undo a newer one of the same client', () => {
    register({ contact: PHONE, cseq: 10 })
    assert.equal(register({ contact: `${PHONE};expires=0`, cseq: 10 }).status, 500)
    assert.equal(register({ contact: '*', headers: { Expires: '0' }, cseq: 9 }).status, 500)
    assert.equal(contacts(register({ contact: PHONE, cseq: 1, callId: 'after a restart' })).length, 1)
  })

  it('keeps at most so many bindings of a user, the newest', () => {
    for (let i = 1; i <= 5; i++) {
      nowMs++
      register({ contact: `<sip:agent@198.51.100.${i}>` })
    }
    assert.deepEqual(
      registrar.bindingsOf('agent' as SipUserId).map(({ contact }) => contact),
      [3, 4, 5].map((i) => `sip:agent@198.51.100.${i}`),
    )
  })

  it('registers nobody for somebody else, and says to nobody who exists', () => {
    know(aSipUser('other', 'buyer'))
    assert.equal(register({ contact: PHONE, user: 'other', to: '<sip:agent@dce>' }).status, 403)
    const unknown = register({ contact: PHONE, user: 'nobody' })
    const wrong = register({ contact: PHONE, password: 'guess' })
    assert.deepEqual([unknown.status, unknown.reason], [wrong.status, wrong.reason])
    assert.equal(unknown.status, 401)
    assert.deepEqual(written, [])
  })

  it('answers a malformed To or Authorization with 400', () => {
    assert.equal(registrar.register(requestOf({ to: '<sip:dce>' })).status, 400)
    assert.equal(registrar.register(requestOf({ to: '<tel:+12125550100>' })).status, 400)
    assert.equal(registrar.register(requestOf({ contact: PHONE }, 'Digest realm="dce"')).status, 400)
  })

  it('forgets a user that is suspended or gone', () => {
    register({ contact: PHONE })
    const target = aim('sip:agent@dce')
    assert.equal(reachable.get('target'), true)
    know(aSipUser('agent', 'buyer', { status: 'suspended' }))
    assert.equal(reachable.get('target'), false)
    assert.deepEqual(written.at(-1), ['agent', []])
    know(aSipUser('agent', 'buyer'))
    assert.deepEqual(registrar.waysTo(target), [])
    register({ contact: PHONE })
    registrar.apply({ kind: 'sip-user', id: 'agent' as SipUserId, value: null })
    assert.equal(reachable.get('target'), false)
    assert.equal(registrar.size, 0)
  })

  it('keeps a user’s bindings when something else of it changes', () => {
    register({ contact: PHONE })
    know(aSipUser('agent', 'buyer', { version: 2 }))
    assert.equal(registrar.bindingsOf('agent' as SipUserId).length, 1)
  })

  it('takes up what was written down, less what has expired', () => {
    register({ contact: `${PHONE};expires=100` })
    nowMs += 60_000
    register({ contact: '<sip:agent@198.51.100.8>' })
    const [, bindings] = written.at(-1)!
    nowMs += 50_000
    registrar = create()
    know(aSipUser('agent', 'buyer'))
    aim('sip:agent@dce')
    assert.equal(reachable.get('target'), false)
    registrar.restore('agent' as SipUserId, JSON.parse(JSON.stringify(bindings)))
    assert.equal(registrar.size, 1)
    assert.equal(reachable.get('target'), true)
    registrar.restore('nobody' as SipUserId, bindings)
  })

  describe('with targets', () => {
    it('tells when one can be rung, and when no longer', () => {
      aim('sip:agent@dce')
      aim('sip:agent@elsewhere.example', 'buyer', 'other')
      assert.deepEqual([...reachable], [['target', false]])
      register({ contact: `${PHONE};expires=60` })
      assert.equal(reachable.get('target'), true)
      nowMs += 60_001
      registrar.expire()
      assert.equal(reachable.get('target'), false)
      assert.deepEqual(written.at(-1), ['agent', []])
    })

    it('tells when the last of several phones has expired, and not before', () => {
      aim('sip:agent@dce')
      register({ contact: `${PHONE};expires=120` })
      register({ contact: '<sip:agent@192.0.2.77>;expires=60' })
      for (const [afterMs, bindings] of [
        [59_999, 2],
        [1, 1],
        [59_999, 1],
        [1, 0],
      ] as const) {
        nowMs += afterMs
        registrar.expire()
        assert.equal(registrar.size, bindings)
        assert.equal(reachable.get('target'), bindings > 0)
      }
    })

    it('knows when what an earlier process wrote down expires', () => {
      aim('sip:agent@dce')
      register({ contact: `${PHONE};expires=60` })
      const bindings = registrar.bindingsOf('agent' as SipUserId)
      register({ contact: `${PHONE};expires=0` })
      assert.equal(reachable.get('target'), false)
      registrar.restore('agent' as SipUserId, bindings)
      assert.equal(reachable.get('target'), true)
      nowMs += 60_000
      registrar.expire()
      assert.equal(reachable.get('target'), false)
    })

    it('makes one that is no address of record any more ringable again', () => {
      aim('sip:agent@dce')
      assert.equal(reachable.get('target'), false)
      const target = aim('sip:desk@buyer.example')
      assert.equal(reachable.get('target'), true)
      assert.equal(registrar.waysTo(target), null)
    })

    it('rings no other buyer’s agents', () => {
      register({ contact: PHONE })
      const target = aim('sip:agent@dce', 'a stranger')
      assert.equal(reachable.get('target'), false)
      assert.deepEqual(registrar.waysTo(target), [])
    })

    it('groups the ways by falling preference, the newest first', () => {
      const target = aim('sip:agent@dce')
      for (const [i, q] of ['0.5', '1', '0.5'].entries()) {
        nowMs++
        register({ contact: `<sip:agent@198.51.100.${i}>;q=${q}`, source: ['udp', `198.51.100.${i}`, 5060] })
      }
      assert.deepEqual(registrar.waysTo(target), [
        [{ uri: 'sip:agent@198.51.100.1' }],
        [{ uri: 'sip:agent@198.51.100.2' }, { uri: 'sip:agent@198.51.100.0' }],
      ])
    })

    it('reaches one instance by its GRUU, which is given where it is asked for', () => {
      const one = '<sip:agent@198.51.100.1>;+sip.instance="<urn:uuid:1>"'
      register({ contact: '<sip:agent@198.51.100.2>' })
      const listed = contacts(register({ contact: one, headers: { Supported: 'gruu' } }))
      assert.match(listed[1]!, /;\+sip\.instance="<urn:uuid:1>";pub-gruu="sip:agent@dce;gr=urn:uuid:1"$/)
      assert.ok(!contacts(register({}))[1]!.includes('gruu'))
      const target = aim('sip:agent@dce;gr=urn:uuid:1')
      assert.deepEqual(registrar.waysTo(target), [[{ uri: 'sip:agent@198.51.100.1' }]])
    })
  })

  describe('with outbound (RFC 5626)', () => {
    const flow = (regId: number, port: number, extra = ''): Sent => ({
      contact: `<sip:agent@10.0.0.7:5060;transport=tcp;ob>;+sip.instance="<urn:uuid:1>";reg-id=${regId}${extra}`,
      headers: { Supported: 'outbound, path' },
      source: ['tcp', '198.51.100.7', port],
    })

    it('keeps a binding for each flow of an instance, and replaces it when the flow comes anew', () => {
      const answer = register(flow(1, 40_001))
      assert.equal(answer.headers['Require'], 'outbound')
      register({ ...flow(2, 40_002), callId: 'second' })
      assert.equal(contacts(register({ ...flow(1, 40_003), callId: 'third' })).length, 2)
      const ports = registrar.bindingsOf('agent' as SipUserId).map(({ source }) => source.port)
      assert.deepEqual(ports, [40_002, 40_003])
    })

    it('rings a device by its newest flow, and by the others when that is gone', () => {
      const target = aim('sip:agent@dce')
      register(flow(1, 40_001))
      nowMs++
      register({ ...flow(2, 40_002), callId: 'second' })
      const uri = 'sip:agent@10.0.0.7:5060;transport=tcp;ob'
      const first = { uri, proxy: 'sip:198.51.100.7:40001;transport=tcp' }
      const second = { uri, proxy: 'sip:198.51.100.7:40002;transport=tcp' }
      assert.deepEqual(JSON.parse(JSON.stringify(registrar.waysTo(target))), [[{ ...second, fallback: first }]])
    })

    it('wants every hop to take part', () => {
      const via = 'SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKb, SIP/2.0/UDP 10.0.0.7;branch=z9hG4bKa'
      assert.equal(register({ ...flow(1, 40_001), headers: { Supported: 'outbound', Via: via } }).status, 439)
      const path = { Supported: 'outbound, path', Via: via, Path: '<sip:token@192.0.2.1;lr;ob>' }
      assert.equal(register({ ...flow(1, 40_001), headers: path }).status, 200)
    })
  })

  describe('finds the way', () => {
    for (const [what, sent, way] of [
      ['as the Contact says', { contact: PHONE }, { uri: 'sip:agent@198.51.100.7:5062' }],
      [
        'to the source of a phone behind NAT',
        { contact: '<sip:agent@192.168.1.5:5060>' },
        { uri: 'sip:agent@192.168.1.5:5060', proxy: 'sip:198.51.100.7:5062;transport=udp' },
      ],
      [
        'within a private network as the Contact says',
        { contact: '<sip:agent@192.168.1.5>', source: ['udp', '192.168.1.5', 5060] },
        { uri: 'sip:agent@192.168.1.5' },
      ],
      [
        'of a browser, by the Contact that its connection is known by',
        {
          contact: '<sip:x@abc.invalid;transport=ws>',
          headers: { Via: 'SIP/2.0/WSS abc.invalid;branch=z9hG4bKa' },
          source: ['tcp', '2001:db8::7', 50_000],
        },
        { uri: 'sip:x@abc.invalid;transport=ws' },
      ],
      [
        'over the connection of a phone on IPv6',
        { contact: '<sip:agent@[fd00::5]:5060;transport=tls>', source: ['tls', '2001:db8::7', 50_000] },
        { uri: 'sip:agent@[fd00::5]:5060;transport=tls', proxy: 'sip:[2001:db8::7]:50000;transport=tls' },
      ],
      [
        'over the connection of a phone, else to where it listens',
        { contact: '<sip:agent@198.51.100.7:5062;transport=tcp>', source: ['tcp', '198.51.100.7', 40_001] },
        {
          uri: 'sip:agent@198.51.100.7:5062;transport=tcp',
          proxy: 'sip:198.51.100.7:40001;transport=tcp',
          fallback: { uri: 'sip:agent@198.51.100.7:5062;transport=tcp' },
        },
      ],
      [
        'through the proxies of its Path',
        { contact: '<sip:agent@10.0.0.7>', headers: { Path: '<sip:t@192.0.2.1;lr>, <sip:192.0.2.2;lr>' } },
        {
          uri: 'sip:agent@10.0.0.7',
          proxy: 'sip:t@192.0.2.1;lr',
          headers: { Route: '<sip:t@192.0.2.1;lr>, <sip:192.0.2.2;lr>' },
        },
      ],
    ] as [string, Sent, object][]) {
      it(what, () => {
        const target = aim('sip:agent@dce')
        register(sent)
        assert.deepEqual(JSON.parse(JSON.stringify(registrar.waysTo(target))), [[way]])
      })
    }

    it('and repeats the Path in its answer', () => {
      const answer = register({ contact: PHONE, headers: { Path: '<sip:t@192.0.2.1;lr>' } })
      assert.equal(answer.headers['Path'], '<sip:t@192.0.2.1;lr>')
    })
  })
})
