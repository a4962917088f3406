import type { FraudWatch, FraudVerdict, WantedBlock } from '../../compliance/fraud/fraud-watch.ts'
import type { ArrivingCall, EndedCall } from '../../compliance/fraud/fraud-call.ts'
import { BY_RULE, isOfRule, MAX_FRAUD_BLOCKS } from '../../compliance/fraud/rules/timed-blocks.ts'
import type { ScreeningRequest } from '../../compliance/screening-request.ts'
import type { Logger } from '../../config/logger.ts'
import type { Telemetry } from '../../config/telemetry.ts'
import type { BookChange } from '../../model/book.ts'
import type { CheckRecord } from '../../model/cdr.ts'
import type { Clock } from '../../model/clock.ts'
import type { FraudBlock, FraudLabel, FraudScore } from '../../model/fraud.ts'
import type { AccountId, CallId, TrunkId } from '../../model/ids.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import type { Places } from '../../model/places.ts'
import type { Announcements } from '../announcements.ts'
import type { Call } from '../live-call.ts'
import type { CallNews, FraudKeeper, JudgedCaller } from '../needs.ts'
import type { Arrival } from '../screening/arrival.ts'
import type { Contribution, Judge } from '../screening/evidence.ts'
import type { ScreeningPart } from '../screening/screening-part.ts'
import { arrivingCall, endedCall } from './fraud-calls.ts'
import { SignedOnce } from './signed-once.ts'
import { rebuild } from './rebuild.ts'
import { ScoreKeeper } from './score-keeper.ts'
import { SlotMap } from '../../model/slots.ts'

/** Calls whose verdict is kept until they end. */
export const MAX_OPEN_VERDICTS = 65_536
const DAY_MS = 86_400_000
/** Old scores go, and blocks that are over, so often. */
const SWEEP_EVERY_MS = 600_000
/** What analysts said is read again for so much longer, for the clocks' sake. */
const LABELS_OVERLAP_MS = 60_000
/** No call lasts longer than a day (`telephony.max_call_duration`), what is before its answer aside. */
const LONGEST_OPEN_MS = 25 * 3_600_000
/** How long a block is still listed when it is over. */
const BLOCKS_KEPT_MS = 30 * DAY_MS
const KIND = 'fraud'

/** What gateways tell one another. */
interface FraudNews {
  readonly kind: string
  readonly call?: ArrivingCall
  readonly end?: EndedCall
  readonly judged?: JudgedCaller
}

/** What fraud keeps, and reads at a start. */
export interface FraudStorage {
  readonly fraud: FraudKeeper
  readonly stores: {
    readonly fraudBlocks: {
      create(draft: Omit<FraudBlock, 'id' | 'version' | 'createdAt' | 'updatedAt'>): Promise<FraudBlock>
    }
  }
}

export interface FraudPartNeeds {
  readonly watch: FraudWatch
  /** False: blocks are reported, and not done. */
  readonly isEnforced: boolean
  readonly keepMs: number
  /** Whose the blocks are that rules make. */
  readonly operatorId: AccountId
  readonly places: Places
  /** Null: no other gateway. */
  readonly news: CallNews | null
  readonly announcements: Pick<Announcements, 'fraudScored'>
  readonly clock: Pick<Clock, 'now'>
  readonly log: Logger
  readonly telemetry: Telemetry
}

/** Fraud, as it lives in the gateway: scores each call that comes, tells what becomes of it, and keeps what is worth a note. */
export class FraudPart implements ScreeningPart<FraudStorage> {
  readonly judge: Judge
  readonly #needs: FraudPartNeeds
  readonly #verdicts = new SlotMap<CallId, FraudVerdict>()
  readonly #signedOnce = new SignedOnce()
  /** Blocks on their way into the database. */
  readonly #making = new Set<string>()
  #storage: FraudStorage | null = null
  #scores: ScoreKeeper | null = null
  #sweeping: NodeJS.Timeout | null = null
  #labelsUntilMs = 0

