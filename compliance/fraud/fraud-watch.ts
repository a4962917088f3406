import type {
  FraudAction,
  FraudBlock,
  FraudBlockKind,
  FraudContribution,
  FraudLabel,
  FraudReason,
} from '../../model/fraud.ts'
import type { AccountId } from '../../model/ids.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import { FEATURE_NAMES } from './features/feature-names.ts'
import { FeatureSet } from './features/feature-set.ts'
import { digitsOf, hashText } from './features/hash.ts'
import { identityOf } from './features/identities.ts'
import { SlotTable } from './features/slot-table.ts'
import type { ArrivingCall, EndedCall } from './fraud-call.ts'
import { LabelledCallers } from './rules/labelled-callers.ts'
import { isCertain, reasonOf, scoreByRule, type FraudRule } from './rules/fraud-rules.ts'
import { BLOCK_LENGTH, TimedBlocks, type Blockable } from './rules/timed-blocks.ts'
import { Velocity, type VelocityLimit } from './rules/velocity.ts'

/** A learned judge of the same features; compliance/fraud/model/ has one. */
export interface ScoringModel {
  /** 0 to 1. */
  score(features: Float64Array): number
  /** Of each feature what it adds to the margin, in the order of the vector; written over by the next. */
  contributions(features: Float64Array): Float64Array
}

export interface FraudOptions {
  /** From these scores on a call is flagged, to be reviewed, blocked. */
  readonly thresholds: { readonly low: number; readonly medium: number; readonly high: number }
  /** Null: not checked. */
  readonly velocity: VelocityLimit | null
  readonly rules: readonly FraudRule[]
  /** Null: there is none. */
  readonly model: ScoringModel | null
  /** False: the model's word alone is enough for a review, never for a block. */
  readonly modelMayBlock: boolean
}

/** What is to be blocked from now on. */
export interface WantedBlock {
  readonly kind: FraudBlockKind
  readonly value: string
  /** Null: through every seller. */
  readonly sellerId: AccountId | null
  readonly minutes: number
  readonly rule: string
  readonly text: string
}

/** What is said of a call. */
export interface FraudVerdict {
  readonly score: number
  readonly action: FraudAction
  readonly reasons: readonly FraudReason[]
  readonly modelScore: number | null
  readonly contributions: readonly FraudContribution[]
  readonly wanted: readonly WantedBlock[]
  /** A timed block is in force: that is enforced, also where scores are only reported. */
  readonly isBlocked: boolean
}

/** Each further reason adds so much of its own score. */
const FURTHER = 0.1
/** Reasons and contributions that are told. */
const MOST_REASONS = 8
const MOST_CONTRIBUTIONS = 10
/** What speaks against all calls of a number or seller is told, and not enough by itself, of one that the model finds honest. */
const MUTED = 0.5
/** Just below a threshold. */
const SHORT_OF = 0.001
const NOTHING: readonly never[] = []
/** Calls of others heard of last, by which one that is told twice is known. */
const REMEMBERED = 16_384

/**
 * Is this call what it pretends to be? A score from 0 to 1, the highest that any rule or the model gives it and a little more for each further
 * one, with its reasons. Several suspicions never add up to a block: one of them must be enough for it by itself, and the model's is only
 * where the operator says so.
 */
export class FraudWatch {
  readonly blocks = new TimedBlocks()
  readonly #features: FeatureSet
  readonly #options: FraudOptions
  readonly #velocity: Velocity | null
  /** The same of whoever is behind the number. */
  readonly #ownVelocity: Velocity | null
  readonly #labelled = new LabelledCallers()
  readonly #counted = new SlotTable(REMEMBERED)

  constructor(options: FraudOptions, features = new FeatureSet()) {
    this.#options = options
    this.#features = features
    this.#velocity = options.velocity && new Velocity(options.velocity)
    this.#ownVelocity = options.velocity && new Velocity(options.velocity)
  }

  /** How many of each are watched. */
  sizes(): ReturnType<FeatureSet['sizes']> {
    return this.#features.sizes()
  }

