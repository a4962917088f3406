import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readHoursRules } from '../../compliance/calling-hours-rules.ts'
import { compliance, instant, numberIn } from './support.ts'

const federal = { startMinute: 480, endMinute: 1260 }
const ROW = { week: '09:00-21:00', source: 'x', version: '2026-01-01' }

/** Runs with a table of calling hours in a file of its own. */
function withFile<T>(content: object, run: (path: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'dce-hours-'))
  try {
    const path = join(folder, 'hours.json')
    writeFileSync(path, JSON.stringify(content))
    return run(path)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function read(...rows: object[]) {
  const file = { federal: { source: 'x', version: '2026-01-01' }, states: { TX: rows }, holidays: [] }
  return withFile(file, (path) => readHoursRules(federal, null, path).states.get('TX')!)
}

describe('the table of calling hours', () => {
  it('names a source and an edition for every row, and has none looser than the national hours', () => {
    const { states } = readHoursRules(federal)
    assert.ok(states.size >= 18)
    for (const [state, rows] of states) {
      for (const { source, week, rule, version } of rows) {
        assert.ok(source.length > 5, state)
        assert.match(version, /^\d{4}-\d\d-\d\d$/, state)
        assert.equal(rule, `calling-hours:${state}`)
        assert.equal(week.length, 7)
        for (const hours of week) assert.ok(hours === null || (hours.startMinute >= 480 && hours.endMinute <= 1260))
      }
    }
  })

  it('leaves a state no hours where the operator’s and its own do not meet', () => {
    const { states } = readHoursRules({ startMinute: 480, endMinute: 600 })
    assert.deepEqual(
      states.get('KY')!.map(({ week }) => week),
      [Array.from({ length: 7 }, () => null)],
    )
  })

  it('has its rows in the order of their days, whatever order they are written in', () => {
    const rows = read({ ...ROW, valid_from: '2024-01-01' }, { ...ROW, valid_until: '2020-01-01' })
    assert.deepEqual(
      rows.map(({ fromDay, untilDay }) => [fromDay, untilDay]),
      [
        [-Infinity, Date.parse('2020-01-01') / 86_400_000],
        [Date.parse('2024-01-01') / 86_400_000, Infinity],
      ],
    )
  })

  it('is refused when a row cannot be read', () => {
    assert.equal(read(ROW)[0]!.week[0]!.startMinute, 540)
    assert.throws(() => read({ ...ROW, week: '9-21' }), /TX.*not like/)
    assert.throws(() => read({ ...ROW, week: '21:00-09:00' }), /ends before/)
    assert.throws(() => read({ ...ROW, week: '25:00-26:00' }), /not like/)
    assert.throws(() => read({ ...ROW, sun: '' }), /not like/)
    assert.throws(() => read({ week: '09:00-21:00', version: '2026-01-01' }), /TX: no source/)
    assert.throws(() => read({ week: '09:00-21:00', source: 'x' }), /TX: no version/)
    assert.throws(() => read({ ...ROW, valid_from: '1 May' }), /TX: "1 May" is not a day/)
    assert.throws(() => read({ ...ROW, valid_from: '2026-01-02', valid_until: '2026-01-02' }), /not later/)
    assert.throws(() => read(ROW, ROW), /two rows are of the same day/)
    assert.throws(() => read({ ...ROW, valid_until: '2026-01-02' }, { ...ROW, valid_from: '2026-01-01' }), /same day/)
    assert.throws(() => read({ ...ROW, frequency: { calls: 0, hours: 24, source: 'x' } }), /frequency/)
    assert.throws(() => withFile({ states: { Texas: [] } }, (path) => readHoursRules(federal, path)), /two capital/)
    assert.throws(() => withFile({ states: { TX: ROW } }, (path) => readHoursRules(federal, path)), /not a list/)
    assert.throws(() => withFile({ holidays: [{ name: 'x' }] }, (path) => readHoursRules(federal, path)), /no day/)
    assert.throws(() => readHoursRules(federal, '/nowhere/at/all.json'), /state_hours_file.*ENOENT/)
  })
})

describe('a law that changes', () => {
  const ask = (law: ReturnType<typeof compliance>, state: string, zone: string, wall: string) =>
    law.judgeHours({ phoneNumber: numberIn(state), time: new Date(instant(zone, wall)), zip: null, leg: 'outbound' })
  const ET = 'America/New_York'
  const CT = 'America/Chicago'

  it('is that of the day at the place: Florida’s evening ends at 20:00 since 1 July 2021', () => {
    const law = compliance()
    assert.equal(ask(law, 'FL', ET, '2021-06-30T20:30:00').allowed, true)
    assert.equal(ask(law, 'FL', ET, '2021-07-01T20:30:00').allowed, false)
    assert.match(ask(law, 'FL', ET, '2021-06-30T20:30:00').source, /before/)
    assert.equal(ask(law, 'OK', CT, '2022-10-31T20:30:00').allowed, true)
    assert.equal(ask(law, 'OK', CT, '2022-11-01T20:30:00').allowed, false)
    assert.equal(ask(law, 'CT', ET, '2023-09-30T20:30:00').allowed, true)
    assert.equal(ask(law, 'CT', ET, '2023-10-01T20:30:00').allowed, false)
  })

  it('is the nation’s where no row is of the day', () => {
    const law = compliance()
    const before = ask(law, 'MD', ET, '2023-12-31T20:30:00')
    assert.deepEqual([before.allowed, before.rule], [true, 'calling-hours:US'])
    const since = ask(law, 'MD', ET, '2024-01-01T20:30:00')
    assert.deepEqual([since.allowed, since.rule], [false, 'calling-hours:MD'])
  })

  it('lets Mississippi be called on holidays again since its commission’s rule went', () => {
    const law = compliance()
    assert.equal(ask(law, 'MS', CT, '2024-05-27T12:00:00').allowed, false, 'Memorial Day')
    assert.equal(ask(law, 'MS', CT, '2024-07-04T12:00:00').allowed, true)
  })
})

describe('an operator’s own table of hours', () => {
  it('takes the place of the states it names, adds its holidays, and leaves the others', () => {
    const own = {
      states: {
        TX: [{ week: '10:00-18:00', holidays: null, source: 'our counsel', version: '2026-11-01' }],
        KY: [],
      },
      holidays: [{ name: 'Founders’ Day', month: 3, day: 3, states: ['TX'] }],
    }
    withFile(own, (stateHoursFile) => {
      const law = compliance({ stateHoursFile })
      const ask = (state: string, zone: string, wall: string) =>
        law.judgeHours({
          phoneNumber: numberIn(state),
          time: new Date(instant(zone, wall)),
          zip: null,
          leg: 'transfer',
        })
      const texas = ask('TX', 'America/Chicago', '2026-11-20T18:00:00')
      assert.deepEqual([texas.allowed, texas.source, texas.version], [false, 'our counsel', '2026-11-01'])
      assert.equal(ask('TX', 'America/Chicago', '2026-03-04T12:00:00').allowed, true)
      assert.match(ask('TX', 'America/Chicago', '2026-03-03T12:00:00').places[0]!.window, /Founders/)
      const kentucky = ask('KY', 'America/New_York', '2026-11-20T08:30:00')
      assert.deepEqual([kentucky.allowed, kentucky.rule], [true, 'calling-hours:US'])
      assert.equal(ask('FL', 'America/New_York', '2026-11-20T20:30:00').allowed, false)
    })
  })
})
