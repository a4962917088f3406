import type { AccountUsage, UsedCall } from '../gateway/needs.ts'
import type { AccountId } from '../model/ids.ts'
import { readMicros } from './columns.ts'
import type { Postgres, Row } from './postgres.ts'
import { IS_CONVERTED, SALE, SOLD_PRICE } from './usage-store.ts'

const SOLD = 'c.campaign_id is not null and c.awarded_at is not null and c.answered_at is not null'
const PLACE = 'c.campaign_id, c.target_id, c.seller_id, c.ani'
const COLUMNS = `${PLACE}, c.awarded_at, ${SOLD_PRICE} as price, ${IS_CONVERTED} as converted`

/**
 * Everything the counters of one buyer or seller are rebuilt from, of one moment: its balance, the calls it was sold (or sold) since `since`, what
 * older ones come to, callers since `contactsSince` (null: no rule asks), and the calls that are in progress, of whichever gateway.
 */
export async function readAccountUsage(
  postgres: Postgres,
  accountId: AccountId,
  since: Date,
  contactsSince: Date | null,
): Promise<AccountUsage> {
  return postgres.transaction(async (tx) => {
    const [book] = await tx.rows(
      `select v.version, coalesce(b.balance_micros, 0) as balance from book_version v left join accounts a on a.id = $1
       left join account_balances b on b.account_id = a.id and b.currency = a.currency`,
      [accountId],
    )
    const calls = await tx.rows(
      `select ${COLUMNS} from calls c ${SALE} where (c.buyer_id = $1 or c.seller_id = $1) and ${SOLD} and c.awarded_at >= $2 order by c.awarded_at`,
      [accountId, since],
    )
    const older = await tx.rows(
      `select c.campaign_id, c.target_id, c.seller_id, null as ani, $2::timestamptz as awarded_at, sum(${SOLD_PRICE})::text as price, false as converted, count(*)::int as calls
       from calls c ${SALE} where (c.buyer_id = $1 or c.seller_id = $1) and ${SOLD} and c.awarded_at < $2 group by 1, 2, 3`,
      [accountId, since],
    )
    const contacts = await tx.rows(
      `select c.id, ${COLUMNS} from calls c ${SALE} where c.buyer_id = $1 and ${SOLD} and c.ani is not null and c.awarded_at >= $2 order by c.awarded_at`,
      [accountId, contactsSince ?? 'infinity'],
    )
    const open = await tx.rows(
      `select o.sale -> 'hold' as hold, o.sale -> 'terms' ->> 'expectedMicros' as expected, c.bid_id, c.buyer_id, coalesce(c.answered_at, c.alive_at) is not null as answered, ${PLACE}, o.held_at as awarded_at, 0 as price, false as converted
       from open_calls o cross join json_populate_record(null::calls, o.sale -> 'call') c
       where (c.buyer_id = $1 or c.seller_id = $1) and o.sale ->> 'hold' is not null and c.campaign_id is not null and c.target_id is not null`,
      [accountId],
    )
    const kept = await tx.rows(
      'select hold_id, most_micros - charged_micros as left from conversion_sales where buyer_id = $1 and until_at > now() and charged_micros < most_micros',
      [accountId],
    )
    return {
      balanceMicros: readMicros(book!['balance']),
      version: Number(book!['version']),
      calls: [...older.map((row) => ({ ...used(row), awardedAtMs: 0, calls: row['calls'] })), ...calls.map(used)],
      contacts: contacts.map((row) => ({ id: row['id'], ...used(row) })),
      open: open.map((row) => ({
        ...used(row),
        priceMicros: readMicros(row['expected'] ?? row['hold']['amount_micros']),
        fundsMicros: readMicros(row['hold']['amount_micros']),
        holdId: row['hold']['id'],
        bidId: row['bid_id'],
        buyerId: row['buyer_id'],
        isAnswered: row['answered'],
      })),
      kept: kept.map((row) => ({ id: row['hold_id'], fundsMicros: readMicros(row['left']) })),
    }
  }, 'begin isolation level repeatable read read only')
}

function used(row: Row): UsedCall {
  return {
    campaignId: row['campaign_id'],
    targetId: row['target_id'],
    sellerId: row['seller_id'],
    ani: row['ani'],
    awardedAtMs: row['awarded_at'].getTime(),
    priceMicros: readMicros(row['price']),
    isConverted: row['converted'],
  }
}