  constructor(needs: FraudPartNeeds) {
    this.#needs = needs
    this.judge = {
      name: 'fraud',
      observe: (arrival, request) => this.#observe(arrival, request),
      judge: (arrival) => this.#judge(arrival),
    }
    const { telemetry, watch } = needs
    telemetry.beforeRender(() => {
      for (const [subject, count] of Object.entries(watch.sizes())) telemetry.fraudWatched.set({ subject }, count)
      telemetry.fraudBlocks.set(watch.blocks.size)
    })
  }

  apply(change: BookChange): void {
    if (change.kind !== 'fraud-block') return
    const { watch, isEnforced, clock } = this.#needs
    const block = change.value
    // Those that are over are kept for weeks, to be listed; and those of rules were made by a gateway that does enforce, or did.
    const isInForce = block !== null && block.until.getTime() > clock.now() && (isEnforced || !isOfRule(block))
    watch.blocks.apply(change.id, isInForce ? block : null)
  }

  open(storage: FraudStorage): void {
    const { log, telemetry } = this.#needs
    this.#storage = storage
    this.#scores = new ScoreKeeper(storage.fraud, log, (count) => telemetry.fraudScoresDropped.inc(count))
  }

  /** Counts the calls of the last day again, of all gateways. */
  async start(): Promise<void> {
    const { watch, places, clock, log, news } = this.#needs
    const { fraud } = this.#storage!
    const calls = await rebuild(watch, fraud.pastCalls(new Date(clock.now() - DAY_MS)), places)
    await this.#readLabels()
    if (calls > 0) log.info({ calls }, 'fraud has counted the calls of before')
    await news?.listen((text) => this.#hear(text))
    this.#sweeping = setInterval(() => void this.#sweep(), SWEEP_EVERY_MS).unref()
  }

  ended(call: Call): void {
    if (!this.#verdicts.delete(call.id)) return
    const end = endedCall(call)
    this.#needs.watch.end(end)
    this.#needs.news?.tell(JSON.stringify({ kind: KIND, end }))
  }

  async close(): Promise<void> {
    if (this.#sweeping) clearInterval(this.#sweeping)
    await this.#scores?.close()
  }

  /** Told to the other gateways at once; without Redis they read it within ten minutes. */
  label(caller: PhoneNumber, label: FraudLabel): void {
    this.#needs.watch.label(caller, label)
    this.#needs.news?.tell(JSON.stringify({ kind: KIND, judged: { ani: caller, label } }))
  }

  /** What analysts have said since it was read last, on any gateway. */
  async #readLabels(): Promise<void> {
    const { watch, clock } = this.#needs
    const since = this.#labelsUntilMs
    this.#labelsUntilMs = clock.now() - LABELS_OVERLAP_MS
    for (const { ani, label } of await this.#storage!.fraud.judgedCallers(new Date(since))) watch.label(ani, label)
  }

  #observe(arrival: Arrival, request: ScreeningRequest): void {
    if (arrival.invite === null) return
    const passport = request.signature?.assertion?.passport
    const isOwn = passport === undefined || this.#signedOnce.isFirst(passport.signed, arrival.atMs)
    const signed = isOwn ? request : { ...request, attestation: null }
    const call = arrivingCall(arrival, arrival.invite, signed, this.#needs.places)
    this.#verdicts.set(call.id, this.#needs.watch.arrive(call))
    if (this.#verdicts.size > MAX_OPEN_VERDICTS) this.#verdicts.delete(this.#verdicts.keys().next().value!)
    this.#needs.news?.tell(JSON.stringify({ kind: KIND, call }))
  }

  #judge(arrival: Arrival): Contribution | null {
    const { watch, isEnforced } = this.#needs
    if (arrival.invite === null) return this.#judgePing(arrival)
    const verdict = this.#verdicts.get(arrival.callId)
    if (verdict === undefined) return null
    const { action } = verdict
    const enforced = isEnforced || verdict.isBlocked
    this.#needs.telemetry.fraudScores.inc({ action, enforced: String(enforced) })
    if (action !== 'allow') this.#keep(arrival, arrival.invite.trunk.id, verdict, enforced)
    if (isEnforced)
      for (const wanted of verdict.wanted)
        if (!watch.blocks.has(wanted.kind, wanted.value, wanted.sellerId, arrival.atMs)) this.#block(wanted)
    return contributionOf(verdict, enforced)
  }

  /** A ping is not counted, but what is blocked is not promised a price. */
  #judgePing({ ani, seller, number, atMs }: Arrival): Contribution | null {
    const block = this.#needs.watch.blockOf({
      ani,
      sellerId: seller.id,
      numberId: number.id,
      trunkId: '' as TrunkId,
      atMs,
    })
    if (block === null) return null
    const reason = { rule: `timed-block:${block.kind}`, score: 1, text: block.reason }
    return contributionOf({ score: 1, action: 'block', reasons: [reason] }, true)
  }

