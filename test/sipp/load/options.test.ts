import assert from 'node:assert/strict'
import { rampOf } from '../../../sipp/load/driver.ts'
import { LoadUsage, readLoadOptions } from '../../../sipp/load/options.ts'

const read = (...flags: [string, string][]) => readLoadOptions(new Map(flags))

describe('the flags of npm run load', () => {
  it('have defaults', () => {
    assert.deepEqual(read(), {
      cps: 50,
      seconds: 20,
      rampSeconds: 4,
      talkMs: 100,
      media: false,
      html: null,
      target: null,
    })
  })

  it('climb in four steps, at least a second each, and never past the rate', () => {
    assert.deepEqual(rampOf(read(['cps', '1000'])), { rates: [200, 400, 600, 800], seconds: 1 })
    assert.deepEqual(rampOf(read(['cps', '1000'], ['ramp', '40'])), { rates: [200, 400, 600, 800], seconds: 10 })
    assert.deepEqual(rampOf(read(['cps', '3'], ['ramp', '1'])), { rates: [1, 2], seconds: 1 })
    assert.deepEqual(rampOf(read(['cps', '1'])).rates, [])
  })

  it('with media ask for fewer and longer calls', () => {
    assert.deepEqual(read(['media', 'true']), { ...read(), cps: 10, talkMs: 10_000, media: true })
  })

  for (const [flag, value] of [
    ['cps', '0'],
    ['cps', '5001'],
    ['cps', '-1'],
    ['cps', '1e3'],
    ['cps', 'NaN'],
    ['seconds', ''],
    ['seconds', '9999999999'],
    ['ramp', '0'],
    ['ramp', '601'],
    ['talk-ms', '1.5'],
    ['target', 'localhost'],
    ['target', '127.0.0.1:0'],
    ['target', '127.0.0.1:65536'],
    ['colour', 'blue'],
  ] as const) {
    it(`refuse --${flag} ${value}, naming it`, () => {
      assert.throws(
        () => read([flag, value], ['password', 'x']),
        (error) => error instanceof LoadUsage && error.message.includes(`--${flag}`),
      )
    })
  }

  it('name an exchange that is running already', () => {
    const { target } = read(['target', '127.0.0.1:5060'], ['password', 'secret'], ['email', 'me@example.com'])
    assert.deepEqual(target, {
      sip: { host: '127.0.0.1', port: 5060 },
      http: { host: '127.0.0.1', port: 8080 },
      email: 'me@example.com',
      password: 'secret',
    })
  })
})
