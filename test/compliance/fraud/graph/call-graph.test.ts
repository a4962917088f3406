import assert from 'node:assert/strict'
import { CallGraph, GRAPH_LIMITS, GRAPH_SIGNS } from '../../../../compliance/fraud/graph/call-graph.ts'
import { Dice } from '../../../simulation/dice.ts'

const MINUTE_MS = 60_000
const START_MS = Date.parse('2026-03-02T12:00:00Z')

type Signs = Record<(typeof GRAPH_SIGNS)[number], number>

class Story {
  readonly graph: CallGraph
  readonly #written = new Float64Array(GRAPH_SIGNS.length + 2)
  nowMs = START_MS

  constructor(limits: ConstructorParameters<typeof CallGraph>[0] = {}) {
    this.graph = new CallGraph(limits)
  }

  call(caller: number, number: number, seller = 100): Signs {
    this.nowMs += 1000
    const call = { caller, number, seller, atMs: this.nowMs }
    this.#written.fill(-1)
    this.graph.arrive(call, this.#written, 1)
    assert.deepEqual([this.#written[0], this.#written.at(-1)], [-1, -1], 'it writes where it should and nowhere else')
    return Object.fromEntries(GRAPH_SIGNS.map((name, index) => [name, this.#written[index + 1]!])) as Signs
  }
}

describe('call graph', () => {
  it('counts the numbers, sellers and targets of a caller, each once', () => {
    const story = new Story()
    story.call(1, 11)
    story.call(1, 11)
    story.call(1, 12, 102)
    for (const target of [7, 7, 8]) story.graph.answer(1, target)
    const signs = story.call(1, 11)
    assert.deepEqual([signs['graph.numbers'], signs['graph.sellers'], signs['graph.targets']], [2, 2, 2])
  })

  it('says nothing of a caller without a number', () => {
    const story = new Story()
    assert.deepEqual(Object.values(story.call(0, 11)), [0, 0, 0, 0, 0, 0])
    story.graph.answer(0, 7)
    assert.equal(story.graph.sizes.callers, 0)
  })

  it('finds callers that share three numbers, and not those that share two', () => {
    const story = new Story()
    for (const number of [11, 12, 13]) for (const caller of [1, 2, 3]) story.call(caller, number)
    for (const number of [11, 12, 14]) story.call(4, number)
    assert.equal(story.call(1, 11)['graph.neighbours'], 2)
    assert.equal(story.call(4, 11)['graph.neighbours'], 0)
    assert.equal(story.graph.ringSizeOf(1), 3)
    assert.equal(story.graph.ringSizeOf(4), 0)
  })

  it('brings two rings together when one caller shares numbers with both', () => {
    const story = new Story()
    for (const number of [21, 22, 23]) for (const caller of [1, 2]) story.call(caller, number)
    for (const number of [24, 25, 26]) for (const caller of [3, 4, 5]) story.call(caller, number)
    assert.deepEqual(
      [1, 3].map((caller) => story.graph.ringSizeOf(caller)),
      [2, 3],
    )
    for (const number of [21, 22, 23, 24, 25, 26]) story.call(6, number)
    assert.deepEqual(
      [1, 3, 6].map((caller) => story.graph.ringSizeOf(caller)),
      [6, 6, 6],
    )
  })

  it('begins anew with a caller who was silent for longer than the window', () => {
    const story = new Story({ windowMs: 60 * MINUTE_MS })
    for (const number of [11, 12, 13]) for (const caller of [1, 2]) story.call(caller, number)
    story.nowMs += 61 * MINUTE_MS
    assert.equal(story.call(1, 11)['graph.numbers'], 1)
    assert.equal(story.graph.ringSizeOf(2), 1)
    for (const number of [12, 13]) story.call(1, number)
    assert.equal(story.call(1, 13)['graph.neighbours'], 0, 'the other has not been heard of since')
  })

  it('measures how many of a seller’s callers also come through another, over two windows', () => {
    const story = new Story({ windowMs: 60 * MINUTE_MS })
    for (let caller = 1; caller <= 40; caller++) story.call(caller, 11, 101)
    for (let caller = 31; caller <= 60; caller++) story.call(caller, 12, 102)
    assert.equal(story.call(1, 11, 101)['graph.sellerOverlap'], 10 / 40)
    assert.equal(story.call(59, 12, 102)['graph.sellerOverlap'], 10 / 30)
    story.nowMs += 60 * MINUTE_MS
    assert.equal(story.call(100, 11, 101)['graph.sellerOverlap'], 10 / 41)
    story.nowMs += 120 * MINUTE_MS
    assert.equal(story.call(101, 11, 101)['graph.sellerOverlap'], 0)
  })

  it('forgets whoever has not called for longest, and whom it knew', () => {
    const story = new Story({ callers: 3 })
    for (const number of [11, 12, 13]) for (const caller of [1, 2, 3]) story.call(caller, number)
    story.call(1, 11)
    story.call(4, 11) // In the place of 2, who called before 3 did, and both before 1 did again.
    assert.equal(story.call(3, 11)['graph.neighbours'], 1)
    assert.equal(story.call(1, 11)['graph.numbers'], 3)
    assert.equal(story.call(2, 11)['graph.numbers'], 1)
    assert.equal(story.graph.ringSizeOf(1), 2)
    assert.equal(story.graph.sizes.callers, 3)
  })

  it('holds no more callers, numbers, sellers, ring members and overlaps than it may', () => {
    const story = new Story({ callers: 50, numbers: 30, sellers: 10, ringMembers: 20, overlapsOfSeller: 4 })
    const dice = new Dice(9)
    for (let step = 0; step < 20_000; step++) {
      const signs = story.call(1 + dice.roll(80), 1 + dice.roll(40), 1 + dice.roll(12))
      assert.ok(signs['graph.numbers'] <= GRAPH_LIMITS.numbersOfCaller)
      assert.ok(signs['graph.sellers'] <= GRAPH_LIMITS.sellersOfCaller)
      assert.ok(signs['graph.ring'] <= 20)
      assert.ok(signs['graph.neighbours'] < 80)
    }
    assert.deepEqual(story.graph.sizes, { callers: 50, numbers: 30, sellers: 10 })
  })

  it('agrees with a count of neighbours from scratch while nothing is forgotten', () => {
    const dice = new Dice(4)
    const story = new Story()
    const numbersOf = new Map<number, Set<number>>()
    for (let step = 0; step < 600; step++) {
      const caller = 1 + dice.roll(25)
      const number = 1 + dice.roll(14)
      const mine = numbersOf.get(caller) ?? new Set()
      numbersOf.set(caller, mine.add(number))
      const expected = [...numbersOf].filter(
        ([other, theirs]) => other !== caller && [...theirs].filter((each) => mine.has(each)).length >= 3,
      ).length
      assert.equal(story.call(caller, number)['graph.neighbours'], expected, `step ${step}`)
    }
  })
})
