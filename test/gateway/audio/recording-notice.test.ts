import assert from 'node:assert/strict'
import { RecordingLaw, type RecordingAction } from '../../../compliance/recording-law.ts'
import { loadPlaces } from '../../../config/reference-data.ts'
import { audioOf } from '../../../gateway/audio/call-audio.ts'
import { joinAudio } from '../../../gateway/audio/join-audio.ts'
import { BEEP } from '../../../gateway/audio/recording-notice.ts'
import type { Call } from '../../../gateway/live-call.ts'
import type { ExchangeParts } from '../../../gateway/parts.ts'
import type { Prompt, RecordingEnd, RecordOptions } from '../../../media/audio-tools.ts'
import type { Award } from '../../../model/auction.ts'
import { NO_NUMBER_AUDIO, type NumberAudio } from '../../../model/call-audio.ts'
import type { CheckRecord } from '../../../model/cdr.ts'
import type { PhoneNumber } from '../../../model/phone-number.ts'
import { aNumber, aTarget } from '../../support/market.ts'

const places = loadPlaces()
const NOW = new Date('2026-11-22T10:00:00.000Z')
const NEW_YORK = '+12125550123'
const LOS_ANGELES = '+12135550123'

interface Setting {
  readonly caller?: string
  readonly target?: string
  readonly audio?: Partial<NumberAudio>
  readonly action?: RecordingAction
  readonly announcement?: string | null
  readonly buyerState?: string | null
  readonly failsToPlay?: boolean
}

/** A call that is to be recorded, joined; what was played, what was recorded and what the record says. */
async function recorded(setting: Setting) {
  const { caller = NEW_YORK, target = NEW_YORK, audio = {}, action = 'announce', failsToPlay = false } = setting
  const played: [string, Prompt][] = []
  const recordings: RecordOptions[] = []
  const { promise: ended, resolve: end } = Promise.withResolvers<RecordingEnd>()
  const tools = {
    apart: async () => {},
    async play(side: string, prompt: Prompt) {
      played.push([side, prompt])
      if (failsToPlay) throw new Error('no such file')
    },
    async record(options: RecordOptions) {
      recordings.push(options)
      return { ended }
    },
  }
  const call = {
    id: 'call',
    facts: {
      number: aNumber({ audio: { ...NO_NUMBER_AUDIO, record: 'yes', ...audio } }),
      places: places.ofNumber(caller as PhoneNumber),
      zip: null,
    },
    round: null,
    media: { tools },
    bridge: { isEnded: false, ended: new Promise(() => {}) },
    ringback: null,
    isApart: false,
    checks: [] as CheckRecord[],
    recording: null,
    note() {},
  }
  const parts = {
    clock: { now: () => NOW.getTime() },
    places,
    directory: { target: () => aTarget('t', 'buyer', { uri: target }), campaign: () => undefined },
    policies: {
      recordsCalls: false,
      recording: {
        law: new RecordingLaw({ oneParty: 'record', allParty: action, unknown: action }),
        announcement: setting.announcement ?? null,
        beepEveryMs: 15_000,
        buyerState: setting.buyerState ?? null,
      },
    },
    limits: { maxCallDurationMs: 60_000 },
    log: { warn() {} },
    recordings: { begun: async () => {}, ended: async () => {} },
  } as unknown as ExchangeParts
  const audioOfCall = audioOf(call as unknown as Call, {} as Award, parts)
  await joinAudio(call as unknown as Call, audioOfCall, parts)
  end({ file: 'call', durationMs: 1, bytes: 1, reason: 'call_ended' })
  const [check] = call.checks
  return { played, recordings, check: check!, beepEveryMs: audioOfCall!.lawful!.beepEveryMs }
}

describe('a recording, before the law', () => {
  it('is made without a word where one party’s consent is enough at both ends', async () => {
    const { played, recordings, check } = await recorded({})
    assert.deepEqual([played, recordings.length], [[], 1])
    assert.deepEqual([check.check, check.effect, check.rule], ['recording-law', 'allow', 'recording-law:US'])
    assert.match(check.source, /2511/)
  })

  it('is announced to both sides where either end asks for all parties’ consent, and the record says when', async () => {
    for (const ends of [
      { caller: LOS_ANGELES, target: NEW_YORK },
      { caller: NEW_YORK, target: LOS_ANGELES },
    ]) {
      const { played, recordings, check } = await recorded({ ...ends, announcement: 'house-notice' })
      const prompt = { kind: 'file', name: 'house-notice' }
      assert.deepEqual(played, [
        ['buyer', prompt],
        ['caller', prompt],
      ])
      assert.equal(recordings.length, 1)
      assert.equal(check.rule, 'recording-law:CA')
      assert.match(check.source, /Penal Code 632/)
      assert.ok(
        check.detail.endsWith('announced (house-notice) at 2026-11-22T10:00:00.000Z, then recorded'),
        check.detail,
      )
    }
    const own = await recorded({ caller: LOS_ANGELES, announcement: 'house-notice', audio: { announcement: 'own' } })
    assert.deepEqual(own.played[0]![1], { kind: 'file', name: 'own' }, 'the number’s own comes first')
  })

  it('is not made when the announcement was not heard', async () => {
    const { recordings, check } = await recorded({ caller: LOS_ANGELES, announcement: 'gone', failsToPlay: true })
    assert.deepEqual([recordings.length, check.effect], [0, 'advisory'])
    assert.match(check.detail, /not recorded: not announced \(gone\) to the end$/)
  })

  it('beeps where there is no announcement to play, and where the operator wants that', async () => {
    for (const setting of [{ announcement: null }, { action: 'beep', announcement: 'unused' }] as const) {
      const { played, recordings, check, beepEveryMs } = await recorded({ caller: LOS_ANGELES, ...setting })
      assert.deepEqual(
        played.map(([side, prompt]) => [side, prompt]),
        [
          ['buyer', BEEP],
          ['caller', BEEP],
        ],
      )
      assert.deepEqual([recordings.length, beepEveryMs], [1, 15_000])
      assert.match(check.detail, /beeped at 2026-11-22T10:00:00\.000Z, then recorded$/)
    }
  })

  it('is not made, or of the buyer’s side alone, where the operator wants that', async () => {
    const none = await recorded({ caller: LOS_ANGELES, action: 'no_record', audio: { announcement: 'own' } })
    assert.deepEqual([none.played, none.recordings, none.check.effect], [[], [], 'advisory'])
    assert.match(none.check.detail, /not recorded$/)
    const half = await recorded({ caller: LOS_ANGELES, action: 'buyer_leg' })
    assert.deepEqual([half.played, half.recordings[0]!.only], [[], 'buyer'])
    assert.match(half.check.detail, /the buyer’s side alone recorded without a word$/)
  })

  it('gives notice where nobody knows where a side is: a withheld number, an agent at a SIP address', async () => {
    for (const setting of [{ caller: '+18005550123' }, { target: 'sip:agent@buyer.example' }])
      assert.equal((await recorded(setting)).check.rule, 'recording-law:unknown')
    const known = await recorded({ target: 'sip:agent@buyer.example', buyerState: 'TX' })
    assert.equal(known.check.rule, 'recording-law:US')
  })
})
