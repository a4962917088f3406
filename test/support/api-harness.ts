import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto'
import type { ApiOptions, PhoneAnswer } from '../../api/options.ts'
import { createApi, type Api } from '../../api/server.ts'
import { SuppressionLists } from '../../compliance/suppression-lists.ts'
import type { Account, AccountType, Role } from '../../model/account.ts'
import { MonitorRefused } from '../../model/call-monitor.ts'
import type { CallRecord } from '../../model/cdr.ts'
import type { Auction } from '../../model/auction.ts'
import type { Clock } from '../../model/clock.ts'
import type { DomainEvent, EventBus } from '../../model/events.ts'
import type { AccountId } from '../../model/ids.ts'
import { UNKNOWN_REACH } from '../../model/reachability.ts'
import { PAYOUT_CLEARING_ACCOUNT_ID } from '../../storage/house-accounts.ts'
import { createMemoryStores, type MemoryStores } from './memory-stores.ts'

const pair = generateKeyPairSync('rsa', { modulusLength: 2048 })
const testKeys = {
  privateKeyPem: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  publicKeyPem: pair.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
}
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

/** A clock that tests move by hand on top of the real one. */
export interface TestClock extends Clock {
  advance(ms: number): void
}

export function createTestClock(): TestClock {
  let offset = 0
  return {
    now: () => Date.now() + offset,
    monotonicMs: () => performance.now() + offset,
    advance: (ms) => (offset += ms),
  }
}

function createTestBus(): EventBus {
  const listeners = new Set<(event: DomainEvent) => void>()
  return {
    publish: (event) => listeners.forEach((listener) => listener(event)),
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    get hasListeners() {
      return listeners.size > 0
    },
  }
}

/** Numbers of North America, by shape alone: the numbering plan itself is tested where it lives. */
function validatePhone(text: string): PhoneAnswer {
  const digits = text.replace(/[\s().-]/g, '')
  const match = /^(?:\+?1)?([2-9]\d{2}[2-9]\d{6})$/.exec(digits)
  if (!match) return { valid: false, e164: null, country: null, states: [], timezones: [], reason: 'not a NANP number' }
  return { valid: true, e164: `+1${match[1]}`, country: 'US', states: ['TX'], timezones: ['America/Chicago'] }
}

export interface Person {
  readonly account: Account
  readonly token: string
}

export interface ApiHarness {
  readonly api: Api
  readonly url: string
  readonly port: number
  readonly stores: MemoryStores
  readonly bus: EventBus
  readonly clock: TestClock
  readonly live: { calls: CallRecord[]; auctions: Auction[]; hungUp: string[]; openFor: Set<string> }
  readonly errors: object[]
  readonly held: Map<string, bigint>
  readonly house: { operatorId: AccountId; externalId: AccountId }
  readonly options: ApiOptions
  /** An account with a user, logged in. */
  person(type: Exclude<AccountType, 'external'>, name?: string): Promise<Person>
  request(method: string, path: string, more?: RequestOptions): Promise<Reply>
}

interface RequestOptions {
  readonly token?: string
  readonly json?: unknown
  readonly body?: string | Uint8Array
  readonly headers?: Record<string, string>
}

export interface Reply {
  readonly status: number
  readonly headers: Headers
  // oxlint-disable-next-line no-explicit-any -- a test reads whatever the answer says.
  readonly body: any
}

const ROLES: Record<string, Role> = { operator: 'admin', buyer: 'buyer', seller: 'seller' }

