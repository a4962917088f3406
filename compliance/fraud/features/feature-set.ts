import type { ArrivingCall, EndedCall } from '../fraud-call.ts'
import { CallGraph, GRAPH_SIGNS } from '../graph/call-graph.ts'
import { CALL_SIGNS, isMisplaced, isNeighbour, writeCallSigns } from './call-signs.ts'
import { isHugging, isOneRing, isVeryShort } from './end-signs.ts'
import { FEATURE_NAMES, SUBJECTS, TRUNK_RESPECTS } from './feature-names.ts'
import { blockOf, digitsOf, hashText, hashTexts } from './hash.ts'
import { Identities, IDENTITY_MEASURES, identityOf } from './identities.ts'
import { OPEN, OpenCalls } from './open-calls.ts'
import { BASELINE_MEASURES, OwnBaseline } from './own-baseline.ts'
import { SAID_MEASURES, SaidPlaces } from './said-places.ts'
import { ARRIVAL_MARKS, END_MARKS } from './shares.ts'
import { Subject, SUBJECT_MEASURES } from './subject.ts'
import { Usual } from './usual.ts'

/** The most of each that are watched at a time; beyond them whoever has had no call for longest is forgotten. */
export interface FeatureLimits {
  readonly callers: number
  readonly blocks: number
  readonly numbers: number
  readonly sellers: number
  readonly trunks: number
  readonly targets: number
  /** A seller and a state it says consumers are in. */
  readonly saidPlaces: number
  /** Calls that have not ended. */
  readonly open: number
}

/** About half a kilobyte each, of which nothing is used before it is needed. */
export const FEATURE_LIMITS: FeatureLimits = {
  callers: 131_072,
  blocks: 65_536,
  numbers: 16_384,
  sellers: 4_096,
  trunks: 4_096,
  targets: 16_384,
  saidPlaces: 32_768,
  open: 65_536,
}

const HOUR_MS = 3_600_000
const OF_CALLERS = { registers: 32, halfMs: 12 * HOUR_MS, halfLifeMs: 24 * HOUR_MS }
const OF_BLOCKS = { registers: 32, halfMs: HOUR_MS / 2, halfLifeMs: 24 * HOUR_MS }
const OF_OTHERS = { registers: 64, halfMs: HOUR_MS / 2, halfLifeMs: 2 * HOUR_MS }

/** A number so far away or nearer is next to it. */
const NEXT = 2
const SEQUENTIAL_AT = CALL_SIGNS.length
const SUBJECT_AT = SEQUENTIAL_AT + 1
const BASELINE_AT = SUBJECT_AT + SUBJECTS.length * SUBJECT_MEASURES.length
const TRUNK_AT = BASELINE_AT + 2 * BASELINE_MEASURES.length
const GRAPH_AT = TRUNK_AT + TRUNK_RESPECTS.length
const SAID_AT = GRAPH_AT + GRAPH_SIGNS.length
const IDENTITY_AT = SAID_AT + SAID_MEASURES.length
const [CALLER, BLOCK, NUMBER, SELLER, TRUNK, TARGET] = SUBJECTS.map(
  (_, at) => SUBJECT_AT + at * SUBJECT_MEASURES.length,
) as [number, number, number, number, number, number]

/**
 * What is known of a call the moment it arrives, as one vector of numbers (`FEATURE_NAMES`), from sliding windows over its caller, its caller's block
 * of numbers, the number called, its seller, its trunk and its target. All of it in memory, bounded, and at the same small cost whatever has been
 * before; an arriving call makes no object. Time is what the calls say, and may be that of a simulation.
 */
export class FeatureSet {
  readonly #features = new Float64Array(FEATURE_NAMES.length)
  readonly #callers: Subject
  readonly #blocks: Subject
  readonly #numbers: Subject
  readonly #sellers: Subject
  readonly #trunks: Subject
  readonly #targets: Subject
  readonly #numberBaseline: OwnBaseline
  readonly #sellerBaseline: OwnBaseline
  readonly #usual: Usual
  readonly #saidPlaces: SaidPlaces
  readonly #identities: Identities
  readonly #open: OpenCalls
  readonly #graph: CallGraph
  /** Of each number's slot: the target of its last call, 0 where there was none. */
  readonly #lastTargets: Float64Array

