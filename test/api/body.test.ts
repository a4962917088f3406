import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { parseJson } from '../../api/body.ts'

describe('parseJson', () => {
  it('reads whatever JSON.stringify writes, numbers of 15 digits included', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const read = parseJson(JSON.stringify(value))
        const plain = JSON.parse(JSON.stringify(value)) as unknown
        // Doubles printed with 16 or 17 digits come back as their text: everything else is as it was.
        assert.deepEqual(asNumbers(read), asNumbers(plain))
      }),
    )
  })

  it('keeps the text of a number that a double would round or overflow', () => {
    assert.deepEqual(
      parseJson('{"a":1e309,"b":0.1000000000000000000001,"c":12345678901234567890,"d":1.5e3,"e":-0.25}'),
      {
        a: '1e309',
        b: '0.1000000000000000000001',
        c: '12345678901234567890',
        d: 1500,
        e: -0.25,
      },
    )
  })
})

function asNumbers(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_key, inner: unknown) =>
    typeof inner === 'string' && /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(inner) ? Number(inner) : inner,
  )
}
