import {
  StoreConflict,
  VersionMismatch,
  type AuctionStore,
  type CallFilter,
  type CallStore,
  type DisputeStore,
  type DncStore,
  type SuppressionStore,
  type Draft,
  type IdempotencyStore,
  type InvoiceStore,
  type LedgerStore,
  type Page,
  type PageRequest,
  type Store,
  type Stores,
} from '../../api/needs.ts'
import type { Account, Stored } from '../../model/account.ts'
import type { Auction } from '../../model/auction.ts'
import { ANY_CALL, type Bid, type Campaign } from '../../model/bid.ts'
import type { Bidder } from '../../model/bidder.ts'
import type { CallRecord } from '../../model/cdr.ts'
import type { Dispute, PaidByConversion } from '../../model/dispute.ts'
import type { ComplianceRule } from '../../model/compliance-rule.ts'
import type { DncEntry } from '../../model/dnc.ts'
import type { SuppressionList } from '../../model/suppression-list.ts'
import { newId, type AccountId } from '../../model/ids.ts'
import type { FraudBlock } from '../../model/fraud.ts'
import type { Invoice, InvoiceLine } from '../../model/invoice.ts'
import { PrivacyUnable } from '../../model/privacy.ts'
import type { Posting } from '../../model/ledger.ts'
import type { SipUser } from '../../model/sip-user.ts'
import type { Webhook } from '../../model/webhook.ts'
import type { StoredTracking } from '../../model/tracking.ts'
import type { DialledNumber, Target, Trunk } from '../../model/trunk.ts'
import { memoryConsents } from './consents.ts'
import { reports } from './memory-reports.ts'
import { apiKeys, refreshTokens, users } from './memory-users.ts'

/** What tests may look into and fill. */
export interface MemoryStores extends Stores {
  readonly postings: Posting[]
  readonly sipUsers: Store<SipUser> & { all(): SipUser[] }
  readonly numbers: Store<DialledNumber> & { all(): DialledNumber[] }
  readonly callRecords: Map<string, CallRecord>
  /** What calls that are paid by conversion have cost. */
  readonly conversions: Map<string, PaidByConversion>
  readonly auctionRecords: Map<string, Auction>
  readonly trackedEvents: Map<string, StoredTracking>
  /** Invoices with their lines. */
  readonly invoiceRecords: Map<string, { invoice: Invoice; lines: readonly InvoiceLine[] }>
  /** While set, every write and read of things throws it: a database that has gone. */
  failure: Error | null
}

type Thing = Stored & { id: string; accountId?: AccountId; status?: string }

/** Newest first, cut by an opaque cursor: the id of the last one given. */
function pageOf<T>(items: readonly T[], idOf: (item: T) => string, { limit, cursor }: PageRequest): Page<T> {
  const sorted = items.toSorted((a, b) => (idOf(a) < idOf(b) ? 1 : -1))
  const rest = cursor === null ? sorted : sorted.filter((item) => idOf(item) < cursor)
  const data = rest.slice(0, limit)
  return { data, nextCursor: rest.length > limit ? idOf(data.at(-1)!) : null }
}

