import assert from 'node:assert/strict'
import { acceptance, Answer, finder, PathError, readPath } from '../../../routing/bidders/answer.ts'

describe('a bidder’s answer', () => {
  const json = new Answer(
    '{"ok": true, "offers": [{"price": 2.5, "to": "+12125550123", "deep": {"a-b": "x"}}], "no": null}',
  )

  it('is read by paths', () => {
    const at = (path: string): string | null => finder({ json: path })(json)
    assert.equal(at('offers[0].price'), '2.5')
    assert.equal(at('$.offers[0].deep.a-b'), 'x')
    assert.equal(at('ok'), 'true')
    for (const nothing of ['offers[1].price', 'offers', 'no', 'ok.x', 'constructor', 'offers.length', '__proto__.x'])
      assert.equal(at(nothing), null, nothing)
  })

  it('is read between two pieces of its text', () => {
    const xml = new Answer('<bid><price> 2.50 </price><to>x</to>')
    assert.equal(finder({ after: '<price>', before: '</price>' })(xml), '2.50')
    assert.equal(finder({ after: '<to>x', before: '' })(xml), '</to>')
    assert.equal(finder({ after: '<none>', before: '' })(xml), null)
    assert.equal(finder({ after: '<to>', before: '</none>' })(xml), null)
  })

  it('says yes by a value', () => {
    assert.equal(acceptance({ json: 'ok' })(json), true)
    assert.equal(acceptance({ json: 'ok', equals: ['TRUE '] })(json), true)
    assert.equal(acceptance({ json: 'ok', equals: ['accepted'] })(json), false)
    for (const no of ['{}', '{"ok": false}', '{"ok": 0}', '{"ok": "No"}', '{"ok": ""}', 'x'])
      assert.equal(acceptance({ json: 'ok' })(new Answer(no)), false, no)
  })

  it('has paths that can be read', () => {
    assert.deepEqual(readPath('a.b_c[12].d'), ['a', 'b_c', 12, 'd'])
    assert.deepEqual(readPath('[0].x'), [0, 'x'])
    for (const wrong of [
      '',
      '$',
      '.',
      'a.',
      'a..b',
      'a[]',
      'a[x]',
      'a[-1]',
      'a b',
      "a['b']",
      'a.*',
      `a${'.a'.repeat(16)}`,
    ])
      assert.throws(() => readPath(wrong), PathError, wrong)
  })

  it('is read in time that grows with its length alone', () => {
    const long = new Answer(`${'<price>'.repeat(9000)}${'['.repeat(60_000)}`)
    const startedMs = performance.now()
    assert.equal(finder({ after: '<price><price>x', before: 'y' })(long), null)
    assert.equal(finder({ json: 'a[0].b' })(long), null)
    assert.ok(performance.now() - startedMs < 2000)
  })
})
