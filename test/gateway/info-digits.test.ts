import assert from 'node:assert/strict'
import { infoDigit } from '../../gateway/info-digits.ts'

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
})
