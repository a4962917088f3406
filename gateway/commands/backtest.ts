import type { Settings } from '../../config/settings.ts'
import { formatMoney, type Micros } from '../../model/money.ts'
import { Backtest, MOST_NAMED, type BacktestResult } from '../../routing/backtest.ts'
import { openCommandStorage } from './command-storage.ts'
import { readWhatIf, resolveWhatIf, type Question } from './replay.ts'

type Print = (line: string) => void

export interface Period {
  readonly from: Date
  readonly to: Date
}

/** Differing calls that the text names; `--json` names `MOST_NAMED`. */
const MOST_TOLD = 20

/**
 * `dce backtest`: holds the auctions of a period again as they would have been, a page at a time. False when one of them, as it was, did
 * not come out as it is stored.
 */
export async function backtestPeriod(
  { from, to }: Period,
  question: Question,
  settings: Settings,
  print: Print,
): Promise<boolean> {
  const written = (await readWhatIf(question)) ?? { bids: new Map(), rules: {} }
  const storage = await openCommandStorage(settings)
  try {
    const backtest = new Backtest(await resolveWhatIf(written, storage.stores))
    for await (const past of storage.stores.decisions.between(from, to)) backtest.add(past)
    const result = backtest.result()
    if (question.asJson) print(JSON.stringify(printResult(from, to, result)))
    else tell(from, to, result, print)
    return result.notReproduced === 0
  } finally {
    await storage.close()
  }
}

/** Reads the two ends of a period: a date (its midnight by UTC), or an instant. Throws with the one that is wrong. */
export function readPeriod(from: string | undefined, to: string | undefined): Period {
  const period = { from: momentOf('--from', from), to: momentOf('--to', to) }
  if (period.from >= period.to) throw new Error(`--to ${to}: not after --from ${from}`)
  return period
}

const MOMENT = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?$/

function momentOf(flag: string, text: string | undefined): Date {
  const moment = new Date(text !== undefined && MOMENT.test(text) ? text : NaN)
  if (Number.isNaN(moment.getTime()))
    throw new Error(
      `${flag} ${text ?? '(missing)'}: a date such as 2026-11-01, or an instant such as 2026-11-01T09:30:00Z`,
    )
  return moment
}

function tell(from: Date, to: Date, result: BacktestResult, print: Print): void {
  const { decisions, reproduced, notReproduced, unreadable, underWay } = result
  print(`${from.toISOString()} to ${to.toISOString()}: ${decisions} decisions`)
  print(`  ${reproduced} come out the same to the bit when held again as they were, ${notReproduced} do not`)
  for (const id of result.firstNotReproduced) print(`    auction ${id}`)
  if (unreadable > 0) print(`  ${unreadable} cannot be read, and are in no sum`)
  for (const id of result.unknownBids) print(`  bid ${id} of the file is known to nobody`)
  if (underWay > 0) print(`  ${underWay} are of calls that go on, and are in no sum`)
  for (const [currency, { before, after }] of totalsOf(result)) {
    print(`${currency}                    before           after      difference`)
    print(row('calls answered', before.answered, after.answered))
    print(row('calls billed', before.billed, after.billed))
    print(rowOfMoney('revenue', before.revenueMicros, after.revenueMicros))
    const buyers = result.buyers.filter(
      (one) => one.currency === currency && one.before.revenueMicros !== one.after.revenueMicros,
    )
    for (const { buyerId, before: was, after: is } of buyers.toSorted((a, b) => (a.buyerId < b.buyerId ? -1 : 1))) {
      print(`  buyer ${buyerId}`)
      print(row('  calls answered', was.answered, is.answered))
      print(rowOfMoney('  revenue', was.revenueMicros, is.revenueMicros))
    }
  }
  print(`${result.differing} calls have another buyer or another price`)
  for (const { callId, before, after } of result.calls.slice(0, MOST_TOLD))
    print(`  call ${callId}: ${takerText(before)} → ${takerText(after)}`)
  if (result.differing > MOST_TOLD) print(`  and ${result.differing - MOST_TOLD} more (--json names ${MOST_NAMED})`)
  if (result.otherwiseRung > 0)
    print(
      `${result.otherwiseRung} unanswered calls would have been rung elsewhere: whether somebody had answered, nobody knows`,
    )
  if (result.newlySold > 0)
    print(
      `${result.newlySold} calls without a sale would have been offered, for ${moneyList(result.newlySoldMicros)} had all been billed`,
    )
}

