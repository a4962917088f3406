import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readHoursRules } from '../../compliance/calling-hours-rules.ts'

const federal = { startMinute: 480, endMinute: 1260 }

describe('the table of calling hours', () => {
  it('names a source for every state, and has none looser than the national hours', () => {
    const { states } = readHoursRules(federal)
    assert.ok(states.size >= 17)
    for (const [state, { source, week, rule }] of states) {
      assert.ok(source.length > 5, state)
      assert.equal(rule, `calling-hours:${state}`)
      assert.equal(week.length, 7)
      for (const hours of week) assert.ok(hours === null || (hours.startMinute >= 480 && hours.endMinute <= 1260))
    }
  })

  it('leaves a state no hours where the operator’s and its own do not meet', () => {
    const { states } = readHoursRules({ startMinute: 480, endMinute: 600 })
    assert.deepEqual(
      states.get('KY')!.week,
      Array.from({ length: 7 }, () => null),
    )
  })

  it('is refused when a row cannot be read', () => {
    const folder = mkdtempSync(join(tmpdir(), 'dce-hours-'))
    const path = join(folder, 'hours.json')
    const read = (row: object) => {
      writeFileSync(path, JSON.stringify({ federal: { source: 'x' }, states: { TX: row }, holidays: [] }))
      return readHoursRules(federal, path)
    }
    try {
      assert.equal(read({ week: '09:00-21:00', source: 'x' }).states.get('TX')!.week[0]!.startMinute, 540)
      assert.throws(() => read({ week: '9-21', source: 'x' }), /TX.*not like/)
      assert.throws(() => read({ week: '21:00-09:00', source: 'x' }), /ends before/)
      assert.throws(() => read({ week: '25:00-26:00', source: 'x' }), /not like/)
      assert.throws(() => read({ week: '09:00-21:00', sun: '', source: 'x' }), /not like/)
      assert.throws(() => read({ week: '09:00-21:00' }), /no source/)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
