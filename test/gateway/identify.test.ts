import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { digestSecret } from '../../accounts/credentials.ts'
import { createTelemetry } from '../../config/telemetry.ts'
import { Authentication } from '../../gateway/identity/authentication.ts'
import { CallerLeg } from '../../gateway/caller-leg.ts'
import { ClickTokens, MAX_CLICK_TTL_MS } from '../../gateway/identity/click-tokens.ts'
import { Directory } from '../../gateway/directory.ts'
import { identify } from '../../gateway/identify.ts'
import { Call, MAX_NOTES } from '../../gateway/live-call.ts'
import type { ExchangeParts } from '../../gateway/parts.ts'
import { SipCredentials } from '../../gateway/identity/sip-credentials.ts'
import type { Signaling } from '../../gateway/srf.ts'
import type { SipRequest, SipResponse } from '../../gateway/srf/srf-types.ts'
import { Trunks } from '../../gateway/identity/trunks.ts'
import type { ClickTerms } from '../../model/click-token.ts'
import { newId } from '../../model/ids.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import { systemRandom } from '../../model/random.ts'
import type { SipUser } from '../../model/sip-user.ts'
import type { Trunk } from '../../model/trunk.ts'
import { Refusal } from '../../model/refusal.ts'
import { answerChallenge } from '../support/digest-client.ts'
import { anAccount, aNumber, aSipUser, aTrunk } from '../support/market.ts'

const telemetry = createTelemetry()
const AUSTIN = { zip: '78701', city: 'Austin', state: 'TX', timezone: 'America/Chicago', lat: 30.27, lon: -97.74 }

const trunkOf = (seller: string, changes: Partial<Trunk> = {}): Trunk => aTrunk(seller, seller, changes)

function partsOf(
  trunks: readonly Trunk[],
  state: {
    draining?: boolean
    accepts?: boolean
    live?: number
    isSipServerOurs?: boolean
    users?: readonly SipUser[]
    clickTokens?: ClickTokens
  } = {},
) {
  const book = new Trunks()
  const directory = new Directory()
  for (const trunk of trunks) {
    const seller = anAccount(trunk.accountId, { type: 'seller' })
    book.apply({ kind: 'trunk', id: trunk.id, value: trunk })
    directory.apply({ kind: 'account', id: seller.id, value: seller })
  }
  const clickTokens = state.clickTokens ?? new ClickTokens({ realm: 'dce', now: Date.now, random: systemRandom })
  const credentials = new SipCredentials('dce', clickTokens)
  for (const value of trunks) credentials.apply({ kind: 'trunk', id: value.id, value })
  for (const value of state.users ?? []) credentials.apply({ kind: 'sip-user', id: value.id, value })
  const authentication = new Authentication({
    realm: 'dce',
    algorithms: ['SHA-256'],
    nonceLifetimeMs: 60_000,
    credentials,
    now: () => 1_800_000_000_000,
    telemetry,
  })
  const number = aNumber()
  directory.apply({ kind: 'number', id: number.id, value: number })
  return {
    trunks: book,
    authentication,
    clickTokens,
    isSipServerOurs: state.isSipServerOurs ?? true,
    directory,
    places: { ofNumber: () => [], ofZip: (zip: string) => (zip === AUSTIN.zip ? AUSTIN : null) },
    writer: { accepts: () => state.accepts ?? true },
    announcements: { received: () => {}, trunkLimited: () => {} },
    liveCalls: { size: state.live ?? 1 },
    limits: { maxConcurrentCalls: 10, maxSetupMs: 5000 },
    draining: () => state.draining ?? false,
  } as unknown as ExchangeParts
}

function callFrom(headers: Record<string, string> = {}, uri = 'sip:+18005550100@192.0.2.1'): Call {
  const all: Record<string, string> = { From: '<sip:+12125550123@192.0.2.7>;tag=a', To: `<${uri}>`, ...headers }
  const request = Object.assign(new EventEmitter(), {
    uri,
    method: 'INVITE',
    source_address: '192.0.2.7',
    get: (name: string) => all[name],
  })
  const caller = new CallerLeg(
    {} as unknown as Signaling,
    request as unknown as SipRequest,
    {} as unknown as SipResponse,
  )
  return new Call({ id: newId(), caller, receivedAt: new Date(), monotonicMs: () => 0 })
}

const refusedFor = (reason: string) => (error: unknown) => error instanceof Refusal && error.reason === reason