/** The stores of api/needs.ts in memory, with the rules a database would keep: uniqueness, references, versions. */
export function createMemoryStores(): MemoryStores {
  const self = { failure: null as Error | null }
  const tick = async () => {
    if (self.failure) throw self.failure
  }

  function store<T extends Thing>(
    requireUnique: (thing: T, others: () => T[]) => void = () => undefined,
    requireUnused: (thing: T) => void = () => undefined,
  ): Store<T> & { all(): T[] } {
    const things = new Map<string, T>()
    const others = (id: string) => [...things.values()].filter((thing) => thing.id !== id)
    return {
      all: () => [...things.values()],
      async create(draft, announce) {
        await tick()
        const now = new Date()
        const thing = { ...draft, id: newId<string>(), version: 1, createdAt: now, updatedAt: now } as unknown as T
        requireUnique(thing, () => others(thing.id))
        things.set(thing.id, thing)
        announce?.(thing)
        return thing
      },
      async find(id) {
        await tick()
        return things.get(id) ?? null
      },
      async list(page, filter) {
        await tick()
        const found = [...things.values()].filter(
          (thing) =>
            (filter.accountId === undefined || thing.accountId === filter.accountId) &&
            (filter.status === undefined || thing.status === filter.status),
        )
        return pageOf(found, (thing) => thing.id, page)
      },
      async update(id, changes: Partial<Draft<T>>, ifVersion) {
        await tick()
        const current = things.get(id)
        if (!current) return null
        if (ifVersion !== null && ifVersion !== current.version) throw new VersionMismatch(`at ${current.version}`)
        const changed = { ...current, ...changes, version: current.version + 1, updatedAt: new Date() }
        requireUnique(changed, () => others(id))
        things.set(id, changed)
        return changed
      },
      async remove(id) {
        await tick()
        const thing = things.get(id)
        if (thing) requireUnused(thing)
        return things.delete(id)
      },
    }
  }

  const bids = store<Bid>()
  const campaigns = store<Campaign>(undefined, (campaign) => {
    if (bids.all().some((bid) => bid.campaignId === campaign.id))
      throw new StoreConflict('id', 'bids use this campaign')
  })
  const targets = store<Target>(undefined, (target) => {
    if (bids.all().some((bid) => bid.targetId === target.id)) throw new StoreConflict('id', 'bids use this target')
  })
  const numbers = store<DialledNumber>((number, others) => {
    if (others().some((other) => other.number === number.number))
      throw new StoreConflict('number', 'the number is taken')
  })
  const accounts = store<Account & { accountId?: never }>()
  const postings: Posting[] = []
  const callRecords = new Map<string, CallRecord>()
  const conversions: MemoryStores['conversions'] = new Map()
  const auctionRecords = new Map<string, Auction>()
  const trackedEvents: MemoryStores['trackedEvents'] = new Map()
  const invoiceRecords: MemoryStores['invoiceRecords'] = new Map()

  const stores: Omit<MemoryStores, 'failure'> = {
    privacy: noPrivacy,
    accounts,
    users: users(tick),
    apiKeys: apiKeys(tick),
    refreshTokens: refreshTokens(),
    trunks: store<Trunk>(),
    sipUsers: store<SipUser>((user, others) => {
      if (others().some((other) => other.username === user.username))
        throw new StoreConflict('username', 'the username is taken')
    }),
    numbers,
    targets,
    campaigns,
    async defaultCampaign(accountId) {
      const found = campaigns.all().find((campaign) => campaign.accountId === accountId && campaign.isDefault)
      if (found) return found.id
      const account = await accounts.find(accountId)
      const made = await campaigns.create({
        accountId,
        name: 'Default',
        status: 'active',
        timezone: account?.timezone ?? 'UTC',
        budget: { dailyMicros: null, totalMicros: null },
        caps: { hourly: null, daily: null, monthly: null, total: null, concurrent: null },
        frequency: null,
        schedule: null,
        criteria: ANY_CALL,
        stopCodes: null,
        isDefault: true,
      })
      return made.id
    },
    bids,
    complianceRules: store<ComplianceRule>(),
    ruleHistory: async () => [],
    async *screenedCalls() {},
    bidders: store<Bidder>(),
    fraud: onPostgresOnly(),
    fraudBlocks: store<FraudBlock>(),
    audit: { blocksAfter: async () => [], linesBetween: async () => [], ofCall: async () => [], async *export() {} },
    dnc: dnc(tick),
    reassigned: onPostgresOnly(),
    suppression: { ...onPostgresOnly<SuppressionStore>(), lists: store<SuppressionList>() },
    consents: memoryConsents(),
    ledger: ledger(postings, tick),
    disputes: disputes(postings, conversions),
    invoices: invoices(invoiceRecords),
    bankAccounts: onPostgresOnly(),
    payouts: onPostgresOnly(),
    payoutRuns: onPostgresOnly(),
    payments: onPostgresOnly(),
    reports: reports(callRecords),
    tracking: {
      async list(page, { accountId, callId, type }) {
        const found = [...trackedEvents.values()].filter(
          (event) =>
            (accountId === undefined || event.accountId === accountId) &&
            (callId === undefined || event.callId === callId) &&
            (type === undefined || event.type === type),
        )
        return pageOf(found, (event) => event.id, page)
      },
      figures: async () => ({
        calls: 0,
        callsOver: 0,
        converted: 0,
        convertedOver: 0,
        chargedMicros: 0n,
        chargedOverMicros: 0n,
        mostOverMicros: 0n,
      }),
    },
    webhooks: store<Webhook>(),
    deliveries: { list: async () => ({ data: [], nextCursor: null }), replay: async () => 0 },
    trackedEvents,
    invoiceRecords,
    calls: calls(callRecords),
    auctions: auctions(auctionRecords),
    decisions: { findByCall: async () => null, between: async function* () {} },
    idempotency: idempotency(),
    postings,
    callRecords,
    conversions,
    auctionRecords,
  }
  return Object.assign(self, stores)
}