  #keep(
    { callId, atMs, ani, seller, number }: Arrival,
    trunkId: TrunkId,
    verdict: FraudVerdict,
    isEnforced: boolean,
  ): void {
    const { score, action, modelScore, reasons, contributions } = verdict
    const kept: FraudScore = {
      callId,
      at: new Date(atMs),
      ani,
      sellerId: seller.id,
      numberId: number.id,
      trunkId,
      score,
      action,
      isEnforced,
      modelScore,
      reasons,
      contributions,
    }
    this.#scores?.add(kept)
    this.#needs.announcements.fraudScored(kept)
  }

  #block({ kind, value, sellerId, minutes, rule, text }: WantedBlock): void {
    const { watch, operatorId, clock, log } = this.#needs
    const key = `${kind} ${value} ${sellerId}`
    if (this.#making.has(key) || this.#storage === null) return
    if (watch.blocks.size + this.#making.size >= MAX_FRAUD_BLOCKS) {
      log.warn(
        { rule, blocks: MAX_FRAUD_BLOCKS },
        'there are as many fraud blocks as there may be: this one is not made',
      )
      return
    }
    this.#making.add(key)
    const until = new Date(clock.now() + minutes * 60_000)
    const draft = { accountId: operatorId, kind, value, sellerId, until, reason: text, madeBy: `${BY_RULE}${rule}` }
    this.#storage.stores.fraudBlocks
      .create(draft)
      .then(() => log.info({ rule, kind, minutes }, 'fraud blocks for a time'))
      .catch((error: unknown) => log.warn({ rule, error }, 'a fraud block could not be written'))
      .finally(() => this.#making.delete(key))
  }

  #hear(text: string): void {
    const { kind, call, end, judged } = JSON.parse(text) as FraudNews
    if (kind !== KIND) return
    if (call) this.#needs.watch.count(call)
    if (end) this.#needs.watch.end(end)
    if (judged) this.#needs.watch.label(judged.ani, judged.label)
  }

  async #sweep(): Promise<void> {
    const { watch, clock, keepMs, log } = this.#needs
    const now = clock.now()
    watch.blocks.sweep(now)
    watch.forgetOpen(now - LONGEST_OPEN_MS)
    try {
      await this.#readLabels()
      await this.#storage?.fraud.prune(new Date(now - keepMs), new Date(now - BLOCKS_KEPT_MS))
    } catch (error) {
      log.debug({ error: (error as Error).message }, 'old fraud scores could not be deleted, or labels read')
    }
  }
}

/** As the call's record and the audit have it, and how the call is refused. */
function contributionOf(
  { score, action, reasons }: Pick<FraudVerdict, 'score' | 'action' | 'reasons'>,
  isEnforced: boolean,
): Contribution {
  const rule = reasons[0] ? `fraud:${reasons[0].rule}` : 'fraud'
  const effect = action === 'allow' ? 'allow' : action === 'block' && isEnforced ? 'block' : 'advisory'
  const words = reasons.map(({ text }) => text).join('; ')
  const detail = `${score.toFixed(2)}, ${action}${action === 'block' && !isEnforced ? ' (only reported)' : ''}${words === '' ? '' : `: ${words}`}`
  const check: CheckRecord = { check: 'fraud', effect, rule, source: 'fraud scoring', detail, score, action }
  // Whoever sells calls does not learn what fraud is known by.
  return effect === 'block' ? { checks: [check], refusal: { reason: 'fraud', text: 'fraud' } } : { checks: [check] }
}
