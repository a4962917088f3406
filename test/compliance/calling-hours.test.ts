import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { PhoneNumber } from '../../model/phone-number.ts'
import { compliance, instant, number, numberIn, places, shown } from './support.ts'

const law = compliance()

/** Whether the hours allow an outbound call to a number when the wall of a zone shows a time. */
function allowed(phone: string, zone: string, wall: string, zip: string | null = null): boolean {
  return ask(phone, instant(zone, wall), zip).allowed
}

function ask(phone: string, atMs: number, zip: string | null = null) {
  return law.judgeHours({ phoneNumber: number(phone), time: new Date(atMs), zip, leg: 'outbound' })
}

const ET = 'America/New_York'
const CT = 'America/Chicago'
const MT = 'America/Denver'
// 2026-11-20 is a Friday.

describe('federal calling hours (47 CFR 64.1200(c)(1))', () => {
  it('begin at 08:00:00.000 and end with 20:59:59.999', () => {
    const start = instant(ET, '2026-11-20T08:00:00')
    assert.equal(ask(numberIn('NY'), start - 1).allowed, false)
    assert.equal(ask(numberIn('NY'), start).allowed, true)
    const end = instant(ET, '2026-11-20T21:00:00')
    assert.equal(ask(numberIn('NY'), end - 1).allowed, true)
    assert.equal(ask(numberIn('NY'), end).allowed, false)
    assert.equal(allowed(numberIn('NY'), ET, '2026-11-20T20:59:59'), true)
    assert.equal(allowed(numberIn('NY'), ET, '2026-11-20T21:00:00'), false)
  })

  it('are those of the person, not of the exchange', () => {
    assert.equal(allowed(numberIn('HI'), ET, '2026-11-20T12:59:59'), false) // 07:59:59 in Honolulu.
    assert.equal(allowed(numberIn('HI'), ET, '2026-11-20T13:00:00'), true)
    assert.equal(allowed(numberIn('CA'), ET, '2026-11-20T10:59:00'), false)
    assert.equal(allowed(numberIn('GU'), 'Pacific/Guam', '2026-11-21T08:00:00'), true)
    assert.equal(allowed(numberIn('GU'), 'Pacific/Guam', '2026-11-21T21:00:00'), false)
    assert.equal(allowed(numberIn('PR'), 'America/Puerto_Rico', '2026-07-01T20:59:00'), true)
  })

  it('name the rule, its source, the local time and the window', () => {
    const answer = ask(numberIn('NY'), instant(ET, '2026-11-20T07:30:00'))
    assert.deepEqual(answer, {
      allowed: false,
      effect: 'block',
      rule: 'calling-hours:US',
      version: '2026-11-21',
      source: '47 CFR 64.1200(c)(1); 16 CFR 310.4(c)',
      evidence: 'npa',
      places: [{ state: 'NY', timezone: ET, localTime: '2026-11-20T07:30:00-05:00', window: '08:00–21:00' }],
      nextAllowedAt: new Date(instant(ET, '2026-11-20T08:00:00')),
    })
  })

  it('advise on the inbound leg and bind on the others', () => {
    const time = new Date(instant(ET, '2026-11-20T07:30:00'))
    const effects = (['inbound', 'transfer', 'outbound'] as const).map(
      (leg) => law.judgeHours({ phoneNumber: numberIn('NY'), time, zip: null, leg }).effect,
    )
    assert.deepEqual(effects, ['advisory', 'block', 'block'])
  })

  it('can be narrowed by the operator for every state, and widened for none that has its own', () => {
    const narrow = compliance({ callingHours: { startMinute: 600, endMinute: 1080 } })
    const wide = compliance({ callingHours: { startMinute: 0, endMinute: 1440 } })
    const at = (wall: string) => new Date(instant(ET, wall))
    const say = (which: typeof law, phoneNumber: PhoneNumber, wall: string) =>
      which.judgeHours({ phoneNumber, time: at(wall), zip: null, leg: 'outbound' }).allowed
    assert.equal(say(narrow, numberIn('FL'), '2026-11-20T18:00:00'), false)
    assert.equal(say(narrow, numberIn('FL'), '2026-11-20T09:59:00'), false)
    assert.equal(say(wide, numberIn('NY'), '2026-11-20T23:59:59'), true)
    assert.equal(say(wide, numberIn('FL'), '2026-11-20T20:00:00'), false)
  })
})