/** The whole API over real HTTP on a free port, on memory stores. */
export async function startApi(
  changes: Partial<Omit<ApiOptions, 'settings'>> & { settings?: Partial<ApiOptions['settings']> } = {},
): Promise<ApiHarness> {
  const stores = (changes.stores as MemoryStores | undefined) ?? createMemoryStores()
  const bus = createTestBus()
  const clock = createTestClock()
  const live: ApiHarness['live'] = { calls: [], auctions: [], hungUp: [], openFor: new Set() }
  const held = new Map<string, bigint>()
  const errors: object[] = []
  const makeAccount = (type: AccountType, name: string) =>
    stores.accounts.create({
      type,
      name,
      email: null,
      status: 'active',
      currency: 'USD',
      timezone: 'America/New_York',
      creditLimitMicros: 0n,
    })
  const operator = await makeAccount('operator', 'House')
  const external = await makeAccount('external', 'World')
  const balanceMicros = (id: AccountId) =>
    stores.postings
      .flatMap((posting) => posting.entries)
      .reduce((sum, entry) => sum + (entry.accountId === id ? entry.amountMicros : 0n), 0n)
  const options: ApiOptions = {
    stores,
    liveCalls: {
      list: () => live.calls,
      find: (id) => live.calls.find((call) => call.id === id) ?? null,
      findAuction: (id) => live.auctions.find((auction) => auction.id === id) ?? null,
      findAuctionByCall: (id) => live.auctions.find((auction) => auction.callId === id) ?? null,
      hangUp: (id) => live.calls.some((call) => call.id === id) && live.hungUp.push(id) > 0,
      pauseRecording: async () => false,
    },
    monitoring: {
      of: () => [],
      start: () => Promise.reject(new MonitorRefused('cannot_monitor', 'relay moves the call’s audio')),
      change: async () => null,
      end: async () => false,
    },
    outcomes: { learn: () => {}, of: () => null },
    quality: { ofTrunk: () => [], ofTarget: () => [] },
    sipTraces: { unavailable: null, find: async () => ({ messages: [], leftOut: 0 }), mask: async () => {} },
    balances: {
      balanceMicros,
      heldMicros: (id) => held.get(id) ?? 0n,
      availableMicros: (id) => balanceMicros(id) - (held.get(id) ?? 0n),
    },
    mayCall: (hostname) => !/^(127\.|10\.|localhost$)/.test(hostname),
    tracking: {
      mayMissCalls: () => false,
      add: async (event) => void stores.trackedEvents.set(event.id, { ...event, refused: null }),
    },
    liveBidding: {
      isOpen: (id) => live.openFor.has(id),
      hasTaken: () => live.openFor.size > 0,
    },
    bidders: {
      seal: (secret) => `sealed:${secret.length}`,
      isOurs: (token) => token === 'ours',
      stateOf: () => null,
    },
    pings: {
      ownerOf: (number) => stores.numbers.all().find((each) => each.number === number)?.accountId ?? null,
      onlyNumberOf: () => null,
      ask: () => ({ kind: 'rejected', auctionId: null, reasons: [] }),
      quoted: () => null,
      decision: () => null,
    },
    reachOf: () => UNKNOWN_REACH,
    registrationOf: () => null,
    events: bus,
    health: { ready: () => true, checks: async () => [{ name: 'database', status: 'up' }] },
    compliance: {
      tryRule: () => () => null,
      ruleCount: () => 0,
      consentRoom: () => 1_000_000,
      suppression: new SuppressionLists(),
    },
    listLoaded: async () => {},
    reassignedKept: async () => {},
    auditKeys: () => [],
    judgeHours: ({ time, leg }) => ({
      allowed: true,
      effect: leg === 'inbound' ? 'advisory' : 'allow',
      rule: 'federal_hours',
      version: '2026-11-21',
      evidence: 'npa',
      source: '47 CFR 64.1200(c)(1)',
      places: [{ state: 'TX', timezone: 'America/Chicago', localTime: time.toISOString(), window: '08:00-21:00' }],
      nextAllowedAt: null,
    }),
    validatePhone,
    effectiveConfig: () => ({ server: { port: 8080 }, database: { url: '***' } }),
    renderMetrics: async () => ({ contentType: 'text/plain; version=0.0.4', body: 'dce_up 1\n' }),
    resolveZip: (zip) => (zip === '75001' ? { lat: 32.96, lon: -96.84, city: 'Addison', state: 'TX' } : null),
    house: { operatorId: operator.id, externalId: external.id },
    keys: testKeys,
    passwords: {
      hash: async (password) => `plain:${password}`,
      verify: async (password, hash) => hash === `plain:${password}`,
    },
    sip: {
      realm: 'dce',
      digestOf: (username, password) => ({ realm: 'dce', md5: `md5:${username}`, sha256: sha256(password) }),
      ownerOf: (username) => stores.sipUsers.all().find((user) => user.username === username)?.accountId ?? null,
      bindingsOf: () => [],
      isCarrier: (uri) => uri.includes('@carrier.example'),
      usernameIn: (uri) => /^sips?:([^@]+)@dce(?:;|$)/.exec(uri)?.[1] ?? null,
    },
    recordings: { of: async () => [], open: async () => null, heard: async () => {}, erase: async () => {} },
    audio: {
      hasTools: true,
      mayRecord: true,
      promptFault: async (name) => (name.startsWith('no-') ? `prompt ${name}: there is no such file` : null),
    },
    clickTokens: {
      ownerOf: (number) => stores.numbers.all().find((each) => each.number === number)?.accountId ?? null,
      issue: () => ({ username: 'click-1', password: 'secret' }),
    },
    apiKeys: {
      generate() {
        const secret = `dce_${randomBytes(24).toString('base64url')}`
        return { secret, hash: sha256(secret) }
      },
      hash: sha256,
    },
    version: '0.0.0-test',
    log: { info: () => undefined, warn: () => undefined, error: (fields) => void errors.push(fields) },
    clock,
    ...changes,
    payments: changes.payments ?? null,
    payouts: {
      vault: null,
      originator: null,
      minimumMicros: 25_000_000n,
      schedule: { holdDays: 7, leadDays: 1 },
      isPrenoted: false,
      clearingId: PAYOUT_CLEARING_ACCOUNT_ID,
      ...changes.payouts,
    },
    settings: {
      host: '127.0.0.1',
      port: 0,
      bodyLimitBytes: 1_000_000,
      tokenExpirySeconds: 900,
      refreshTokenExpirySeconds: 86_400,
      loginPerMinute: 10_000,
      disputeDays: 7,
      webrtc: {
        sipUrl: null,
        wsPort: 5066,
        wssPort: 7443,
        stun: [],
        turnUrls: [],
        turnSecret: null,
        turnTtlMs: 3_600_000,
        tokensPerMinute: 1000,
      },
      wsMaxClients: 10,
      wsBufferBytes: 1_000_000,
      ...changes.settings,
    },
  }
  const api = await createApi(options)
  const { port } = await api.listen()
  const url = `http://127.0.0.1:${port}`

  async function request(method: string, path: string, more: RequestOptions = {}): Promise<Reply> {
    const { token, json, body, headers } = more
    const response = await fetch(url + (path.startsWith('/') && !path.startsWith('//') ? path : `/api/v1/${path}`), {
      method,
      headers: {
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...(json === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(json === undefined ? (body === undefined ? {} : { body }) : { body: JSON.stringify(json) }),
      redirect: 'manual',
    })
    const text = await response.text()
    const isJson = /json/.test(response.headers.get('content-type') ?? '')
    return { status: response.status, headers: response.headers, body: isJson && text !== '' ? JSON.parse(text) : text }
  }

  let people = 0
  async function person(type: Exclude<AccountType, 'external'>, name = type as string): Promise<Person> {
    const account = type === 'operator' ? (operator as Account) : await makeAccount(type, name)
    const email = `${name.replace(/\W/g, '')}${++people}@example.com`
    await stores.users.create({ accountId: account.id, email, role: ROLES[type]!, passwordHash: 'plain:correct horse' })
    const reply = await request('POST', 'auth/login', { json: { email, password: 'correct horse' } })
    return { account, token: reply.body.access_token as string }
  }

  return { api, url, port, stores, bus, clock, live, errors, held, house: options.house, options, person, request }
}