  constructor(limits: Partial<FeatureLimits> = {}) {
    const { callers, blocks, numbers, sellers, trunks, targets, saidPlaces, open } = { ...FEATURE_LIMITS, ...limits }
    this.#callers = new Subject({ most: callers, ...OF_CALLERS })
    this.#blocks = new Subject({ most: blocks, ...OF_BLOCKS })
    this.#numbers = new Subject({ most: numbers, ...OF_OTHERS })
    this.#sellers = new Subject({ most: sellers, ...OF_OTHERS })
    this.#trunks = new Subject({ most: trunks, ...OF_OTHERS })
    this.#targets = new Subject({ most: targets, ...OF_OTHERS })
    this.#numberBaseline = new OwnBaseline(this.#numbers.capacity)
    this.#sellerBaseline = new OwnBaseline(this.#sellers.capacity)
    this.#usual = new Usual(this.#trunks.capacity, TRUNK_RESPECTS.length)
    this.#saidPlaces = new SaidPlaces(saidPlaces)
    this.#identities = new Identities(callers)
    this.#open = new OpenCalls(open)
    this.#graph = new CallGraph()
    this.#lastTargets = new Float64Array(this.#numbers.capacity)
  }

  /** How many of each are watched now. */
  sizes(): FeatureLimits {
    return {
      callers: this.#callers.size,
      blocks: this.#blocks.size,
      numbers: this.#numbers.size,
      sellers: this.#sellers.size,
      trunks: this.#trunks.size,
      targets: this.#targets.size,
      saidPlaces: this.#saidPlaces.size,
      open: this.#open.size,
    }
  }

  /** Counts the call, and tells its features, itself included. The array is written over by the next. */
  arrive(call: ArrivingCall): Float64Array {
    const { atMs, ani } = call
    const features = this.#features
    writeCallSigns(call, features, 0)
    const caller = ani === null ? 0 : digitsOf(ani)
    const block = blockOf(caller)
    const dialled = hashText(call.numberId)
    const seller = hashText(call.sellerId)
    const trunk = hashText(call.trunkId)
    const marks = this.#marksOf(call, caller)
    features[SEQUENTIAL_AT] = (marks & ARRIVAL_MARKS.sequential) === 0 ? 0 : 1
    const place = this.#openCall(hashText(call.id), atMs)
    this.#open.set(place, OPEN.caller, caller)
    this.#open.set(place, OPEN.block, block)
    this.#open.set(place, OPEN.number, dialled)
    this.#open.set(place, OPEN.seller, seller)
    this.#open.set(place, OPEN.trunk, trunk)
    this.#open.set(place, OPEN.marks, marks)
    const identity = ani === null ? 0 : identityOf(caller, seller, call.attestation)
    this.#open.set(place, OPEN.identity, identity)

    if (ani === null) {
      Subject.writeUsual(features, CALLER)
      Subject.writeUsual(features, BLOCK)
      features.fill(0, IDENTITY_AT, IDENTITY_AT + IDENTITY_MEASURES.length)
    } else {
      this.#identities.arrived(identity, atMs, features, IDENTITY_AT)
      this.#callers.write(this.#callers.arrived(caller, dialled, seller, marks, atMs), atMs, features, CALLER)
      this.#blocks.write(this.#blocks.arrived(block, caller, dialled, marks, atMs), atMs, features, BLOCK)
    }
    // What is not known of a call of before is no example of what is usual.
    const hasSaid = call.sourceAddress !== ''
    this.#arriveAtNumber(dialled, caller, block, marks, hasSaid, atMs)
    const sellerSlot = this.#sellers.arrived(seller, caller, block, marks, atMs)
    if (this.#sellers.isNew) this.#sellerBaseline.clear(sellerSlot)
    this.#sellers.write(sellerSlot, atMs, features, SELLER)
    this.#sellerBaseline.arrived(sellerSlot, marks, hasSaid, atMs)
    this.#sellerBaseline.write(sellerSlot, features, BASELINE_AT + BASELINE_MEASURES.length)
    const trunkSlot = this.#trunks.arrived(trunk, caller, dialled, marks, atMs)
    if (this.#trunks.isNew) this.#usual.clear(trunkSlot)
    this.#trunks.write(trunkSlot, atMs, features, TRUNK)
    if (hasSaid) {
      features[TRUNK_AT] = this.#usual.differs(trunkSlot, 0, hashText(call.sourceAddress))
      features[TRUNK_AT + 1] = this.#usual.differs(trunkSlot, 1, hashText(call.userAgent ?? ''))
      features[TRUNK_AT + 2] = this.#usual.differs(trunkSlot, 2, hashTexts(call.codecs))
    } else features.fill(0, TRUNK_AT, GRAPH_AT)
    this.#graph.arrive({ caller, number: dialled, seller, atMs }, features, GRAPH_AT)
    const { saidState: state } = call
    if (state === null) SaidPlaces.writeUsual(features, SAID_AT)
    else {
      const isPlaced = call.numberStates.length > 0
      this.#saidPlaces.arrived({ seller, state, marks, isPlaced, atMs }, features, SAID_AT)
    }
    return features
  }

  /** Counts what became of a call that arrived; of others, and of those forgotten, nothing. */
  end(call: EndedCall): void {
    const place = this.#open.end(hashText(call.id))
    if (place < 0) return
    const atMs = call.endedAtMs
    const marks = endMarksOf(call)
    const answeredMs = call.outcome === 'answered' ? call.durationMs : 0
    const caller = this.#open.get(place, OPEN.caller)
    const number = this.#open.get(place, OPEN.number)
    const seller = this.#open.get(place, OPEN.seller)
    if (caller !== 0) {
      this.#identities.ended(this.#open.get(place, OPEN.identity))
      this.#callers.ended(caller, marks, answeredMs, call.pddMs, atMs)
      this.#blocks.ended(this.#open.get(place, OPEN.block), marks, answeredMs, call.pddMs, atMs)
    }
    this.#numbers.ended(number, marks, answeredMs, call.pddMs, atMs)
    this.#sellers.ended(seller, marks, answeredMs, call.pddMs, atMs)
    this.#trunks.ended(this.#open.get(place, OPEN.trunk), marks, answeredMs, call.pddMs, atMs)
    const numberSlot = this.#numbers.find(number)
    if (numberSlot >= 0) this.#numberBaseline.ended(numberSlot, marks)
    const sellerSlot = this.#sellers.find(seller)
    if (sellerSlot >= 0) this.#sellerBaseline.ended(sellerSlot, marks)
    if (call.targetId === null) return
    const target = hashText(call.targetId)
    if (answeredMs > 0) this.#graph.answer(caller, target)
    if (numberSlot >= 0) this.#lastTargets[numberSlot] = target
    this.#targets.arrived(target, caller, seller, this.#open.get(place, OPEN.marks), atMs)
    this.#targets.ended(target, marks, answeredMs, call.pddMs, atMs)
  }

  /** Calls that arrived before then are not open any more: their end was never told (a gateway that broke down, news that got lost). */
  forgetOpen(beforeMs: number): void {
    this.#open.endBefore(beforeMs, (place) => this.#forgetAt(place))
  }

  #arriveAtNumber(number: number, caller: number, block: number, marks: number, hasSaid: boolean, atMs: number): void {
    const features = this.#features
    const slot = this.#numbers.arrived(number, caller, block, marks, atMs)
    if (this.#numbers.isNew) {
      this.#numberBaseline.clear(slot)
      this.#lastTargets[slot] = 0
    }
    this.#numbers.write(slot, atMs, features, NUMBER)
    this.#numberBaseline.arrived(slot, marks, hasSaid, atMs)
    this.#numberBaseline.write(slot, features, BASELINE_AT)
    const target = this.#targets.find(this.#lastTargets[slot]!)
    if (target < 0) Subject.writeUsual(features, TARGET)
    else this.#targets.write(target, atMs, features, TARGET)
  }

  /** Where the call is remembered. One that is forgotten for it will not be seen to end: it is not open any more. */
  #openCall(call: number, atMs: number): number {
    const place = this.#open.take(call, atMs)
    if (this.#open.hasEvicted) this.#forgetAt(place)
    return place
  }

  #forgetAt(place: number): void {
    this.#identities.ended(this.#open.get(place, OPEN.identity))
    this.#callers.forgotten(this.#open.get(place, OPEN.caller))
    this.#blocks.forgotten(this.#open.get(place, OPEN.block))
    this.#numbers.forgotten(this.#open.get(place, OPEN.number))
    this.#sellers.forgotten(this.#open.get(place, OPEN.seller))
    this.#trunks.forgotten(this.#open.get(place, OPEN.trunk))
  }

