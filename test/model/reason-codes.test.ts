import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { NON_BID_REASONS, type NonBidCode } from '../../model/bid.ts'
import { REASON_NUMBERS } from '../../model/reason-codes.ts'

describe('the numbers of reasons', () => {
  it('are each given once', () => {
    const numbers = Object.values(REASON_NUMBERS)
    assert.equal(new Set(numbers).size, numbers.length)
  })

  it('stand in docs/reason-codes.md with the codes and reasons of the code, in their order, and no others', () => {
    const page = readFileSync(new URL('../../docs/reason-codes.md', import.meta.url), 'utf8')
    const rows = page.split('\n').filter((line) => /^\| *\d/.test(line))
    const cells = rows.map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
    const wanted = Object.entries(REASON_NUMBERS)
      .toSorted(([, a], [, b]) => a - b)
      .map(([code, number]) => [String(number), `\`${code}\``, NON_BID_REASONS[code as NonBidCode]])
    assert.deepEqual(cells, wanted)
  })
})
