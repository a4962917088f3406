import type { LedgerVerdict } from '../api/needs.ts'
import { readMicros } from './columns.ts'
import type { Postgres } from './postgres.ts'

/** Faults said of one kind: where there are more, something is wrong with all of it. */
const MOST_FAULTS = 100

/** The posting has the account's entry of this much, and there is such a posting. */
const moved = (posting: string, account: string, micros: string): string => `exists (
  select from ledger_entries e where e.posting_id = ${posting} and e.account_id = ${account} and e.amount_micros = ${micros})`

/** Each a select of what is wrong, a line for a fault. */
const FAULTS: readonly string[] = [
  // Every call that has ended is settled as its record says, once; what is paid by conversion is checked below.
  `select 'call ' || c.id || ': its record says ' || c.price_micros || ' and ' || c.payout_micros || ' ' || c.currency || ', the ledger '
     || coalesce(-b.amount_micros, 0) || ' and ' || coalesce(s.amount_micros, 0) || ' ' || coalesce(p.currency, '')
   from calls c
   left join ledger_postings p on p.call_id = c.id and p.kind = 'call'
   left join ledger_entries b on b.posting_id = p.id and b.account_id = c.buyer_id
   left join ledger_entries s on s.posting_id = p.id and s.account_id = c.seller_id
   where (c.price_micros <> coalesce(-b.amount_micros, 0) or c.payout_micros <> coalesce(s.amount_micros, 0) or p.currency <> c.currency)
     and not exists (select from conversion_sales v where v.call_id = c.id)`,
  `select 'call ' || p.call_id || ': settled without a record' from ledger_postings p
   where p.call_id is not null and not exists (select from calls c where c.id = p.call_id)`,
  `select 'call ' || v.call_id || ': charged ' || v.charged_micros || ' and paid ' || v.paid_micros || ' by ' || v.postings || ' postings, the ledger has '
     || l.charged || ' and ' || l.paid || ' by ' || l.postings
   from conversion_sales v, lateral (
     select coalesce(-sum(e.amount_micros) filter (where e.account_id = v.buyer_id), 0) as charged,
            coalesce(sum(e.amount_micros) filter (where e.account_id = v.seller_id), 0) as paid, count(distinct p.id) as postings
     from ledger_postings p join ledger_entries e on e.posting_id = p.id where p.call_id = v.call_id and p.kind = 'conversion'
   ) l where (v.charged_micros, v.paid_micros, v.postings) is distinct from (l.charged, l.paid, l.postings)`,
  // By the minute a call costs the whole cents of the seconds that its record has, at the rate that it has, and at least one.
  `select 'call ' || c.id || ': by the minute its ' || (m -> 'price' ->> 'seconds') || ' s at ' || (m -> 'price' ->> 'rateMicros') || ' are not the '
     || c.price_micros || ' of its record'
   from calls c, jsonb_array_elements(c.legs) leg, lateral (select leg -> 'minutes') as l(m)
   where jsonb_typeof(m -> 'price') = 'object' and c.price_micros
     <> greatest(1, div((m -> 'price' ->> 'rateMicros')::numeric * (m -> 'price' ->> 'seconds')::bigint, 600000)) * 10000`,
  `select 'call ' || c.id || ': by the minute what its seller is due is not the ' || c.payout_micros || ' of its record'
   from calls c, jsonb_array_elements(c.legs) leg, lateral (select leg -> 'minutes') as l(m)
   where jsonb_typeof(m -> 'payout') = 'object' and not exists (select from conversion_sales v where v.call_id = c.id) and c.payout_micros
     <> least(c.price_micros, div((m -> 'payout' ->> 'rateMicros')::numeric * (m -> 'payout' ->> 'seconds')::bigint, 600000) * 10000)`,
  // No funds are held for a call that is over.
  `select 'call ' || o.call_id || ': it has ended, and its hold has not' from open_calls o join calls c on c.id = o.call_id`,
  `select 'dispute ' || d.id || ': accepted, and not credited' from disputes d
   where d.state = 'accepted' and not ${moved('d.posting_id', 'd.buyer_id', 'd.credit_micros')}`,
  // Every payout left its seller once, and came back once when the bank returned it.
  `select 'payout ' || p.id || ': not taken from the seller' from payouts p
   where p.amount_micros > 0 and not ${moved('p.posting_id', 'p.account_id', '-p.amount_micros')}`,
  `select 'payout ' || p.id || ': returned, and not given back' from payouts p
   where p.amount_micros > 0 and p.state = 'returned' and not ${moved('p.return_posting_id', 'p.account_id', 'p.amount_micros')}`,
  `select 'posting ' || q.id || ' (' || q.reference || '): no payout is its' from ledger_postings q
   where exists (select from ledger_entries e where e.posting_id = q.id and e.account_id = '00000000-0000-7000-8000-000000000003')
     and not exists (select from payouts p where q.id in (p.posting_id, p.settled_posting_id, p.return_posting_id))`,
  `select 'payouts under way are ' || sent.micros || ' USD, the ledger has ' || has.micros
   from (select coalesce(sum(amount_micros), 0) as micros from payouts where state = 'sent') sent,
        (select coalesce(sum(balance_micros), 0) as micros from account_balances
         where account_id = '00000000-0000-7000-8000-000000000003') has
   where sent.micros <> has.micros`,
  // Every deposit by a provider is credited as far as the provider's news say, once.
  `select 'payment ' || m.payment_id || ': credited ' || m.posted_micros || ' by ' || m.postings || ' postings, the ledger has ' || l.micros || ' by ' || l.postings
   from payments m, lateral (
     select coalesce(sum(e.amount_micros), 0) as micros, count(*) as postings
     from ledger_postings p join ledger_entries e on e.posting_id = p.id and e.account_id = m.account_id
     where p.kind = 'deposit' and p.account_id = m.account_id and starts_with(p.reference, m.provider || ' ' || m.payment_id || ' ')
   ) l where (m.posted_micros, m.postings) is distinct from (l.micros, l.postings)`,
  // Closed months, and what came after them, are the whole of an account.
  `select 'statement ' || i.number || ': with what came after it, it is not the balance of ' || i.account_id || ' ' || i.currency
   from (select distinct on (account_id, currency) * from invoices order by account_id, currency, until_at desc) i
   join account_balances b on b.account_id = i.account_id and b.currency = i.currency
   where b.balance_micros <> i.closing_micros + (
     select coalesce(sum(e.amount_micros), 0) from ledger_entries e join ledger_postings p on p.id = e.posting_id
     where e.account_id = i.account_id and e.currency = i.currency and e.id >= i.left_from
       and not (e.id <= i.last_entry and p.posted_at < i.until_at))`,
  // What a buyer or seller has is in its own currency: nothing is ever converted.
  `select 'account ' || a.id || ': it is kept in ' || a.currency || ' and has ' || b.balance_micros || ' ' || b.currency
   from account_balances b join accounts a on a.id = b.account_id
   where a.type in ('buyer', 'seller') and b.currency <> a.currency and b.balance_micros <> 0`,
]