/** The refusal of this call; fails when it is taken. */
function refusalOf(call: Call, parts: ExchangeParts): Refusal {
  try {
    identify(call, parts)
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
  assert.fail('the call was taken')
}

describe('identifying a call', () => {
  after(() => telemetry.close())

  it('knows trunk, seller, number and caller', () => {
    const call = callFrom()
    identify(call, partsOf([trunkOf('seller')]))
    assert.equal(call.facts?.trunk.name, 'seller')
    assert.equal(call.facts?.number?.number, '+18005550100')
    assert.equal(call.facts?.ani, '+12125550123')
  })

  it('gives a call up when its INVITE expires before anybody has answered, if we would not sooner (RFC 3261 §13.3.1)', async () => {
    const parts = partsOf([trunkOf('seller')])
    const expiring = callFrom({ Expires: '0' })
    const others = [{ Expires: '5' }, { Expires: 'soon' }, { Expires: '99999999999' }].map((headers) =>
      callFrom(headers),
    )
    const answered = callFrom({ Expires: '0' })
    for (const call of [expiring, ...others, answered]) identify(call, parts)
    answered.state = 'answered'
    await sleep(50)
    assert.deepEqual(expiring.abandoned, { why: 'invite_expired', by: 'caller' })
    for (const call of [...others, answered]) assert.equal(call.gone.aborted, false)
    for (const call of [expiring, ...others, answered]) for (const release of call.releases) release()
  })

  it('refuses privacy it cannot give where the call must fail without (RFC 3323 §5)', () => {
    const parts = partsOf([trunkOf('seller')])
    const refusal = refusalOf(callFrom({ Privacy: 'id; Critical;x-\r\nzap' }), parts)
    assert.equal(refusal.reason, 'privacy_unavailable')
    assert.equal(refusal.message, 'Privacy not available: x-, zap')
    for (const Privacy of ['id;critical', 'header;user;session;history;critical', 'x-zap'])
      identify(callFrom({ Privacy }), parts)
  })

  it('picks, among trunks of one address, the one whose account owns the number', () => {
    const call = callFrom()
    identify(call, partsOf([trunkOf('a stranger'), trunkOf('seller')]))
    assert.equal(call.facts?.seller.id, 'seller')
  })

  it('leaves a seller the calls from its block, though another has named one address of it as its own', () => {
    const wide = aTrunk('seller', 'seller', { addresses: ['192.0.2.0/24'] })
    const call = callFrom()
    identify(call, partsOf([trunkOf('a stranger'), wide]))
    assert.equal(call.facts?.seller.id, 'seller')
  })

  it('reads the ZIP code and the origination that a seller supplies, and nothing that is none', () => {
    const told = callFrom({ 'X-DCE-Zip': '78701', 'X-DCE-Originated-At': '2026-06-17T16:00:00Z' })
    identify(told, partsOf([trunkOf('seller')]))
    assert.equal(told.facts?.zip?.city, 'Austin')
    assert.equal(told.facts?.originatedAtMs, Date.parse('2026-06-17T16:00:00Z'))
    const nonsense = callFrom({ 'X-DCE-Zip': '7870', 'X-DCE-Originated-At': 'yesterday' })
    identify(nonsense, partsOf([trunkOf('seller')]))
    assert.equal(nonsense.facts?.zip, null)
    assert.equal(nonsense.facts?.originatedAtMs, null)
  })

  it('refuses a source that is nobody’s, another seller’s number, and a suspended seller', () => {
    assert.throws(() => identify(callFrom(), partsOf([])), refusedFor('unknown_source'))
    assert.throws(() => identify(callFrom(), partsOf([trunkOf('a stranger')])), refusedFor('unknown_number'))
    const parts = partsOf([trunkOf('seller')])
    const seller = anAccount('seller', { type: 'seller', status: 'suspended' })
    parts.directory.apply({ kind: 'account', id: seller.id, value: seller })
    assert.throws(() => identify(callFrom(), parts), refusedFor('account_inactive'))
  })

  for (const [what, state, reason] of [
    ['it is draining', { draining: true }, 'shutdown'],
    ['the records of a new call would find no room', { accepts: false }, 'storage_unavailable'],
    ['it has its most concurrent calls', { live: 11 }, 'overloaded'],
  ] as const) {
    it(`refuses and only counts when ${what}`, () => {
      const call = callFrom()
      assert.throws(() => identify(call, partsOf([trunkOf('seller')], state)), refusedFor(reason))
      assert.equal(call.countOnly, true)
    })
  }

  it('gives the trunk’s place back with the call’s other releases', () => {
    const parts = partsOf([trunkOf('seller', { maxConcurrentCalls: 1 })])
    const first = callFrom()
    identify(first, parts)
    assert.throws(() => identify(callFrom(), parts), refusedFor('trunk_limit'))
    for (const release of first.releases) release()
    identify(callFrom(), parts)
  })

  describe('by password', () => {
    const uri = 'sip:+18005550100@192.0.2.1'
    const digest = digestSecret('carrier', 'dce', 'secret')
    const byPassword = trunkOf('seller', { addresses: [], username: 'carrier', digest })
    const callAgain = (refusal: Refusal, username = 'carrier', password = 'secret'): Call => {
      const challenge = refusal.headers['WWW-Authenticate']!
      const options = { username, password, method: 'INVITE', uri }
      return callFrom({ Authorization: answerChallenge(challenge, options) })
    }

    it('asks a source that is nobody’s, and knows the trunk by the answer', () => {
      const parts = partsOf([byPassword])
      const refusal = refusalOf(callFrom(), parts)
      assert.equal(refusal.reason, 'unauthenticated')
      const call = callAgain(refusal)
      identify(call, parts)
      assert.equal(call.facts?.trunk.id, 'seller')
      assert.equal(refusalOf(callAgain(refusal, 'carrier', 'guess'), parts).reason, 'unauthenticated')
    })

    it('does not ask a known address, and lets a password say more than the address', () => {
      const parts = partsOf([trunkOf('stranger'), byPassword])
      assert.equal(refusalOf(callFrom(), parts).reason, 'unknown_number', 'the stranger’s address')
      const challenge = parts.authentication.challenge(callFrom().caller.request)
      const call = callAgain(new Refusal('unauthenticated', '', null, challenge.headers))
      identify(call, parts)
      assert.equal(call.facts?.trunk.id, 'seller')
    })

    it('sends a malformed answer back as such', () => {
      const refusal = refusalOf(callFrom({ Authorization: 'Digest realm="dce"' }), partsOf([byPassword]))
      assert.equal(refusal.reason, 'malformed')
      assert.match(refusal.message, /Authorization/)
    })

    it('takes a seller’s user for its trunk, and no call of a buyer’s', () => {
      const users = [aSipUser('browser', 'seller', { trunkId: byPassword.id }), aSipUser('agent', 'buyer')]
      const parts = partsOf([byPassword], { users })
      const refusal = refusalOf(callFrom(), parts)
      const call = callAgain(refusal, 'browser')
      identify(call, parts)
      assert.equal(call.facts?.trunk.id, 'seller')
      assert.equal(refusalOf(callAgain(refusalOf(callFrom(), parts), 'agent'), parts).reason, 'unknown_source')
    })
  })

  describe('by a click-to-call token', () => {
    const uri = 'sip:+18005550100@192.0.2.1'
    const trunk = trunkOf('seller', { addresses: [] })
    const TERMS: ClickTerms = {
      trunkId: trunk.id,
      number: '+18005550100' as PhoneNumber,
      from: '+12125550199' as PhoneNumber,
      zip: AUSTIN.zip,
      origin: 'https://shop.example',
      uses: 1,
      ttlMs: 60_000,
    }
    let now = 0
    /** An exchange with one token; `click` calls as its holder, who may dial, say and be what it likes. */
    function shop(terms: Partial<ClickTerms> = {}, state: Parameters<typeof partsOf>[1] = {}) {
      const clickTokens = new ClickTokens({ realm: 'dce', now: () => now, random: systemRandom })
      const token = clickTokens.issue({ ...TERMS, ...terms })!
      const parts = partsOf([trunk], { ...state, clickTokens })
      const click = (headers: Record<string, string> = {}, dialled = uri): Call => {
        const challenge = parts.authentication.challenge(callFrom().caller.request).headers['WWW-Authenticate']!
        const options = { ...token, method: 'INVITE', uri: dialled }
        const said = { 'X-DCE-Origin': 'https://shop.example', Authorization: answerChallenge(challenge, options) }
        return callFrom({ ...said, ...headers }, dialled)
      }
      return { parts, click, token, clickTokens }
    }

    it('is asked for its password, and is a call of the seller’s trunk with what the seller said of the consumer', () => {
      const { parts, click } = shop()
      assert.equal(refusalOf(callFrom(), parts).reason, 'unauthenticated')
      const call = click({ 'P-Asserted-Identity': '<sip:+19005550123@x>', 'X-DCE-Zip': '90210' })
      identify(call, parts)
      assert.equal(call.facts?.trunk.id, 'seller')
      assert.equal(call.facts?.ani, '+12125550199', 'not what the page asserts')
      assert.equal(call.facts?.zip?.zip, AUSTIN.zip)
      assert.equal(call.facts?.isByClick, true)
    })

    it('withholds the consumer’s number when the seller did not say it, whatever the page says', () => {
      const { parts, click } = shop({ from: null, zip: null })
      const call = click({ 'X-DCE-Zip': AUSTIN.zip, 'X-DCE-Originated-At': '2026-06-17T16:00:00Z' })
      identify(call, parts)
      assert.deepEqual([call.facts?.ani, call.facts?.zip, call.facts?.originatedAtMs], [null, null, null])
    })

    const refuses = (call: Call, parts: ExchangeParts, why: string): void => {
      const refusal = refusalOf(call, parts)
      assert.deepEqual([refusal.reason, refusal.message], ['token_refused', why])
      assert.equal(call.countOnly, true, 'whoever reads the page can try again and again')
    }

    it('is spent by its calls: a replay is refused', () => {
      const { parts, click } = shop({ uses: 2 })
      identify(click(), parts)
      identify(click(), parts)
      refuses(click(), parts, 'The token has been used')
    })

    it('is not spent by a call that was refused for another reason', () => {
      const busy = { ...trunk, maxConcurrentCalls: 0 }
      const { parts, click } = shop()
      parts.trunks.apply({ kind: 'trunk', id: busy.id, value: busy })
      assert.equal(refusalOf(click(), parts).reason, 'trunk_limit')
      parts.trunks.apply({ kind: 'trunk', id: trunk.id, value: trunk })
      identify(click(), parts)
    })

    it('calls no other number', () => {
      const { parts, click } = shop()
      refuses(click({}, 'sip:+18005550199@192.0.2.1'), parts, 'The token is for another number')
      refuses(click({}, 'sip:front-desk@192.0.2.1'), parts, 'The token is for another number')
    })

    it('is of no use to pages of another origin, or to what is no page', () => {
      const { parts, click } = shop()
      for (const origin of ['https://thief.example', 'null', ''])
        refuses(click({ 'X-DCE-Origin': origin }), parts, 'The token is for pages of another origin')
      identify(click({ 'X-DCE-Origin': 'HTTPS://Shop.example' }), parts)
    })

    it('leaves the origin to another SIP server, whose word there is none', () => {
      const { parts, click } = shop({}, { isSipServerOurs: false })
      identify(click({ 'X-DCE-Origin': 'https://thief.example' }), parts)
    })

    it('expires, and is forgotten a while later', () => {
      const { parts, click, token, clickTokens } = shop({ ttlMs: 10 * MAX_CLICK_TTL_MS })
      now += MAX_CLICK_TTL_MS
      refuses(click(), parts, 'The token has expired')
      now += MAX_CLICK_TTL_MS
      clickTokens.issue(TERMS)
      assert.equal(clickTokens.find(token.username), undefined)
      assert.equal(refusalOf(click(), parts).reason, 'unauthenticated')
    })

    it('exists so often and no oftener', () => {
      let firsts = 0
      const options = { realm: 'dce', now: () => now, random: systemRandom, maxTokens: 2, onFirst: () => firsts++ }
      const tokens = new ClickTokens(options)
      assert.ok(tokens.issue(TERMS) && tokens.issue(TERMS))
      assert.equal(tokens.issue(TERMS), null)
      now += 3 * MAX_CLICK_TTL_MS
      assert.ok(tokens.issue(TERMS))
      assert.deepEqual([tokens.size, firsts], [1, 2])
    })

    it('wants its own password', () => {
      const { parts, token } = shop()
      const challenge = parts.authentication.challenge(callFrom().caller.request).headers['WWW-Authenticate']!
      const options = { username: token.username, password: 'guess', method: 'INVITE', uri }
      const call = callFrom({ Authorization: answerChallenge(challenge, options) })
      assert.equal(refusalOf(call, parts).reason, 'unauthenticated')
    })
  })

  describe('by certificate', () => {
    const trunk = trunkOf('seller', { addresses: [], tlsNames: ['Carrier.example', 'sbc.carrier.example'] })

    it('knows any of the trunk’s names, whatever their case', () => {
      for (const names of ['other.example, CARRIER.example', 'sip:sbc.carrier.example']) {
        const call = callFrom({ 'X-DCE-TLS-Client': names })
        identify(call, partsOf([trunk]))
        assert.equal(call.facts?.trunk.id, 'seller')
      }
    })

    it('believes only the embedded SIP server', () => {
      const forged = callFrom({ 'X-DCE-TLS-Client': 'carrier.example' })
      assert.equal(refusalOf(forged, partsOf([trunk], { isSipServerOurs: false })).reason, 'unknown_source')
      assert.equal(
        refusalOf(callFrom({ 'X-DCE-TLS-Client': 'carrier.test' }), partsOf([trunk])).reason,
        'unknown_source',
      )
    })
  })

  it('notes what happens to a call, and how it ended, and not for ever', () => {
    const call = callFrom()
    for (let i = 0; i <= MAX_NOTES; i++) call.note('transfer refused', 'again')
    call.ended({ reason: 'caller_hung_up', hungUpBy: 'caller', atMonotonicMs: 0 })
    assert.equal(call.trace.length, MAX_NOTES + 1)
    assert.equal(call.trace.at(-1)!.step, 'ended')
  })
})
