import type { OpenCall, RecoveryStore } from '../gateway/needs.ts'
import type { SoldTerms } from '../model/cdr.ts'
import type { CallId } from '../model/ids.ts'
import type { Hold } from '../model/ledger.ts'
import { readCall } from './call-store.ts'
import { readMicros } from './columns.ts'
import type { Queries, Row } from './postgres.ts'

/** What a gateway that died left open. */
export class PostgresRecovery implements RecoveryStore {
  readonly #queries: Queries
  readonly #gatewayId: string

  constructor(queries: Queries, gatewayId: string) {
    this.#queries = queries
    this.#gatewayId = gatewayId
  }

  async openCalls(): Promise<OpenCall[]> {
    const rows = await this.#queries.rows(
      `select c.*, o.alive_at is not null as is_alive, o.terms, o.caller_dialog, o.buyer_dialog, greatest(c.alive_at, o.alive_at) as last_alive_at,
              h.id as hold_id, h.account_id as hold_account_id, h.currency as hold_currency, h.amount_micros as hold_micros, h.held_at
       from open_calls o join calls c on c.id = o.call_id left join holds h on h.call_id = o.call_id
       where o.gateway_id = $1 order by c.received_at, c.id`,
      [this.#gatewayId],
    )
    return rows.map((row) => ({
      call: readCall({ ...row, alive_at: row['last_alive_at'] }),
      sale:
        row['terms'] === null || row['hold_id'] === null
          ? null
          : { terms: readTerms(row['terms']), hold: readHold(row) },
      isSold: row['is_alive'] && row['caller_dialog'] !== null && row['buyer_dialog'] !== null,
      callerDialog: row['caller_dialog'],
      buyerDialog: row['buyer_dialog'],
    }))
  }
}

function readHold(row: Row): Hold {
  return {
    id: row['hold_id'],
    callId: row['id'] as CallId,
    accountId: row['hold_account_id'],
    currency: row['hold_currency'],
    amountMicros: readMicros(row['hold_micros']),
    heldAt: row['held_at'],
  }
}

function readTerms(terms: Row): SoldTerms {
  const { payout } = terms as { payout: Row }
  return {
    ...(terms as SoldTerms),
    priceMicros: readMicros(terms['priceMicros']),
    payout:
      payout['type'] === 'share'
        ? { type: 'share', shareMillionths: BigInt(payout['shareMillionths']) }
        : { type: 'fixed', amountMicros: readMicros(payout['amountMicros']) },
  }
}