describe('calling hours of a person who may be in several zones', () => {
  it('must be kept in all of them: 850 is Pensacola or Tallahassee', () => {
    assert.equal(allowed('+18505550123', ET, '2026-11-20T08:30:00'), false)
    assert.equal(allowed('+18505550123', ET, '2026-11-20T09:00:00'), true)
    assert.equal(allowed('+18505550123', ET, '2026-11-20T20:00:00'), false, 'Florida ends at 20:00, first in the east')
  })

  it('are exact for an exchange we know: Pensacola at 08:30 New York is 07:30', () => {
    const answer = ask('+18504320123', instant(ET, '2026-11-20T08:30:00'))
    assert.equal(answer.allowed, false)
    assert.equal(answer.rule, 'calling-hours:FL')
    assert.equal(answer.places[0]!.localTime, '2026-11-20T07:30:00-06:00')
    assert.equal(allowed('+18502240123', ET, '2026-11-20T08:30:00'), true, 'Tallahassee')
  })

  it('are exact with a ZIP', () => {
    assert.equal(allowed('+18505550123', ET, '2026-11-20T08:30:00', '32301'), true, 'Tallahassee')
    assert.equal(allowed('+18505550123', ET, '2026-11-20T08:30:00', '32501'), false, 'Pensacola')
    assert.equal(allowed('+18505550123', ET, '2026-11-20T08:30:00', '00000'), false, 'no such ZIP: the number speaks')
    assert.equal(allowed('+18005550123', ET, '2026-11-20T08:30:00', '10001'), true, 'toll-free, but we know where')
  })

  it('tell Indiana 219 from 317, and Arizona from the Navajo Nation', () => {
    assert.equal(allowed('+13175550123', ET, '2026-11-20T08:00:00'), true)
    assert.equal(allowed('+12195550123', ET, '2026-11-20T08:00:00'), false)
    assert.equal(allowed('+12195550123', CT, '2026-11-20T08:00:00'), true)
    // In summer the Navajo Nation is an hour ahead of Phoenix.
    assert.equal(allowed('+19285550123', 'America/Phoenix', '2026-07-01T20:30:00'), false)
    assert.equal(allowed('+16025550123', 'America/Phoenix', '2026-07-01T20:30:00'), true)
    assert.equal(allowed('+19285550123', 'America/Phoenix', '2026-07-01T20:30:00', '86001'), true, 'Flagstaff')
    assert.equal(allowed('+19285550123', 'America/Phoenix', '2026-07-01T20:30:00', '86515'), false, 'Window Rock')
    assert.equal(allowed('+19285550123', 'America/Phoenix', '2026-12-01T20:30:00'), true, 'in winter they agree')
  })

  it('hold a Florida or Oklahoma number to its state’s law wherever the person is', () => {
    const chicago = '60601'
    assert.equal(allowed(numberIn('FL'), CT, '2026-11-20T19:30:00', chicago), false, '20:30 in Florida')
    assert.equal(allowed(numberIn('OK'), CT, '2026-11-20T20:30:00', chicago), false)
    assert.equal(allowed(numberIn('NY'), CT, '2026-11-20T20:30:00', chicago), true, 'New York presumes nothing')
    assert.equal(allowed(numberIn('FL'), ET, '2026-11-20T19:59:59', '10001'), true)
  })
})

