import assert from 'node:assert/strict'
import { causesOf, passableReason, reasonHeader } from '../../../gateway/headers/reason-header.ts'

describe('a Reason header', () => {
  it('keeps whatever a rule says inside its quotes', () => {
    assert.equal(reasonHeader(603, 'a"b\\c\r\nVia: x'), 'SIP;cause=603;text="abcVia: x"')
  })

  for (const [what, heard, told] of [
    [
      'of SIP and of Q.850 is passed on',
      'SIP;cause=486;text="Busy Here", Q.850;cause=17',
      'SIP;cause=486;text="Busy Here", Q.850;cause=17',
    ],
    ['may be written any way RFC 3326 allows', 'q.850 ; CAUSE = 16 ; text=clearing', 'Q.850;cause=16;text="clearing"'],
    ['of another protocol stays behind', 'X.int;reasoncode=0x0;add-info=10.0.0.7, SIP;cause=200', 'SIP;cause=200'],
    ['loses parameters nobody here knows', 'SIP;cause=200;ppv=10.1.2.3;text="ok"', 'SIP;cause=200;text="ok"'],
    ['has its text cleaned', 'SIP;cause=200;text="a\\"b\u0007, c"', 'SIP;cause=200;text="ab, c"'],
    [
      'loses a text that names a place',
      'SIP;cause=500;text="no route to 10.0.0.7", SIP;cause=503;text="sip:x@pbx", Q.850;cause=38;text="fd00:1::2 down", SIP;cause=480;text="gw1.inner is down"',
      'SIP;cause=500, SIP;cause=503, Q.850;cause=38, SIP;cause=480',
    ],
    ['without a cause says nothing', 'SIP;text="hello"', null],
    ['with a cause that is none says nothing', 'SIP;cause=99, Q.850;cause=128, SIP;cause=1000', null],
    ['that is empty says nothing', '', null],
  ] as const) {
    it(what, () => assert.equal(passableReason(heard), told))
  }

  it('brings at most four reasons along', () => {
    const many = Array.from({ length: 9 }, (_, i) => `Q.850;cause=${i + 1}`).join(',')
    assert.equal(passableReason(many)?.split(',').length, 4)
  })

  it('of a refusal keeps the causes of Q.850 alone', () => {
    assert.equal(causesOf('SIP;cause=486, Q.850;cause=17;text="user busy, 10.0.0.7"'), 'Q.850;cause=17')
    assert.equal(causesOf('SIP;cause=486'), null)
    assert.equal(causesOf(undefined), null)
  })
})
