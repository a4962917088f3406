import type { AchOriginator } from '../../accounts/ach-file.ts'
import { createBankVault } from '../../accounts/bank-vault.ts'
import type { Account } from '../../model/account.ts'
import type { DomainEvent } from '../../model/events.ts'
import { newId, type AccountId, type CallId, type PostingId } from '../../model/ids.ts'
import type { Posting } from '../../model/ledger.ts'
import type { Micros } from '../../model/money.ts'
import { EXTERNAL_ACCOUNT_ID, OPERATOR_ACCOUNT_ID, PAYOUT_CLEARING_ACCOUNT_ID } from '../../storage/house-accounts.ts'
import { startApi, type ApiHarness, type Person } from './api-harness.ts'
import { openTestStorage, type TestStorage } from './storage.ts'

const DAY_MS = 86_400_000

export const BANK: AchOriginator = {
  destination: '091000019',
  destinationName: 'WELLS FARGO',
  origin: '1234567890',
  originName: 'DEPENDABLE CALLS INC',
  companyName: 'DEPENDABLE CALLS',
  companyId: '1234567890',
  description: 'PAYOUT',
}

/** A bank account as a seller gives it. */
export const GIVEN = {
  holder: 'Jane Seller',
  holder_type: 'person',
  routing_number: '021000021',
  account_number: '9876543210',
}

/** The API on PostgreSQL, with sellers who have earned something. */
export interface PayoutStage {
  readonly storage: TestStorage
  readonly api: ApiHarness
  readonly admin: Person
  readonly events: DomainEvent[]
  /** Money for a call, from the house. Negative: taken back. */
  earn(sellerId: AccountId, amountMicros: Micros, at?: Date): Promise<Posting>
  /** A statement of everything until then. */
  close(seller: Account, until?: Date): Promise<void>
  /** A seller with a bank account, and a statement of that much. */
  seller(amountMicros: Micros, bank?: Partial<typeof GIVEN>): Promise<Person>
  balance(id: AccountId): Promise<Micros>
  end(): Promise<void>
}

export const daysAgo = (days: number): Date => new Date(Date.now() - days * DAY_MS)

export async function openPayoutStage(
  changes: Partial<ApiHarness['options']['payouts']> = {},
  more: Partial<Pick<ApiHarness['options'], 'payments'>> = {},
): Promise<PayoutStage> {
  const storage = await openTestStorage()
  await storage.book.load(() => {})
  const known = (id: AccountId): Micros =>
    storage.changes
      .flatMap((change) => (change.kind === 'posting' ? change.posting.entries : []))
      .reduce((sum, { accountId, amountMicros }) => (accountId === id ? sum + amountMicros : sum), 0n)
  const api = await startApi({
    ...more,
    stores: storage.stores,
    house: { operatorId: OPERATOR_ACCOUNT_ID, externalId: EXTERNAL_ACCOUNT_ID },
    balances: { balanceMicros: known, heldMicros: () => 0n, availableMicros: known },
    payouts: {
      vault: createBankVault([{ id: 'k', key: Buffer.alloc(32, 7) }]),
      originator: BANK,
      minimumMicros: 25_000_000n,
      schedule: { holdDays: 7, leadDays: 1 },
      isPrenoted: false,
      clearingId: PAYOUT_CLEARING_ACCOUNT_ID,
      ...changes,
    },
  })
  const events: DomainEvent[] = []
  api.bus.subscribe((event) => events.push(event))
  let sellers = 0
  const stage: PayoutStage = {
    storage,
    api,
    admin: await api.person('operator'),
    events,
    earn(sellerId, amountMicros, at = daysAgo(20)) {
      const isCall = amountMicros > 0n
      const id = newId<PostingId>()
      return storage.stores.ledger.post({
        id,
        kind: isCall ? 'call' : 'correction',
        callId: isCall ? newId<CallId>() : null,
        currency: 'USD',
        reference: id,
        entries: [
          { accountId: sellerId, amountMicros },
          { accountId: OPERATOR_ACCOUNT_ID, amountMicros: -amountMicros },
        ],
        postedAt: at,
      })
    },
    async close(seller, until = daysAgo(10)) {
      const from = new Date(until.getTime() - 300 * DAY_MS)
      const period = until.toISOString().slice(0, 7)
      await storage.invoices.issue({ accountId: seller.id, currency: 'USD' }, { period, from, until }, new Date())
    },
    async seller(amountMicros, bank = {}) {
      const person = await api.person('seller', `seller ${++sellers}`)
      const { id } = person.account
      const reply = await api.request('POST', `accounts/${id}/bank-account`, {
        token: person.token,
        json: { ...GIVEN, ...bank },
      })
      if (reply.status !== 201) throw new Error(JSON.stringify(reply.body))
      if (amountMicros > 0n) {
        await stage.earn(id, amountMicros)
        await stage.close(person.account)
      }
      return person
    },
    async balance(id) {
      const [row] = await storage.queries.rows(
        'select sum(balance_micros)::text as micros from account_balances where account_id = $1',
        [id],
      )
      return BigInt(row!['micros'] ?? 0)
    },
    async end() {
      await api.api.close()
      await storage.close()
    },
  }
  return stage
}