describe('calling hours of the states', () => {
  // [state, zone, weekday hours, Saturday's, Sunday's]; null: none.
  const table: [string, string, string, string | null, string | null][] = [
    ['AL', CT, '08:00-20:00', '08:00-20:00', null],
    ['CT', ET, '09:00-20:00', '09:00-20:00', '09:00-20:00'],
    ['FL', ET, '08:00-20:00', '08:00-20:00', '08:00-20:00'],
    ['IL', CT, '08:00-21:00', '08:00-21:00', '08:00-21:00'],
    ['KY', ET, '10:00-21:00', '10:00-21:00', '10:00-21:00'],
    ['LA', CT, '08:00-20:00', '08:00-20:00', null],
    ['MA', ET, '08:00-20:00', '08:00-20:00', '08:00-20:00'],
    ['MD', ET, '08:00-20:00', '08:00-20:00', '08:00-20:00'],
    ['MI', ET, '09:00-21:00', '09:00-21:00', '09:00-21:00'],
    ['MN', CT, '09:00-21:00', '09:00-21:00', '09:00-21:00'],
    ['MS', CT, '08:00-20:00', '08:00-20:00', null],
    ['NM', MT, '09:00-21:00', '09:00-21:00', '09:00-21:00'],
    ['NV', 'America/Los_Angeles', '09:00-20:00', '09:00-20:00', '09:00-20:00'],
    ['OK', CT, '08:00-20:00', '08:00-20:00', '08:00-20:00'],
    ['PA', ET, '08:00-21:00', '08:00-12:00', '08:00-21:00'],
    ['RI', ET, '09:00-18:00', '10:00-17:00', null],
    ['TX', CT, '09:00-21:00', '09:00-21:00', '12:00-21:00'],
    ['UT', MT, '08:00-21:00', '08:00-21:00', null],
    ['WA', 'America/Los_Angeles', '08:00-20:00', '08:00-20:00', '08:00-20:00'],
  ]
  for (const [state, zone, week, saturday, sunday] of table) {
    it(`are ${week}, Saturday ${saturday ?? 'none'}, Sunday ${sunday ?? 'none'} in ${state}`, () => {
      for (const [date, hours] of [
        ['2026-11-20', week],
        ['2026-11-21', saturday],
        ['2026-11-22', sunday],
      ] as const) {
        if (hours === null) {
          for (const time of ['08:00', '12:00', '19:59'])
            assert.ok(!allowed(numberIn(state), zone, `${date}T${time}:00`))
          continue
        }
        const [start, end] = hours.split('-').map((time) => instant(zone, `${date}T${time}:00`)) as [number, number]
        assert.deepEqual(
          [start - 1, start, end - 1, end].map((at) => ask(numberIn(state), at).allowed),
          [false, true, true, false],
          `${state} ${date}`,
        )
      }
    })
  }

  it('put El Paso’s Sunday noon on Mountain time', () => {
    assert.equal(allowed('+19155550123', MT, '2026-11-22T11:59:59', '79901'), false)
    assert.equal(allowed('+19155550123', MT, '2026-11-22T12:00:00', '79901'), true)
    // Without the ZIP a 915 number may keep Central time: both clocks must agree.
    assert.equal(allowed('+19155550123', MT, '2026-11-22T20:00:00'), false)
    assert.equal(allowed('+19155550123', MT, '2026-11-22T12:00:00'), true)
  })

  it('are none on legal holidays in AL, LA, RI and UT, observed days included, and stay in MS and TX', () => {
    // Thanksgiving; Independence Day 2026, a Saturday, and the Friday it is observed; Christmas 2027, a Saturday, and its Friday.
    for (const date of [
      '2026-11-26',
      '2026-07-04',
      '2026-07-03',
      '2027-12-24',
      '2026-01-01',
      '2027-12-31',
      '2026-05-25',
      '2026-06-19',
      '2026-10-12',
    ]) {
      for (const [state, zone] of [
        ['AL', CT],
        ['LA', CT],
        ['RI', ET],
        ['UT', MT],
      ] as const) {
        assert.equal(allowed(numberIn(state), zone, `${date}T12:00:00`), false, `${state} ${date}`)
      }
      assert.equal(allowed(numberIn('TX'), CT, `${date}T12:00:00`), true, `TX ${date}`)
      assert.equal(allowed(numberIn('MS'), CT, `${date}T12:00:00`), true, `MS ${date}`)
    }
    assert.equal(ask(numberIn('LA'), instant(CT, '2026-11-26T12:00:00')).places[0]!.window, 'none (Thanksgiving Day)')
    // A Sunday holiday is kept on Monday: Juneteenth 2033.
    assert.equal(allowed(numberIn('LA'), CT, '2033-06-20T12:00:00'), false)
    assert.equal(allowed(numberIn('LA'), CT, '2026-11-25T12:00:00'), true)
    // New Year's Day of 2028 is a Saturday: its Friday is in the year before.
    assert.equal(
      ask(numberIn('LA'), instant(CT, '2027-12-31T12:00:00')).places[0]!.window,
      "none (New Year's Day, observed)",
    )
  })
})