/** What is tested with the database that it is half of. */
function onPostgresOnly<T extends object>(): T {
  const refuse = () => Promise.reject(new Error('this is not kept in memory'))
  return new Proxy({} as T, { get: () => refuse })
}

function dnc(tick: () => Promise<void>): DncStore {
  const all = new Map<string, DncEntry>()
  return {
    async add(list, numbers, reason) {
      await tick()
      let added = 0
      for (const number of numbers) {
        const key = `${list} ${number}`
        if (all.has(key)) continue
        all.set(key, { number, list, reason, addedAt: new Date() })
        added++
      }
      return added
    },
    remove: async (list, number) => all.delete(`${list} ${number}`),
    find: async (number) => [...all.values()].filter((entry) => entry.number === number),
    async list(list, page) {
      const found = [...all].filter(([, entry]) => list === null || entry.list === list)
      const { data, nextCursor } = pageOf(found, ([key]) => key, page)
      return { data: data.map(([, entry]) => entry), nextCursor }
    },
  }
}

function disputes(postings: Posting[], conversions: MemoryStores['conversions']): DisputeStore {
  const all = new Map<string, Dispute>()
  return {
    paidByConversion: async (callId) => conversions.get(callId) ?? null,
    async open(dispute) {
      if ([...all.values()].some(({ callId, state }) => callId === dispute.callId && state !== 'withdrawn'))
        throw new StoreConflict('callId', 'the call has been disputed already')
      all.set(dispute.id, dispute)
    },
    find: async (id) => all.get(id) ?? null,
    list: async (page, filter) =>
      pageOf(
        [...all.values()].filter(
          (dispute) =>
            (filter.buyerId ?? dispute.buyerId) === dispute.buyerId &&
            (filter.sellerId ?? dispute.sellerId) === dispute.sellerId &&
            (filter.callId ?? dispute.callId) === dispute.callId &&
            (filter.state ?? dispute.state) === dispute.state,
        ),
        ({ id }) => id,
        page,
      ),
    async decide(id, decision, posting, announce) {
      const dispute = all.get(id)
      if (dispute?.state !== 'open') return null
      if (posting) {
        postings.push(posting)
        announce?.((account) => balanceOf(postings, account))
      }
      const decided = { ...dispute, ...decision }
      all.set(id, decided)
      return decided
    },
  }
}

function invoices(records: MemoryStores['invoiceRecords']): InvoiceStore {
  return {
    find: async (id) => records.get(id)?.invoice ?? null,
    list: async (accountId, page) =>
      pageOf(
        [...records.values()].map(({ invoice }) => invoice).filter((invoice) => invoice.accountId === accountId),
        ({ id }) => id,
        page,
      ),
    async *lines({ id }) {
      yield records.get(id)!.lines
    },
  }
}