/** Checks the whole ledger from its entries, against everything that says what should be in it. Reads one moment; writes nothing. */
export async function verifyLedger(postgres: Postgres): Promise<LedgerVerdict> {
  return postgres.transaction(async (tx) => {
    const [count] = await tx.rows('select count(*)::int as postings from ledger_postings')
    const totals = await tx.rows(
      'select currency, sum(amount_micros)::text as sum from ledger_entries group by 1 order by 1',
    )
    // A balance that its entries do not add up to is listed among the unbalanced.
    const unbalanced = await tx.rows(
      `select 'posting ' || p.id as what from ledger_postings p left join ledger_entries e on e.posting_id = p.id
       group by p.id having count(e.id) < 2 or sum(e.amount_micros) <> 0 or bool_or(e.currency <> p.currency)
       union all
       select 'balance of ' || coalesce(b.account_id, s.account_id) || ' ' || coalesce(b.currency, s.currency) from account_balances b
       full join (select account_id, currency, sum(amount_micros) as sum from ledger_entries group by 1, 2) s
         on s.account_id = b.account_id and s.currency = b.currency
       where b.balance_micros is distinct from coalesce(s.sum, 0)`,
    )
    const duplicates = await tx.rows(
      "select call_id from ledger_postings where kind = 'call' group by 1 having count(*) > 1",
    )
    const faults: string[] = []
    for (const check of FAULTS) {
      const rows = await tx.rows(`select f.* from (${check}) f(what) limit ${MOST_FAULTS}`)
      faults.push(...rows.map((row) => row['what'] as string))
    }
    const [open] = await tx.rows(
      `select count(*)::int as calls, min(held_at) as since from open_calls where held_at is not null`,
    )
    return {
      postings: count!['postings'],
      totals: totals.map((row) => ({ currency: row['currency'], sumMicros: readMicros(row['sum']) })),
      unbalanced: unbalanced.map((row) => row['what']),
      duplicateCalls: duplicates.map((row) => row['call_id']),
      faults,
      openHolds: { calls: open!['calls'], since: open!['since'] },
    }
  }, 'begin isolation level repeatable read read only')
}
