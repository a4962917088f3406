import { readFile } from 'node:fs/promises'
import type { Settings } from '../../config/settings.ts'
import type { Auction } from '../../model/auction.ts'
import { NON_BID_REASONS } from '../../model/bid.ts'
import { DECISION_RULES, type DecisionInputs } from '../../model/decision.ts'
import { isId, type BidId, type CallId } from '../../model/ids.ts'
import { formatMoney } from '../../model/money.ts'
import { REASON_NUMBERS } from '../../model/reason-codes.ts'
import { changesOf, differences, type Came } from '../../routing/compare-auctions.ts'
import { rerunAuction } from '../../routing/rerun.ts'
import { suppose, type BidChange, type WhatIf } from '../../routing/what-if.ts'
import { openCommandStorage } from './command-storage.ts'
import { readBidChanges, readRules, type WrittenChange } from './what-if-file.ts'

type Print = (line: string) => void
type Stores = Awaited<ReturnType<typeof openCommandStorage>>['stores']

/** What `dce replay` and `dce backtest` are asked, as the flags say it; null where they do not. */
export interface Question {
  readonly bidsFile: string | null
  readonly rulesFile: string | null
  readonly rules: string | null
  readonly asJson: boolean
}

/**
 * `dce replay`: holds a call's auction again by what it was decided by, and as it would have been. False when it did not come out as it is
 * stored. Throws when there is no such call, or nothing to hold it by.
 */
export async function replayCall(id: string, question: Question, settings: Settings, print: Print): Promise<boolean> {
  if (!isId(id)) throw new Error(`${id}: not a call's id`)
  const whatIf = await readWhatIf(question)
  const storage = await openCommandStorage(settings)
  try {
    const decision = await storage.stores.decisions.findByCall(id as CallId)
    if (!decision) throw new Error(await whyNot(id as CallId, storage.stores))
    const { auction, inputs, damage } = decision
    if (!inputs) throw new Error(`${id}: what its auction was decided by cannot be read: ${damage}`)
    const found = differences(auction, rerunAuction(inputs, auction.id), inputs)
    const resolved = whatIf && (await resolveWhatIf(whatIf, storage.stores))
    const candidates = new Set(inputs.bids.map(({ bid }) => bid.id))
    for (const [bidId, { now }] of resolved?.bids ?? [])
      if (now === null && !candidates.has(bidId)) throw new Error(`--bids: ${bidId}: no such bid`)
    const supposed = resolved && suppose(inputs, resolved)
    const asIf = supposed && rerunAuction(supposed.inputs, auction.id)
    const before = decidedThen(auction, [inputs, supposed?.inputs ?? inputs])
    if (question.asJson) {
      print(
        JSON.stringify({
          call_id: auction.callId,
          auction_id: auction.id,
          decided_at: auction.decidedAt.toISOString(),
          rules: { stored: inputs.rules, present: DECISION_RULES },
          candidates: inputs.bids.length,
          candidates_omitted: inputs.bidsOmitted,
          reproduced: found.length === 0,
          differences: found,
          what_if: asIf && {
            before: printAuction(before),
            after: printAuction(asIf),
            changes: changesOf(before, asIf).map(({ bidId, before: one, after }) => ({
              bid_id: bidId,
              before: printCame(one),
              after: printCame(after),
            })),
            unknown: supposed.unknown,
          },
        }),
      )
      return found.length === 0
    }
    print(
      `call ${auction.callId}: auction ${auction.id} of ${auction.decidedAt.toISOString()}, ${tellSize(inputs.bids.length)}`,
    )
    if (inputs.rules !== DECISION_RULES)
      print(`  it was decided by rules ${inputs.rules}; these are rules ${DECISION_RULES}, which may decide otherwise`)
    print(found.length === 0 ? '  held again: the same awards, prices and reasons' : '  HELD AGAIN IT DIFFERS:')
    for (const line of found) print(`    ${line}`)
    print(`  ${tellWinner(auction)}`)
    if (!asIf) return found.length === 0
    print(`what if: ${tellWinner(asIf)}`)
    const changes = changesOf(before, asIf)
    if (changes.length === 0) print('  nothing else came to anything else')
    for (const { bidId, before: one, after } of changes)
      print(`  bid ${bidId}: ${tellCame(one, auction)} → ${tellCame(after, asIf)}`)
    for (const line of supposed.unknown) print(`  not known: ${line}`)
    return found.length === 0
  } finally {
    await storage.close()
  }
}

