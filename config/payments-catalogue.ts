import { formatMoney, parseMoney, type Micros } from '../model/money.ts'
import { isRoutingNumber } from '../model/routing-number.ts'
import { may, set } from './setting.ts'
import { FLAG, TEXT, whole, type Kind } from './setting-kinds.ts'

const MONEY: Kind<Micros, 'Micros'> = {
  allowed: 'an amount with at most 6 decimals, such as 25.00',
  suffix: 'Micros',
  read: (raw) => (typeof raw === 'string' || typeof raw === 'number' ? (parseMoney(raw) ?? undefined) : undefined),
  write: formatMoney,
}

const ROUTING_NUMBER: Kind<string> = {
  allowed: 'an ABA routing number: nine digits, the last a check digit',
  suffix: '',
  read: (raw) => (isRoutingNumber(String(raw)) ? String(raw) : undefined),
}

/** What stands in a field of an ACH file: printable ASCII, no longer than the field. */
function achField(length: number): Kind<string> {
  return {
    allowed: `at most ${length} printable ASCII characters`,
    suffix: '',
    read: (raw) =>
      (typeof raw === 'string' || typeof raw === 'number') &&
      new RegExp(`^[\\x20-\\x7e]{1,${length}}$`).test(String(raw))
        ? String(raw)
        : undefined,
  }
}

/** Money in and out: payouts to sellers' banks by ACH, deposits by Stripe. */
export const PAYMENTS = {
  'payouts.bank_key': may(
    TEXT,
    'The key bank account numbers are sealed with, ID:KEY with 32 bytes in hex or base64; older ones after commas. Unset: none are taken.',
    { secret: 'all' },
  ),
  'payouts.minimum': set(MONEY, 25_000_000n, 'A seller who is owed less is not paid yet.'),
  'payouts.hold_days': set(
    whole(0, 365),
    7,
    'So many days after its end a statement is not paid yet: as long as calls may be disputed, or longer.',
  ),
  'payouts.prenote': set(
    FLAG,
    false,
    'Whether a new bank account is asked for by an entry of no amount first, and paid to three banking days later.',
  ),
  'payouts.ach.destination': may(ROUTING_NUMBER, 'The routing number of the bank that takes our files (the ODFI).'),
  'payouts.ach.destination_name': may(achField(23), 'The name of that bank.'),
  'payouts.ach.origin': may(achField(10), 'How that bank knows the sender (immediate origin).'),
  'payouts.ach.origin_name': may(achField(23), 'The name of the sender.'),
  'payouts.ach.company_name': may(achField(16), 'Who pays, on the sellers’ bank statements.'),
  'payouts.ach.company_id': may(achField(10), 'The company id that the bank gave, often 1 and the tax number.'),
  'payouts.ach.description': set(achField(10), 'PAYOUT', 'What for, on the sellers’ bank statements.'),
  'payouts.ach.lead_days': set(whole(1, 10), 1, 'Banking days from a file to the arrival of its money.'),

  'payments.stripe.secret_key': may(TEXT, 'The secret key of a Stripe account, for deposits; unset: none by Stripe.', {
    secret: 'all',
  }),
  'payments.stripe.webhook_secret': may(
    TEXT,
    'The signing secret of the webhook at /api/v1/payments/stripe/webhook; needed with the key.',
    { secret: 'all' },
  ),
  'payments.stripe.api_url': may(TEXT, 'Where Stripe’s API is, for tests; unset: Stripe’s own.'),
} as const
