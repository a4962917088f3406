import assert from 'node:assert/strict'
import { MAX_KEYS_WAITING, RelayedKeys, TWIN_WAIT_MS } from '../../../gateway/in-dialog/relayed-keys.ts'
import type { LegDialog, SipRequest } from '../../../gateway/srf/srf-types.ts'
import type { AudioTools, KeyListener, KeyWay } from '../../../media/audio-tools.ts'
import { MediaUnavailable } from '../../../media/media-server.ts'
import type { LegSide } from '../../../model/call.ts'
import { ManualSchedule } from '../../support/manual-schedule.ts'

const DTMF_RELAY = 'application/dtmf-relay'

/** A call whose engine and phones write down what they are told. */
class Talk {
  readonly ways: Record<LegSide, KeyWay> = { caller: 'passed', buyer: 'passed' }
  presses = true
  readonly ears: Partial<Record<LegSide, KeyListener>> = {}
  dialled: string[] = []
  readonly infos: string[] = []
  readonly notes: string[] = []
  readonly gone: string[] = []
  readonly schedule = new ManualSchedule()
  /** What the phones answer INFO with. */
  infoStatus: number | null = 200
  dialling: () => Promise<void> = () => Promise.resolve()
  readonly keys: RelayedKeys
  dialogs = { caller: this.#dialog('caller'), buyer: this.#dialog('buyer') }

  constructor() {
    const tools: Partial<AudioTools> = {
      keyWay: (side) => this.ways[side],
      onKeys: (side, listener) => void (this.ears[side] = listener),
      watchKeys: () => this.presses,
      sendDigits: async (side, digits) => {
        await this.dialling()
        this.dialled.push(`${side} ${digits}`)
      },
    }
    this.keys = new RelayedKeys({
      tools: tools as AudioTools,
      dialogOf: (side) => this.dialogs[side],
      onGone: (side) => this.gone.push(side),
      note: (step, detail) => this.notes.push(`${step}: ${detail}`),
      schedule: this.schedule,
      nowMs: () => this.schedule.now(),
    })
  }

  #dialog(side: LegSide): LegDialog {
    const request = async ({ body }: { body?: string }) => {
      if (this.infoStatus === null) throw new Error('the dialog is gone')
      this.infos.push(`${side} ${body?.trim().replace('\r\n', ' ')}`)
      return { status: this.infoStatus }
    }
    return { request } as unknown as LegDialog
  }

