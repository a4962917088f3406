import assert from 'node:assert/strict'
import { buyerAudio, isRecorded, NO_BUYER_AUDIO, type RecordWish } from '../../model/call-audio.ts'

describe('whether a call is recorded', () => {
  for (const [number, buyer, byDefault, recorded] of [
    ['inherit', 'inherit', false, false],
    ['inherit', 'inherit', true, true],
    ['yes', 'inherit', false, true],
    ['inherit', 'yes', false, true],
    ['no', 'yes', true, false],
    ['yes', 'no', true, false],
    ['no', 'inherit', true, false],
  ] as const satisfies readonly (readonly [RecordWish, RecordWish, boolean, boolean])[])
    it(`is ${recorded} when the number says ${number}, the buyer ${buyer}, and the exchange ${byDefault}`, () =>
      assert.equal(isRecorded(number, buyer, byDefault), recorded))
})

describe('the audio of a buyer’s calls', () => {
  const campaign = { ...NO_BUYER_AUDIO, whisper: 'sale', accept: { digit: '1', seconds: 5 }, record: 'yes' } as const

  it('is the campaign’s where the target says nothing', () => {
    assert.deepEqual(buyerAudio(campaign, null), campaign)
    assert.deepEqual(buyerAudio(campaign, NO_BUYER_AUDIO), campaign)
  })
  it('is the target’s, field by field', () => {
    const target = { ...NO_BUYER_AUDIO, whisper: 'desk', record: 'no' } as const
    assert.deepEqual(buyerAudio(campaign, target), { ...campaign, whisper: 'desk', record: 'no' })
    assert.deepEqual(buyerAudio(null, target), target)
  })
  it('is none when neither says anything', () => assert.equal(buyerAudio(null, null), null))
})
