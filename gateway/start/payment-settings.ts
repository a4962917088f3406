import type { AchOriginator } from '../../accounts/ach-file.ts'
import { createBankVault, type BankVault } from '../../accounts/bank-vault.ts'
import { readMasterKeys, type MasterKey } from '../../config/master-keys.ts'
import { SettingsError } from '../../config/settings-error.ts'
import type { Settings } from '../../config/settings.ts'

/** What the settings tell of payouts. Throws SettingsError when payouts.bank_key cannot be read. */
export function payoutOptions({ payouts }: Settings) {
  const { minimumMicros, holdDays, prenote, ach } = payouts
  const schedule = { holdDays, leadDays: ach.leadDays }
  return {
    vault: bankVault(payouts.bankKey),
    originator: originatorOf(ach),
    minimumMicros,
    schedule,
    isPrenoted: prenote,
  }
}

function bankVault(bankKey: string | null): BankVault | null {
  const keys = bankKeys(bankKey)
  return keys && createBankVault(keys)
}

/** Null without any. Throws SettingsError when they cannot be read. */
export function bankKeys(bankKey: string | null): readonly MasterKey[] | null {
  if (bankKey === null) return null
  try {
    return readMasterKeys(bankKey, 'bank key')
  } catch (error) {
    throw new SettingsError('payouts.bank_key', `payouts.bank_key: ${(error as Error).message}`)
  }
}

/** Null until all of it is set. */
function originatorOf(ach: Settings['payouts']['ach']): AchOriginator | null {
  const { destination, destinationName, origin, originName, companyName, companyId, description } = ach
  if (!destination || !destinationName || !origin || !originName || !companyName || !companyId) return null
  return { destination, destinationName, origin, originName, companyName, companyId, description }
}

/** Null without a key. Throws SettingsError for a key without what its webhooks are signed with, and the other way round. */
export function stripeOptions({ payments }: Settings) {
  const { secretKey, webhookSecret, apiUrl } = payments.stripe
  if (secretKey === null && webhookSecret === null) return null
  if (secretKey !== null && webhookSecret !== null && (apiUrl === null || URL.canParse(apiUrl)))
    return { secretKey, webhookSecret, apiUrl }
  const [key, what] =
    secretKey === null
      ? ['secret_key', 'needed with payments.stripe.webhook_secret']
      : webhookSecret === null
        ? ['webhook_secret', 'needed with payments.stripe.secret_key: deposits are credited by signed webhooks alone']
        : ['api_url', 'must be a URL']
  throw new SettingsError(`payments.stripe.${key}`, `payments.stripe.${key}: ${what}`)
}
