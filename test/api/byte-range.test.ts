import assert from 'node:assert/strict'
import { readRange } from '../../api/byte-range.ts'

describe('a range of bytes', () => {
  for (const [header, range] of [
    [undefined, null],
    ['bytes=0-9', { from: 0, to: 10 }],
    ['bytes=90-', { from: 90, to: 100 }],
    ['bytes=90-1000', { from: 90, to: 100 }],
    ['bytes=-10', { from: 90, to: 100 }],
    ['bytes=-1000', { from: 0, to: 100 }],
    ['Bytes = 5-5', { from: 5, to: 6 }],
    ['bytes=100-', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=9-5', null],
    ['bytes=0-1,5-6', null],
    ['seconds=0-1', null],
    ['bytes=-', null],
    ['bytes=99999999999999999999-', null],
  ] as const)
    it(`of 100 is ${JSON.stringify(range)} for ${header}`, () => assert.deepEqual(readRange(header, 100), range))
})
