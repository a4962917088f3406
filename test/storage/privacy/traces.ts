import fc from 'fast-check'
import type { CallRecord } from '../../../model/cdr.ts'
import { newId } from '../../../model/ids.ts'
import type { PhoneNumber } from '../../../model/phone-number.ts'
import { packDecision } from '../../../storage/decision-rows.ts'
import { callRecord } from '../../support/records.ts'
import type { TestStorage } from '../../support/storage.ts'

/** The person's. */
export const NUMBER = '+12125550123' as PhoneNumber
/** Somebody else's. */
export const OTHER = '+12125550199' as PhoneNumber
const SPELLINGS = ['+12125550123', '12125550123', '2125550123', '(212) 555-0123', '1-212-555-0123', '%2B12125550123']

/** One way for a number to get into the database. */
export interface Trace {
  readonly place: keyof typeof WAYS
  readonly spelling: string
  readonly around: string
}

export function traceOf(): fc.Arbitrary<Trace> {
  return fc.record({
    place: fc.constantFrom(...(Object.keys(WAYS) as (keyof typeof WAYS)[])),
    spelling: fc.constantFrom(...SPELLINGS),
    around: fc.constantFrom('', 'call ', 'sip:', '"', 'é ', '\\', 'x\n'),
  })
}

type Way = (storage: TestStorage, said: string) => Promise<unknown>

const sql =
  (text: string, ...more: unknown[]): Way =>
  (storage, said) =>
    storage.queries.rows(text, [...more.map((each) => (typeof each === 'function' ? each() : each)), said])

