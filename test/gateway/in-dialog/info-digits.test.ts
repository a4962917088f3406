import assert from 'node:assert/strict'
import { infoDigit, LONGEST_KEY_BODY, writeInfoKey } from '../../../gateway/in-dialog/info-digits.ts'

const info = (type: string | undefined, body: string) => ({ get: () => type, body }) as never

describe('a key told by INFO', () => {
  for (const [what, type, body, digit] of [
    ['dtmf-relay', 'application/dtmf-relay', 'Signal=5\r\nDuration=160\r\n', '5'],
    [
      'dtmf-relay with spaces, in another order',
      'Application/DTMF-Relay; x=y',
      'Duration = 100\r\n Signal = # \r\n',
      '#',
    ],
    ['an event’s number for star', 'application/dtmf-relay', 'Signal=10\r\n', '*'],
    ['an event’s number for hash', 'application/dtmf-relay', 'Signal=11\r\n', '#'],
    ['dtmf', 'application/dtmf', '7', '7'],
    ['dtmf with an end of line', 'application/dtmf', 'd\r\n', 'D'],
    ['no key of a telephone', 'application/dtmf', 'x', null],
    ['two keys', 'application/dtmf', '12', null],
    ['a flash of the hook', 'application/dtmf-relay', 'Signal=16\r\n', null],
    ['nothing', 'application/dtmf-relay', '', null],
    ['another body', 'application/sdp', '7', null],
    ['no type', undefined, '7', null],
  ] as const)
    it(`is read from ${what}: ${digit ?? 'none'}`, () => assert.equal(infoDigit(info(type, body)), digit))

  it('is not looked for in a long body, which would take long', () => {
    const at = (length: number) => `${'\n'.repeat(length - 8)}Signal=5`
    assert.equal(infoDigit(info('application/dtmf-relay', at(LONGEST_KEY_BODY))), '5')
    assert.equal(infoDigit(info('application/dtmf-relay', at(LONGEST_KEY_BODY + 1))), null)
  })

  it('is read again as it is written', () => {
    for (const digit of '0123456789*#ABCD') {
      const { headers, body } = writeInfoKey({ digit, durationMs: 100 })
      assert.equal(infoDigit(info(headers['Content-Type'], body)), digit)
    }
  })
})