/** What the flags suppose; null when nothing. */
export async function readWhatIf({ bidsFile, rulesFile, rules }: Question): Promise<WrittenWhatIf | null> {
  if (rulesFile !== null && rules !== null) throw new Error('--rules and --set: only one of the two')
  const text = rulesFile === null ? rules : await readFile(rulesFile, 'utf8')
  if (bidsFile === null && text === null) return null
  return {
    bids: bidsFile === null ? new Map() : atFile('--bids', readBidChanges, await readFile(bidsFile, 'utf8')),
    rules: text === null ? {} : readRules(text),
  }
}

interface WrittenWhatIf extends Pick<WhatIf, 'rules'> {
  readonly bids: ReadonlyMap<BidId, WrittenChange>
}

/** The same, with the bids as they stand now: what those are judged by that were no candidates. */
export async function resolveWhatIf({ bids, rules }: WrittenWhatIf, stores: Stores): Promise<WhatIf> {
  const resolved = new Map<BidId, BidChange>()
  for (const [id, change] of bids) {
    const bid = await stores.bids.find(id)
    const buyer = bid && (await stores.accounts.find(bid.accountId))
    const target = bid && (await stores.targets.find(bid.targetId))
    const campaign = bid && (await stores.campaigns.find(bid.campaignId))
    const now = bid && buyer && target && campaign ? { bid, buyer, target, campaign } : null
    resolved.set(id, { ...change, now })
  }
  return { bids: resolved, rules }
}

function atFile<T>(flag: string, read: (text: string) => T, text: string): T {
  try {
    return read(text)
  } catch (error) {
    throw new Error(`${flag}: ${(error as Error).message}`, { cause: error })
  }
}

async function whyNot(id: CallId, stores: Stores): Promise<string> {
  if (!(await stores.calls.find(id))) return `${id}: no such call`
  if (!(await stores.auctions.findByCall(id))) return `${id}: it had no auction`
  return `${id}: what its auction was decided by is not stored: it was held by a version that did not, or with auction.keep_inputs off`
}

/** The auction of those who were candidates, or would have been, without what became of its awards later. */
function decidedThen(auction: Auction, held: readonly DecisionInputs[]): Auction {
  const candidates = new Set(held.flatMap(({ bids }) => bids.map(({ bid }) => bid.id)))
  for (const { bidId } of auction.awards) candidates.delete(bidId)
  return { ...auction, nonBids: auction.nonBids.filter(({ bidId }) => candidates.has(bidId)) }
}

function tellSize(candidates: number): string {
  return candidates === 1 ? '1 candidate' : `${candidates} candidates`
}

function tellWinner({ awards: [winner], currency }: Auction): string {
  if (!winner) return 'nobody may buy the call'
  return `bid ${winner.bidId} of buyer ${winner.buyerId} comes first, at ${formatMoney(winner.priceMicros)} ${currency}`
}

function tellCame({ award, code }: Came, { currency }: Auction): string {
  if (award)
    return `award ${award.rank} at ${formatMoney(award.priceMicros)} ${currency} of ${formatMoney(award.amountMicros)}`
  return code ? `${REASON_NUMBERS[code]} ${NON_BID_REASONS[code]}` : 'no candidate'
}

function printAuction({ awards, currency }: Auction): object {
  return {
    currency,
    clearing_price: awards[0] ? formatMoney(awards[0].priceMicros) : null,
    ranking: awards.map(({ rank, bidId, buyerId, amountMicros, effective, priceMicros }) => ({
      rank,
      bid_id: bidId,
      buyer_id: buyerId,
      amount: formatMoney(amountMicros),
      effective_amount: formatMoney(effective?.micros ?? amountMicros),
      price: formatMoney(priceMicros),
    })),
  }
}

function printCame({ award, code }: Came): object {
  return { rank: award?.rank ?? null, price: award ? formatMoney(award.priceMicros) : null, code }
}