  #marksOf(call: ArrivingCall, caller: number): number {
    const { ani, dnis, attestation, atMs } = call
    let marks = 0
    if (attestation === null || attestation === 'C') marks |= ARRIVAL_MARKS.weak
    if (isMisplaced(call)) marks |= ARRIVAL_MARKS.misplaced
    if (ani === null) return marks | ARRIVAL_MARKS.withheld
    if (isNeighbour(ani, dnis)) marks |= ARRIVAL_MARKS.neighbour
    if (this.#callers.lastAtMs(caller) !== 0) marks |= ARRIVAL_MARKS.repeat
    for (let away = -NEXT; away <= NEXT; away++) {
      const lastAtMs = away === 0 ? 0 : this.#callers.lastAtMs(caller + away)
      if (lastAtMs !== 0 && lastAtMs > atMs - HOUR_MS) marks |= ARRIVAL_MARKS.sequential
    }
    return marks
  }
}

function endMarksOf(call: EndedCall): number {
  let marks = 0
  if (isOneRing(call)) marks |= END_MARKS.oneRing
  if (call.outcome !== 'answered') return marks
  marks |= END_MARKS.answered
  if (call.isBilled) marks |= END_MARKS.billed
  if (isHugging(call)) marks |= END_MARKS.hugging
  if (isVeryShort(call)) marks |= END_MARKS.veryShort
  if (call.hungUpBy === 'caller') marks |= END_MARKS.callerHungUp
  if (call.audioFault !== null) marks |= END_MARKS.faulty
  return marks
}
