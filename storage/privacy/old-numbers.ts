import { jsonWithoutNumber } from '../../model/number-spellings.ts'
import { parsePhoneNumber } from '../../model/phone-number.ts'
import { firstIdOf, timeOfId } from '../id-times.ts'
import type { Queries } from '../postgres.ts'
import { progressOf, saveProgress } from './retention-classes.ts'
import type { Subjects } from './subjects.ts'

const CALLS = 'numbers'
const AUDIT = 'audit'

/** What makes lines of the audit their commitments; `where` says which. Only where `dce.privacy` is `erase`. */
export function commitLines(where: string): string {
  return `update compliance_audit set number = null, inputs = null, checks = null, salt = null,
    commitment = audit_commitment(salt, number, inputs, checks) where commitment is null and ${where}`
}

/** Pseudonyms in place of the numbers of calls that are too old, and commitments in place of their audit. Answers how many rows. */
export async function forgetOldNumbers(tx: Queries, subjects: Subjects, before: Date, most: number): Promise<number> {
  await tx.rows(`set local dce.privacy = 'erase'`)
  const calls = await tx.rows(
    `select id, ani, dnis, legs::text as legs, checks::text as checks, trace::text as trace from calls
     where id > $1 and id < $2 order by id limit $3 for update`,
    [await progressOf(tx, CALLS), firstIdOf(before), most],
  )
  for (const { id, ani, dnis, ...texts } of calls) {
    const numbers = [ani, dnis].map((each) => (each === null ? null : parsePhoneNumber(each)))
    const clean = (text: string): string =>
      numbers.reduce((left, each) => (each ? jsonWithoutNumber(left, each, subjects.pseudonymOf(each)) : left), text)
    const [from, to] = numbers.map((each) => each && subjects.pseudonymOf(each))
    await tx.rows('update calls set ani = $2, dnis = $3, legs = $4, checks = $5, trace = $6 where id = $1', [
      id,
      from ?? ani,
      to ?? dnis,
      clean(texts['legs']),
      clean(texts['checks']),
      clean(texts['trace']),
    ])
  }
  const last = calls.at(-1)
  if (last) await saveProgress(tx, CALLS, last['id'])
  return Math.max(calls.length, await commitOldLines(tx, before, most))
}

async function commitOldLines(tx: Queries, before: Date, most: number): Promise<number> {
  const since = timeOfId(await progressOf(tx, AUDIT))
  const lines = await tx.rows(
    'select call_id, at from compliance_audit where at >= $1 and at < $2 and commitment is null order by at limit $3',
    [since, before, most],
  )
  if (lines.length === 0) return 0
  const [calls, times] = [lines.map((line) => line['call_id']), lines.map((line) => line['at'])]
  // Times come here to the millisecond, and are there to the microsecond.
  await tx.rows(
    commitLines(
      `(call_id, date_trunc('milliseconds', at)) in (select c, date_trunc('milliseconds', t) from unnest($1::uuid[], $2::timestamptz[]) as l(c, t))
       and at >= $3 and at < $4`,
    ),
    [calls, times, since, before],
  )
  await saveProgress(tx, AUDIT, firstIdOf(lines.at(-1)!['at']))
  return lines.length
}

export async function oldNumbersWaiting(queries: Queries, before: Date, limit: number): Promise<number> {
  const [row] = await queries.rows(
    `select (select count(*) from (select from calls where id > $1 and id < $2 limit ${limit}) c)
       + (select count(*) from (select from compliance_audit where at >= $3 and at < $4 and commitment is null limit ${limit}) a) as n`,
    [await progressOf(queries, CALLS), firstIdOf(before), timeOfId(await progressOf(queries, AUDIT)), before],
  )
  return Number(row!['n'])
}