  /** Counts the call and judges it by all that has been counted. */
  arrive(call: ArrivingCall): FraudVerdict {
    const features = this.#features.arrive(call)
    const calls = countVelocity(this.#velocity, call, false)
    const own = countVelocity(this.#ownVelocity, call, true)
    const block = this.blockOf(call)
    if (block !== null) {
      const reason = { rule: `timed-block:${block.kind}`, score: 1, text: block.reason }
      return { ...HARMLESS, score: 1, action: 'block', reasons: [reason], isBlocked: true }
    }
    return this.#judge(call, features, calls, own)
  }

  /** What refuses the call, whatever its score. A caller that an analyst has called clean is not refused by what rules have made. */
  blockOf(call: Blockable): FraudBlock | null {
    return this.blocks.find(call, call.ani !== null && this.#labelled.get(call.ani) === 'clean')
  }

  /** A call of before, or of another gateway: it counts, once however often it is told, and nobody asks of it. */
  count(call: ArrivingCall): void {
    this.#counted.take(hashText(call.id), call.atMs)
    if (!this.#counted.isNew) return
    this.#features.arrive(call)
    countVelocity(this.#velocity, call, false)
    countVelocity(this.#ownVelocity, call, true)
  }

  end(call: EndedCall): void {
    this.#features.end(call)
  }

  /** Calls that arrived before then, and whose end nobody has told, are open no more. */
  forgetOpen(beforeMs: number): void {
    this.#features.forgetOpen(beforeMs)
  }

  /** An analyst has said what a caller's call was: of several, the latest word counts. */
  label(caller: PhoneNumber, label: FraudLabel): void {
    this.#labelled.set(caller, label)
  }

  /** `calls` of the caller within the operator's window, and how many of them are its `own`. */
  #judge(call: ArrivingCall, features: Float64Array, calls: number, own: number): FraudVerdict {
    const { rules, model, thresholds } = this.#options
    let reasons: FraudReason[] | null = null
    let wanted: WantedBlock[] | null = null
    const modelScore = model === null ? null : this.#modelScore(model, features)
    // Honest calls of a number or a seller go on while it is attacked: where there is a model it says which are not.
    const isHonest = modelScore !== null && modelScore < thresholds.low
    for (const rule of rules) {
      const said = scoreByRule(rule, features)
      if (said === 0) continue
      let score = isHonest && rule.isOfMany ? Math.min(said, thresholds.low * MUTED) : said
      if (score >= thresholds.high && !isCertain(rule, features)) score = thresholds.high - SHORT_OF
      const reason = reasonOf(rule, features, score)
      ;(reasons ??= []).push(reason)
      if (rule.blocks === null || score < rule.critical.score || score < thresholds.high) continue
      const value = valueOf(rule.blocks.kind, call)
      if (value !== null)
        (wanted ??= []).push({
          ...rule.blocks,
          value,
          sellerId: scopeOf(rule, call),
          rule: rule.name,
          text: reason.text,
        })
    }
    const velocity = this.#velocity?.limit
    if (velocity !== undefined && calls > velocity.maxCalls) {
      const text = `calls of this caller in ${velocity.windowMs / 1000} s: ${calls}, more than ${velocity.maxCalls}`
      // As far beyond the limit as the limit itself: there is no doubt any more, if nobody else has made those calls in its name.
      const beyond = Math.min(1, calls / velocity.maxCalls - 1)
      const score =
        own >= 2 * velocity.maxCalls ? 1 : thresholds.medium + (thresholds.high - SHORT_OF - thresholds.medium) * beyond
      ;(reasons ??= []).push({ rule: 'velocity', score: Math.max(thresholds.medium, score), text })
    }
    const label = call.ani === null ? null : this.#labelled.get(call.ani)
    if (label === 'fraud')
      (reasons ??= []).push({
        rule: 'labelled-caller',
        // To be looked at again, and no block, whatever the thresholds are.
        score: Math.min(thresholds.medium, thresholds.high - SHORT_OF),
        text: 'an analyst has called this caller a fraud',
      })
    if (modelScore !== null && modelScore >= thresholds.low)
      (reasons ??= []).push({ rule: 'model', score: modelScore, text: `the model's score: ${modelScore.toFixed(2)}` })
    if (reasons === null) return modelScore === null ? HARMLESS : { ...HARMLESS, score: modelScore, modelScore }
    return this.#conclude(features, reasons, modelScore, wanted ?? NOTHING, label === 'clean')
  }

  #modelScore(model: ScoringModel, features: Float64Array): number {
    const { modelMayBlock, thresholds } = this.#options
    const score = Math.min(1, Math.max(0, model.score(features)))
    return modelMayBlock ? score : Math.min(score, thresholds.high - SHORT_OF)
  }

  #conclude(
    features: Float64Array,
    reasons: FraudReason[],
    modelScore: number | null,
    wanted: readonly WantedBlock[],
    isClean: boolean,
  ): FraudVerdict {
    const { model, thresholds } = this.#options
    reasons.sort((a, b) => b.score - a.score)
    const highest = reasons[0]!.score
    let score = highest
    for (let i = 1; i < reasons.length; i++) score += FURTHER * reasons[i]!.score
    score = Math.min(1, score)
    // One suspicion must be enough by itself; and whom an analyst has called clean is not blocked at all.
    if (highest < thresholds.high || isClean) score = Math.min(score, thresholds.high - SHORT_OF)
    const action =
      score >= thresholds.high
        ? 'block'
        : score >= thresholds.medium
          ? 'review'
          : score >= thresholds.low
            ? 'flag'
            : 'allow'
    return {
      score,
      action,
      reasons: reasons.slice(0, MOST_REASONS),
      modelScore,
      contributions: model === null || action === 'allow' ? NOTHING : contributionsOf(model, features),
      wanted: action === 'block' ? wanted : NOTHING,
      isBlocked: false,
    }
  }
}

/** Nothing speaks against it. */
const HARMLESS: FraudVerdict = {
  score: 0,
  action: 'allow',
  reasons: NOTHING,
  modelScore: null,
  contributions: NOTHING,
  wanted: NOTHING,
  isBlocked: false,
}

/**
 * Through which seller a rule's block refuses: only through the one whose calls it was made of, unless it was made of calls of which A attests that
 * the number is their caller's own. A block of a thousand numbers is made of calls of many callers, of whom one call says nothing.
 */
function scopeOf({ blocks, isOfIdentity }: FraudRule, { attestation, sellerId }: ArrivingCall): AccountId | null {
  if (blocks === null || blocks.kind === 'number' || blocks.kind === 'trunk') return null
  return blocks.kind === 'caller' && isOfIdentity && attestation === 'A' ? null : sellerId
}

function countVelocity(velocity: Velocity | null, call: ArrivingCall, isOwn: boolean): number {
  const { ani, atMs, sellerId, attestation } = call
  if (velocity === null || ani === null) return 0
  const caller = digitsOf(ani)
  return velocity.add(isOwn ? identityOf(caller, hashText(sellerId), attestation) : caller, atMs)
}

function valueOf(kind: FraudBlockKind, { ani, numberId, trunkId }: ArrivingCall): string | null {
  if (kind === 'number') return numberId
  if (kind === 'trunk') return trunkId
  if (ani === null) return null
  if (kind === 'caller') return ani
  // Only the North American plan hands numbers out by blocks of a thousand: elsewhere as many digits are of a whole city, or a whole country.
  return ani.startsWith('+1') ? ani.slice(0, BLOCK_LENGTH) : null
}

/** The features that weighed most, either way; of equal ones the first. Two hundred are put in order by keeping ten: 100 µs less than sorting. */
function contributionsOf(model: ScoringModel, features: Float64Array): FraudContribution[] {
  const all = model.contributions(features)
  const most: number[] = []
  for (let at = 0; at < all.length; at++) {
    const size = Math.abs(all[at]!)
    if (size === 0) continue
    let place = most.length
    while (place > 0 && Math.abs(all[most[place - 1]!]!) < size) place--
    if (place === MOST_CONTRIBUTIONS) continue
    if (most.length === MOST_CONTRIBUTIONS) most.pop()
    most.splice(place, 0, at)
  }
  return most.map((at) => ({ feature: FEATURE_NAMES[at]!, value: told(features[at]!), contribution: told(all[at]!) }))
}

/** As people read it, and as it is kept: seventeen digits of each of twenty numbers were a kilobyte a call. */
function told(value: number): number {
  return Math.round(value * 1e6) / 1e6
}
