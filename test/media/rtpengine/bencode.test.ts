import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  BENCODE_DEPTH,
  NotBencode,
  parseBencode,
  writeBencode,
  type Bencoded,
} from '../../../media/rtpengine/bencode.ts'

const read = (text: string): Bencoded => parseBencode(Buffer.from(text))

describe('bencode', () => {
  it('writes texts by their bytes, whole numbers, lists and dictionaries', () => {
    assert.equal(writeBencode({ a: 'é', b: -3, c: ['x', 1], left: undefined }), 'd1:a2:é1:bi-3e1:cl1:xi1eee')
  })

  it('reads what it has written', () => {
    const { value } = fc.letrec<{ value: Bencoded }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.string({ unit: 'binary' }),
        fc.integer(),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(fc.string(), tie('value'), { maxKeys: 4 }),
      ),
    }))
    fc.assert(fc.property(value, (one) => assert.deepEqual(plain(read(writeBencode(one))), plain(one))))
  })

  it('refuses what is not bencode, and never does anything else', () => {
    for (const text of [
      '',
      'd',
      'l',
      'i5',
      'ie',
      'i-e',
      'i1.5e',
      '3:ab',
      '-1:a',
      '9999999999:a',
      'd1:ae',
      'di1e1:ae',
      'e',
      '1:ab',
      'i1ei2e',
    ])
      assert.throws(() => read(text), NotBencode, text)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          parseBencode(Buffer.from(bytes))
        } catch (error) {
          assert.ok(error instanceof NotBencode)
        }
      }),
    )
  })

  it(`refuses nesting deeper than ${BENCODE_DEPTH}`, () => {
    const nested = (depth: number): string => 'l'.repeat(depth) + 'e'.repeat(depth)
    assert.ok(read(nested(BENCODE_DEPTH)))
    assert.throws(() => read(nested(BENCODE_DEPTH + 2)), /deeper/)
    assert.throws(() => read('l'.repeat(60_000)), NotBencode)
  })

  it('takes `__proto__` for a key like any other', () => {
    const value = read('d9:__proto__d5:alieni1eee') as Record<string, unknown>
    assert.equal(value['alien'], undefined)
    assert.deepEqual(Object.keys(value), ['__proto__'])
  })
})

/** Without prototypes, so that two values compare by what they hold. */
function plain(value: Bencoded): unknown {
  if (Array.isArray(value)) return value.map(plain)
  return typeof value === 'object' ? Object.entries(value).map(([key, one]) => [key, plain(one as Bencoded)]) : value
}