describe('the predecessor’s mistakes', () => {
  for (const [state, zone] of [
    ['IL', CT],
    ['TX', CT],
    ['FL', ET],
    ['LA', CT],
  ] as const) {
    it(`do not let 21:00 to 21:59 through in ${state}`, () => {
      assert.equal(allowed(numberIn(state), zone, '2026-11-20T21:00:00'), false)
      assert.equal(allowed(numberIn(state), zone, '2026-11-20T21:59:00'), false)
    })
  }

  it('do not call Florida until 21:00, Texas at 08:30 or before noon on Sunday', () => {
    assert.equal(allowed(numberIn('FL'), ET, '2026-11-20T20:30:00'), false)
    assert.equal(allowed(numberIn('TX'), CT, '2026-11-20T08:30:00'), false)
    assert.equal(allowed(numberIn('TX'), CT, '2026-11-22T11:30:00'), false)
  })

  it('do not call Louisiana on Sunday at 20:30 nor at noon', () => {
    assert.equal(allowed(numberIn('LA'), CT, '2026-11-22T20:30:00'), false)
    assert.equal(allowed(numberIn('LA'), CT, '2026-11-22T12:00:00'), false)
  })

  it('do not put a person of unknown place in New York', () => {
    for (const phone of ['+18005550123', '+14165550123', '+442071234567']) {
      const answer = ask(phone, instant(ET, '2026-11-20T12:00:00'))
      assert.equal(answer.allowed, false)
      assert.equal(answer.rule, 'calling-hours:unknown-location')
      assert.deepEqual(answer.places, [])
      assert.equal(answer.nextAllowedAt, null)
    }
  })

  it('do not invent a Californian rule', () => {
    assert.equal(allowed(numberIn('CA'), 'America/Los_Angeles', '2026-11-20T20:59:00'), true)
  })
})

describe('when clocks change', () => {
  it('the hours follow the wall, in spring and in autumn', () => {
    for (const day of ['2026-03-07', '2026-03-08', '2026-03-09', '2026-10-31', '2026-11-01', '2026-11-02']) {
      const start = instant(ET, `${day}T08:00:00`)
      const end = instant(ET, `${day}T21:00:00`)
      const found = [start - 1, start, end - 1, end].map((at) => ask(numberIn('NY'), at).allowed)
      assert.deepEqual(found, [false, true, true, false], day)
    }
  })

  it('a window inside the repeated hour opens twice, and one inside the skipped hour not at all', () => {
    const night = compliance({ callingHours: { startMinute: 90, endMinute: 105 } }) // 01:30–01:45
    const open = (from: string) => {
      let minutes = 0
      for (let at = Date.parse(from), end = at + 24 * 3_600_000; at < end; at += 60_000) {
        if (night.judgeHours({ phoneNumber: numberIn('NY'), time: new Date(at), zip: null, leg: 'outbound' }).allowed)
          minutes++
      }
      return minutes
    }
    assert.equal(open('2026-11-01T04:00:00Z'), 30)
    assert.equal(open('2026-11-02T05:00:00Z'), 15)
    const skipped = compliance({ callingHours: { startMinute: 120, endMinute: 180 } })
    const time = new Date('2026-03-08T06:30:00Z') // 01:30; at 02:00 it will be 03:00.
    const { nextAllowedAt } = skipped.judgeHours({ phoneNumber: numberIn('NY'), time, zip: null, leg: 'outbound' })
    assert.equal(nextAllowedAt?.toISOString(), '2026-03-09T06:00:00.000Z')
  })
})

