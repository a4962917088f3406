import assert from 'node:assert/strict'
import { loadSettings } from '../../config/settings.ts'
import { payoutOptions, stripeOptions } from '../../gateway/start/payment-settings.ts'

const settings = (flags: Record<string, string>) => loadSettings({ file: null, flags })
const ACH = {
  'payouts.ach.destination': '091000019',
  'payouts.ach.destination_name': 'WELLS FARGO',
  'payouts.ach.origin': '1234567890',
  'payouts.ach.origin_name': 'DEPENDABLE CALLS INC',
  'payouts.ach.company_name': 'DEPENDABLE CALLS',
}

describe('the settings of payments', () => {
  it('name a bank only when all of it is known', () => {
    assert.equal(payoutOptions(settings({})).originator, null)
    assert.equal(payoutOptions(settings(ACH)).originator, null)
    const { originator, minimumMicros } = payoutOptions(
      settings({ ...ACH, 'payouts.ach.company_id': '1234567890', 'payouts.minimum': '10.5' }),
    )
    assert.equal(originator!.destination, '091000019')
    assert.equal(minimumMicros, 10_500_000n)
    assert.throws(() => settings({ 'payouts.ach.destination': '091000018' }), /payouts.ach.destination.*nine digits/)
    assert.throws(() => settings({ 'payouts.minimum': '-1' }), /payouts.minimum/)
    assert.throws(() => settings({ 'payouts.ach.company_id': '12345678901' }), /at most 10/)
  })

  it('stop the start at a bank key that is none, without saying it', () => {
    const key = 'aa'.repeat(31)
    assert.throws(
      () => payoutOptions(settings({ 'payouts.bank_key': `k:${key}` })),
      (error: Error) => {
        assert.match(error.message, /^payouts.bank_key: bank key k: must be 32 bytes/)
        return !error.message.includes(key)
      },
    )
    assert.ok(payoutOptions(settings({ 'payouts.bank_key': 'aa'.repeat(32) })).vault)
  })

  it('take Stripe’s keys together or not at all', () => {
    const [secret, webhook] = [{ 'payments.stripe.secret_key': 'sk_1' }, { 'payments.stripe.webhook_secret': 'wh_1' }]
    assert.equal(stripeOptions(settings({})), null)
    assert.deepEqual(stripeOptions(settings({ ...secret, ...webhook })), {
      secretKey: 'sk_1',
      webhookSecret: 'wh_1',
      apiUrl: null,
    })
    assert.throws(() => stripeOptions(settings(secret)), /^SettingsError: payments.stripe.webhook_secret/)
    assert.throws(() => stripeOptions(settings(webhook)), /^SettingsError: payments.stripe.secret_key/)
    const odd = { ...secret, ...webhook, 'payments.stripe.api_url': 'nowhere' }
    assert.throws(() => stripeOptions(settings(odd)), /api_url/)
  })
})