interface Totals {
  answered: number
  billed: number
  revenueMicros: Micros
}

function totalsOf({ buyers }: BacktestResult): Map<string, { before: Totals; after: Totals }> {
  const totals = new Map<string, { before: Totals; after: Totals }>()
  for (const { currency, before, after } of buyers) {
    const sums = totals.get(currency) ?? {
      before: { answered: 0, billed: 0, revenueMicros: 0n },
      after: { answered: 0, billed: 0, revenueMicros: 0n },
    }
    totals.set(currency, { before: plus(sums.before, before), after: plus(sums.after, after) })
  }
  return totals
}

function plus(a: Totals, b: Totals): Totals {
  return {
    answered: a.answered + b.answered,
    billed: a.billed + b.billed,
    revenueMicros: a.revenueMicros + b.revenueMicros,
  }
}

function row(name: string, before: number, after: number): string {
  return line(name, String(before), String(after), signed(after - before, String))
}

function rowOfMoney(name: string, before: Micros, after: Micros): string {
  const difference = after - before
  return line(name, formatMoney(before), formatMoney(after), `${difference > 0n ? '+' : ''}${formatMoney(difference)}`)
}

function line(name: string, ...cells: readonly string[]): string {
  return `  ${name.padEnd(18)}${cells
    .map((cell) => cell.padStart(16))
    .join('')
    .slice(6)}`
}

function signed(value: number, text: (value: number) => string): string {
  return `${value > 0 ? '+' : ''}${text(value)}`
}

function takerText(taker: { bidId: string; priceMicros: Micros } | null): string {
  return taker ? `bid ${taker.bidId} at ${formatMoney(taker.priceMicros)}` : 'nobody'
}

function moneyList(amounts: ReadonlyMap<string, Micros>): string {
  return [...amounts].map(([currency, micros]) => `${formatMoney(micros)} ${currency}`).join(', ')
}

function printResult(from: Date, to: Date, result: BacktestResult): object {
  const sums = ({ answered, billed, revenueMicros }: Totals): object => ({
    answered,
    billed,
    revenue: formatMoney(revenueMicros),
  })
  const taken = (taker: { bidId: string; buyerId: string; priceMicros: Micros } | null): object | null =>
    taker && { bid_id: taker.bidId, buyer_id: taker.buyerId, price: formatMoney(taker.priceMicros) }
  return {
    from: from.toISOString(),
    to: to.toISOString(),
    decisions: result.decisions,
    reproduced: result.reproduced,
    not_reproduced: result.notReproduced,
    first_not_reproduced: result.firstNotReproduced,
    unreadable: result.unreadable,
    under_way: result.underWay,
    unknown_bids: result.unknownBids,
    totals: Object.fromEntries(
      [...totalsOf(result)].map(([currency, { before, after }]) => [
        currency,
        {
          before: sums(before),
          after: sums(after),
          difference: formatMoney(after.revenueMicros - before.revenueMicros),
        },
      ]),
    ),
    buyers: result.buyers.map(({ buyerId, currency, before, after }) => ({
      buyer_id: buyerId,
      currency,
      before: sums(before),
      after: sums(after),
    })),
    differing: result.differing,
    calls: result.calls.map(({ callId, auctionId, before, after }) => ({
      call_id: callId,
      auction_id: auctionId,
      before: taken(before),
      after: taken(after),
    })),
    otherwise_rung: result.otherwiseRung,
    newly_sold: result.newlySold,
    newly_sold_value: Object.fromEntries(
      [...result.newlySoldMicros].map(([currency, micros]) => [currency, formatMoney(micros)]),
    ),
  }
}
