import assert from 'node:assert/strict'
import { MAX_BODY_PARTS, partsOf } from '../../../gateway/sip-server/multipart.ts'

const TYPE = 'multipart/mixed;boundary=b1'
const part = (head: string, content: string): string => `--b1\r\n${head}\r\n\r\n${content}\r\n`

describe('a body of several parts', () => {
  it('is read part by part, with its type, what it insists on and how it is encoded', () => {
    const body =
      'a preamble\r\n' +
      part('Content-Type: application/SDP; charset=x', 'v=0\r\n') +
      part(
        'content-type: application/isup\r\nContent-Disposition: signal;\r\n handling=required\r\nContent-Transfer-Encoding: base64',
        'x',
      ) +
      '--b1 \r\n\r\nplain--b1\r\n--b1--\r\nan epilogue'
    assert.deepEqual(partsOf(TYPE, body), [
      { type: 'application/sdp', isRequired: false, isPlain: true, content: 'v=0\r\n' },
      { type: 'application/isup', isRequired: true, isPlain: false, content: 'x' },
      { type: 'text/plain', isRequired: false, isPlain: true, content: 'plain--b1' },
    ])
    assert.equal(partsOf('multipart/mixed; a=b; Boundary="b 1"', '--b 1\r\n\r\nx\r\n--b 1--').length, 1)
  })

  for (const [what, type, body, fault] of [
    ['no boundary', 'multipart/mixed', part('', ''), 'Missing multipart boundary'],
    ['no part', TYPE, '--b1--\r\n', 'Malformed multipart body'],
    ['nothing', TYPE, 'v=0\r\n', 'Malformed multipart body'],
    ['no end', TYPE, part('A: b', 'x'), 'Malformed multipart body'],
    ['an end that is cut off', TYPE, `${part('A: b', 'x')}--b1`, 'Malformed multipart body'],
    ['a delimiter with more to it', TYPE, '--b1x\r\n\r\nx\r\n--b1--', 'Malformed multipart body'],
    ['a part without content', TYPE, '--b1\r\nA: b\r\n--b1--', 'Malformed multipart body'],
    ['a head without end', TYPE, `${part(`A: ${'b'.repeat(5000)}`, 'x')}--b1--`, 'Malformed multipart body'],
    ['too many parts', TYPE, `${part('A: b', 'x').repeat(MAX_BODY_PARTS + 1)}--b1--`, 'Too many body parts'],
  ] as const) {
    it(`is refused with ${what}`, () => assert.equal(partsOf(type, body), fault))
  }

  it('may have so many', () =>
    assert.equal(partsOf(TYPE, `${part('A: b', 'x').repeat(MAX_BODY_PARTS)}--b1--`).length, MAX_BODY_PARTS))
})
