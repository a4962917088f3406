import type { Row } from './postgres.ts'
import type { RecordRows } from './record-rows.ts'

/** As versions before migration 0017 spooled a sale: its call among those that have ended, hold and open call apart. */
interface EarlierRows extends RecordRows {
  holds?: Row[]
}

/** The rows of a spooled record, whichever version wrote it. */
export function rowsOfSpooled(body: EarlierRows): RecordRows {
  const { holds, calls = [], open_calls: open, ...others } = body
  if (!holds && !calls.some((call) => call['state'] !== 'ended')) return body
  const ended = calls.filter((call) => call['state'] === 'ended')
  const callOf = new Map(calls.map((call) => [call['id'], call]))
  const holdOf = new Map((holds ?? []).map((hold) => [hold['call_id'], hold]))
  const sales = (open ?? []).map(({ call_id, terms, caller_dialog, buyer_dialog }) => {
    const hold = holdOf.get(call_id) ?? null
    const sale = { call: callOf.get(call_id), hold, terms, caller_dialog, buyer_dialog }
    return { call_id, held_at: hold?.['held_at'] ?? null, sale }
  })
  return { ...others, ...(ended.length > 0 && { calls: ended }), ...(sales.length > 0 && { open_calls: sales }) }
}
