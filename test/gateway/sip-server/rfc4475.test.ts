import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { SipMessage } from '../../../gateway/sip-server/message.ts'
import { schemeOf } from '../../../gateway/sip-server/uri.ts'
import { isParseFailure, parseMessage, serialize, StreamFramer } from '../../../gateway/sip-server/wire-format.ts'
import { reactTo } from './torture/engine-under-test.ts'
import { TORTURE } from './torture/messages.ts'
import { OUTCOMES, REACTIONS } from './torture/outcomes.ts'
import type { Outcome } from './torture/outcomes.ts'

/** The messages of RFC 4475 appendix A, one a file, beside the project where somebody put them; not ours to ship. */
const FOLDER = join(import.meta.dirname, '../../../../shared/data/rfc4475')
const NAMES = OUTCOMES.map((outcome) => outcome.name).toSorted()

function checkParsing(outcome: Outcome, text: string): void {
  const result = parseMessage(text)
  if (!outcome.parses) {
    assert.ok(isParseFailure(result), 'it parsed')
    assert.deepEqual([result.status, result.reason], [outcome.status, outcome.reason])
    return
  }
  assert.ok(!isParseFailure(result), isParseFailure(result) ? result.reason : '')
  if ('check' in outcome) outcome.check?.(result)
  const again = parseMessage(serialize(result))
  assert.ok(!isParseFailure(again))
  assert.deepEqual(withoutLength(again), withoutLength(result))
}

function checkReaction(name: string, text: string): void {
  const expected = REACTIONS[name]
  const { statuses, shown } = reactTo(text)
  if (expected === 'nothing') assert.deepEqual([statuses, shown], [[], []])
  else if (expected === 'shown') assert.deepEqual([statuses, shown.length], [[200], 1])
  else assert.deepEqual([statuses, shown], [[expected], []])
}

const SOURCES = [
  { title: 'RFC 4475, written anew', isThere: true, read: (name: string): string => TORTURE[name] ?? '' },
  {
    title: 'RFC 4475, byte for byte',
    isThere: existsSync(FOLDER),
    read: (name: string): string => readFileSync(join(FOLDER, `${name}.dat`), 'latin1'),
  },
]

for (const { title, read } of SOURCES.filter(({ isThere }) => isThere)) {
  describe(title, () => {
    for (const outcome of OUTCOMES) {
      const parsing = outcome.parses ? 'parses' : `does not parse (${outcome.reason})`
      const reaction = REACTIONS[outcome.name]
      it(`§${outcome.section} ${outcome.name} ${parsing}; the server: ${reaction}`, () => {
        checkParsing(outcome, read(outcome.name))
        checkReaction(outcome.name, read(outcome.name))
      })
    }

    it('finds both messages of dblreq on a stream', () => {
      const { messages } = new StreamFramer().push(Buffer.from(read('dblreq'), 'latin1'))
      assert.deepEqual(
        messages.map((message) => !isParseFailure(message) && message.method),
        ['REGISTER', 'INVITE'],
      )
    })

    it('says which extensions of bext01 are not supported', () => {
      assert.match(reactTo(read('bext01')).answer, /^Unsupported: .*nothingSupportsThis/m)
    })

    it('names in each 400 what is wrong', () => {
      for (const outcome of OUTCOMES)
        if (!outcome.parses && outcome.status === 400)
          assert.ok(reactTo(read(outcome.name)).answer.startsWith(`SIP/2.0 400 ${outcome.reason}\r\n`), outcome.name)
    })
  })
}

describe('the suite of RFC 4475', () => {
  it('has all 49 messages, with an outcome and a reaction each', () => {
    assert.equal(NAMES.length, 49)
    assert.deepEqual(Object.keys(TORTURE).toSorted(), NAMES)
    assert.deepEqual(Object.keys(REACTIONS).toSorted(), NAMES)
    if (!existsSync(FOLDER)) return
    const files = readdirSync(FOLDER).filter((file) => file.endsWith('.dat'))
    assert.deepEqual(
      files.toSorted(),
      NAMES.map((name) => `${name}.dat`),
    )
  })

  it('tells an unknown scheme from a malformed URI', () => {
    assert.equal(schemeOf('nobodyKnowsThisScheme:totallyopaquecontent'), 'nobodyknowsthisscheme')
    assert.equal(schemeOf('soap.beep://192.0.2.103:3002'), 'soap.beep')
  })
})

function withoutLength(message: SipMessage): SipMessage {
  const copy = Object.assign(new SipMessage('', '', 0, ''), message)
  copy.headers = message.headers.filter((field) => field.key !== 'content-length')
  return copy
}
