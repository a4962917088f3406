import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { accept } from '../../gateway/accept-call.ts'
import type { Call } from '../../gateway/live-call.ts'
import type { GatewayRecord } from '../../gateway/needs.ts'
import type { ExchangeParts } from '../../gateway/parts.ts'
import { MediaUnavailable, UnacceptableMedia } from '../../media/media-server.ts'
import { Refusal } from '../../model/refusal.ts'

type Answered = Parameters<typeof accept>[1]
type Sold = Extract<GatewayRecord, { kind: 'sold' }>

/** What the engine and the disk do is held until the test lets it go. */
function stage(earlyAnswers: Promise<unknown> | null = null) {
  const joined = Promise.withResolvers<string>()
  const durable = Promise.withResolvers<void>()
  const told: string[] = []
  const written: Sold[] = []
  const answeredAt = new Date(5_000)
  const attempt = { award: { id: 'a', buyerId: 'b', rank: 1 }, answeredAt }
  const call = {
    facts: { seller: { id: 's', currency: 'USD' }, trunk: { id: 't' }, number: null, ani: null, dnis: null },
    state: 'ringing',
    isApart: false,
    isJoined: true,
    answeredAt: null,
    aliveAt: null,
    sold: { awardId: 'a' },
    soldAttempt: attempt,
    takenAward: { hold: { id: 'h' }, reservation: { answered: () => {} } },
    ringingWrite: null,
    auction: null,
    waiting: null,
    events: [],
    gone: new AbortController().signal,
    throwIfGone: () => {},
    earlyAnswers,
    media: { tools: null, answerFromBuyer: () => (told.push('engine told'), joined.promise) },
    caller: {
      finalStatus: null,
      state: () => ({ callId: 'caller' }),
      accept: async () => (told.push('caller answered'), false),
    },
    legs: () => [],
  } as unknown as Call // oxlint-disable-line typescript/no-unsafe-type-assertion -- nothing else of a call is read
  const leg = {
    dialog: { connected: true },
    state: () => ({ callId: 'buyer' }),
    hangUp: async () => void told.push('buyer hung up'),
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing else of the parts is used
  const parts = {
    directory: { campaign: () => null, target: () => null },
    policies: { recordsCalls: false },
    clock: { monotonicMs: () => 5 },
    writer: {
      write(record: Sold) {
        written.push(record)
        return written.length === 1 ? durable.promise : Promise.resolve()
      },
    },
  } as unknown as ExchangeParts
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing else of an answer is read
  const answered = { kind: 'answered', attempt, leg, sdp: 'v=0', answeredMonotonicMs: 5 } as unknown as Answered
  return { call, parts, told, written, joined, durable, answeredAt, accepting: accept(call, answered, parts) }
}

describe('a buyer who has answered', () => {
  for (const first of ['joined', 'durable'] as const)
    it(`is written down while the media is joined, and the caller told after both (${first} first)`, async () => {
      const { call, told, written, joined, durable, answeredAt, accepting } = stage()
      const over = assert.rejects(accepting, Refusal) // This caller gives up: what comes after is not looked at here.
      assert.equal(call.state, 'answered')
      assert.deepEqual(
        written.map((record) => [record.call.answeredAt, record.callerDialog?.callId, record.buyerDialog?.callId]),
        [[answeredAt, 'caller', 'buyer']],
      )
      if (first === 'joined') joined.resolve('answer')
      else durable.resolve()
      await turn()
      assert.deepEqual(told, ['engine told'])
      joined.resolve('answer')
      durable.resolve()
      await over
      assert.equal(told[1], 'caller answered')
    })

  for (const fails of [false, true])
    it(`has its early answer looked at to the end first${fails ? ', though it comes to nothing' : ''}`, async () => {
      const early = Promise.withResolvers<string>()
      const { told, written, joined, durable, accepting } = stage(Promise.allSettled([early.promise]))
      const over = assert.rejects(accepting, Refusal)
      await turn()
      assert.deepEqual(told, [])
      assert.equal(written.length, 1) // The sale waits for no engine.
      if (fails) early.reject(new UnacceptableMedia('no codec'))
      else early.resolve('early')
      await turn()
      assert.deepEqual(told, ['engine told'])
      joined.resolve('answer')
      durable.resolve()
      await over
    })

  for (const [what, error, ends] of [
    ['says what the caller cannot have', new UnacceptableMedia('no codec'), 'ring_failed'],
    ['loses the media engine', new MediaUnavailable('it died'), 'media_failed'],
  ] as const)
    it(`and ${what} is taken back on the disk`, async () => {
      const { call, told, written, joined, durable, accepting } = stage()
      joined.reject(error)
      const outcome = await accepting.catch((refusal: Refusal) => refusal.reason)
      assert.equal(outcome, ends)
      assert.deepEqual(told, ['engine told', 'buyer hung up'])
      assert.equal(call.state, 'ringing')
      durable.resolve()
      await turn()
      assert.deepEqual(
        written.map((record) => [record.call.state, record.call.answeredAt !== null, record.buyerDialog !== null]),
        [
          ['answered', true, true],
          ['ringing', false, false],
        ],
      )
    })

  it('whose sale cannot be written is let go, whatever becomes of the media', async () => {
    const { told, joined, durable, accepting } = stage()
    const unheard: unknown[] = []
    const onUnheard = (reason: unknown): void => void unheard.push(reason)
    process.on('unhandledRejection', onUnheard)
    try {
      durable.reject(new Error('no room'))
      await turn()
      assert.deepEqual(told, ['engine told'])
      assert.deepEqual(unheard, []) // It would end the process.
      joined.resolve('answer')
      await assert.rejects(accepting, /the sale could not be written down: no room/)
      assert.deepEqual(told, ['engine told', 'buyer hung up'])
    } finally {
      process.off('unhandledRejection', onUnheard)
    }
  })
})