/** Into every kind of place: the names are those of tables. */
const WAYS = {
  calls: (storage) => writeCall(storage, { ani: NUMBER }),
  'calls by dnis': (storage) => writeCall(storage, { ani: null, dnis: NUMBER }),
  'calls in a leg': (storage, said) => {
    const call = callRecord()
    return writeCall(storage, { ani: OTHER, legs: [{ ...call.legs[0]!, uri: said }] })
  },
  'calls in their trace': (storage, said) =>
    writeCall(storage, { ani: null, trace: [{ atMs: 1, step: 'transfer', detail: said }] }),
  auctions: sql(
    `insert into auctions (id, call_id, number_id, vertical, currency, reserve_price_micros, price_rule, awards, non_bids, non_bids_omitted, decided_at, final)
     values ($1, $1, $1, 'x', 'USD', 0, 'first', jsonb_build_array($2::text), '[]', 0, now(), true)`,
    newId,
  ),
  decisions: (storage, said) =>
    storage.queries.rows('insert into decisions (auction_id, call_id, body) values ($1, $1, $2)', [
      newId(),
      packDecision(JSON.stringify({ said, long: 'x'.repeat(said.length > 14 ? 20_000 : 10) })),
    ]),
  decision_parts: sql('insert into decision_parts (hash, body) values ($1, to_json($2::text)::text)', newId),
  tracking_events: sql(
    `insert into tracking_events (id, call_id, account_id, role, type, event_id, received_at, tags)
     values ($1, $1, $1, 'buyer', 'sale', $2, now(), jsonb_build_object('phone', $2::text, $2::text, 12125550123))`,
    newId,
  ),
  disputes: async (storage, said) => {
    const { id } = await accountOf(storage)
    await storage.queries.rows(
      `insert into disputes (id, call_id, buyer_id, seller_id, currency, charged_micros, paid_micros, reason, note, state, opened_at)
       values ($1, $1, $2, $2, 'USD', 1, 1, 'other', $3, 'open', now())`,
      [newId(), id, said],
    )
  },
  call_monitorings: sql(
    `insert into call_monitorings (id, monitor_id, call_id, at, event, mode, supervisor, dialog)
     values ($1, $1, $1, now(), 'started', 'listen', $2, jsonb_build_object('uri', $2::text))`,
    newId,
  ),
  quarantine: sql(`insert into quarantine (gateway_id, record, error) values ('g', to_json($1::text)::text, $1)`),
  outbox: (storage, said) =>
    storage.writer.write({
      kind: 'events',
      callId: null,
      events: [eventOf(said)],
    } as never),
  outbox_dead_letters: sql(
    `insert into outbox_dead_letters (attempts, error, event) values (1, $1, to_json($1::text)::text)`,
  ),
  idempotency_keys: sql(
    `insert into idempotency_keys (scope, key, request_hash, begun_at, status, body) values ('s', $1, 'h', now(), 200, to_json($2::text)::text)`,
    newId,
  ),
  compliance_rule_history: sql(
    `insert into compliance_rule_history (rule_id, version, deed, changed_by, rule) values ($1, 1, 'deleted', 'x', jsonb_build_object('terms', $2::text))`,
    newId,
  ),
  dnc_entries: (storage) =>
    storage.queries.rows(
      `insert into dnc_entries (list, number, reason, added_at) values ('blocked', $1, $1, now()) on conflict do nothing`,
      [NUMBER],
    ),
  reassigned_answers: (storage) =>
    storage.queries.rows(
      `insert into reassigned_answers (number, consent_date, answer, asked_at) values ($1, current_date, 'no', clock_timestamp())`,
      [NUMBER],
    ),
  consents: async (storage, said) => {
    const id = newId()
    await storage.queries.rows(
      `insert into consents (id, number, version, captured_at, given_at, channels, certificates, certified_at, sellers, accounts, fingerprint)
       values ($1, $2, 1, now(), now(), '{call}', '{}', now(), 1, '{}', sha256(convert_to(gen_random_uuid()::text, 'UTF8')))`,
      [id, NUMBER],
    )
    await storage.queries.rows(
      `insert into consent_versions (id, version, deed, at, by, record, hash) values ($1, 1, 'captured', now(), 'x', jsonb_build_object('text', $2::text), '')`,
      [id, said],
    )
  },
  book_changes: sql(
    `select list_book_change('dnc', null, jsonb_build_object('list', 'internal', 'add', jsonb_build_array('${NUMBER}', '${OTHER}'), 'note', $1::text))`,
  ),
  // One account, so that two spellings are two references of it.
  ledger_postings: async (storage, said) => {
    const [known] = await storage.queries.rows(`select id from accounts where type = 'buyer' limit 1`)
    const id = known?.['id'] ?? (await accountOf(storage)).id
    await storage.queries.rows(
      `insert into ledger_postings (id, kind, account_id, currency, reference, posted_at) values ($1, 'deposit', $2, 'USD', $3, now()) on conflict do nothing`,
      [newId(), id, said],
    )
  },
} satisfies Record<string, Way>

/** Writes it as it would have come. */
export function leave(storage: TestStorage, { place, spelling, around }: Trace): Promise<unknown> {
  return WAYS[place](storage, `${around}${spelling}`)
}

export async function accountOf(storage: TestStorage) {
  return storage.stores.accounts.create({
    type: 'buyer',
    name: 'Buyer',
    email: null,
    status: 'active',
    currency: 'USD',
    timezone: 'UTC',
    creditLimitMicros: 0n,
  })
}

/** An ended call with its audit and its event. */
export async function writeCall(storage: TestStorage, changes: Partial<CallRecord>): Promise<CallRecord> {
  const call = callRecord({
    state: 'ended',
    outcome: 'no_sale',
    endedAt: new Date(),
    ...changes,
  })
  await storage.writer.write({
    kind: 'ended',
    call,
    auction: null,
    audit: {
      callId: call.id,
      number: call.ani,
      at: call.receivedAt,
      inputs: { ani: call.ani, dnis: call.dnis, note: 'tab\tquote" back\\ \u2028' },
      checks: call.checks,
    },
    posting: null,
    conversion: null,
    events: [eventOf(call.ani)],
  } as never)
  return call
}

export function eventOf(from: string | null): object {
  return { id: newId(), type: 'call.ended', time: '', version: 1, callId: newId(), payload: { from }, audience: {} }
}