describe('the next allowed moment', () => {
  it('passes over Sunday and holidays', () => {
    // Saturday 20:00 in Louisiana: not on Sunday, but on Monday.
    assert.equal(
      ask(numberIn('LA'), instant(CT, '2026-11-21T20:00:00')).nextAllowedAt!.getTime(),
      instant(CT, '2026-11-23T08:00:00'),
    )
    // Friday 3 July 2026 is observed, Saturday is the day itself, then Sunday.
    assert.equal(
      ask(numberIn('UT'), instant(MT, '2026-07-02T21:00:00')).nextAllowedAt!.getTime(),
      instant(MT, '2026-07-06T08:00:00'),
    )
  })

  it('waits for every place', () => {
    assert.equal(
      ask('+18505550123', instant(ET, '2026-11-20T07:00:00')).nextAllowedAt!.getTime(),
      instant(ET, '2026-11-20T09:00:00'),
    )
  })

  it('is null when it is allowed now', () => {
    assert.equal(ask(numberIn('NY'), instant(ET, '2026-11-20T12:00:00')).nextAllowedAt, null)
  })

  it('is the first minute by an oracle that knows only Intl', () => {
    const zones: [string, string][] = [
      ['NY', ET],
      ['IL', CT],
      ['CA', 'America/Los_Angeles'],
      ['HI', 'Pacific/Honolulu'],
      ['AZ', 'America/Phoenix'],
      ['GU', 'Pacific/Guam'],
    ]
    const from = Date.parse('2026-01-01T00:00:00Z')
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.integer({ min: from, max: from + 730 * 86_400_000 }),
        ([state, zone], atMs) => {
          const open = (at: number) => {
            const wall = new Date(shown(zone, at))
            return wall.getUTCHours() >= 8 && wall.getUTCHours() < 21
          }
          const answer = ask(numberIn(state), atMs)
          assert.equal(answer.allowed, open(atMs))
          if (answer.allowed) return
          const next = answer.nextAllowedAt!.getTime()
          assert.ok(next > atMs && next - atMs <= 12 * 3_600_000)
          assert.ok(open(next) && !open(next - 1))
        },
      ),
      { numRuns: 300 },
    )
  })

  it('is null when no moment is near', () => {
    // Two places that are never open together: an operator's quarter of an hour, in Florida and on Guam.
    const never = compliance({ callingHours: { startMinute: 480, endMinute: 495 } })
    const answer = never.judgeHours({
      phoneNumber: numberIn('FL'),
      time: new Date('2026-01-01T00:00:00Z'),
      zip: '96910',
      leg: 'outbound',
    })
    assert.equal(answer.places.length, 2)
    assert.equal(answer.nextAllowedAt, null)
  })
})

it('every US area code is in a state with calling hours and zones Intl knows', () => {
  let found = 0
  for (let npa = 200; npa < 1000; npa++) {
    for (const { state, timezone } of places.ofNumber(number(`+1${npa}5550123`))) {
      found++
      assert.match(state, /^[A-Z]{2}$/)
      assert.doesNotThrow(() => new Intl.DateTimeFormat('en-US', { timeZone: timezone }))
    }
  }
  assert.ok(found > 365)
})
