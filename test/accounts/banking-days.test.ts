import assert from 'node:assert/strict'
import { addBankingDays, bankClockAt, isBankingDay } from '../../accounts/banking-days.ts'

/** As the Federal Reserve publishes them; on a Sunday the Monday after is kept, on a Saturday none. */
const HOLIDAYS = {
  2026: ['01-01', '01-19', '02-16', '05-25', '06-19', '09-07', '10-12', '11-11', '11-26', '12-25'], // July 4th is a Saturday.
  2027: ['01-01', '01-18', '02-15', '05-31', '07-05', '09-06', '10-11', '11-11', '11-25'], // Juneteenth and Christmas are Saturdays.
  2028: ['01-17', '02-21', '05-29', '06-19', '07-04', '09-04', '10-09', '11-23', '12-25'], // New Year and Veterans Day are Saturdays.
  2029: ['01-01', '01-15', '02-19', '05-28', '06-19', '07-04', '09-03', '10-08', '11-12', '11-22', '12-25'],
}

describe('banking days', () => {
  it('are the weekdays that are no holiday of the Federal Reserve', () => {
    for (const [year, holidays] of Object.entries(HOLIDAYS))
      for (let ms = Date.UTC(Number(year), 0, 1); ms < Date.UTC(Number(year) + 1, 0, 1); ms += 86_400_000) {
        const day = new Date(ms).toISOString().slice(0, 10)
        const isWeekday = ![0, 6].includes(new Date(ms).getUTCDay())
        assert.equal(isBankingDay(day), isWeekday && !holidays.includes(day.slice(5)), day)
      }
  })

  it('are counted from the day it is at the Federal Reserve', () => {
    assert.deepEqual(bankClockAt(new Date('2026-11-25T04:30:00Z')), { day: '2026-11-24', time: '2330' })
    assert.equal(addBankingDays('2026-11-24', 1), '2026-11-25')
    assert.equal(addBankingDays('2026-11-25', 1), '2026-11-27')
    assert.equal(addBankingDays('2026-11-27', 3), '2026-12-02')
    assert.equal(addBankingDays('2026-12-24', 1), '2026-12-28')
  })
})
