import type { Postgres, Queries, Row } from './postgres.ts'
import { Rollups, SUMS } from './rollups.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

const SUMMED = SUMS.map((column) => `sum(${column})::bigint`).join(', ')

/** Rows that are in one of two queries and not in the other. */
const differing = (one: string, other: string): string =>
  `(select count(*) from ((${one} except all ${other}) union all (${other} except all ${one})) different)::int`

/** The facts of an hour ($1 to $2) that have been rolled up, by minute. */
const RECOUNT = `with minutes as materialized (
  select * from rollups_of(array(
    select id from call_facts where received_at >= $1 and received_at < $2
      and id not in (select unnest(facts) from rollup_queue)
  ))
)`
const HOURS_OF_MINUTES = `select family, $1::timestamptz, owner, key, currency, ${SUMMED} from minutes group by 1, 2, 3, 4, 5`

const WITHIN = 'at >= $1 and at < $2'

export interface RollupCheck {
  readonly hours: number
  /** Hours and days of which some sum is not what a recount says. */
  readonly wrong: readonly { readonly grain: 'minute' | 'hour' | 'day'; readonly at: Date; readonly rows: number }[]
}

/** Compares all sums with a recount of the calls: hour by hour, each in one moment's view of both, so calls may end meanwhile. */
export async function verifyRollups(queries: Queries): Promise<RollupCheck> {
  const found = await queries.rows(
    `select date_bin('1 hour', received_at, '2000-01-01Z') as at from calls union select at from call_rollups_hour order by 1`,
  )
  const hours = found.map((row): Date => row['at'])
  const wrong: { grain: 'minute' | 'hour' | 'day'; at: Date; rows: number }[] = []
  const note = (at: Date, row: Row): void => {
    for (const grain of ['minute', 'hour', 'day'] as const)
      if (row[grain] > 0) wrong.push({ grain, at, rows: row[grain] })
  }
  for (const at of hours) {
    const [row] = await queries.rows(
      `${RECOUNT} select ${differing(`select * from call_rollups_hour where ${WITHIN}`, HOURS_OF_MINUTES)} as hour,
         case when $1 >= (select minutes_since from rollup_state)
           then ${differing(`select * from call_rollups_minute where ${WITHIN}`, 'select * from minutes')} else 0 end as minute`,
      [at, new Date(at.getTime() + HOUR_MS)],
    )
    note(at, row!)
  }
  for (const day of new Set(hours.map((at) => Math.floor(at.getTime() / DAY_MS) * DAY_MS))) {
    const ofHours = `select family, $1::timestamptz, owner, key, currency, ${SUMMED} from call_rollups_hour where ${WITHIN} group by 1, 2, 3, 4, 5`
    const [row] = await queries.rows(
      `select ${differing(`select * from call_rollups_day where ${WITHIN}`, ofHours)} as day`,
      [new Date(day), new Date(day + DAY_MS)],
    )
    note(new Date(day), row!)
  }
  return { hours: hours.length, wrong }
}

/** Makes all sums anew from the calls. Meanwhile reports are counted from the calls. Answers how many facts. */
export async function rebuildRollups(postgres: Postgres): Promise<number> {
  await postgres.transaction(async (tx) => {
    // Before the transaction's view of the calls is taken: who rolls up has ended then.
    await tx.rows('lock table rollup_state in exclusive mode')
    for (const table of ['rollup_queue', 'call_rollups_minute', 'call_rollups_hour', 'call_rollups_day'])
      await tx.rows(`delete from ${table}`)
    await tx.rows(
      `insert into rollup_queue (facts) select array_agg(id order by id)
       from (select id, (row_number() over (order by id) - 1) / 1000 as chunk from call_facts) f group by chunk order by chunk`,
    )
  }, 'begin isolation level repeatable read')
  const rollups = new Rollups(postgres, { debug() {}, info() {}, warn() {}, error() {} })
  try {
    return await rollups.rollUp()
  } finally {
    await rollups.close()
  }
}
