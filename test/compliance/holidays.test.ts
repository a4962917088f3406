import assert from 'node:assert/strict'
import { readHoursRules } from '../../compliance/calling-hours-rules.ts'
import { Holidays } from '../../compliance/holidays.ts'

const { holidays } = readHoursRules({ startMinute: 480, endMinute: 1260 })
const day = (date: string) => Date.parse(`${date}T00:00:00Z`) / 86_400_000
const of = (state: string, date: string) => holidays.of(state).nameOf(day(date))

describe('the holidays of a state', () => {
  it('are the nation’s and its own', () => {
    for (const [state, date, name] of [
      ['PA', '2026-04-03', 'Good Friday'],
      ['PA', '2026-06-14', 'Flag Day'],
      ['PA', '2026-06-15', 'Flag Day, observed'],
      ['PA', '2026-11-03', 'Election Day'],
      ['PA', '2027-11-02', 'Election Day'],
      ['RI', '2026-11-03', 'Election Day'],
      ['RI', '2026-05-04', 'Rhode Island Independence Day'],
      ['RI', '2026-08-10', 'Victory Day'],
      ['UT', '2026-07-24', 'Pioneer Day'],
      ['UT', '2027-07-23', 'Pioneer Day, observed'],
      ['UT', '2026-06-15', 'Juneteenth, observed'],
      ['UT', '2027-06-21', 'Juneteenth, observed'],
      ['AL', '2026-04-27', 'Confederate Memorial Day'],
      ['AL', '2026-06-01', "Jefferson Davis's Birthday"],
      ['AL', '2026-02-17', 'Mardi Gras'],
      ['LA', '2026-02-17', 'Mardi Gras'],
      ['LA', '2027-03-26', 'Good Friday'],
      ['LA', '2026-11-26', 'Thanksgiving Day'],
    ] as const) {
      assert.equal(of(state, date), name, `${state} ${date}`)
    }
  })

  it('are not another state’s', () => {
    assert.equal(of('RI', '2027-11-02'), null, 'it elects in even years')
    assert.equal(of('UT', '2026-04-03'), null)
    assert.equal(of('LA', '2026-07-24'), null)
    assert.equal(of('AL', '2026-08-10'), null)
    assert.equal(of('TX', '2026-06-14'), null)
  })

  it('follow Easter', () => {
    const easter = new Holidays([{ name: 'Easter', easter: 0 }]).of('XX')
    for (const date of [
      '1954-04-18',
      '1981-04-19',
      '2000-04-23',
      '2008-03-23',
      '2024-03-31',
      '2025-04-20',
      '2026-04-05',
      '2027-03-28',
      '2028-04-16',
      '2030-04-21',
      '2038-04-25',
    ]) {
      assert.equal(easter.nameOf(day(date)), 'Easter', date)
      assert.equal(easter.nameOf(day(date) - 7), null, date)
    }
  })

  it('are refused when a rule names no day', () => {
    for (const rule of [{ name: 'x' }, { name: 'x', month: 3 }, { name: 'x', month: 3, weekday: 'mon' as const }])
      assert.throws(() => new Holidays([rule]), /holiday x: it names no day/)
  })

  it('are remembered for a hundred states and sixteen years, and told rightly beyond', () => {
    const many = new Holidays([{ name: 'First', month: 1, day: 1 }])
    for (let state = 0; state < 250; state++) assert.equal(many.of(String(state)).nameOf(day('2026-01-01')), 'First')
    const one = many.of('XX')
    for (let year = 1990; year < 2030; year++) assert.equal(one.nameOf(day(`${year}-01-01`)), 'First')
  })
})
