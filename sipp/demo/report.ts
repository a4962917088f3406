import type { ApiClient } from '../api-client.ts'
import type { SceneCall } from './scenes.ts'

/** The parts of a call's and an auction's answer that the demo prints. */
export interface CallAnswer {
  readonly id: string
  readonly state: string
  readonly outcome: string | null
  readonly end_reason: string | null
  readonly sip_status: number | null
  readonly price: string
  readonly payout: string
  readonly currency: string
  readonly duration_ms: number
  readonly compliance: { readonly checks: readonly { effect: string; rule: string; detail: string }[] } | null
  readonly trace: readonly { step: string; detail: string; at_ms: number }[]
}

interface AuctionAnswer {
  readonly ranking: readonly { bid_id: string; rank: number; amount: string; price?: string }[]
  readonly non_bids: readonly { bid_id: string; code: string }[]
  readonly clearing_price: string | null
}

/** How long a call's record may take to appear once the caller has hung up. */
const RECORD_LIMIT_MS = 5000

export interface Told {
  readonly call: SceneCall
  readonly record: CallAnswer | null
  readonly asExpected: boolean
}

/** Waits for the record of a call, prints the decision with its reasons and the money, and says whether it is as expected. */
export async function tell(
  api: ApiClient,
  call: SceneCall,
  heard: number,
  print: (line: string) => void,
): Promise<Told> {
  const record = await findRecord(api, call)
  print('')
  print(`▸ ${call.title}`)
  if (!record) {
    print(`    no record of this call; the caller heard ${heard}`)
    return { call, record, asExpected: false }
  }
  print(`    ${call.from} → ${call.to}: ${record.outcome}, the caller heard ${heard} (${record.end_reason})`)
  for (const { step, detail, at_ms } of record.trace)
    print(`    ${at_ms.toFixed(1).padStart(8)} ms  ${step}: ${detail}`)
  for (const { effect, rule, detail } of record.compliance?.checks ?? [])
    if (effect !== 'allow') print(`      ${effect} by ${rule}: ${detail}`)
  const auction = await auctionOf(api, record.id)
  for (const { rank, amount, price } of auction?.ranking ?? [])
    print(`      rank ${rank}: bid ${amount}${price ? `, clears at ${price}` : ''}`)
  for (const [code, count] of countCodes(auction)) print(`      ${count} × ${code}`)
  const billed = record.price !== '0.00'
  print(
    `    ${billed ? `buyer pays ${record.price}, seller gets ${record.payout} ${record.currency}` : 'nothing is billed'}`,
  )
  const { expect } = call
  const asExpected =
    heard === expect.status &&
    record.end_reason === expect.endReason &&
    (expect.billed === undefined || expect.billed === billed)
  if (!asExpected) print(`    NOT AS EXPECTED: ${JSON.stringify(expect)}`)
  return { call, record, asExpected }
}

async function findRecord(api: ApiClient, call: SceneCall): Promise<CallAnswer | null> {
  const deadline = performance.now() + RECORD_LIMIT_MS
  const path = `/api/v1/calls?from=${encodeURIComponent(call.from)}&limit=1`
  while (performance.now() < deadline) {
    const { data } = await api.request<{ data: CallAnswer[] }>('GET', path)
    const [newest] = data
    if (newest?.state === 'ended') return api.request<CallAnswer>('GET', `/api/v1/calls/${newest.id}`)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  return null
}

async function auctionOf(api: ApiClient, callId: string): Promise<AuctionAnswer | null> {
  const answer = await api.raw('GET', `/api/v1/calls/${callId}/auction`)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- The API's own answer, checked by its own tests.
  return answer.ok ? ((await answer.json()) as AuctionAnswer) : null
}

function countCodes(auction: AuctionAnswer | null): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { code } of auction?.non_bids ?? []) counts.set(code, (counts.get(code) ?? 0) + 1)
  return counts
}

/** Every account's balance, and their sum, which must be zero. Returns whether it is. */
export async function tellBalances(api: ApiClient, print: (line: string) => void): Promise<boolean> {
  const accounts = await api.listAll<{ name: string; type: string; balance: string }>('accounts')
  let sumCents = 0n
  print('')
  print('balances')
  for (const { name, type, balance } of accounts) {
    sumCents += BigInt(balance.replace('.', ''))
    if (balance !== '0.00') print(`    ${type.padEnd(9)} ${name.padEnd(24)} ${balance.padStart(12)}`)
  }
  print(`    all of them together${' '.repeat(15)} ${(Number(sumCents) / 100).toFixed(2).padStart(12)}`)
  return sumCents === 0n
}

/** One line a call. */
export function printTable(told: readonly Told[], print: (line: string) => void): void {
  print('')
  print(
    `${'call'.padEnd(62)} ${'heard'.padEnd(6)} ${'outcome'.padEnd(10)} ${'price'.padStart(7)} ${'payout'.padStart(7)}`,
  )
  for (const { call, record, asExpected } of told)
    print(
      `${call.title.slice(0, 62).padEnd(62)} ${String(record?.sip_status ?? '-').padEnd(6)} ${(record?.outcome ?? '-').padEnd(10)} ${(record?.price ?? '-').padStart(7)} ${(record?.payout ?? '-').padStart(7)}${asExpected ? '' : '  ✗'}`,
    )
}
