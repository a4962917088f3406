import assert from 'node:assert/strict'
import { startApi, type ApiHarness, type Person } from '../support/api-harness.ts'

type Json = Record<string, unknown>

const MENU = { prompt: 'which', options: [{ digit: '1', vertical: 'Auto  Insurance' }, { digit: '2' }] }
const KEPT = {
  prompt: 'which',
  options: [
    { digit: '1', vertical: 'auto insurance', tags: {} },
    { digit: '2', vertical: null, tags: {} },
  ],
  timeout: 5,
  attempts: 2,
  otherwise: 'hang_up',
}

describe('the menu of a number', () => {
  let api: ApiHarness
  let seller: Person
  before(async () => {
    api = await startApi()
    seller = await api.person('seller')
  })
  after(() => api.api.close())

  let numbers = 0
  const number = (menu: unknown, { api: at, token }: Person & { api?: ApiHarness } = seller) =>
    (at ?? api).request('POST', 'numbers', {
      token,
      json: { number: `+1800555${String(6000 + numbers++)}`, vertical: 'solar', menu },
    })

  it('has defaults, stays when something else changes, and is replaced whole', async () => {
    const made = await number(MENU)
    assert.deepEqual([made.status, made.body.menu], [201, KEPT], JSON.stringify(made.body))
    const change = async (json: Json) =>
      (await api.request('PATCH', `numbers/${String(made.body.id)}`, { token: seller.token, json })).body.menu
    assert.deepEqual(await change({ vertical: 'roofing' }), KEPT)
    const other = {
      prompt: 'other',
      options: [{ digit: '#', vertical: null, tags: { age: 'over_65' } }],
      timeout: 9,
      attempts: 1,
      otherwise: 'continue',
    }
    assert.deepEqual(await change({ menu: other }), other)
    const asking = { ...other, zip_prompt: 'which' }
    assert.deepEqual(await change({ menu: asking }), asking)
    assert.deepEqual(await change({ menu: { ...asking, zip_prompt: null } }), other)
    assert.equal(await change({ menu: null }), null)
  })

  it('is none where none is given', async () => {
    assert.equal((await number(undefined)).body.menu, null)
  })

  for (const [what, menu, pointer, code] of [
    ['a prompt that is not there', { ...MENU, prompt: 'no-such' }, '/menu/prompt', 'unknown_prompt'],
    ['a ZIP prompt that is not there', { ...MENU, zip_prompt: 'no-such' }, '/menu/zip_prompt', 'unknown_prompt'],
    ['a prompt that is a path', { ...MENU, prompt: '../secret' }, '/menu/prompt', null],
    ['no prompt', { options: MENU.options }, '/menu/prompt', null],
    ['no options', { ...MENU, options: [] }, '/menu/options', null],
    ['a key of no telephone', { ...MENU, options: [{ digit: 'A' }] }, '/menu/options/0/digit', null],
    ['two keys', { ...MENU, options: [{ digit: '12' }] }, '/menu/options/0/digit', null],
    [
      'the same key twice',
      { ...MENU, options: [{ digit: '1' }, { digit: '2' }, { digit: '1' }] },
      '/menu/options/2/digit',
      'duplicate',
    ],
    ['a vertical that is none', { ...MENU, options: [{ digit: '1', vertical: '' }] }, '/menu/options/0/vertical', null],
    ['a tag that is no text', { ...MENU, options: [{ digit: '1', tags: { a: 1 } }] }, '/menu/options/0/tags/a', null],
    ['more seconds than a caller bears', { ...MENU, timeout: 61 }, '/menu/timeout', null],
    ['more attempts than a caller bears', { ...MENU, attempts: 6 }, '/menu/attempts', null],
    ['an end that is none', { ...MENU, otherwise: 'voicemail' }, '/menu/otherwise', null],
    ['a word it does not know', { ...MENU, greeting: 'hello' }, '/menu/greeting', null],
  ] as const)
    it(`is refused for ${what}, naming ${pointer}`, async () => {
      const { status, body } = await number(menu)
      assert.equal(status, 422, JSON.stringify(body))
      const [fault] = body.errors as { pointer: string; code: string }[]
      assert.equal(fault!.pointer, pointer)
      if (code) assert.equal(fault!.code, code)
    })

  it('is refused where no engine plays prompts or hears digits', async () => {
    const bare = await startApi({ audio: { hasTools: false, mayRecord: false, promptFault: async () => null } })
    try {
      const { status, body } = await number(MENU, { ...(await bare.person('seller')), api: bare })
      assert.equal(status, 422)
      assert.equal((body.errors as { pointer: string }[])[0]!.pointer, '/menu')
    } finally {
      await bare.api.close()
    }
  })
})
