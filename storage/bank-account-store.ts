import type { BankAccountStore } from '../api/needs.ts'
import type { AccountId } from '../model/ids.ts'
import type { BankAccount, BankDetails } from '../model/payout.ts'
import type { Postgres, Row } from './postgres.ts'

/** Where sellers are paid. */
export class PostgresBankAccounts implements BankAccountStore {
  readonly #postgres: Postgres

  constructor(postgres: Postgres) {
    this.#postgres = postgres
  }

  async find(accountId: AccountId): Promise<BankAccount | null> {
    const [row] = await this.#postgres.rows(`select ${BANK_ACCOUNT_COLUMNS} from bank_accounts where account_id = $1`, [
      accountId,
    ])
    return row ? readBankAccount(row) : null
  }

  async put(accountId: AccountId, details: BankDetails, at: Date): Promise<BankAccount> {
    const { holder, holderType, kind, routingNumber, numberSealed, last4 } = details
    const [row] = await this.#postgres.rows(
      `insert into bank_accounts
         (account_id, holder, holder_type, kind, routing_number, number_sealed, last4, state, created_at, updated_at)
       values ($1, $2, $3, $4, $5, $6, $7, 'new', $8, $8)
       on conflict (account_id) do update set holder = excluded.holder, holder_type = excluded.holder_type,
         kind = excluded.kind, routing_number = excluded.routing_number, number_sealed = excluded.number_sealed,
         last4 = excluded.last4, state = 'new', usable_from = null, return_code = null,
         version = bank_accounts.version + 1, updated_at = excluded.updated_at
       returning ${BANK_ACCOUNT_COLUMNS}`,
      [accountId, holder, holderType, kind, routingNumber, numberSealed, last4, at],
    )
    return readBankAccount(row!)
  }

  async remove(accountId: AccountId): Promise<boolean> {
    const rows = await this.#postgres.rows('delete from bank_accounts where account_id = $1 returning 1', [accountId])
    return rows.length > 0
  }
}

// As text: a day has no zone, and the driver would give it one.
const BANK_ACCOUNT_COLUMNS = `account_id, holder, holder_type, kind, routing_number, number_sealed, last4, state,
  usable_from::text, return_code, version, created_at, updated_at`

export function readBankDetails(row: Row): BankDetails {
  return {
    holder: row['holder'],
    holderType: row['holder_type'],
    kind: row['kind'],
    routingNumber: row['routing_number'],
    numberSealed: row['number_sealed'],
    last4: row['last4'],
  }
}

function readBankAccount(row: Row): BankAccount {
  return {
    ...readBankDetails(row),
    accountId: row['account_id'],
    state: row['state'],
    usableFrom: row['usable_from'],
    returnCode: row['return_code'],
    version: row['version'],
    createdAt: row['created_at'],
    updatedAt: row['updated_at'],
  }
}
