import assert from 'node:assert/strict'
import { startApi, type ApiHarness, type Person } from '../support/api-harness.ts'

type Json = Record<string, unknown>

describe('the audio of numbers, campaigns and targets', () => {
  let api: ApiHarness
  let seller: Person
  let buyer: Person
  before(async () => {
    api = await startApi()
    seller = await api.person('seller')
    buyer = await api.person('buyer')
  })
  after(() => api.api.close())

  const post = (person: Person, path: string, json: Json) => api.request('POST', path, { token: person.token, json })
  const NUMBER = { number: '+18005550142', vertical: 'solar' }
  const TARGET = { name: 't', uri: 'sip:a@b.example' }
  let numbers = 0
  const number = (audio: unknown) =>
    post(seller, 'numbers', { ...NUMBER, number: `+1800555${String(4000 + numbers++)}`, audio })

  it('is kept as it was given, and a change leaves the rest', async () => {
    const made = await number({ announcement: 'notice', record: 'yes' })
    assert.equal(made.status, 201, JSON.stringify(made.body))
    const whole = { ringback: null, announcement: 'notice', record: 'yes', hold_music: null }
    assert.deepEqual(made.body.audio, whole)
    const change = (json: Json) =>
      api.request('PATCH', `numbers/${String(made.body.id)}`, { token: seller.token, json })
    assert.deepEqual((await change({ audio: { hold_music: 'waltz' } })).body.audio, { ...whole, hold_music: 'waltz' })
    assert.deepEqual((await change({ vertical: 'roofing' })).body.audio, { ...whole, hold_music: 'waltz' })
    assert.equal((await change({ audio: null })).body.audio, null)
  })

  it('is nothing when it asks for nothing', async () => {
    assert.equal((await number({ record: 'inherit', announcement: null })).body.audio, null)
  })

  for (const path of ['targets', 'campaigns'] as const)
    it(`of ${path} has a key with defaults`, async () => {
      const body = path === 'targets' ? TARGET : { name: 'c' }
      const made = await post(buyer, path, { ...body, audio: { accept: {}, whisper: 'sale' } })
      const audio = { whisper: 'sale', accept: { digit: '1', seconds: 10 }, record: 'inherit', hold_music: null }
      assert.deepEqual([made.status, made.body.audio], [201, audio])
    })

  for (const [what, audio, pointer, code] of [
    ['a prompt that is not there', { announcement: 'no-such' }, '/audio/announcement', 'unknown_prompt'],
    ['a prompt that is a path', { hold_music: '../../etc/passwd' }, '/audio/hold_music', null],
    ['a wish that is none', { record: 'maybe' }, '/audio/record', null],
  ] as const)
    it(`of a number is refused for ${what}`, async () => {
      const { status, body } = await number(audio)
      assert.equal(status, 422)
      const [fault] = body.errors as { pointer: string; code: string }[]
      assert.equal(fault!.pointer, pointer)
      if (code) assert.equal(fault!.code, code)
    })

  for (const [what, audio, pointer] of [
    ['a key of no telephone', { accept: { digit: 'x' } }, '/audio/accept/digit'],
    ['more seconds than a caller bears', { accept: { seconds: 61 } }, '/audio/accept/seconds'],
    ['a whisper that is not there', { whisper: 'no-such' }, '/audio/whisper'],
  ] as const)
    it(`of a target is refused for ${what}`, async () => {
      const { status, body } = await post(buyer, 'targets', { ...TARGET, audio })
      assert.equal(status, 422)
      assert.equal((body.errors as { pointer: string }[])[0]!.pointer, pointer)
    })

  describe('where no engine plays or records', () => {
    let bare: ApiHarness
    let person: Person
    before(async () => {
      bare = await startApi({ audio: { hasTools: false, mayRecord: false, promptFault: async () => null } })
      person = await bare.person('buyer')
    })
    after(() => bare.api.close())

    for (const [audio, pointer] of [
      [{ whisper: 'sale' }, '/audio/whisper'],
      [{ accept: {} }, '/audio/accept'],
      [{ record: 'yes' }, '/audio/record'],
    ] as const)
      it(`is refused, naming ${pointer}`, async () => {
        const { status, body } = await bare.request('POST', 'targets', {
          token: person.token,
          json: { ...TARGET, audio },
        })
        assert.equal(status, 422)
        assert.equal((body.errors as { pointer: string }[])[0]!.pointer, pointer)
      })

    it('may still say that its calls are not recorded', async () => {
      const json = { ...TARGET, audio: { record: 'no' } }
      assert.equal((await bare.request('POST', 'targets', { token: person.token, json })).status, 201)
    })
  })

  it('is not recorded without a key, and the refusal says so', async () => {
    const keyless = await startApi({ audio: { hasTools: true, mayRecord: false, promptFault: async () => null } })
    try {
      const { token } = await keyless.person('buyer')
      const json = { ...TARGET, audio: { record: 'yes' } }
      const { status, body } = await keyless.request('POST', 'targets', { token, json })
      assert.equal(status, 422)
      assert.match(JSON.stringify(body.errors), /recording_key/)
    } finally {
      await keyless.api.close()
    }
  })
})