function ledger(postings: Posting[], tick: () => Promise<void>): LedgerStore {
  return {
    async post(posting, announce) {
      await tick()
      const owner = posting.entries[0]!.accountId
      const known = postings.find(
        ({ kind, reference, entries }) =>
          kind === posting.kind && reference === posting.reference && entries[0]!.accountId === owner,
      )
      if (known) return known
      postings.push(posting)
      try {
        announce?.((id) => balanceOf(postings, id))
      } catch (error) {
        postings.pop()
        throw error
      }
      return posting
    },
    async entries(accountId, page) {
      let balanceMicros = 0n
      const entries = postings.flatMap((posting) =>
        posting.entries
          .filter((entry) => entry.accountId === accountId)
          .map(({ amountMicros }) => {
            balanceMicros += amountMicros
            return { posting, kind: posting.kind, amountMicros, balanceMicros }
          }),
      )
      return pageOf(entries, (entry) => entry.posting.id, page)
    },
    async verify() {
      return {
        postings: postings.length,
        totals: [],
        unbalanced: [],
        duplicateCalls: [],
        faults: [],
        openHolds: { calls: 0, since: null },
      }
    },
  }
}

const matches = (call: CallRecord, filter: CallFilter) =>
  (filter.sellerId === undefined || call.sellerId === filter.sellerId) &&
  (filter.buyerId === undefined || call.buyerId === filter.buyerId) &&
  (filter.outcome === undefined || call.outcome === filter.outcome) &&
  (filter.state === undefined || call.state === filter.state) &&
  (filter.from === undefined || call.ani === filter.from) &&
  (filter.to === undefined || call.dnis === filter.to) &&
  (filter.sipCallId === undefined || call.legs[0]?.sipCallId === filter.sipCallId) &&
  (filter.since === undefined || call.receivedAt >= filter.since) &&
  (filter.until === undefined || call.receivedAt < filter.until)

function calls(records: Map<string, CallRecord>): CallStore {
  return {
    find: async (id) => records.get(id) ?? null,
    parties: async (id) => records.get(id) ?? null,
    list: async (page, filter) =>
      pageOf(
        [...records.values()].filter((call) => matches(call, filter)),
        (call) => call.id,
        page,
      ),
  }
}

function auctions(records: Map<string, Auction>): AuctionStore {
  return {
    find: async (id) => records.get(id) ?? null,
    findByCall: async (callId) => [...records.values()].find((auction) => auction.callId === callId) ?? null,
  }
}

function idempotency(): IdempotencyStore {
  type Kept = { requestHash: string; answer: { status: number; body: string; etag: string | null } | null }
  const all = new Map<string, Kept>()
  return {
    async begin(scope, key, requestHash) {
      const kept = all.get(`${scope} ${key}`)
      if (!kept) {
        all.set(`${scope} ${key}`, { requestHash, answer: null })
        return null
      }
      return kept.answer ? { ...kept.answer, requestHash: kept.requestHash } : 'busy'
    },
    async finish(scope, key, answer) {
      const kept = all.get(`${scope} ${key}`)
      if (kept) kept.answer = answer
    },
    async abandon(scope, key) {
      all.delete(`${scope} ${key}`)
    },
  }
}

function balanceOf(postings: readonly Posting[], id: AccountId): bigint {
  const entries = postings.flatMap((posting) => posting.entries).filter(({ accountId }) => accountId === id)
  return entries.reduce((sum, { amountMicros }) => sum + amountMicros, 0n)
}

/** Privacy is about tables: its tests have a database. */
const noPrivacy: Stores['privacy'] = {
  async *export() {},
  erase: () => Promise.reject(new PrivacyUnable()),
  erasures: async () => ({ data: [], nextCursor: null }),
  look: async () => [],
  verifyArchive: async () => ({ chunks: 0, rows: 0, faults: [] }),
  archivedOf: async () => [],
}