  newcomer(side: LegSide): void {
    this.dialogs = { ...this.dialogs, [side]: this.#dialog(side) }
    this.keys.replaced(side)
  }

  /** An INFO of this side: the status it is answered with here, or `relayed`. */
  info(from: LegSide, body: string, type = DTMF_RELAY): number | 'relayed' {
    let status: number | 'relayed' = 'relayed'
    const req = { get: (name: string) => (name === 'Content-Type' ? type : undefined), body } as unknown as SipRequest
    const isTaken = this.keys.take(from, req, { send: (sent: number) => (status = sent) } as never)
    assert.equal(isTaken, status !== 'relayed')
    return status
  }

  tell(from: LegSide, digits: string): (number | 'relayed')[] {
    return Array.from(digits, (digit) => this.info(from, `Signal=${digit}\r\nDuration=100\r\n`))
  }

  dialledTo(side: LegSide): string {
    return this.dialled.flatMap((one) => (one.startsWith(`${side} `) ? one.slice(side.length + 1) : [])).join('')
  }

  async press(from: LegSide, digits: string, durationMs = 120): Promise<void> {
    for (const digit of digits) {
      this.ears[from]!.down(digit)
      this.ears[from]!.up(digit, durationMs)
    }
    await this.schedule.advance(0)
  }
}

describe('the keys of a call that are handed on', () => {
  let talk: Talk
  beforeEach(() => void (talk = new Talk()))

  it('are dialled to a side that takes events when they are told by INFO, in order, 200 at once', async () => {
    talk.presses = false
    assert.deepEqual(talk.tell('caller', '12A#*d'), [200, 200, 200, 200, 200, 200])
    await talk.schedule.advance(0)
    assert.equal(talk.dialledTo('buyer'), '12A#*D')
    assert.deepEqual(talk.infos, [])
    talk.ways.buyer = 'sent'
    assert.equal(talk.info('caller', '7', 'application/dtmf'), 200)
    await talk.schedule.advance(0)
    assert.equal(talk.dialled.at(-1), 'buyer 7')
  })

  it('are relayed as INFO to a side that takes none, and so is what is no key', () => {
    talk.ways.buyer = 'none'
    assert.deepEqual(talk.tell('caller', '1'), ['relayed'])
    talk.ways.buyer = 'passed'
    for (const [body, type] of [
      ['Signal=16\r\n', DTMF_RELAY],
      ['Signal=12345\r\n', DTMF_RELAY],
      ['', DTMF_RELAY],
      ['x', 'application/dtmf'],
      ['1', 'application/sdp'],
      [`${'\n'.repeat(60_000)}x`, DTMF_RELAY],
    ])
      assert.equal(talk.info('caller', body!, type), 'relayed')
    assert.deepEqual(talk.dialled, [])
  })

  it('go by INFO, once each, to a side that has not agreed to events', async () => {
    talk.ways.buyer = 'none'
    await talk.press('caller', '4#')
    await talk.press('caller', 'A', 0)
    await talk.press('caller', '1', 60_000)
    assert.deepEqual(talk.infos, [
      'buyer Signal=4 Duration=120',
      'buyer Signal=# Duration=120',
      'buyer Signal=A Duration=160',
      'buyer Signal=1 Duration=8000',
    ])
    assert.deepEqual(talk.dialled, [])
  })

  it('go as tones to a side that takes neither events nor INFO, which is asked once', async () => {
    Object.assign(talk, { infoStatus: 415 }).ways.buyer = 'none'
    await talk.press('caller', '12')
    await talk.press('caller', '3')
    assert.equal(talk.infos.length, 1)
    assert.equal(talk.dialledTo('buyer'), '123')
    assert.ok(talk.notes.includes('keys as tones: the buyer takes neither RFC 4733 nor SIP INFO: 415'))
    talk.infoStatus = 200
    talk.newcomer('buyer')
    await talk.press('caller', '4')
    assert.equal(talk.infos.length, 2, 'somebody else is asked again')
  })

  it('pressed in the audio are left to it where it is passed on', async () => {
    await talk.press('caller', '12')
    assert.deepEqual([talk.infos, talk.dialled], [[], []])
  })

  for (const [what, act] of [
    ['before', ['press', 'tell']],
    ['after', ['tell', 'press']],
  ] as const)
    it(`are one each when a phone says them in its audio ${what} it does by INFO`, async () => {
      for (const digit of '55')
        for (const how of act) {
          if (how === 'press') await talk.press('caller', digit)
          else assert.deepEqual(talk.tell('caller', digit), [200])
          await talk.schedule.advance(100)
        }
      await talk.schedule.advance(2 * TWIN_WAIT_MS)
      assert.deepEqual(talk.dialled, [], 'the audio has told them')
      assert.deepEqual(talk.infos, [])
    })

  it('are one each, too, for a side that has INFO alone', async () => {
    talk.ways.buyer = 'none'
    await talk.press('caller', '1')
    assert.deepEqual(talk.tell('caller', '1'), [200], 'told already')
    assert.deepEqual(talk.tell('caller', '2'), ['relayed'])
    await talk.press('caller', '2')
    assert.deepEqual(talk.infos, ['buyer Signal=1 Duration=120'])
  })

  it('told by INFO wait for their twins in the audio, and go on without them', async () => {
    talk.tell('caller', '12')
    await talk.schedule.advance(TWIN_WAIT_MS - 1)
    assert.deepEqual(talk.dialled, [])
    await talk.schedule.advance(1)
    assert.equal(talk.dialledTo('buyer'), '12')
  })

  it('wait while others are dialled, up to a limit, and then INFO hears 503', async () => {
    talk.presses = false
    const { promise, resolve } = Promise.withResolvers<void>()
    talk.dialling = () => promise
    const statuses = talk.tell('caller', '1'.repeat(1 + MAX_KEYS_WAITING + 2))
    assert.deepEqual([statuses.filter((one) => one === 200).length, statuses.at(-1)], [1 + MAX_KEYS_WAITING, 503])
    assert.equal(talk.tell('buyer', '1')[0], 200, 'the other way is free')
    resolve()
    await talk.schedule.advance(0)
    assert.equal(talk.dialledTo('buyer'), '1'.repeat(1 + MAX_KEYS_WAITING))
  })

  it('held for their twins count for the limit', () => {
    const statuses = talk.tell('caller', '1'.repeat(MAX_KEYS_WAITING + 1))
    assert.deepEqual([statuses.at(-2), statuses.at(-1)], [200, 503])
  })

  it('pressed in the audio beyond the limit are lost, which the trace says without naming them', async () => {
    talk.ways.buyer = 'none'
    const { promise, resolve } = Promise.withResolvers<void>()
    const { buyer } = talk.dialogs
    const request = buyer.request.bind(buyer)
    buyer.request = (options) => promise.then(() => request(options))
    await talk.press('caller', '9'.repeat(1 + MAX_KEYS_WAITING + 1))
    assert.ok(talk.notes.includes('key lost: too many are on their way'))
    resolve()
    await talk.schedule.advance(0)
    assert.equal(talk.infos.length, 1 + MAX_KEYS_WAITING)
    assert.doesNotMatch(talk.notes.join(), /9/)
  })

  it('go by INFO when the engine cannot dial them', async () => {
    talk.presses = false
    talk.dialling = () => Promise.reject(new MediaUnavailable('the engine is gone'))
    talk.tell('caller', '1')
    await talk.schedule.advance(0)
    assert.deepEqual(talk.infos, ['buyer Signal=1 Duration=160'])
    talk.infoStatus = 405
    talk.tell('caller', '2')
    await talk.schedule.advance(0)
    assert.ok(talk.notes.includes('key lost: the engine is gone'))
  })

  it('tell of a side that knows nothing of its call any more', async () => {
    Object.assign(talk, { infoStatus: 481 }).ways.caller = 'none'
    await talk.press('buyer', '1')
    assert.deepEqual(talk.gone, ['caller'])
    talk.infoStatus = null
    await talk.press('buyer', '1')
    assert.ok(talk.notes.includes('key lost: the INFO could not be sent'))
  })

  it('are forgotten with whoever leaves, and with the call', async () => {
    talk.tell('caller', '1')
    talk.newcomer('caller')
    talk.tell('caller', '2')
    talk.keys.end()
    assert.equal(talk.schedule.pending, 0)
    assert.deepEqual(talk.tell('caller', '3'), ['relayed'])
    await talk.press('caller', '4')
    assert.deepEqual([talk.dialled, talk.infos], [[], []])
  })
})
